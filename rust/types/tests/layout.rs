// SPDX-License-Identifier: GPL-2.0

//! The comparison of layouts: of small types that are made here, and of the stock kernel's, each
//! equal to itself and with one change.

use kimport_testing::layouts::{changes, Editable, Others};
use kimport_testing::prototypes::{rng, seed};
use kimport_testing::{index, stock_btf, stock_test, Maker};
use kimport_types::{
    compare_pair, member_hash, pair_of, Btf, BtfKind, LayoutCheck, LayoutMismatch, LayoutReport,
    LayoutRule, LayoutSlot, LayoutTable, LayoutTableBuilder, Pair, Severity, TableMismatch,
    TableReport, TypeSource, LAYOUT_CAPACITY,
};
use proptest::prelude::Rng;
use std::collections::BTreeMap;

/// Makes both sources, compares their last types, and returns the difference in words.
fn difference(ours: impl Fn(&Maker) -> u32, theirs: impl Fn(&Maker) -> u32) -> Option<String> {
    let (our_maker, their_maker) = (Maker::default(), Maker::default());
    let pair = Pair {
        ours: ours(&our_maker),
        theirs: theirs(&their_maker),
    };
    let (our_bytes, their_bytes) = (our_maker.bytes(), their_maker.bytes());
    let (mut our_index, mut their_index) = (index(&our_bytes), index(&their_bytes));
    let ours = Btf::new(&our_bytes, None, &mut our_index).expect("the maker makes BTF");
    let theirs = Btf::new(&their_bytes, None, &mut their_index).expect("the maker makes BTF");
    let mismatch = compare_pair(&ours, &theirs, pair, |_| ())?;
    Some(report(&ours, &theirs, mismatch))
}

fn report(ours: &Btf<'_>, theirs: &Btf<'_>, mismatch: LayoutMismatch) -> String {
    let labels = ["the module", "core"];
    let report = LayoutReport {
        mismatch,
        ours,
        theirs,
        labels,
    };
    report.to_string()
}

/// Puts the layouts that `id` leads to in `ours` into a table, and compares it with `theirs`.
fn table_mismatch(ours: &Btf<'_>, theirs: &Btf<'_>, id: u32) -> Option<TableMismatch> {
    let builder = LayoutTableBuilder::of_symbols("block", "provider", ours, [id]);
    let (table, size) = LayoutTable::read(builder.as_bytes()).expect("the table can be read");
    assert_eq!(size, builder.len());
    assert!(size <= LAYOUT_CAPACITY);
    let mut found = None;
    let mut check = LayoutCheck::new(table, vec![LayoutSlot::default(); table.count()]);
    check.symbol(theirs, id, |mismatch, is_new| {
        assert!(is_new);
        found = found.or(Some(mismatch));
    });
    found
}

/// A member: its name, type, and offset in bits.
type Member<'a> = (&'a str, u32, u32);

/// A change of the members of a struct.
type MemberChange = dyn Fn(&mut Vec<Member<'_>>, &Maker);

#[test]
fn differences_in_words() {
    let base = |maker: &Maker, change: &MemberChange| {
        let (int, long) = (maker.unsigned(4), maker.unsigned(8));
        let inner = maker.members(4, "", 8, &[("x", int, 0), ("y", int, 32)]);
        let other = maker.pointer(maker.structure("other", 4));
        let mut members = vec![
            ("a", int, 0),
            ("b", int, 32),
            ("", inner, 64),
            ("p", other, 128),
            ("l", long, 192),
        ];
        change(&mut members, maker);
        maker.members(4, "s", 40, &members)
    };
    let changed = |change: &MemberChange| {
        difference(|maker| base(maker, &|_, _| ()), |maker| base(maker, change))
    };
    // Their member in our padding is no difference.
    assert_eq!(changed(&|_, _| ()), None);
    assert_eq!(
        changed(&|members, maker| members.push(("new", maker.unsigned(8), 256))),
        None
    );

    let cases: &[(&MemberChange, &str)] = &[
        (
            &|members, _| members[1].2 = 48,
            "struct s: member b is at byte 6 in core, at byte 4 in the module",
        ),
        (
            &|members, _| members[2].2 = 72,
            "struct s: member x is at byte 9 in core, at byte 8 in the module",
        ),
        (
            &|members, _| members[4].2 = 193,
            "struct s: member l is at bit 193 in core, at byte 24 in the module",
        ),
        (
            &|members, _| members[0].0 = "z",
            "struct s: the member a of the module is called z in core",
        ),
        (
            &|members, _| _ = members.remove(1),
            "struct s: core has no member b, which the module has at byte 4",
        ),
        (
            &|members, maker| members[4].1 = maker.unsigned(1),
            "struct s: member l has 1 byte in core, 8 bytes in the module",
        ),
        (
            &|members, maker| members[3].1 = maker.pointer(maker.structure("another", 4)),
            "struct s: member p has another type in core than in the module",
        ),
        (
            &|members, maker| members[3].1 = maker.unsigned(8),
            "struct s: member p has another type in core than in the module",
        ),
    ];
    for (change, words) in cases {
        assert_eq!(changed(change).as_deref(), Some(*words));
    }
    let sized = |size| move |maker: &Maker| maker.structure("s", size);
    assert_eq!(
        difference(sized(4), sized(8)).as_deref(),
        Some("struct s has 8 bytes in core, 4 bytes in the module")
    );
    // A type without members.
    let empty = |maker: &Maker| maker.structure("s", 8);
    let full = |maker: &Maker| maker.members(4, "s", 8, &[("a", maker.unsigned(8), 0)]);
    assert_eq!(difference(empty, full), None);
    assert_eq!(difference(full, empty), None);
    let nothing =
        |maker: &Maker| maker.members(4, "s", 0, &[("x", maker.array(maker.unsigned(1), 0), 0)]);
    assert_eq!(difference(nothing, sized(0)), None);
    // A type whose nameless member is one without members.
    let with = |inner: u32, maker: &Maker| maker.members(4, "t", 8, &[("", inner, 0)]);
    let with_empty = |maker: &Maker| with(empty(maker), maker);
    let with_full = |maker: &Maker| with(full(maker), maker);
    assert_eq!(difference(with_empty, with_full), None);
    assert_eq!(difference(with_full, with_empty), None);
    let valued =
        |value: i32| move |maker: &Maker| maker.enumerators("e", &[("ONE", 1), ("V", value)]);
    assert_eq!(
        difference(valued(-2), valued(3)).as_deref(),
        Some("enum e: enumerator V is 3 in core, -2 in the module")
    );
    assert_eq!(
        difference(valued(1), |maker| maker.enumerators("e", &[("ONE", 1)])).as_deref(),
        Some("enum e: core has no enumerator V, which the module has")
    );
}

/// A pointer to a struct leads to it, also through an array and typedefs, and a function to its
/// arguments and to what it returns. Types of different names do not lead anywhere.
#[test]
fn pairs() {
    let maker = Maker::default();
    let one = maker.structure("one", 4);
    let other = maker.structure("other", 4);
    let way = maker.typedef("t", maker.pointer(maker.constant(maker.array(one, 3))));
    let function = maker.function("f", &[way, maker.pointer(other)], one);
    let bytes = maker.bytes();
    let mut index = index(&bytes);
    let btf = &Btf::new(&bytes, None, &mut index).expect("the maker makes BTF");
    let pair = |ours, theirs| pair_of(btf, ours, btf, theirs);
    assert_eq!(pair(way, maker_pointer(btf, other)), None);
    assert_eq!(
        pair(way, way),
        Some(Pair {
            ours: one,
            theirs: one
        })
    );
    let mut reached = Vec::new();
    let prototype = pair(function, function).expect("functions have prototypes");
    assert_eq!(
        compare_pair(btf, btf, prototype, |pair| reached.push(pair.ours)),
        None
    );
    assert_eq!(reached, [one, one, other]);
}

/// Returns the pointer to `id`.
fn maker_pointer(btf: &Btf<'_>, id: u32) -> u32 {
    let is_pointer = |&pointer: &u32| matches!(btf.type_by_id(pointer).unwrap().kind(), BtfKind::Pointer(to) if to == id);
    (1..).find(is_pointer).expect("there is a pointer")
}

/// Every struct, union and enum is equal to itself, and a change of one is found by its rule.
#[stock_test]
fn layouts_of_the_stock_kernel() {
    const EACH: usize = 25;
    let bytes = stock_btf();
    let mut own_index = index(&bytes);
    let btf = Btf::new(&bytes, None, &mut own_index).unwrap();
    let ids: Vec<u32> = (1..)
        .map_while(|id| Some((id, btf.type_by_id(id)?.kind())))
        .filter(|(_, kind)| {
            matches!(
                kind,
                BtfKind::Struct { .. } | BtfKind::Union { .. } | BtfKind::Enum { .. }
            )
        })
        .map(|(id, _)| id)
        .collect();
    assert!(ids.len() > 10_000, "only {} types have a layout", ids.len());
    for &id in &ids {
        let pair = Pair {
            ours: id,
            theirs: id,
        };
        let found = compare_pair(&btf, &btf, pair, |pair| {
            assert_eq!(pair.ours, pair.theirs);
        });
        assert_eq!(found, None, "type {id}");
    }
    for &id in ids.iter().step_by(17) {
        let found = table_mismatch(&btf, &btf, id);
        let found = found.map(|mismatch| TableReport {
            mismatch,
            source: &btf,
            labels: ["the module", "core"],
            name: None,
        });
        assert_eq!(found.map(|found| found.to_string()), None, "type {id}");
    }

    let others = Others::of(&btf);
    let mut edited = Editable::new(bytes.clone());

    let mut rng = rng(seed());
    let mut tried = BTreeMap::<&str, usize>::new();
    for _ in 0..200_000 {
        let id = ids[rng.random_range(0..ids.len())];
        for (kind, (rule, words)) in changes(&btf, id, &others) {
            let count = tried.entry(kind).or_default();
            if *count == EACH {
                continue;
            }
            *count += 1;
            let before = edited.change(id, &words);
            let theirs = edited.btf();
            let pair = Pair {
                ours: id,
                theirs: id,
            };
            let found = compare_pair(&btf, &theirs, pair, |_| ());
            let mismatch = found.unwrap_or_else(|| panic!("type {id}: {kind} is not found"));
            let text = report(&btf, &theirs, mismatch);
            assert_eq!(mismatch.rule, rule, "type {id}: {kind}: {text}");
            let name = |offset| String::from_utf8_lossy(btf.name(offset).unwrap()).into_owned();
            let own = name(btf.type_by_id(id).unwrap().name_offset());
            assert!(
                text.contains(&own) && text.contains(&name(mismatch.name)),
                "{text}"
            );
            // A declaration leads to a nameless type only through members of others. Tables have
            // the hashes of names, of which an enum may have the same twice.
            let hash = |name| member_hash(btf.name(name).unwrap());
            let enumerators = btf.type_by_id(id).unwrap().enumerators();
            let mut hashes: Vec<_> = enumerators.map(|(name, _)| hash(name)).collect();
            hashes.sort_unstable();
            let is_unique = hashes.windows(2).all(|pair| pair[0] != pair[1]);
            if !own.is_empty() && is_unique {
                let in_table = table_mismatch(&btf, &theirs, id);
                assert_eq!(
                    in_table.map(|mismatch| (mismatch.rule, mismatch.theirs)),
                    Some((rule, id)),
                    "type {id}: {kind}: {text}"
                );
            }
            edited.change(id, &before);
        }
    }
    println!("{tried:?}");
    assert_eq!(tried.len(), 10, "{tried:?}");
    assert!(tried.values().all(|&count| count == EACH), "{tried:?}");
}

/// The rules that only warn are those of a name.
#[test]
fn severities() {
    let warns = |rule: &&LayoutRule| rule.severity() == Severity::Warn;
    let warn: Vec<_> = LayoutRule::ALL.iter().filter(warns).collect();
    assert_eq!(
        warn,
        [&LayoutRule::MemberRenamed, &LayoutRule::EnumeratorMissing]
    );
}
