// SPDX-License-Identifier: GPL-2.0

//! The bytes of a table of layouts: the reader returns what the builder was given, accepts nothing
//! else, and no table and no BTF does harm.

use kimport_testing::layouts::{add_member, check_all, namesakes, read_again, rebuild};
use kimport_testing::{index, Maker};
use kimport_types::{
    member_hash, name_hash, Btf, Keyword, LayoutCheck, LayoutRule, LayoutSlot, LayoutTable,
    LayoutTableBuilder, Shape, TableMember, TableType, LAYOUT_CAPACITY, LAYOUT_ROOM, LAYOUT_TYPES,
};
use proptest::{collection::vec, prelude::*, sample::Index};

/// A type as the tests know it: keyword, hash of the name, size, members and enumerators. `None`
/// is unknown.
type Ty = Option<(Keyword, u32, u64, Vec<TableMember>, Vec<(u16, i64)>)>;

/// The names of types, of which several are the same, and of the provider's types.
const NAMES: [&str; 4] = ["", "r", "s", "t"];

fn name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&NAMES[..])
}

/// A member of a type in a table with as many `types`.
fn member(types: u8) -> impl Strategy<Value = TableMember> {
    let offset = prop_oneof![4 => 0u64..4096, 1 => 0u64..1 << 62];
    let size = prop_oneof![(0u64..1 << 40).prop_map(|size| 8 * size), 0..64u64];
    let shape = prop::sample::select(&[Shape::Number, Shape::Pointer, Shape::Other][..]);
    (
        prop_oneof![
            name().prop_map(|name| member_hash(name.as_bytes())),
            any::<u16>()
        ],
        offset,
        size,
        any::<bool>(),
        shape,
        prop::option::of(0..types),
    )
        .prop_map(
            |(name, offset, size, is_bit_field, shape, leads_to)| TableMember {
                name,
                offset,
                size,
                is_bit_field: is_bit_field || size % 8 != 0,
                shape,
                leads_to,
            },
        )
}

/// A type with up to `most` members or enumerators.
fn ty(types: u8, most: usize) -> impl Strategy<Value = Ty> {
    let name = prop_oneof![
        name().prop_map(|name| name_hash(name.as_bytes())),
        any::<u32>()
    ];
    let size = prop_oneof![0u64..256, any::<u64>()];
    let keyword = prop::sample::select(&[Keyword::Struct, Keyword::Union][..]);
    let aggregate = (keyword, vec(member(types), 0..=most))
        .prop_map(|(keyword, members)| (keyword, members, Vec::new()));
    let value = prop_oneof![any::<i64>(), -3..100i64];
    let enumeration =
        vec((any::<u16>(), value), 0..=most).prop_map(|values| (Keyword::Enum, Vec::new(), values));
    let known = (name, size, prop_oneof![2 => aggregate, 1 => enumeration]);
    let known = known.prop_map(|(name, size, (keyword, members, values))| {
        Some((keyword, name, size, members, values))
    });
    prop_oneof![9 => known, 1 => Just(None)]
}

/// The types of a table.
fn types(count: std::ops::RangeInclusive<u8>, most: usize) -> impl Strategy<Value = Vec<Ty>> {
    count.prop_flat_map(move |count| vec(ty(count, most), usize::from(count)))
}

fn add(builder: &mut LayoutTableBuilder, ty: &Ty) {
    let Some((keyword, name, size, members, values)) = ty else {
        return builder.unknown();
    };
    let count = members.len() + values.len();
    builder.begin(*keyword, *name, *size as usize, count);
    for member in members {
        add_member(builder, member);
    }
    for &(name, value) in values {
        builder.enumerator(name, value);
    }
}

fn build(block: &str, provider: &str, types: &[Ty]) -> LayoutTableBuilder {
    let mut builder = LayoutTableBuilder::new(block, provider);
    types.iter().for_each(|ty| add(&mut builder, ty));
    builder.finish()
}

fn read_types(table: &LayoutTable<'_>) -> Vec<Ty> {
    let parts = |ty: TableType<'_>| -> (_, _, _, Vec<_>, Vec<_>) {
        let (members, values) = (ty.members().collect(), ty.enumerators().collect());
        (ty.keyword, ty.name, ty.size, members, values)
    };
    let types = table.types().map(|(place, ty)| {
        let ty = ty.map(parts);
        assert_eq!(table.type_at(place).map(parts), ty);
        ty
    });
    let types: Vec<_> = types.collect();
    assert_eq!(types.len(), table.count());
    types
}

fn read(bytes: &[u8]) -> Option<LayoutTable<'_>> {
    let (table, _) = read_again(bytes)?;
    read_types(&table);
    Some(table)
}

/// Makes BTF in which a type refers to any type, also to itself, and members may be nameless.
fn knots() -> impl Strategy<Value = Vec<u8>> {
    let member = (name(), 0u32..24, prop_oneof![0u32..256, any::<u32>()]);
    let ty = (1u32..20, any::<bool>(), name(), vec(member, 0..4), 0u32..24);
    vec(ty, 1..24).prop_map(|types| {
        let maker = Maker::default();
        for (kind, flag, name, members, other) in types {
            match kind {
                1 | 14 | 17 => maker.raw(kind, flag, 0, name, other, &[(7 << 24) | 32]),
                3 => maker.raw(kind, flag, 0, "", 0, &[other, 1, u32::MAX >> other]),
                4 | 5 if flag => maker.bit_fields(kind, name, other, &members),
                4 | 5 => maker.members(kind, name, other, &members),
                6 => {
                    let values = members.iter().map(|&(name, _, value)| (name, value as i32));
                    maker.enumerators(name, &values.collect::<Vec<_>>())
                }
                13 => {
                    let ids = members.iter().map(|&(_, id, _)| id);
                    maker.prototype(&ids.collect::<Vec<_>>(), other)
                }
                19 => {
                    let wide = |&(name, id, value)| (name, i64::from(value) << id);
                    let values = members.iter().map(wide);
                    maker.wide_enumerators(name, &values.collect::<Vec<_>>())
                }
                _ => maker.raw(kind, flag, 0, name, other, &[]),
            };
        }
        maker.bytes()
    })
}

/// Returns the BTF in `bytes`.
fn with_btf<R>(bytes: &[u8], run: impl FnOnce(&Btf<'_>) -> R) -> R {
    let mut index = index(bytes);
    run(&Btf::new(bytes, None, &mut index).expect("the maker makes BTF"))
}

/// The kind of a member: each has a number, whose meaning depends on the kind.
#[derive(Clone, Copy, Debug)]
enum Kind {
    /// An integer of 1, 2, 4 or 8 bytes.
    Integer(u32),
    /// Some bits of an integer.
    Bits(u32),
    /// An array of integers.
    Array(u32),
    /// A pointer to any struct.
    Pointer(u32),
    /// A struct that was made before, with its name or without one.
    Inside(u32),
    Nameless(u32),
    Enum,
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        (0u32..4).prop_map(|log| Kind::Integer(1 << log)),
        (1u32..32).prop_map(Kind::Bits),
        (0u32..40).prop_map(Kind::Array),
        (0u32..40).prop_map(Kind::Pointer),
        (0u32..40).prop_map(Kind::Inside),
        (0u32..40).prop_map(Kind::Nameless),
        Just(Kind::Enum),
    ]
}

/// Makes BTF as a compiler could have, and returns it with the function that leads to all structs.
fn sound_btf() -> impl Strategy<Value = (Vec<u8>, u32)> {
    let members = vec((kind(), 0u32..3), 1..12);
    vec((any::<bool>(), members), 1..20).prop_map(|structs| {
        let maker = Maker::default();
        let integers = [1, 2, 4, 8].map(|size| maker.unsigned(size));
        let values = [("NEGATIVE", -1), ("LAST", i64::MAX)];
        let enumeration = maker.wide_enumerators("values", &values);
        let mut sizes = vec![(integers[2], 32)];
        // Structs are before the pointers to them, but these have the lower ids.
        let first = enumeration + 1;
        let count = structs.len() as u32;
        let pointers = |number: u32| first + number % count;
        let mut made = Vec::new();
        let mut id = first + count;
        let mut plan = Vec::new();
        for (number, (is_union, members)) in structs.iter().enumerate() {
            let (mut at, mut end) = (0, 0);
            let mut fields = Vec::new();
            for (place, (kind, gap)) in members.iter().enumerate() {
                let name = format!("m{number}_{place}");
                let (name, ty, size, bits) = match *kind {
                    Kind::Integer(size) => (name, integers[size.ilog2() as usize], 8 * size, 0),
                    Kind::Bits(bits) => (name, integers[2], bits, bits),
                    Kind::Array(length) => {
                        plan.push((id, None, length));
                        id += 1;
                        (name, id - 1, 16 * length, 0)
                    }
                    Kind::Pointer(number) => (name, pointers(number), 64, 0),
                    Kind::Inside(number) => {
                        let (ty, size) = sizes[number as usize % sizes.len()];
                        (name, ty, size, 0)
                    }
                    Kind::Nameless(number) => {
                        let (ty, size) = sizes[number as usize % sizes.len()];
                        let name = if ty == integers[2] {
                            name
                        } else {
                            String::new()
                        };
                        (name, ty, size, 0)
                    }
                    Kind::Enum => (name, enumeration, 64, 0),
                };
                at = if *is_union { 0 } else { at + 8 * gap };
                if bits == 0 {
                    at = at.next_multiple_of(8);
                }
                fields.push((name, ty, at | (bits << 24)));
                at += size;
                end = end.max(at);
            }
            plan.push((id, Some((*is_union, fields)), end.div_ceil(8)));
            sizes.push((id, end.next_multiple_of(8)));
            made.push(id);
            id += 1;
        }
        for &id in &made {
            maker.pointer(id);
        }
        for (number, (id, members, size)) in plan.into_iter().enumerate() {
            let made = match members {
                None => maker.array(integers[1], size),
                Some((is_union, fields)) => {
                    let fields = fields.iter();
                    let fields = fields.map(|(name, ty, at)| (name.as_str(), *ty, *at));
                    let kind = 4 + u32::from(is_union);
                    let fields: Vec<_> = fields.collect();
                    maker.bit_fields(kind, &format!("s{number}"), size, &fields)
                }
            };
            assert_eq!(made, id);
        }
        let pointers: Vec<u32> = (0..count).map(pointers).collect();
        let function = maker.function("f", &pointers, 0);
        (maker.bytes(), function)
    })
}

proptest! {
    #[test]
    fn tables_round_trip(
        (block, provider) in ("[a-z]{0,20}", "\\PC{0,60}"),
        types in types(0..=8, 6),
        behind in vec(any::<u8>(), 0..16),
    ) {
        let table = build(&block, &provider, &types);
        let bytes = [table.as_bytes(), &behind].concat();
        let (read_back, size) = LayoutTable::read(&bytes).unwrap();
        prop_assert_eq!((read_back.block, read_back.provider), (&*block, &*provider));
        prop_assert_eq!((size, size % 8), (table.len(), 0));
        prop_assert_eq!(read_types(&read_back), types);
        let again = rebuild(&read_back);
        prop_assert_eq!(again.as_bytes(), table.as_bytes());
        // No part of a table is one.
        for len in 0..size {
            prop_assert_eq!(LayoutTable::read(&bytes[..len]), None);
        }
    }

    #[test]
    fn changed_bytes_do_no_harm(
        types in types(0..=6, 4),
        changes in vec((any::<Index>(), any::<u8>()), 1..4),
        btf in knots(),
    ) {
        let mut bytes = build("b", "p", &types).as_bytes().to_vec();
        for (index, byte) in changes {
            *index.get_mut(&mut bytes) = byte;
        }
        if let Some(table) = read(&bytes) {
            with_btf(&btf, |btf| check_all(table, btf));
        }
    }

    #[test]
    fn any_bytes_do_no_harm(
        count in 0u8..4,
        bytes in vec(prop_oneof![2 => 0u8..4, 1 => any::<u8>()], 0..64),
    ) {
        let mut bytes = bytes;
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        let _ = read(&bytes);
        let size = 8 + bytes.len() as u8;
        let header = [1, 0, 0, count, size, 0, 0, 0];
        let _ = read(&[&header[..], &bytes].concat());
    }

    #[test]
    fn any_types_do_no_harm(types in types(1..=8, 6), btf in knots()) {
        let table = build("b", "p", &types);
        let (table, _) = LayoutTable::read(table.as_bytes()).unwrap();
        with_btf(&btf, |btf| check_all(table, btf));
    }

    #[test]
    fn tables_of_any_types_can_be_read(ours in knots(), theirs in knots()) {
        let table = with_btf(&ours, |ours| {
            LayoutTableBuilder::of_symbols("b", "p", ours, 0..32)
        });
        let table = read(table.as_bytes()).unwrap();
        with_btf(&theirs, |theirs| check_all(table, theirs));
    }

    #[test]
    fn types_are_equal_to_themselves((btf, function) in sound_btf()) {
        with_btf(&btf, |btf| {
            let table = LayoutTableBuilder::of_symbols("b", "p", btf, [function]);
            let table = read(table.as_bytes()).unwrap();
            assert!(table.types().any(|(_, ty)| ty.is_some()));
            let mut check = LayoutCheck::new(table, vec![LayoutSlot::default(); table.count()]);
            check.symbol(btf, function, |mismatch, _| panic!("{mismatch:?}"));
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// A type that does not fit becomes unknown, and no other. There is more room for those of
    /// declarations.
    #[test]
    fn full_tables_round_trip(
        types in types(100..=LAYOUT_TYPES as u8, 24),
        declared in 0..=2 * LAYOUT_TYPES,
    ) {
        let declared = declared.min(types.len());
        let mut table = LayoutTableBuilder::new("block", "provider");
        types[..declared].iter().for_each(|ty| add(&mut table, ty));
        table.end_of_declared();
        types[declared..].iter().for_each(|ty| add(&mut table, ty));
        let table = table.finish();
        prop_assert!(table.len() <= LAYOUT_CAPACITY);
        let read_back = read_types(&LayoutTable::read(table.as_bytes()).unwrap().0);
        prop_assert_eq!(read_back.len(), types.len());
        for (number, (ours, given)) in read_back.iter().zip(&types).enumerate() {
            if ours != given {
                prop_assert_eq!(ours, &None);
                // The sizes of all before it, and of itself.
                let unknown = |count| vec![None; count];
                let left = types.len() - number;
                let before = [&read_back[..number], &unknown(left)].concat();
                let before = build("block", "provider", &before).len() - left;
                let itself = [&[given.clone()], &unknown(LAYOUT_TYPES - 1)[..]].concat();
                let itself = build("", "", &itself).len() - LAYOUT_TYPES;
                let room = if number < declared { LAYOUT_CAPACITY } else { LAYOUT_ROOM };
                prop_assert!(before + itself > room - LAYOUT_TYPES - 16);
            }
        }
    }
}

/// Returns the rule by which the struct `theirs` differs from `ours`: the name and offset of each
/// member.
fn difference(ours: &[(&str, u32)], theirs: &[(&str, u32)]) -> Option<LayoutRule> {
    let make = |members: &[(&str, u32)]| {
        let maker = Maker::default();
        let int = maker.unsigned(4);
        let members = members.iter().map(|&(name, offset)| (name, int, offset));
        let id = maker.members(4, "s", 40, &members.collect::<Vec<_>>());
        (maker.bytes(), id)
    };
    let ((ours, id), (theirs, _)) = (make(ours), make(theirs));
    let table = with_btf(&ours, |ours| {
        LayoutTableBuilder::of_symbols("b", "p", ours, [id])
    });
    let (table, _) = LayoutTable::read(table.as_bytes()).expect("the builder makes tables");
    with_btf(&theirs, |theirs| {
        Some(check_all(table, theirs).first()?.rule)
    })
}

#[test]
fn members_with_the_same_hash_are_told_apart() {
    let [a, b] = &namesakes();
    assert_eq!(member_hash(a.as_bytes()), member_hash(b.as_bytes()));
    let both = &[(&**a, 0), (&**b, 32)];
    assert_eq!(difference(both, both), None);
    // A member that only they have.
    assert_eq!(difference(&[(a, 0)], both), None);
    assert_eq!(difference(&[(b, 32)], both), None);
    // One of the two is elsewhere.
    let moved = Some(LayoutRule::MemberOffset);
    assert_eq!(difference(both, &[(a, 0), (b, 64)]), moved);
    assert_eq!(difference(both, &[(b, 32), (a, 64)]), moved);
    // Another one is gone.
    let three = &[(&**a, 0), ("gone", 64)];
    assert_eq!(difference(three, both), Some(LayoutRule::MemberMissing));
}

#[test]
fn all_bits_of_an_enumerator_are_compared() {
    let make = |value| {
        let maker = Maker::default();
        let id = maker.wide_enumerators("e", &[("V", value)]);
        (maker.bytes(), id)
    };
    let difference = |our, their| {
        let ((ours, id), (theirs, _)) = (make(our), make(their));
        let table = with_btf(&ours, |ours| {
            LayoutTableBuilder::of_symbols("b", "p", ours, [id])
        });
        let (table, _) = LayoutTable::read(table.as_bytes()).expect("the builder makes tables");
        with_btf(&theirs, |theirs| {
            Some(check_all(table, theirs).first()?.rule)
        })
    };
    assert_eq!(difference(-1, -1), None);
    assert_eq!(difference(1 << 40, 1 << 40), None);
    assert_eq!(
        difference(1 << 40, 1 << 41),
        Some(LayoutRule::EnumeratorValue)
    );
    // A value of 4 bytes may be extended by its sign, or not.
    let maker = Maker::default();
    let id = maker.enumerators("e", &[("V", -1)]);
    let bytes = maker.bytes();
    let mut builder = LayoutTableBuilder::new("b", "p");
    builder.begin(Keyword::Enum, name_hash(b"e"), 4, 1);
    builder.enumerator(member_hash(b"V"), 0xffff_ffff);
    let table = builder.finish();
    let (table, _) = LayoutTable::read(table.as_bytes()).expect("the builder makes tables");
    with_btf(&bytes, |btf| {
        assert_eq!((id, check_all(table, btf)), (1, vec![]))
    });
}

/// In the output of bindgen, `struct inner` inside of `struct outer` is called `outer_inner`.
#[test]
fn structs_that_are_defined_in_others_are_known() {
    let difference = |ours: &str, theirs: &str| {
        let maker = Maker::default();
        let int = maker.unsigned(4);
        let inner = maker.members(4, theirs, 4, &[("i", int, 0)]);
        let outer = maker.members(4, "outer", 4, &[("m", inner, 0)]);
        let mut table = LayoutTableBuilder::new("b", "p");
        for (name, member, leads_to) in [("outer", "m", Some(1)), (ours, "i", None)] {
            let shape = match leads_to {
                Some(_) => Shape::Other,
                None => Shape::Number,
            };
            table.begin(Keyword::Struct, name_hash(name.as_bytes()), 4, 1);
            table.member(
                member_hash(member.as_bytes()),
                0,
                (4, false),
                shape,
                leads_to,
            );
        }
        let table = table.finish();
        let table = read(table.as_bytes()).expect("the builder makes tables");
        with_btf(&maker.bytes(), |btf| {
            assert_eq!(outer, 3);
            Some(check_all(table, btf).first()?.rule)
        })
    };
    assert_eq!(difference("outer_inner", "inner"), None);
    assert_eq!(difference("outer_inner", "outer_inner"), None);
    for theirs in ["other", "_inner", "outer_"] {
        let found = difference("outer_inner", theirs);
        assert_eq!(found, Some(LayoutRule::MemberType), "{theirs}");
    }
}

/// A struct that is in itself more than once has no end.
#[test]
fn nameless_members_end() {
    let maker = Maker::default();
    let itself = [("", 1, 0); 16];
    let id = maker.members(4, "s", 8, &itself);
    let bytes = maker.bytes();
    let table = with_btf(&bytes, |btf| {
        LayoutTableBuilder::of_symbols("b", "p", btf, [id])
    });
    let table = read(table.as_bytes()).expect("the builder makes tables");
    with_btf(&bytes, |btf| assert_eq!(check_all(table, btf), []));
}

/// Damaged BTF may have members that no memory has room for.
#[test]
fn members_beyond_all_memory_are_unknown() {
    let maker = Maker::default();
    let byte = maker.unsigned(1);
    let rows = maker.array(byte, u32::MAX);
    let table = maker.array(rows, 1 << 29);
    maker.members(
        4,
        "s",
        8,
        &[("m", maker.array(table, 0), 8), ("n", table, u32::MAX)],
    );
    let bytes = maker.bytes();
    let table = with_btf(&bytes, |btf| {
        LayoutTableBuilder::of_symbols("b", "p", btf, 0..8)
    });
    let table = read(table.as_bytes()).expect("the builder makes tables");
    assert_eq!(read_types(&table), [None]);
}

#[test]
fn larger_tables_are_not_read() {
    let table = |members: usize| {
        let mut table = vec![1, 0, 0, 1, 0, 0, 0, 0];
        table.extend([1, 1, 1, 1, 1, 8]);
        let count = [members as u8 | 0x80, (members >> 7) as u8 | 0x80];
        table.extend([count[0], count[1], (members >> 14) as u8]);
        table.resize((17 + 5 * members).next_multiple_of(8), 0);
        let size = table.len() as u32;
        table[4..8].copy_from_slice(&size.to_le_bytes());
        table
    };
    let most = (LAYOUT_CAPACITY - 17) / 5;
    let largest = table(most);
    let (read_back, _) = LayoutTable::read(&largest).expect("it is not too large");
    let (_, ty) = read_back.types().next().unwrap();
    assert_eq!(ty.unwrap().members().count(), most);
    assert_eq!(LayoutTable::read(&table(most + 1)), None);
}

#[test]
#[should_panic = "a member leads to no type"]
fn members_lead_to_types() {
    let mut builder = LayoutTableBuilder::new("b", "p");
    builder.begin(Keyword::Struct, 1, 8, 1);
    builder.member(1, 0, (8, false), Shape::Pointer, Some(1));
    builder.finish();
}

/// Modules that are already built have the format, so it must not change under the same version.
#[test]
fn the_format_stays() {
    let mut builder = LayoutTableBuilder::new("b", "p");
    builder.begin(Keyword::Struct, 0x0403_0201, 300, 2);
    builder.member(0x0605, 64, (4, false), Shape::Pointer, Some(1));
    builder.member(0x0807, 95, (3, true), Shape::Number, None);
    builder.begin(Keyword::Enum, 0, 4, 2);
    builder.enumerator(9, -1);
    builder.enumerator(10, 0);
    builder.unknown();
    let table = b"\x01\x01\x01\x03\x30\0\0\0bp\x01\x01\x02\x03\x04\xac\x02\x02\
        \x05\x06\x80\x01\x08\x09\x07\x08\x01\x07\0\x03\0\0\0\0\x04\x02\x09\0\x01\x0a\0\0\0\0\0\0\0\0";
    assert_eq!(builder.finish().as_bytes(), table);
}
