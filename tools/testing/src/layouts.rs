// SPDX-License-Identifier: GPL-2.0

//! Tables of layouts, and changes of the types that they are compared with.

use kimport_types::{
    member_hash, Btf, BtfKind, BtfType, LayoutCheck, LayoutRule, LayoutSlot, LayoutTable,
    LayoutTableBuilder, TableMember, TableMismatch, TableReport, TableType, TypeSource,
    LAYOUT_CAPACITY, LAYOUT_TYPES,
};
use std::collections::HashMap;

/// The room that a builder keeps for types that do not fit, and for the padding.
const KEPT: usize = LAYOUT_TYPES + 16;

/// Reads any bytes. If they begin with a table, the builder must be able to write the same. Returns
/// the table and its size.
pub fn read_again(bytes: &[u8]) -> Option<(LayoutTable<'_>, usize)> {
    let (table, size) = LayoutTable::read(bytes)?;
    assert!(size <= LAYOUT_CAPACITY);
    let again = rebuild(&table);
    if size < LAYOUT_CAPACITY - KEPT {
        assert_eq!(again.as_bytes(), &bytes[..size]);
    } else {
        // There, the builder writes only what is unknown.
        let (again, _) = LayoutTable::read(again.as_bytes()).expect("it can be read again");
        assert_eq!(again.count(), table.count());
    }
    Some((table, size))
}

/// Compares `table` with the first 64 types of `btf`. Returns the differences, each of which can be
/// told in one line.
pub fn check_all(table: LayoutTable<'_>, btf: &Btf<'_>) -> Vec<TableMismatch> {
    let mut check = LayoutCheck::new(table, vec![LayoutSlot::default(); table.count()]);
    let mut found = Vec::new();
    for id in 0..64 {
        let before = found.len();
        check.symbol(btf, id, |mismatch, _| found.push(mismatch));
        assert!(found.len() - before <= table.count());
    }
    for &mismatch in &found {
        for name in [None, Some("name")] {
            let report = TableReport {
                mismatch,
                source: btf,
                labels: ["the module", "core"],
                name,
            };
            assert!(!report.to_string().contains('\n'));
        }
    }
    found
}

/// Writes `table` anew.
pub fn rebuild(table: &LayoutTable<'_>) -> LayoutTableBuilder {
    let mut builder = LayoutTableBuilder::new(table.block, table.provider);
    for (_, ty) in table.types() {
        match ty {
            Some(ty) => add(&mut builder, &ty),
            None => builder.unknown(),
        }
    }
    builder.finish()
}

fn add(builder: &mut LayoutTableBuilder, ty: &TableType<'_>) {
    builder.begin(ty.keyword, ty.name, ty.size as usize, ty.count as usize);
    for member in ty.members() {
        add_member(builder, &member);
    }
    for (name, value) in ty.enumerators() {
        builder.enumerator(name, value);
    }
}

/// Adds a member to the last type.
pub fn add_member(builder: &mut LayoutTableBuilder, member: &TableMember) {
    let size = match member.is_bit_field {
        true => member.size as usize,
        false => member.size as usize / 8,
    };
    builder.member(
        member.name,
        member.offset as usize,
        (size, member.is_bit_field),
        member.shape,
        member.leads_to,
    );
}

/// Returns two names with the same hash.
pub fn namesakes() -> [String; 2] {
    let mut known = HashMap::new();
    (0..)
        .map(|number| format!("m{number}"))
        .find_map(|name| {
            Some([
                known.insert(member_hash(name.as_bytes()), name.clone())?,
                name,
            ])
        })
        .expect("there are fewer hashes than names")
}

/// A `.BTF` section whose types are changed in place.
pub struct Editable {
    bytes: Vec<u8>,
    index: Vec<u32>,
}

impl Editable {
    /// Takes the BTF of a kernel.
    pub fn new(bytes: Vec<u8>) -> Self {
        let mut index = crate::index(&bytes);
        Btf::new(&bytes, None, &mut index).expect("it is BTF");
        Self { bytes, index }
    }

    /// Returns the BTF with its changes.
    pub fn btf(&self) -> Btf<'_> {
        Btf::with_index(&self.bytes, None, &self.index).expect("it is BTF")
    }

    /// Sets words of the type `id`: each its number and the value. Returns the values before.
    pub fn change(&mut self, id: u32, words: &[(usize, u32)]) -> Vec<(usize, u32)> {
        let word_at = |bytes: &[u8], at: usize| {
            u32::from_le_bytes(*bytes[at..].first_chunk().expect("it is not the end"))
        };
        let header = |at| word_at(&self.bytes, at) as usize;
        let start = header(4) + header(8) + self.index[id as usize - 1] as usize;
        let change = |&(number, value): &(usize, u32)| {
            let at = start + 4 * number;
            let before = word_at(&self.bytes, at);
            self.bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
            (number, before)
        };
        words.iter().map(change).collect()
    }
}

/// A change of a type: the words to set, and the rule that finds it.
pub type Change = (LayoutRule, Vec<(usize, u32)>);

/// Types of the kernel that changes refer to.
pub struct Others {
    byte: u32,
    long: u32,
    pointer: u32,
}

impl Others {
    /// Finds the types in the BTF of a kernel.
    pub fn of(btf: &Btf<'_>) -> Self {
        let find = |is_it: &dyn Fn(&BtfType<'_>) -> bool| {
            let is_found = |id: &u32| is_it(&btf.type_by_id(*id).expect("the type is found"));
            (1..).find(is_found).expect("there is one")
        };
        let list = find(&|ty| {
            let is_struct = matches!(ty.kind(), BtfKind::Struct { .. });
            is_struct && btf.name(ty.name_offset()) == Some(b"list_head")
        });
        Self {
            byte: find(&|ty| matches!(ty.kind(), BtfKind::Int { size: 1, .. })),
            long: find(&|ty| matches!(ty.kind(), BtfKind::Int { size: 8, .. })),
            pointer: find(&|ty| matches!(ty.kind(), BtfKind::Pointer(to) if to == list)),
        }
    }
}

/// Returns the changes that a type allows, with what each is called.
pub fn changes(btf: &Btf<'_>, id: u32, others: &Others) -> Vec<(&'static str, Change)> {
    let ty = btf.type_by_id(id).unwrap();
    let name = |offset| btf.name(offset).unwrap_or_default();
    // The name of the member without its first letter, if no member is called so.
    let renamed = |offset: u32, taken: &dyn Fn(&[u8]) -> bool| {
        let new = name(offset + 1);
        (!new.is_empty() && !taken(new)).then_some(offset + 1)
    };
    let mut changes = Vec::new();
    match ty.kind() {
        BtfKind::Union { size } => {
            changes.push(("resize", (LayoutRule::Size, vec![(2, size + 8)])));
        }
        BtfKind::Struct { size } => {
            changes.push(("resize", (LayoutRule::Size, vec![(2, size + 8)])));
            // A nameless member may have a member of any name.
            let members: Vec<_> = ty.members().collect();
            if members.is_empty() || members.iter().any(|member| name(member.name).is_empty()) {
                return changes;
            }
            let last = members.len() - 1;
            let member = members[last];
            let word = |number| 3 + 3 * last + number;
            let taken = |new: &[u8]| members.iter().any(|member| name(member.name) == new);
            let is_pointer = |id| {
                matches!(
                    btf.type_by_id(id).map(|ty| ty.kind()),
                    Some(BtfKind::Pointer(_))
                )
            };
            let to_other_struct = |pointer| match btf.type_by_id(pointer).unwrap().kind() {
                BtfKind::Pointer(to @ 1..) => match btf.type_by_id(to).unwrap() {
                    ty if matches!(ty.kind(), BtfKind::Struct { .. }) => {
                        !name(ty.name_offset()).is_empty()
                    }
                    _ => false,
                },
                _ => false,
            };
            if member.bits > 1 {
                let bits = (u32::from(member.bits - 1) << 24) | member.offset;
                changes.push(("narrow", (LayoutRule::MemberSize, vec![(word(2), bits)])));
                return changes;
            }
            if member.bits != 0 {
                return changes;
            }
            changes.push((
                "move",
                (LayoutRule::MemberOffset, vec![(word(2), member.offset + 8)]),
            ));
            if let Some(new) = renamed(member.name, &taken) {
                changes.push(("rename", (LayoutRule::MemberRenamed, vec![(word(0), new)])));
                let removed = vec![(word(0), new), (word(2), member.offset + 8)];
                changes.push(("remove", (LayoutRule::MemberMissing, removed)));
            }
            if is_pointer(member.ty) {
                changes.push((
                    "shrink",
                    (LayoutRule::MemberSize, vec![(word(1), others.byte)]),
                ));
                changes.push((
                    "retype",
                    (LayoutRule::MemberType, vec![(word(1), others.long)]),
                ));
                if to_other_struct(member.ty) && member.ty != others.pointer {
                    changes.push((
                        "redirect",
                        (LayoutRule::MemberType, vec![(word(1), others.pointer)]),
                    ));
                }
            }
        }
        BtfKind::Enum { size: 4 } => {
            let Some((first, value)) = ty.enumerators().next() else {
                return changes;
            };
            let value = (value as u32).wrapping_add(1);
            changes.push(("renumber", (LayoutRule::EnumeratorValue, vec![(4, value)])));
            let taken = |new: &[u8]| ty.enumerators().any(|(other, _)| name(other) == new);
            if let Some(new) = renamed(first, &taken) {
                changes.push(("forget", (LayoutRule::EnumeratorMissing, vec![(3, new)])));
            }
        }
        _ => {}
    }
    changes
}
