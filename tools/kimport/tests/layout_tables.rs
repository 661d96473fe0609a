// SPDX-License-Identifier: GPL-2.0

//! The tables of layouts in a module: damage is an error, and a difference is told with the names
//! that are beside the tables, under each policy.

use kimport_cli::import_table::{Import, ImportKind, Policy};
use kimport_cli::layout_tables::{DecodeError, LayoutTables};
use kimport_testing::layouts::namesakes;
use kimport_testing::{index, Maker};
use kimport_types::{Btf, Encoding, Judgement, LayoutTableBuilder, Unverified};
use proptest::{collection::vec, prelude::*};

/// A member of `struct s`: its name, and its offset in bytes.
type Member<'a> = (&'a str, u32);

/// Makes BTF with `struct s`, with the enumerators of `enum e`, and with a function that takes
/// both. Returns it with the id of the function.
fn types(members: &[Member<'_>], enumerators: &[(&str, i32)]) -> (Vec<u8>, u32) {
    let maker = Maker::default();
    let int = maker.unsigned(4);
    let members = members
        .iter()
        .map(|&(name, offset)| (name, int, 8 * offset));
    let s = maker.members(4, "s", 16, &members.collect::<Vec<_>>());
    let e = maker.enumerators("e", enumerators);
    let function = maker.function("f", &[maker.pointer(s), e], 0);
    (maker.bytes(), function)
}

/// Returns the table of `block` with the types in `bytes` that the symbol `id` leads to.
fn table(block: &str, bytes: &[u8], id: u32) -> Vec<u8> {
    let mut index = index(bytes);
    let btf = Btf::new(bytes, None, &mut index).unwrap();
    let table = LayoutTableBuilder::of_symbols(block, "core", &btf, [id]);
    table.as_bytes().to_vec()
}

fn import(block: &str, verify: Policy, structs: &[&str]) -> Import {
    let pointer = |name: &&str| Encoding::named(name, None).pointer(false);
    let arguments: Vec<_> = structs.iter().map(pointer).collect();
    let declared = Encoding::function(&arguments, Encoding::VOID, false);
    Import {
        kind: ImportKind::Function,
        optional: false,
        unverified: false,
        internal: false,
        verify,
        position: None,
        block: Some(block.to_owned()),
        provider: Some("core".to_owned()),
        name: "f".to_owned(),
        rust_name: "f".to_owned(),
        description: declared.as_bytes().to_vec(),
    }
}

/// Judges `import` of a module with `tables` and `names` by a provider's types.
fn judge_with(
    tables: &[Vec<u8>],
    names: &[&str],
    import: &Import,
    (bytes, id): &(Vec<u8>, u32),
) -> (Judgement, String) {
    let names = names.iter().map(|name| format!("{name}\0"));
    let names = names.collect::<String>();
    let tables = LayoutTables::decode(&tables.concat(), names.as_bytes()).unwrap();
    let mut index = index(bytes);
    let btf = Btf::new(bytes, None, &mut index).unwrap();
    tables.checks("module", "core").judge(import, &btf, *id)
}

/// Returns the difference between two versions of `struct s` in words.
fn words(ours: &[Member<'_>], theirs: &[Member<'_>], names: &[&str]) -> String {
    let (ours, id) = types(ours, &[]);
    let tables = [table("block", &ours, id)];
    let import = import("block", Policy::Strict, &["s"]);
    judge_with(&tables, names, &import, &types(theirs, &[])).1
}

#[test]
fn damage_is_an_error() {
    let (bytes, id) = types(&[("a", 0)], &[("ONE", 1)]);
    let [first, second] = ["first", "second"].map(|block| table(block, &bytes, id));
    let section = [first.as_slice(), &second].concat();
    let blocks = |section: &[u8]| {
        let tables = LayoutTables::decode(section, b"")?;
        Ok(tables.iter().map(|table| table.block.to_owned()).collect())
    };
    let expect: fn(&[&str]) -> Result<Vec<String>, DecodeError> =
        |blocks| Ok(blocks.iter().map(|&block| block.to_owned()).collect());
    assert_eq!(blocks(&section), expect(&["first", "second"]));
    for len in 0..section.len() {
        let expected = match len {
            0 => expect(&[]),
            _ if len == first.len() => expect(&["first"]),
            _ if len < first.len() => Err(DecodeError { offset: 0 }),
            _ => Err(DecodeError {
                offset: first.len(),
            }),
        };
        assert_eq!(blocks(&section[..len]), expected, "{len}");
    }
    let error = LayoutTables::decode(&section[1..], b"").unwrap_err();
    let text = "the table of layouts at offset 0x0 cannot be read";
    assert_eq!(error.to_string(), text);
}

proptest! {
    #[test]
    fn any_bytes_do_no_harm(
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        names in vec(any::<u8>(), 0..40),
    ) {
        let provider = types(&[("a", 0), ("b", 8)], &[("ONE", 1)]);
        let mut section = table("block", &provider.0, provider.1);
        for (index, byte) in changes {
            *index.get_mut(&mut section) = byte;
        }
        if let Ok(tables) = LayoutTables::decode(&section, &names) {
            let mut index = index(&provider.0);
            let btf = Btf::new(&provider.0, None, &mut index).unwrap();
            let import = import("block", Policy::Require, &["s"]);
            let (judgement, text) = tables.checks("module", "core").judge(&import, &btf, provider.1);
            prop_assert_eq!(judgement == Judgement::Refused, !text.is_empty());
            prop_assert!(!text.contains('\n'));
        }
    }
}

#[test]
fn the_names_beside_the_table_are_told() {
    let ours: &[Member<'_>] = &[("a", 0), ("old", 4), ("b", 8)];
    let names = &["a", "b", "old"];
    assert_eq!(words(ours, ours, names), "");
    let removed = &[("a", 0), ("b", 8)];
    assert_eq!(
        words(ours, removed, names),
        "struct s: core has no member old, which module has at byte 4"
    );
    assert_eq!(
        words(ours, removed, &[]),
        "struct s: core has not the member, which module has at byte 4"
    );
    let renamed = &[("a", 0), ("new", 4), ("b", 8)];
    assert_eq!(
        words(ours, renamed, names),
        "struct s: the member old of module is called new in core"
    );
    assert_eq!(
        words(ours, renamed, &["a", "b"]),
        "struct s: the member of module at byte 4 is called new in core"
    );
    // The provider's types have the name of this one.
    let moved = &[("a", 0), ("old", 12), ("b", 8)];
    assert_eq!(
        words(ours, moved, &[]),
        "struct s: member old is at byte 12 in core, at byte 4 in module"
    );

    let ours = types(&[], &[("ONE", 1), ("GONE", -3)]);
    let theirs = types(&[], &[("ONE", 1)]);
    let tables = [table("block", &ours.0, ours.1)];
    let import = import("block", Policy::Strict, &["s"]);
    let words = |names: &[&str]| judge_with(&tables, names, &import, &theirs).1;
    let gone = "enum e: core has no enumerator GONE, which module has";
    assert_eq!(words(&["GONE", "ONE"]), gone);
    let gone = "enum e: core has not the enumerator of module that is -3";
    assert_eq!(words(&["ONE"]), gone);
}

/// Each block lists its own names.
#[test]
fn each_name_with_the_hash_is_told_once() {
    let [a, b] = &namesakes();
    let ours = &[("first", 0), (&**a, 4)];
    assert_eq!(
        words(ours, &[("first", 0)], &[a, "first", b, a, "first", b]),
        format!("struct s: core has no member {a} or {b}, which module has at byte 4")
    );
}

#[test]
fn policies() {
    use Judgement::{Accepted, Refused, Verified};
    use Policy::{Off, Require, Strict, Warn};

    let ours: &[Member<'_>] = &[("a", 0), ("b", 4)];
    let (removed, renamed): (&[Member<'_>], &[Member<'_>]) = (&[("a", 0)], &[("a", 0), ("c", 4)]);
    let (bytes, id) = types(ours, &[]);
    let tables = [table("block", &bytes, id)];
    for (policy, of_removed, of_renamed) in [
        (Strict, Refused, Accepted),
        (Warn, Accepted, Accepted),
        (Require, Refused, Refused),
        (Off, Accepted, Accepted),
    ] {
        let import = import("block", policy, &["s"]);
        let judge = |theirs| judge_with(&tables, &["b"], &import, &types(theirs, &[]));
        assert_eq!(judge(ours), (Verified, String::new()), "{policy:?}");
        let text = "struct s: core has no member b, which module has at byte 4";
        assert_eq!(judge(removed), (of_removed, text.to_owned()), "{policy:?}");
        let text = "struct s: the member b of module is called c in core";
        assert_eq!(judge(renamed), (of_renamed, text.to_owned()), "{policy:?}");
    }
}

/// `verify(require)` asks for all structs that the declared type names, and for no others.
#[test]
fn a_struct_without_members_is_not_verified_if_that_is_required() {
    let provider = types(&[("a", 0)], &[]);
    let tables = [table("block", &provider.0, provider.1)];
    let judge = |block, policy, structs: &[&str]| {
        judge_with(&tables, &[], &import(block, policy, structs), &provider)
    };
    let (verified, unknown) = (
        (Judgement::Verified, String::new()),
        (
            Judgement::Unverified(Unverified::UnknownLayout),
            String::new(),
        ),
    );
    assert_eq!(judge("block", Policy::Require, &[]), verified);
    assert_eq!(judge("block", Policy::Require, &["s"]), verified);
    assert_eq!(judge("block", Policy::Require, &["s", "opaque"]), unknown);
    assert_eq!(judge("block", Policy::Strict, &["s", "opaque"]), verified);
    // A block without a table knows no struct.
    assert_eq!(judge("other", Policy::Require, &[]), verified);
    assert_eq!(judge("other", Policy::Require, &["s"]), unknown);
    assert_eq!(judge("other", Policy::Strict, &["s"]), verified);
    // A module without any was expanded before there were tables.
    let import = import("block", Policy::Require, &["s"]);
    assert_eq!(judge_with(&[], &[], &import, &provider), verified);
}

/// Two modules of Rust may have blocks of the same name.
#[test]
fn the_worst_of_two_blocks_of_one_name_is_told() {
    let provider = types(&[("a", 0), ("b", 4)], &[]);
    let [renamed, moved]: [&[Member<'_>]; 2] = [&[("c", 0), ("b", 4)], &[("a", 8), ("b", 4)]];
    let mut tables = [renamed, moved].map(|members| {
        let (bytes, id) = types(members, &[]);
        table("block", &bytes, id)
    });
    let text = "struct s: member a is at byte 0 in core, at byte 8 in module";
    let expected = (Judgement::Refused, text.to_owned());
    let import = import("block", Policy::Strict, &["s"]);
    for _ in 0..2 {
        assert_eq!(judge_with(&tables, &["c"], &import, &provider), expected);
        tables.reverse();
    }
}
