// SPDX-License-Identifier: GPL-2.0

//! The comparison of the layouts that a module was compiled with, which are in a [`LayoutTable`],
//! with those of a provider's BTF, by the [`LayoutRule`]s.

use crate::btf::{BtfKind, BtfType, Member, TypeSource, CHAIN};
use crate::encoding::{Description, SymbolType, Type, TypeBytes};
use crate::layout::{
    each_member, find_member, type_words, value_of, LayoutRule, LayoutSentence, DEPTH,
};
use crate::layout_table::{
    longer_name_hash, member_hash, name_hash, Keyword, LayoutTable, Shape, TableMember, TableType,
};
use core::fmt;
use core::ops::DerefMut;

/// A difference between a type of a table and its counterpart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableMismatch {
    /// The rule by which they differ.
    pub rule: LayoutRule,
    /// The id of the counterpart.
    pub theirs: u32,
    /// The hash of the name of our member or enumerator; 0 if the whole type is meant.
    pub hash: u16,
    /// The offset of the name of our member or enumerator, if they have it. For
    /// [`LayoutRule::MemberRenamed`] it is their name.
    pub name: Option<u32>,
    /// Our number and theirs, as in [`LayoutMismatch::numbers`](crate::LayoutMismatch::numbers).
    pub numbers: (u64, u64),
}

/// One type of a table during a [`LayoutCheck`].
#[derive(Clone, Copy, Debug, Default)]
pub struct LayoutSlot {
    /// The keyword; [`None`] if the type is unknown.
    keyword: Option<Keyword>,
    /// The hash of the name; 0 if it has none, or is unknown.
    name: u32,
    /// The place in the table.
    place: u32,
    /// The id of the counterpart; 0 until a symbol has led to the type.
    theirs: u32,
    /// Set once the two are compared.
    compared: bool,
    mismatch: Option<TableMismatch>,
    /// The number of the last symbol that led to the type.
    symbol: u32,
    /// The type behind this one in the queue of that symbol.
    next: Option<u8>,
}

/// The comparison of the layouts that the symbols of one block reach. Each type is compared once,
/// whichever symbol leads to it first.
#[derive(Debug)]
pub struct LayoutCheck<'a, T> {
    table: LayoutTable<'a>,
    slots: T,
    symbols: u32,
    /// Set once a type differs.
    differs: bool,
}

impl<'a, T: DerefMut<Target = [LayoutSlot]>> LayoutCheck<'a, T> {
    /// Prepares the comparison of `table`. There must be one default slot for each of its types.
    pub fn new(table: LayoutTable<'a>, mut slots: T) -> Self {
        for (slot, (place, ty)) in slots.iter_mut().zip(table.types()) {
            slot.keyword = ty.map(|ty| ty.keyword);
            slot.name = ty.map_or(0, |ty| ty.name);
            slot.place = place as u32;
        }
        Self {
            table,
            slots,
            symbols: 0,
            differs: false,
        }
    }

    /// Compares the layouts that `id`, a function, variable or type of `source`, leads to with
    /// those of the table, the nearest first. Calls `report` with each difference, and with true if
    /// this is the first symbol that leads to it.
    pub fn symbol<S: TypeSource>(
        &mut self,
        source: &S,
        id: u32,
        mut report: impl FnMut(TableMismatch, bool),
    ) {
        self.symbols += 1;
        let mut queue = Queue {
            table: self.table,
            slots: &mut self.slots,
            symbol: self.symbols,
            first: None,
            last: None,
        };
        each_type(source, id, &mut |id| {
            let Some(theirs) = Counterpart::of(source, id) else {
                return;
            };
            let name = theirs.name(source);
            let mut slots = queue.slots.iter();
            if let Some(number) = slots.position(|slot| slot.name == name && slot.name != 0) {
                queue.push(number as u8, theirs.id);
            }
        });
        while let Some(number) = queue.pop() {
            let slot = queue.slots[usize::from(number)];
            if slot.compared && !self.differs {
                // An earlier symbol has led to this type, and to all behind it.
                continue;
            }
            let Some(ty) = queue.ty(number) else {
                continue;
            };
            if slot.compared {
                for number in ty.members().filter_map(|member| member.leads_to) {
                    let theirs = queue.slots[usize::from(number)].theirs;
                    if theirs != 0 {
                        queue.push(number, theirs);
                    }
                }
            } else {
                let mut comparison = TypeComparison {
                    ty,
                    source,
                    theirs: slot.theirs,
                    found: None,
                };
                comparison.run(&mut queue);
                let slot = &mut queue.slots[usize::from(number)];
                (slot.compared, slot.mismatch) = (true, comparison.found);
                self.differs |= comparison.found.is_some();
            }
            if let Some(mismatch) = queue.slots[usize::from(number)].mismatch {
                report(mismatch, !slot.compared);
            }
        }
    }

    /// Returns whether the table has all structs, unions and enums that a declared type names.
    pub fn knows_types_of(&self, description: &[u8]) -> bool {
        let slots = &*self.slots;
        let knows = |ty| {
            named_type(ty).is_none_or(|name| {
                let name = name_hash(name.as_bytes());
                slots.iter().any(|slot| slot.name == name)
            })
        };
        match Description::new(description).map(|declared| declared.symbol_type()) {
            Ok(SymbolType::Data(ty)) => knows(ty),
            Ok(SymbolType::Function(mut function)) => {
                knows(function.returned) && function.arguments.all(knows)
            }
            Err(_) => false,
        }
    }
}

/// Returns the name of the struct, union or enum that a declared type leads to.
fn named_type(mut ty: TypeBytes<'_>) -> Option<&str> {
    for _ in 0..=DEPTH {
        ty = match ty.decode() {
            Type::Named { name, .. } => return Some(name),
            Type::Pointer { pointee, .. } => pointee,
            Type::Array { element, .. } => element,
            _ => return None,
        };
    }
    None
}

/// The types that a symbol leads to and that are yet to be compared.
struct Queue<'t, 's> {
    table: LayoutTable<'t>,
    slots: &'s mut [LayoutSlot],
    symbol: u32,
    first: Option<u8>,
    last: Option<u8>,
}

impl<'t> Queue<'t, '_> {
    /// Returns a type of the table, if it is known.
    fn ty(&self, number: u8) -> Option<TableType<'t>> {
        let slot = self.slots.get(usize::from(number))?;
        self.table.type_at(slot.place as usize)
    }

    /// Adds a type, unless the symbol has led to it before.
    fn push(&mut self, number: u8, theirs: u32) {
        let Some(slot) = self.slots.get_mut(usize::from(number)) else {
            return;
        };
        if slot.symbol == self.symbol {
            return;
        }
        slot.symbol = self.symbol;
        slot.next = None;
        if slot.theirs == 0 {
            slot.theirs = theirs;
        }
        match self.last {
            Some(last) => self.slots[usize::from(last)].next = Some(number),
            None => self.first = Some(number),
        }
        self.last = Some(number);
    }

    fn pop(&mut self) -> Option<u8> {
        let number = self.first?;
        self.first = self.slots[usize::from(number)].next;
        if self.first.is_none() {
            self.last = None;
        }
        Some(number)
    }
}

/// Calls `visit` with the types that a function takes and returns, with that of a variable, or with
/// `id` itself if it is another type.
pub(crate) fn each_type(source: &impl TypeSource, id: u32, visit: &mut dyn FnMut(u32)) {
    let kind = |id| source.type_by_id(id).map(|ty| ty.kind());
    match kind(id) {
        Some(BtfKind::Variable(ty)) => visit(ty),
        Some(BtfKind::Function(prototype)) => {
            if let Some(BtfKind::Prototype {
                returned,
                parameters,
            }) = kind(prototype)
            {
                [returned].into_iter().chain(parameters).for_each(visit);
            }
        }
        _ => visit(id),
    }
}

/// A struct, union or enum of the other side.
#[derive(Clone, Copy)]
pub(crate) struct Counterpart {
    pub(crate) id: u32,
    keyword: Keyword,
    /// The offset of its name, which is empty for a nameless one.
    own_name: u32,
    /// The offset of the name of the typedef that leads to it.
    typedef: u32,
}

impl Counterpart {
    /// Returns the struct, union or enum that the type `id` leads to, through pointers and arrays.
    pub(crate) fn of(source: &impl TypeSource, mut id: u32) -> Option<Self> {
        let mut typedef = 0;
        for _ in 0..CHAIN {
            let ty = (id != 0).then(|| source.type_by_id(id)).flatten()?;
            let own_name = ty.name_offset();
            let keyword = match ty.kind() {
                BtfKind::Struct { .. } => Keyword::Struct,
                BtfKind::Union { .. } => Keyword::Union,
                BtfKind::Enum { .. } => Keyword::Enum,
                BtfKind::Typedef(next) => {
                    (typedef, id) = (own_name, next);
                    continue;
                }
                BtfKind::Volatile(next)
                | BtfKind::Const(next)
                | BtfKind::Restrict(next)
                | BtfKind::TypeTag(next) => {
                    id = next;
                    continue;
                }
                BtfKind::Pointer(next) | BtfKind::Array { element: next, .. } => {
                    (typedef, id) = (0, next);
                    continue;
                }
                _ => return None,
            };
            return Some(Self {
                id,
                keyword,
                own_name,
                typedef,
            });
        }
        None
    }

    /// Returns the hash of its name, or of that of the typedef of a nameless one.
    pub(crate) fn name(&self, source: &impl TypeSource) -> u32 {
        name_hash(match self.own_name(source) {
            [] => source.name(self.typedef).unwrap_or_default(),
            own => own,
        })
    }

    fn own_name<'s>(&self, source: &'s impl TypeSource) -> &'s [u8] {
        source.name(self.own_name).unwrap_or_default()
    }

    /// Returns whether it may be the type of a table that is in `slot`. A nameless type may be any,
    /// as several typedefs may name it.
    fn is_of(&self, source: &impl TypeSource, slot: &LayoutSlot) -> bool {
        let is_named = || match self.own_name(source) {
            [] => true,
            name => slot.name == 0 || name_hash(name) == slot.name,
        };
        slot.keyword == Some(self.keyword) && is_named()
    }

    /// Returns whether it may be the type of a table that is in `slot`, if C defines that inside of
    /// `outer`: bindgen puts the name of the outer type and an underscore before its name.
    fn is_inside(
        &self,
        source: &impl TypeSource,
        outer: &TableType<'_>,
        slot: &LayoutSlot,
    ) -> bool {
        let outer = longer_name_hash(outer.name, b"_");
        let name = longer_name_hash(outer, self.own_name(source));
        slot.keyword == Some(self.keyword) && name == slot.name
    }
}

/// The comparison of one type of a table with its counterpart.
struct TypeComparison<'a, S> {
    ty: TableType<'a>,
    source: &'a S,
    theirs: u32,
    /// The worst difference so far, the first of these.
    found: Option<TableMismatch>,
}

impl<S: TypeSource> TypeComparison<'_, S> {
    fn run(&mut self, queue: &mut Queue<'_, '_>) {
        let Some(their) = self.source.type_by_id(self.theirs) else {
            return;
        };
        match their.kind() {
            BtfKind::Struct { size } | BtfKind::Union { size } => {
                // The BTF of a module that was built out of tree has only the names and sizes of
                // types that it does not define itself.
                if their.members().next().is_some() {
                    self.compare_members(queue);
                }
                self.compare_size(size);
            }
            BtfKind::Enum { size } => {
                if their.enumerators().next().is_some() {
                    self.compare_enumerators(size);
                }
                self.compare_size(size);
            }
            _ => {}
        }
    }

    fn differs(&mut self, rule: LayoutRule, hash: u16, name: Option<u32>, numbers: (u64, u64)) {
        // A difference whose member has a name goes before one of the same consequence without.
        let rank = |rule: LayoutRule, is_named: bool| {
            let is_named = is_named || rule == LayoutRule::Size;
            (rule.severity(), is_named)
        };
        let before = self
            .found
            .map(|found| rank(found.rule, found.name.is_some()));
        if before.is_none_or(|before| rank(rule, name.is_some()) > before) {
            self.found = Some(TableMismatch {
                rule,
                theirs: self.theirs,
                hash,
                name,
                numbers,
            });
        }
    }

    fn compare_size(&mut self, theirs: u32) {
        if self.ty.size != u64::from(theirs) {
            self.differs(LayoutRule::Size, 0, None, (self.ty.size, theirs.into()));
        }
    }

    fn compare_members(&mut self, queue: &mut Queue<'_, '_>) {
        let (ty, source, theirs) = (self.ty, self.source, self.theirs);
        let Some(their) = source.type_by_id(theirs) else {
            return;
        };
        let hash_of = |other: &Member| member_hash(source.name(other.name).unwrap_or_default());
        let in_place = |member: &TableMember, other: &Member| {
            member.offset == u64::from(other.offset) && member.name == hash_of(other)
        };
        // In general, both have the same members in the same order: the one behind the last match
        // is tried first. Of several with the same hash, one at the same offset is meant.
        let mut behind = ty.members();
        let mut matched = 0;
        each_member(source, &their, &mut |other, name| {
            let hash = member_hash(name);
            let is_it = |member: &TableMember| {
                member.offset == u64::from(other.offset) && member.name == hash
            };
            let mut ahead = behind.clone();
            let member = match ahead.next().filter(is_it) {
                Some(member) => {
                    behind = ahead;
                    Some(member)
                }
                None => {
                    let mut members = ty.members();
                    let member = members.find(is_it);
                    if member.is_some() {
                        behind = members;
                    }
                    member.or_else(|| {
                        ty.members().find(|member| {
                            let is_at_place = |other: &Member| in_place(member, other);
                            member.name == hash
                                && find_member(source, &their, is_at_place).is_none()
                        })
                    })
                }
            };
            if let Some(member) = member {
                matched += 1;
                self.compare_member(member, other, queue);
            }
            true
        });
        if matched < ty.count {
            for member in ty.members() {
                self.find_renamed(member, &their, queue);
            }
        }
    }

    fn compare_member(&mut self, member: TableMember, other: Member, queue: &mut Queue<'_, '_>) {
        let offsets = (member.offset, u64::from(other.offset));
        let name = Some(other.name);
        let (kind, size) = value_of(self.source, other.ty);
        let sizes = member_size(other, size).map(|theirs| (member.size, theirs));
        if offsets.0 != offsets.1 {
            self.differs(LayoutRule::MemberOffset, member.name, name, offsets);
        } else if let Some(sizes) = sizes.filter(|sizes| sizes.0 != sizes.1) {
            self.differs(LayoutRule::MemberSize, member.name, name, sizes);
        } else if !self.is_alike(member, other, kind, queue) {
            self.differs(LayoutRule::MemberType, member.name, name, offsets);
        }
    }

    /// Returns whether values of a member and of another one mean the same. If so, queues the type
    /// that they lead to.
    fn is_alike(
        &self,
        member: TableMember,
        other: Member,
        kind: Option<BtfKind<'_>>,
        queue: &mut Queue<'_, '_>,
    ) -> bool {
        let is_alike = match (member.shape, kind) {
            (_, None)
            | (
                Shape::Number,
                Some(BtfKind::Int { .. } | BtfKind::Enum { .. } | BtfKind::Float { .. }),
            )
            | (Shape::Pointer, Some(BtfKind::Pointer(_)))
            | (Shape::Other, Some(BtfKind::Struct { .. } | BtfKind::Union { .. })) => true,
            // Nothing is known of such a value but its size.
            (Shape::Other, _) => member.leads_to.is_none(),
            _ => false,
        };
        let Some(number) = member.leads_to.filter(|_| is_alike) else {
            return is_alike;
        };
        let slot = queue.slots.get(usize::from(number));
        let Some(ours) = slot.copied().filter(|slot| slot.keyword.is_some()) else {
            return true;
        };
        // A pointer to `void`, or to a type that is only declared, may lead to anything.
        let Some(theirs) = Counterpart::of(self.source, other.ty) else {
            return true;
        };
        // Most members lead to a type that another one has led to.
        let is_same = theirs.id == ours.theirs
            || theirs.is_of(self.source, &ours)
            || theirs.is_inside(self.source, &self.ty, &ours);
        if is_same {
            queue.push(number, theirs.id);
        }
        is_same
    }

    /// Looks for a member that they do not have by its name.
    fn find_renamed(
        &mut self,
        member: TableMember,
        their: &BtfType<'_>,
        queue: &mut Queue<'_, '_>,
    ) {
        let (ty, source) = (self.ty, self.source);
        let hash = |other: &Member| member_hash(source.name(other.name).unwrap_or_default());
        if find_member(source, their, |other| hash(other) == member.name).is_some() {
            return;
        }
        // A member in its place may be the same under a new name, if we have none of that name.
        let renamed = find_member(source, their, |other| {
            u64::from(other.offset) == member.offset
                && member_size(*other, value_of(source, other.ty).1) == Some(member.size)
                && ty.members().all(|ours| ours.name != hash(other))
        });
        let is_alike = |other: &Member| {
            let (kind, _) = value_of(source, other.ty);
            self.is_alike(member, *other, kind, queue)
        };
        match renamed.filter(is_alike) {
            Some(other) => {
                let numbers = (member.offset, other.offset.into());
                self.differs(
                    LayoutRule::MemberRenamed,
                    member.name,
                    Some(other.name),
                    numbers,
                );
            }
            None => self.differs(
                LayoutRule::MemberMissing,
                member.name,
                None,
                (member.offset, 0),
            ),
        }
    }

    fn compare_enumerators(&mut self, size: u32) {
        let Some(their) = self.source.type_by_id(self.theirs) else {
            return;
        };
        let bits = match size {
            0..8 => (1 << (8 * size)) - 1,
            _ => u64::MAX,
        };
        for (name, value) in self.ty.enumerators() {
            let is_same = |&(other, _): &(u32, u64)| {
                member_hash(self.source.name(other).unwrap_or_default()) == name
            };
            // Either may be extended by its sign. Several may have the hash.
            let has_value = |&(_, theirs): &(u32, u64)| (theirs ^ value as u64) & bits == 0;
            let mut others = their.enumerators().filter(is_same);
            if others.clone().any(|other| has_value(&other)) {
                continue;
            }
            match others.next() {
                None => {
                    self.differs(LayoutRule::EnumeratorMissing, name, None, (value as u64, 0));
                }
                Some((other, theirs)) => {
                    let numbers = (value as u64, theirs);
                    self.differs(LayoutRule::EnumeratorValue, name, Some(other), numbers);
                }
            }
        }
    }
}

/// Returns the size of a member in bits, if that of its type is known.
fn member_size(member: Member, size_of_type: Option<u64>) -> Option<u64> {
    match member.bits {
        0 => size_of_type,
        bits => Some(bits.into()),
    }
}

/// A [`TableMismatch`] in words, in one line.
#[derive(Clone, Copy)]
pub struct TableReport<'a, S> {
    /// The difference.
    pub mismatch: TableMismatch,
    /// Their source.
    pub source: &'a S,
    /// The names of our side and of theirs in the sentence.
    pub labels: [&'a str; 2],
    /// The name of our member or enumerator, if it is known from elsewhere.
    pub name: Option<&'a str>,
}

impl<S: TypeSource> fmt::Display for TableReport<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mismatch = &self.mismatch;
        let theirs = mismatch.name.and_then(|name| self.source.name(name));
        let ours = self.name.map(str::as_bytes);
        let (name, new_name) = match mismatch.rule {
            LayoutRule::MemberRenamed => (ours, theirs),
            _ => (theirs.or(ours), None),
        };
        let sentence = LayoutSentence {
            ty: type_words(self.source, mismatch.theirs),
            rule: mismatch.rule,
            name,
            new_name,
            numbers: mismatch.numbers,
            labels: self.labels,
        };
        sentence.fmt(f)
    }
}
