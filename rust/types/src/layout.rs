// SPDX-License-Identifier: GPL-2.0

//! The comparison of the layouts of structs, unions and enums in two sources of types.
//!
//! "Ours" is the source of the code that uses a type, such as a module; "theirs" is the source of
//! the code that the type belongs to, such as the provider of a symbol. A caller begins with the
//! two types of a symbol, and compares all [`Pair`]s that these reach, each once: the layouts of a
//! whole kernel are connected, and have cycles.

use crate::btf::{resolve, BtfKind, BtfType, Member, TypeSource, CHAIN};
use crate::compare::Severity;
use core::fmt;

/// The deepest nesting of nameless structs and unions, and of arrays, that is followed.
pub(crate) const DEPTH: u32 = 16;

/// The most members of a type that are compared, with those of its nameless members.
const MEMBERS: u32 = 1 << 12;

/// The size of a pointer.
const POINTER: u64 = 8;

/// Two types that are compared with each other: a struct, union, enum, or prototype in our source,
/// and its counterpart in theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pair {
    /// The id of the type in our source.
    pub ours: u32,
    /// The id of the type in their source.
    pub theirs: u32,
}

/// The rule by which their layout differs from ours.
///
/// The documentation of `import_symbols!` has a table of what follows from each.
///
/// A member that only they have, in what is padding of ours, is no difference. Of a type that one
/// of the two has without members, only the size is compared, and nothing if that is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LayoutRule {
    /// The sizes of the struct, union or enum differ.
    Size,
    /// They have no member of that name.
    MemberMissing,
    /// They have a member of another name in the member's place, which has the same type.
    MemberRenamed,
    /// The offsets of the member differ.
    MemberOffset,
    /// The sizes of the member differ, or the numbers of bits of a bit-field.
    MemberSize,
    /// The member's type is of another kind, or another struct, union or enum.
    MemberType,
    /// They have no enumerator of that name.
    EnumeratorMissing,
    /// The values of the enumerator differ.
    EnumeratorValue,
}

impl LayoutRule {
    /// All rules.
    pub const ALL: &'static [Self] = &[
        Self::Size,
        Self::MemberMissing,
        Self::MemberRenamed,
        Self::MemberOffset,
        Self::MemberSize,
        Self::MemberType,
        Self::EnumeratorMissing,
        Self::EnumeratorValue,
    ];

    /// Returns the consequence of a difference by this rule.
    pub const fn severity(self) -> Severity {
        match self {
            Self::MemberRenamed | Self::EnumeratorMissing => Severity::Warn,
            _ => Severity::Refuse,
        }
    }
}

/// A difference between two layouts, as [`compare_pair`] finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayoutMismatch {
    /// The rule by which they differ.
    pub rule: LayoutRule,
    /// The types that differ.
    pub pair: Pair,
    /// The offset of the name of our member or enumerator; 0 if the whole type is meant.
    pub name: u32,
    /// Our number and theirs: offsets and sizes of members in bits, sizes of types in bytes, or
    /// values. For [`LayoutRule::MemberRenamed`] theirs is the offset of the new name.
    pub numbers: (u64, u64),
}

/// A rule and the two numbers of [`LayoutMismatch`].
type Difference = (LayoutRule, (u64, u64));

/// Returns the pair that two types lead to, through typedefs, qualifiers, pointers and arrays.
/// `None`: they lead to nothing that has a layout, or to types of different names, which the
/// comparison of prototypes or of members finds.
pub fn pair_of<A: TypeSource, B: TypeSource>(
    ours: &A,
    mut our: u32,
    theirs: &B,
    mut their: u32,
) -> Option<Pair> {
    for _ in 0..DEPTH {
        our = resolve(ours, our).filter(|&id| id != 0)?;
        their = resolve(theirs, their).filter(|&id| id != 0)?;
        let (our_type, their_type) = (ours.type_by_id(our)?, theirs.type_by_id(their)?);
        (our, their) = match (our_type.kind(), their_type.kind()) {
            (BtfKind::Pointer(our), BtfKind::Pointer(their)) => (our, their),
            (BtfKind::Function(our), BtfKind::Function(their)) => (our, their),
            (BtfKind::Variable(our), BtfKind::Variable(their)) => (our, their),
            (BtfKind::Array { element: our, .. }, BtfKind::Array { element: their, .. }) => {
                (our, their)
            }
            (BtfKind::Struct { .. }, BtfKind::Struct { .. })
            | (BtfKind::Union { .. }, BtfKind::Union { .. })
            | (BtfKind::Enum { .. }, BtfKind::Enum { .. })
                if ours.name(our_type.name_offset()) == theirs.name(their_type.name_offset()) =>
            {
                return Some(Pair {
                    ours: our,
                    theirs: their,
                });
            }
            (BtfKind::Prototype { .. }, BtfKind::Prototype { .. }) => {
                return Some(Pair {
                    ours: our,
                    theirs: their,
                });
            }
            _ => return None,
        };
    }
    None
}

/// Compares the two types of `pair`, and calls `reach` with each pair that they lead to. Returns
/// the first difference, in the order of our members; a difference that is refused goes before one
/// that is not.
pub fn compare_pair<A: TypeSource, B: TypeSource>(
    ours: &A,
    theirs: &B,
    pair: Pair,
    mut reach: impl FnMut(Pair),
) -> Option<LayoutMismatch> {
    let (our, their) = (ours.type_by_id(pair.ours)?, theirs.type_by_id(pair.theirs)?);
    let mut found: Option<LayoutMismatch> = None;
    let mut differs = |rule: LayoutRule, name, numbers| {
        let before = found.map(|found| found.rule.severity());
        if before.is_none_or(|before| rule.severity() > before) {
            found = Some(LayoutMismatch {
                rule,
                pair,
                name,
                numbers,
            });
        }
    };
    let are_whole = is_whole(ours, &our, DEPTH) && is_whole(theirs, &their, DEPTH);
    match (our.kind(), their.kind()) {
        (
            BtfKind::Struct { size } | BtfKind::Union { size },
            BtfKind::Struct { size: their_size } | BtfKind::Union { size: their_size },
        ) => {
            each_member(ours, &our, &mut |member, _| {
                if !are_whole {
                    return false;
                }
                let (other, difference) = compare_member((ours, &our), (theirs, &their), member);
                if let Some((rule, numbers)) = difference {
                    differs(rule, member.name, numbers);
                }
                let pair = other.and_then(|other| pair_of(ours, member.ty, theirs, other.ty));
                pair.map(&mut reach);
                true
            });
            if size != their_size {
                differs(LayoutRule::Size, 0, (size.into(), their_size.into()));
            }
        }
        (BtfKind::Enum { size }, BtfKind::Enum { size: their_size }) => {
            for (name, value) in our.enumerators().filter(|_| are_whole) {
                let same = |&(other, _): &(u32, u64)| theirs.name(other) == ours.name(name);
                match their.enumerators().find(same) {
                    None => differs(LayoutRule::EnumeratorMissing, name, (value, 0)),
                    Some((_, other)) if other != value => {
                        differs(LayoutRule::EnumeratorValue, name, (value, other));
                    }
                    Some(_) => {}
                }
            }
            if size != their_size {
                differs(LayoutRule::Size, 0, (size.into(), their_size.into()));
            }
        }
        (
            BtfKind::Prototype {
                returned,
                parameters,
            },
            BtfKind::Prototype {
                returned: their_returned,
                parameters: their_parameters,
            },
        ) => {
            let types = [(returned, their_returned)].into_iter();
            for (our, their) in types.chain(parameters.zip(their_parameters)) {
                if let Some(pair) = pair_of(ours, our, theirs, their) {
                    reach(pair);
                }
            }
        }
        _ => {}
    }
    found
}

/// Returns whether `source` has all members of a type, or all its enumerators. The BTF of a module
/// that was built out of tree has only the names and sizes of types that it does not define itself.
/// Such a type may be a nameless member of another type (`-fms-extensions`).
fn is_whole(source: &impl TypeSource, ty: &BtfType<'_>, depth: u32) -> bool {
    let is_nameless = |member: &Member| source.name(member.name) == Some(b"");
    let inner = |member: Member| source.type_by_id(resolve(source, member.ty)?);
    let mut nameless = ty.members().filter(is_nameless).filter_map(inner);
    let is_empty = |ty: &BtfType<'_>| {
        matches!(
            ty.kind(),
            BtfKind::Struct { size: 0 } | BtfKind::Union { size: 0 }
        )
    };
    match ty.kind() {
        BtfKind::Struct { .. } | BtfKind::Union { .. } => {
            let is_known = |inner| is_empty(&inner) || is_whole(source, &inner, depth - 1);
            depth == 0 || ty.members().next().is_some() && nameless.all(is_known)
        }
        BtfKind::Enum { .. } => ty.enumerators().next().is_some(),
        _ => true,
    }
}

/// Calls `visit` with the members of a struct or union, and with those of its nameless members in
/// place of these, as C sees them, until it returns false. Offsets are those in the whole type. The
/// second argument is the member's name.
pub(crate) fn each_member(
    source: &impl TypeSource,
    ty: &BtfType<'_>,
    visit: &mut dyn FnMut(Member, &[u8]) -> bool,
) {
    each_member_at(source, ty, (0, DEPTH), &mut { MEMBERS }, visit);
}

/// Does the same for a type at the offset `base`, up to `depth` and for as many members as are
/// `left`: a struct that is in itself more than once would have no end. Returns false at an end.
fn each_member_at(
    source: &impl TypeSource,
    ty: &BtfType<'_>,
    (base, depth): (u32, u32),
    left: &mut u32,
    visit: &mut dyn FnMut(Member, &[u8]) -> bool,
) -> bool {
    for mut member in ty.members() {
        let Some(less) = left.checked_sub(1) else {
            return false;
        };
        *left = less;
        member.offset = member.offset.wrapping_add(base);
        let goes_on = match source.name(member.name) {
            Some([]) if depth == 0 => true,
            Some([]) => {
                let place = (member.offset, depth - 1);
                let inner = resolve(source, member.ty).and_then(|id| source.type_by_id(id));
                inner.is_none_or(|ty| each_member_at(source, &ty, place, left, visit))
            }
            name => visit(member, name.unwrap_or_default()),
        };
        if !goes_on {
            return false;
        }
    }
    true
}

/// Returns the first member that `is_wanted` accepts.
pub(crate) fn find_member(
    source: &impl TypeSource,
    ty: &BtfType<'_>,
    is_wanted: impl Fn(&Member) -> bool,
) -> Option<Member> {
    let mut found = None;
    each_member(source, ty, &mut |member, _| {
        found = Some(member).filter(&is_wanted);
        found.is_none()
    });
    found
}

fn find_named(source: &impl TypeSource, ty: &BtfType<'_>, name: Option<&[u8]>) -> Option<Member> {
    find_member(source, ty, |member| source.name(member.name) == name)
}

/// Compares `member` of our type with its counterpart in theirs, which is returned too, if there
/// is one.
fn compare_member<A: TypeSource, B: TypeSource>(
    (ours, our): (&A, &BtfType<'_>),
    (theirs, their): (&B, &BtfType<'_>),
    member: Member,
) -> (Option<Member>, Option<Difference>) {
    let offset = u64::from(member.offset);
    let sizes = |other: Member| match (member.bits, other.bits) {
        (0, 0) => (size_of(ours, member.ty), size_of(theirs, other.ty)),
        (our, their) => (Some(our.into()), Some(their.into())),
    };
    let Some(other) = find_named(theirs, their, ours.name(member.name)) else {
        // A member in its place may be the same under a new name, if we have none of that name.
        let renamed = find_member(theirs, their, |other| {
            let (size, their_size) = sizes(*other);
            other.offset == member.offset
                && size == their_size
                && is_alike(ours, member.ty, theirs, other.ty)
                && find_named(ours, our, theirs.name(other.name)).is_none()
        });
        let difference = match renamed {
            Some(other) => (LayoutRule::MemberRenamed, (offset, other.name.into())),
            None => (LayoutRule::MemberMissing, (offset, 0)),
        };
        return (renamed, Some(difference));
    };
    let (size, their_size) = sizes(other);
    let difference = if other.offset != member.offset {
        Some((LayoutRule::MemberOffset, (offset, other.offset.into())))
    } else if size != their_size {
        let numbers = (size.unwrap_or(0), their_size.unwrap_or(0));
        Some((LayoutRule::MemberSize, numbers))
    } else if !is_alike(ours, member.ty, theirs, other.ty) {
        Some((LayoutRule::MemberType, (offset, offset)))
    } else {
        None
    };
    (Some(other), difference)
}

/// Returns the size of a type in bits, if it is known.
fn size_of(source: &impl TypeSource, id: u32) -> Option<u64> {
    value_of(source, id).1
}

/// Returns the kind of a type, or of the elements of an array, and the size of the type in bits, as
/// far as they are known.
pub(crate) fn value_of<S: TypeSource>(
    source: &S,
    mut id: u32,
) -> (Option<BtfKind<'_>>, Option<u64>) {
    let mut count = Some(8_u64);
    for _ in 0..CHAIN {
        let Some(ty) = (id != 0).then(|| source.type_by_id(id)).flatten() else {
            break;
        };
        let kind = ty.kind();
        let size = match kind {
            BtfKind::Typedef(next)
            | BtfKind::Volatile(next)
            | BtfKind::Const(next)
            | BtfKind::Restrict(next)
            | BtfKind::TypeTag(next) => {
                id = next;
                continue;
            }
            BtfKind::Array { element, length } => {
                count = count.and_then(|count| count.checked_mul(length.into()));
                id = element;
                continue;
            }
            BtfKind::Pointer(_) => Some(POINTER),
            BtfKind::Int { size, .. }
            | BtfKind::Struct { size }
            | BtfKind::Union { size }
            | BtfKind::Enum { size }
            | BtfKind::Float { size } => Some(size.into()),
            _ => None,
        };
        let sizes = count.zip(size);
        return (
            Some(kind),
            sizes.and_then(|(count, size)| count.checked_mul(size)),
        );
    }
    (None, None)
}

/// Returns whether values of the two types, which have the same size, mean the same.
fn is_alike<A: TypeSource, B: TypeSource>(
    ours: &A,
    mut our: u32,
    theirs: &B,
    mut their: u32,
) -> bool {
    let mut is_pointee = false;
    for _ in 0..DEPTH {
        let (Some(our_id), Some(their_id)) = (resolve(ours, our), resolve(theirs, their)) else {
            return true;
        };
        let (our_type, their_type) = (ours.type_by_id(our_id), theirs.type_by_id(their_id));
        // Either is `void`.
        let (Some(our_type), Some(their_type)) = (our_type, their_type) else {
            return is_pointee || our_id == their_id;
        };
        let names = (
            ours.name(our_type.name_offset()).unwrap_or_default(),
            theirs.name(their_type.name_offset()).unwrap_or_default(),
        );
        let same_name = names.0 == names.1 || names.0.is_empty() || names.1.is_empty();
        (our, their) = match (our_type.kind(), their_type.kind()) {
            (BtfKind::Pointer(our), BtfKind::Pointer(their)) => {
                is_pointee = true;
                (our, their)
            }
            (BtfKind::Array { element: our, .. }, BtfKind::Array { element: their, .. }) => {
                (our, their)
            }
            (
                BtfKind::Int { .. } | BtfKind::Enum { .. },
                BtfKind::Int { .. } | BtfKind::Enum { .. },
            )
            | (BtfKind::Float { .. }, BtfKind::Float { .. })
            | (BtfKind::Prototype { .. }, BtfKind::Prototype { .. }) => return true,
            (
                BtfKind::Struct { .. } | BtfKind::Forward { union: false },
                BtfKind::Struct { .. } | BtfKind::Forward { union: false },
            )
            | (
                BtfKind::Union { .. } | BtfKind::Forward { union: true },
                BtfKind::Union { .. } | BtfKind::Forward { union: true },
            ) => return same_name,
            _ => return false,
        };
    }
    true
}

/// A [`LayoutMismatch`] in words, in one line.
#[derive(Clone, Copy)]
pub struct LayoutReport<'a, A, B> {
    /// The difference.
    pub mismatch: LayoutMismatch,
    /// Our source.
    pub ours: &'a A,
    /// Their source.
    pub theirs: &'a B,
    /// The names of our source and of theirs in the sentence.
    pub labels: [&'a str; 2],
}

/// A number of bits, in bytes if it is a whole number of these.
struct Bits(u64);

impl fmt::Display for Bits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, unit) = match self.0 % 8 {
            0 => (self.0 / 8, "byte"),
            _ => (self.0, "bit"),
        };
        let plural = if number == 1 { "" } else { "s" };
        write!(f, "{number} {unit}{plural}")
    }
}

/// An offset in bits, in bytes if it is that of a byte.
struct Place(u64);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 % 8 {
            0 => write!(f, "byte {}", self.0 / 8),
            _ => write!(f, "bit {}", self.0),
        }
    }
}

impl<A: TypeSource, B: TypeSource> fmt::Display for LayoutReport<'_, A, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LayoutMismatch {
            rule,
            pair,
            name,
            numbers,
        } = self.mismatch;
        let new_name = match rule {
            LayoutRule::MemberRenamed => self.theirs.name(numbers.1 as u32),
            _ => None,
        };
        let sentence = LayoutSentence {
            ty: type_words(self.ours, pair.ours),
            rule,
            name: self.ours.name(name),
            new_name,
            numbers,
            labels: self.labels,
        };
        sentence.fmt(f)
    }
}

/// Returns the keyword and the name of a struct, union or enum.
pub(crate) fn type_words(source: &impl TypeSource, id: u32) -> (&'static str, &[u8]) {
    let Some(ty) = source.type_by_id(id) else {
        return ("type", b"");
    };
    let keyword = match ty.kind() {
        BtfKind::Struct { .. } => "struct",
        BtfKind::Union { .. } => "union",
        _ => "enum",
    };
    (keyword, source.name(ty.name_offset()).unwrap_or_default())
}

/// The parts of a sentence that tells a difference between two layouts.
pub(crate) struct LayoutSentence<'a> {
    /// The keyword and the name of the type.
    pub(crate) ty: (&'static str, &'a [u8]),
    pub(crate) rule: LayoutRule,
    /// The name of our member or enumerator, if it is known.
    pub(crate) name: Option<&'a [u8]>,
    /// The name of their member that is in the place of ours.
    pub(crate) new_name: Option<&'a [u8]>,
    pub(crate) numbers: (u64, u64),
    pub(crate) labels: [&'a str; 2],
}

/// A name behind a space; nothing if the name is not known.
struct Name<'a>(Option<&'a [u8]>);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .map_or(Ok(()), |name| write!(f, " {}", name.escape_ascii()))
    }
}

impl fmt::Display for LayoutSentence<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ty {
            (keyword, []) => write!(f, "a nameless {keyword}")?,
            (keyword, name) => write!(f, "{keyword} {}", name.escape_ascii())?,
        }
        let (name, (our, their), [ours, theirs]) = (Name(self.name), self.numbers, self.labels);
        match self.rule {
            LayoutRule::Size => {
                let (our, their) = (Bits(our.saturating_mul(8)), Bits(their.saturating_mul(8)));
                write!(f, " has {their} in {theirs}, {our} in {ours}")
            }
            LayoutRule::MemberMissing => {
                let article = if self.name.is_some() { "no" } else { "not the" };
                let place = Place(our);
                write!(
                    f,
                    ": {theirs} has {article} member{name}, which {ours} has at {place}"
                )
            }
            LayoutRule::MemberRenamed => {
                let new = Name(self.new_name);
                let place = match self.name {
                    Some(_) => None,
                    None => Some(Place(our)),
                };
                write!(f, ": the member{name} of {ours}")?;
                if let Some(place) = place {
                    write!(f, " at {place}")?;
                }
                write!(f, " is called{new} in {theirs}")
            }
            LayoutRule::MemberOffset => {
                let (our, their) = (Place(our), Place(their));
                write!(
                    f,
                    ": member{name} is at {their} in {theirs}, at {our} in {ours}"
                )
            }
            LayoutRule::MemberSize => {
                let (our, their) = (Bits(our), Bits(their));
                write!(f, ": member{name} has {their} in {theirs}, {our} in {ours}")
            }
            LayoutRule::MemberType => {
                write!(
                    f,
                    ": member{name} has another type in {theirs} than in {ours}"
                )
            }
            LayoutRule::EnumeratorMissing => match self.name {
                Some(_) => write!(f, ": {theirs} has no enumerator{name}, which {ours} has"),
                None => {
                    let our = our as i64;
                    write!(
                        f,
                        ": {theirs} has not the enumerator of {ours} that is {our}"
                    )
                }
            },
            LayoutRule::EnumeratorValue => {
                let (our, their) = (our as i64, their as i64);
                write!(
                    f,
                    ": enumerator{name} is {their} in {theirs}, {our} in {ours}"
                )
            }
        }
    }
}
