// SPDX-License-Identifier: GPL-2.0

//! Tests of the BTF reader: on the stock kernel's BTF against another reader, and on broken BTF.

use btf_rs::BtfType as _;
use kimport_testing::{difference, index, stock_btf, stock_test, Maker};
use kimport_types::{
    compare, find, has_namesake_beside, Btf, BtfError, BtfKind, Description, Encoding, TypeMatch,
    TypeQuery, TypeSource,
};
use proptest::prelude::*;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::LazyLock;

static STOCK: LazyLock<Vec<u8>> = LazyLock::new(stock_btf);

/// Returns the ids of the functions and variables of each name.
fn symbols<'a>(btf: &'a Btf<'_>) -> HashMap<&'a [u8], Vec<u32>> {
    let mut symbols = HashMap::<_, Vec<_>>::new();
    for (id, ty) in (1..).map_while(|id| Some((id, btf.type_by_id(id)?))) {
        if matches!(ty.kind(), BtfKind::Function(_) | BtfKind::Variable(_)) {
            let name = btf.name(ty.name_offset()).unwrap();
            symbols.entry(name).or_default().push(id);
        }
    }
    symbols
}

/// Every type of the stock kernel is what btf-rs says it is.
#[stock_test]
fn the_stock_kernel_reads_as_with_btf_rs() {
    use btf_rs::Type;

    let mut index = index(&STOCK);
    let ours = Btf::new(&STOCK, None, &mut index).unwrap();
    let theirs = btf_rs::Btf::from_bytes(&STOCK).unwrap();

    let mut count = 0;
    for (id, our) in (1..).map_while(|id| Some((id, ours.type_by_id(id)?))) {
        let their = theirs.resolve_type_by_id(id).unwrap();
        let id_of = |ty: &dyn btf_rs::BtfType| ty.get_type_id().unwrap();
        let same = match (our.kind(), &their) {
            (
                BtfKind::Int {
                    size,
                    signed,
                    boolean,
                },
                Type::Int(int),
            ) => (size as usize, signed, boolean) == (int.size(), int.is_signed(), int.is_bool()),
            (BtfKind::Pointer(to), Type::Ptr(ty)) => to == id_of(ty),
            (BtfKind::Array { element, length }, Type::Array(array)) => {
                element == id_of(array) && length as usize == array.len()
            }
            (BtfKind::Struct { size }, Type::Struct(ty)) => size as usize == ty.size(),
            (BtfKind::Union { size }, Type::Union(ty)) => size as usize == ty.size(),
            (BtfKind::Enum { size }, Type::Enum(ty)) => size as usize == ty.size(),
            (BtfKind::Enum { size }, Type::Enum64(ty)) => size as usize == ty.size(),
            (BtfKind::Forward { union }, Type::Fwd(ty)) => union == ty.is_union(),
            (BtfKind::Typedef(to), Type::Typedef(ty)) => to == id_of(ty),
            (BtfKind::Volatile(to), Type::Volatile(ty)) => to == id_of(ty),
            (BtfKind::Const(to), Type::Const(ty)) => to == id_of(ty),
            (BtfKind::Restrict(to), Type::Restrict(ty)) => to == id_of(ty),
            (BtfKind::Function(to), Type::Func(ty)) => to == id_of(ty),
            (
                BtfKind::Prototype {
                    returned,
                    parameters,
                },
                Type::FuncProto(ty),
            ) => {
                let theirs = ty.parameters.iter().map(|p| p.get_type_id().unwrap());
                returned == ty.return_type_id() && parameters.eq(theirs)
            }
            (BtfKind::Variable(to), Type::Var(ty)) => to == id_of(ty),
            (BtfKind::Float { size }, Type::Float(ty)) => size as usize == ty.size(),
            (BtfKind::TypeTag(to), Type::TypeTag(ty)) => to == id_of(ty),
            (BtfKind::DeclTag(to), Type::DeclTag(ty)) => to == id_of(ty),
            (BtfKind::Other, Type::Datasec(_)) => true,
            _ => false,
        };
        assert!(same, "type {id}: {our:?}, btf-rs has {their:?}");
        if let Some(ty) = their.as_btf_type() {
            let name = theirs.resolve_name(ty).unwrap_or_default();
            assert_eq!(
                ours.name(our.name_offset()),
                Some(name.as_bytes()),
                "type {id}"
            );
        }
        count = id;
    }
    assert!(count > 50_000, "the stock kernel has only {count} types");
    assert!(
        theirs.resolve_type_by_id(count + 1).is_err(),
        "btf-rs has more types"
    );
}

#[stock_test]
fn one_pass_finds_what_is_there() {
    let mut index = index(&STOCK);
    let btf = Btf::new(&STOCK, None, &mut index).unwrap();
    // A map has the expected answers.
    let all = symbols(&btf);
    let mut wanted: Vec<_> = all.keys().map(|name| TypeQuery::new(name)).collect();
    // The name of a type, a name that nothing has, the same name twice, and the empty one.
    let others: [&[u8]; 5] = [
        b"task_struct",
        b"no such symbol",
        b"nr_processes",
        b"nr_processes",
        b"",
    ];
    wanted.extend(others.map(TypeQuery::new));
    find(&btf, 1, &mut wanted);

    for entry in &wanted {
        let expected = match all.get(entry.name()).map(Vec::as_slice) {
            None => TypeMatch::Missing,
            Some([id]) => TypeMatch::Id(*id),
            Some(_) => TypeMatch::Ambiguous,
        };
        assert_eq!(entry.found(), expected, "{}", entry.name().escape_ascii());
        match entry.name() {
            b"nr_processes" => assert!(matches!(entry.found(), TypeMatch::Id(_))),
            b"task_struct" => assert_eq!(entry.found(), TypeMatch::Missing),
            _ => {}
        }
    }
}

#[test]
fn broken_headers_are_told_apart() {
    let maker = Maker::default();
    maker.structure("s", 8);
    let good = maker.bytes();
    let error = |bytes: &[u8]| Btf::new(bytes, None, &mut [0; 8]).unwrap_err();
    let with = |offset: usize, value: u8| {
        let mut bytes = good.clone();
        bytes[offset] = value;
        error(&bytes)
    };
    assert_eq!(error(b""), BtfError::Magic);
    assert_eq!(error(b"\x7fELF"), BtfError::Magic);
    assert_eq!(error(b"\xeb\x9f\x01\0"), BtfError::BigEndian);
    assert_eq!(with(2, 2), BtfError::Version(2));
    assert_eq!(with(4, 23), BtfError::End); // the length of the header
    assert_eq!(with(4, 0xff), BtfError::End);
    assert_eq!(with(11, 0xff), BtfError::End); // the offset of the types
    assert_eq!(with(12, 13), BtfError::End); // a type is cut off
    assert_eq!(with(15, 0xff), BtfError::End);
    assert_eq!(with(23, 0xff), BtfError::End); // the length of the strings
    assert_eq!(with(20, 2), BtfError::Strings); // they end in the name
    assert_eq!(with(24 + 7, 20), BtfError::Kind(20));
    assert_eq!(with(24 + 7, 0), BtfError::Kind(0));
    let last = good.len() - 3;
    assert_eq!(with(last, b'x'), BtfError::Strings); // the empty string
    for len in 0..good.len() {
        assert!(
            Btf::new(&good[..len], None, &mut [0; 8]).is_err(),
            "{len} bytes"
        );
    }
    assert_eq!(Btf::new(&good, None, &mut []).unwrap_err(), BtfError::Index);
    assert_eq!(Btf::count(&good), Ok(1));
    assert!(Btf::new(&good, None, &mut [0; 1]).is_ok());
}

#[test]
fn kinds_of_the_future_are_skipped_by_their_layout() {
    let maker = Maker::default();
    maker.raw(21, false, 3, "", 0, &[0; 1 + 3 * 2]);
    let int = maker.unsigned(4);
    let id = maker.variable("v", int);
    assert_eq!(Btf::count(&maker.bytes()), Err(BtfError::Kind(21)));

    let mut layout = [[0; 4]; 22];
    layout[21] = [4, 8, 0, 0];
    let bytes = maker.with_layout(&layout);
    let mut index = index(&bytes);
    let btf = Btf::new(&bytes, None, &mut index).unwrap();
    let declared = Encoding::integer(4, false).into_data();
    let declared = Description::new(declared.as_bytes()).unwrap();
    assert!(compare(&declared, &btf, id).unwrap().worst().is_none());
    // Kind 22 has no layout.
    maker.raw(22, false, 0, "", 0, &[]);
    assert_eq!(
        Btf::count(&maker.with_layout(&layout)),
        Err(BtfError::Kind(22))
    );
}

/// Reads all types, searches for two names, compares the types `ids`, which follow from the number
/// of types, with [`declarations()`], and shows the differences.
fn use_up(bytes: &[u8], names: [&str; 2], ids: impl FnOnce(u32) -> Range<u32>) {
    let Ok(count) = Btf::count(bytes) else {
        return;
    };
    let mut index = vec![0; count];
    let Ok(btf) = Btf::new(bytes, None, &mut index) else {
        return;
    };
    find(
        &btf,
        1,
        &mut names.map(|name| TypeQuery::new(name.as_bytes())),
    );
    let declared = declarations();
    for id in ids(count as u32) {
        for declared in &declared {
            let declared = Description::new(declared.as_bytes()).unwrap();
            if let Ok(Some(text)) = difference("f", &declared, &btf, id) {
                assert_eq!(text.lines().count(), 4, "{text}");
            }
        }
    }
}

/// Does so with all types, and with ids that no type has.
fn use_all(bytes: &[u8]) {
    use_up(bytes, ["f", ""], |count| 0..count + 2);
}

fn declarations() -> Vec<Encoding> {
    let s = Encoding::named("s", Some(8));
    let int = Encoding::integer(4, true);
    let deep = (0..8).fold(s, |ty, _| ty.pointer(false));
    let array = int.array(4).array(5);
    vec![
        deep.into_data(),
        array.into_data(),
        array.pointer(false).into_data(),
        s.into_data(),
        Encoding::function(&[], Encoding::VOID, false),
        Encoding::function(&[s.pointer(false), int, deep], s, false),
        Encoding::function(
            &[
                array.pointer(true),
                Encoding::FUNCTION_POINTER,
                s,
                Encoding::BOOL,
            ],
            deep,
            true,
        ),
    ]
}

/// Makes BTF in which a type refers to any type, also to itself.
fn knots() -> impl Strategy<Value = Vec<u8>> {
    let ty = (
        1u32..22,
        any::<bool>(),
        prop::collection::vec(0u32..24, 0..4),
        0u32..24,
    );
    prop::collection::vec(ty, 1..24).prop_map(|types| {
        let maker = Maker::default();
        for (kind, flag, ids, other) in types {
            let prototype: Vec<u32> = ids.iter().flat_map(|&id| [0, id]).collect();
            match kind {
                1 | 14 | 17 => maker.raw(kind, flag, 0, "n", other, &[(7 << 24) | 32]),
                3 => maker.raw(kind, flag, 0, "", 0, &[other, 1, 4]),
                13 => maker.raw(kind, flag, ids.len() as u32, "", other, &prototype),
                2 | 7..=12 | 18 => {
                    maker.raw(kind, flag, 0, if kind == 12 { "f" } else { "" }, other, &[])
                }
                _ => maker.raw(16, flag, 0, "s", 8, &[]),
            };
        }
        maker.bytes()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn knots_do_no_harm(bytes in knots()) {
        use_all(&bytes);
    }

    #[test]
    fn changed_btf_does_no_harm(
        bytes in knots(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut bytes = bytes;
        for (index, byte) in changes {
            *index.get_mut(&mut bytes) = byte;
        }
        use_all(&bytes);
    }

    #[test]
    fn any_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..200), cut in 0usize..40) {
        let mut header = Maker::default().bytes();
        header.truncate(cut);
        header.extend_from_slice(&bytes);
        use_all(&bytes);
        use_all(&header);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// The stock kernel's BTF with a few of its bytes changed, some of them in its header.
    #[stock_test]
    fn changed_stock_btf_does_no_harm(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..64),
        header in prop::collection::vec((0usize..32, any::<u8>()), 0..2),
        start in any::<prop::sample::Index>(),
    ) {
        let mut bytes = STOCK.clone();
        for (index, byte) in changes {
            *index.get_mut(&mut bytes) = byte;
        }
        for (offset, byte) in header {
            bytes[offset] = byte;
        }
        use_up(&bytes, ["nr_processes", "schedule"], |count| {
            let start = start.index(count as usize) as u32;
            start..start + 100
        });
    }
}

/// The kernel's own search returns one of several functions of a name, so the others must be
/// noticed.
#[test]
fn namesakes_are_seen_where_types_are_sorted() {
    let maker = Maker::default();
    let int = maker.signed(4);
    let none = maker.prototype(&[], 0);
    let other = maker.prototype(&[int], 0);
    let function = |name, prototype| maker.raw(12, false, 0, name, prototype, &[]);
    let ids = [
        function("one", none),
        function("twin", none),
        function("twin", other),
    ];
    // A struct may have the name of a function.
    maker.structure("zone", 8);
    let zone = maker.raw(12, false, 0, "zone", none, &[]);
    let bytes = maker.bytes();
    let mut index = index(&bytes);
    let btf = Btf::new(&bytes, None, &mut index).unwrap();
    let namesake = |id| has_namesake_beside(&btf, id);
    assert_eq!(ids.map(namesake), [false, true, true]);
    assert!(!namesake(zone) && !namesake(0) && !namesake(u32::MAX));
}

/// The types of the stock kernel are sorted, so that namesakes are always side by side.
#[stock_test]
fn the_stock_kernel_has_namesakes_side_by_side_only() {
    let mut index = index(&STOCK);
    let btf = Btf::new(&STOCK, None, &mut index).unwrap();
    let functions = symbols(&btf);
    assert!(functions.len() > 10_000);
    for ids in functions.values() {
        for &id in ids {
            assert_eq!(has_namesake_beside(&btf, id), ids.len() > 1, "{ids:?}");
        }
    }
}
