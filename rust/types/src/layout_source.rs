// SPDX-License-Identifier: GPL-2.0

//! The table of the layouts that functions and variables lead to in a source of BTF: for modules
//! that are not compiled with the macro, but have BTF of their own.

use crate::btf::{BtfKind, BtfType, TypeSource};
use crate::layout::{each_member, value_of};
use crate::layout_check::{each_type, Counterpart};
use crate::layout_table::{
    member_hash, Keyword, LayoutTableBuilder, Shape, LAYOUT_ROOM, LAYOUT_TYPES,
};

/// The types of a table, in the order of their numbers: the id and the hash of the name of each.
struct Numbers {
    types: [(u32, u32); LAYOUT_TYPES],
    count: usize,
}

impl Numbers {
    /// Returns the number of a type, which is added if there is room for it.
    fn of(&mut self, source: &impl TypeSource, ty: Counterpart) -> Option<u8> {
        let known = self.types[..self.count].iter();
        let number = match known.map(|&(id, _)| id).position(|id| id == ty.id) {
            Some(number) => number,
            None => {
                *self.types.get_mut(self.count)? = (ty.id, ty.name(source));
                self.count += 1;
                self.count - 1
            }
        };
        u8::try_from(number).ok()
    }
}

impl LayoutTableBuilder {
    /// Makes the table of the layouts that `symbols`, the ids of functions, variables and types of
    /// `source`, lead to, the nearest first.
    pub fn of_symbols<S: TypeSource>(
        block: &str,
        provider: &str,
        source: &S,
        symbols: impl IntoIterator<Item = u32>,
    ) -> Self {
        let mut table = Self::new(block, provider);
        let mut numbers = Numbers {
            types: [(0, 0); LAYOUT_TYPES],
            count: 0,
        };
        for symbol in symbols {
            each_type(source, symbol, &mut |id| {
                Counterpart::of(source, id).and_then(|ty| numbers.of(source, ty));
            });
        }
        let declared = numbers.count;
        let mut next = 0;
        while next < numbers.count && (next < declared || table.len() < LAYOUT_ROOM) {
            if next == declared {
                table.end_of_declared();
            }
            let (id, name) = numbers.types[next];
            match source.type_by_id(id) {
                Some(ty) => table.add(source, &ty, name, &mut numbers),
                None => table.unknown(),
            }
            next += 1;
        }
        while next < numbers.count {
            table.unknown();
            next += 1;
        }
        table.finish()
    }

    /// Adds a type of `source`.
    fn add<S: TypeSource>(
        &mut self,
        source: &S,
        ty: &BtfType<'_>,
        name: u32,
        numbers: &mut Numbers,
    ) {
        let (keyword, size) = match ty.kind() {
            BtfKind::Struct { size } => (Keyword::Struct, size),
            BtfKind::Union { size } => (Keyword::Union, size),
            BtfKind::Enum { size } => {
                let count = ty.enumerators().count();
                self.begin(Keyword::Enum, name, size as usize, count);
                for (name, value) in ty.enumerators() {
                    let name = source.name(name).unwrap_or_default();
                    self.enumerator(member_hash(name), value as i64);
                }
                return;
            }
            _ => return self.unknown(),
        };
        let mut count = 0;
        each_member(source, ty, &mut |_, _| {
            count += 1;
            true
        });
        self.begin(keyword, name, size as usize, count);
        each_member(source, ty, &mut |member, name| {
            let (kind, size) = value_of(source, member.ty);
            let shape = match kind {
                Some(BtfKind::Int { .. } | BtfKind::Enum { .. } | BtfKind::Float { .. }) => {
                    Shape::Number
                }
                Some(BtfKind::Pointer(_)) => Shape::Pointer,
                _ => Shape::Other,
            };
            let size = match member.bits {
                0 => (size.unwrap_or(0) as usize / 8, false),
                bits => (usize::from(bits), true),
            };
            let leads_to = Counterpart::of(source, member.ty).and_then(|ty| numbers.of(source, ty));
            self.member(
                member_hash(name),
                member.offset as usize,
                size,
                shape,
                leads_to,
            );
            true
        });
    }
}
