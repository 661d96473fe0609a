// SPDX-License-Identifier: GPL-2.0

//! The kernel's types: the questions that are asked about them, and a reader of `.BTF` sections.

use crate::name_buckets::NameBuckets;

/// The most modifiers and typedefs of one type. A longer chain is taken for a loop.
pub(crate) const CHAIN: usize = 64;

/// A source in which the kernel's types are looked up.
///
/// The functions answer like the kernel's `btf_type_by_id` and `btf_name_by_offset`. Numbers are
/// little-endian. Callers do not trust an answer to make sense.
pub trait TypeSource {
    /// Returns the type `id`, which is not 0 (`void`), or `None` if there is no such type.
    fn type_by_id(&self, id: u32) -> Option<BtfType<'_>>;

    /// Returns the string at `offset` without its NUL. It is empty for a type without a name.
    fn name(&self, offset: u32) -> Option<&[u8]>;
}

/// A `struct btf_type` and the bytes behind it that belong to it.
#[derive(Clone, Copy, Debug)]
pub struct BtfType<'a> {
    name: u32,
    info: u32,
    size_or_type: u32,
    trailing: &'a [u8],
}

/// The kind of a [`BtfType`]. It gives the types that it refers to by their ids; 0 is `void`.
#[derive(Clone, Debug)]
#[expect(missing_docs)] // The fields are those of BTF, see the kernel's Documentation/bpf/btf.rst.
pub enum BtfKind<'a> {
    Int {
        size: u32,
        signed: bool,
        boolean: bool,
    },
    Pointer(u32),
    Array {
        element: u32,
        length: u32,
    },
    Struct {
        size: u32,
    },
    Union {
        size: u32,
    },
    Enum {
        size: u32,
    },
    Forward {
        union: bool,
    },
    Typedef(u32),
    Volatile(u32),
    Const(u32),
    Restrict(u32),
    Function(u32),
    Prototype {
        returned: u32,
        parameters: Parameters<'a>,
    },
    Variable(u32),
    Float {
        size: u32,
    },
    TypeTag(u32),
    DeclTag(u32),
    /// A kind that no symbol's type has: a section, or an unknown kind.
    Other,
}

/// The types of a prototype's parameters. The type of `...` is `void`.
#[derive(Clone, Debug)]
pub struct Parameters<'a>(&'a [u8]);

impl Parameters<'_> {
    /// Returns the offset of the next one's name, and its type.
    pub fn next_named(&mut self) -> Option<(u32, u32)> {
        let (parameter, rest) = self.0.split_first_chunk::<8>()?;
        self.0 = rest;
        Some((u32_at(parameter, 0)?, u32_at(parameter, 4)?))
    }
}

impl Iterator for Parameters<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        self.next_named().map(|(_, ty)| ty)
    }
}

/// A member of a struct or union.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// The offset of its name, which is empty for a nameless struct or union.
    pub name: u32,
    /// Its type.
    pub ty: u32,
    /// Its offset in bits.
    pub offset: u32,
    /// Its number of bits; 0 if it is no bit-field.
    pub bits: u8,
}

/// The members of a struct or union.
#[derive(Clone, Debug)]
pub struct Members<'a> {
    members: &'a [u8],
    has_bits: bool,
}

impl Iterator for Members<'_> {
    type Item = Member;

    fn next(&mut self) -> Option<Member> {
        let (member, rest) = self.members.split_first_chunk::<12>()?;
        self.members = rest;
        let offset = u32_at(member, 8)?;
        let (offset, bits) = match self.has_bits {
            true => (offset & 0xff_ffff, (offset >> 24) as u8),
            false => (offset, 0),
        };
        Some(Member {
            name: u32_at(member, 0)?,
            ty: u32_at(member, 4)?,
            offset,
            bits,
        })
    }
}

/// The enumerators of an enum: the offset of each name, and the value as 64 bits.
#[derive(Clone, Debug)]
pub struct Enumerators<'a> {
    enumerators: &'a [u8],
    is_wide: bool,
    is_signed: bool,
}

impl Iterator for Enumerators<'_> {
    type Item = (u32, u64);

    fn next(&mut self) -> Option<(u32, u64)> {
        let len = if self.is_wide { 12 } else { 8 };
        let (enumerator, rest) = self.enumerators.split_at_checked(len)?;
        self.enumerators = rest;
        let low = u32_at(enumerator, 4)?;
        let high = match (self.is_wide, self.is_signed) {
            (true, _) => u32_at(enumerator, 8)?,
            (false, true) => ((low as i32) >> 31) as u32,
            (false, false) => 0,
        };
        let value = (u64::from(high) << 32) | u64::from(low);
        Some((u32_at(enumerator, 0)?, value))
    }
}

mod kind {
    pub(super) const INT: u32 = 1;
    pub(super) const PTR: u32 = 2;
    pub(super) const ARRAY: u32 = 3;
    pub(super) const STRUCT: u32 = 4;
    pub(super) const UNION: u32 = 5;
    pub(super) const ENUM: u32 = 6;
    pub(super) const FWD: u32 = 7;
    pub(super) const TYPEDEF: u32 = 8;
    pub(super) const VOLATILE: u32 = 9;
    pub(super) const CONST: u32 = 10;
    pub(super) const RESTRICT: u32 = 11;
    pub(super) const FUNC: u32 = 12;
    pub(super) const FUNC_PROTO: u32 = 13;
    pub(super) const VAR: u32 = 14;
    pub(super) const DATASEC: u32 = 15;
    pub(super) const FLOAT: u32 = 16;
    pub(super) const DECL_TAG: u32 = 17;
    pub(super) const TYPE_TAG: u32 = 18;
    pub(super) const ENUM64: u32 = 19;
}

const INT_SIGNED: u32 = 1 << 24;
const INT_BOOL: u32 = 1 << 26;

impl<'a> BtfType<'a> {
    /// The bytes of a `struct btf_type`.
    pub const SIZE: usize = 12;

    /// Makes a type from the three words of `struct btf_type` and the bytes behind it, which must
    /// be as many as [`trailing_len`](Self::trailing_len) says.
    pub const fn new(name: u32, info: u32, size_or_type: u32, trailing: &'a [u8]) -> Self {
        Self {
            name,
            info,
            size_or_type,
            trailing,
        }
    }

    /// Returns the number of bytes that follow a `struct btf_type` with this `info` and belong to
    /// it, or `None` if its kind is not known.
    pub const fn trailing_len(info: u32) -> Option<usize> {
        let (fixed, each) = match Self::kind_of(info) {
            kind::INT | kind::VAR | kind::DECL_TAG => (4, 0),
            kind::ARRAY => (12, 0),
            kind::STRUCT | kind::UNION | kind::DATASEC | kind::ENUM64 => (0, 12),
            kind::ENUM | kind::FUNC_PROTO => (0, 8),
            kind::PTR | kind::FWD | kind::TYPEDEF | kind::VOLATILE | kind::CONST => (0, 0),
            kind::RESTRICT | kind::FUNC | kind::FLOAT | kind::TYPE_TAG => (0, 0),
            _ => return None,
        };
        Some(fixed + each * Self::vlen(info))
    }

    // Up to Linux 7.0 the kind has 5 bits and vlen 16. The bits that both gained later are zero
    // there.
    const fn kind_of(info: u32) -> u32 {
        (info >> 24) & 0x7f
    }

    const fn vlen(info: u32) -> usize {
        (info & 0xff_ffff) as usize
    }

    /// Returns the offset of its name.
    pub const fn name_offset(&self) -> u32 {
        self.name
    }

    /// Returns its members, which only a struct or union has.
    pub fn members(&self) -> Members<'a> {
        let is_aggregate = matches!(Self::kind_of(self.info), kind::STRUCT | kind::UNION);
        Members {
            members: if is_aggregate { self.trailing } else { &[] },
            has_bits: self.info >> 31 != 0,
        }
    }

    /// Returns its enumerators, which only an enum has.
    pub fn enumerators(&self) -> Enumerators<'a> {
        let kind = Self::kind_of(self.info);
        let is_enum = matches!(kind, kind::ENUM | kind::ENUM64);
        Enumerators {
            enumerators: if is_enum { self.trailing } else { &[] },
            is_wide: kind == kind::ENUM64,
            is_signed: self.info >> 31 != 0,
        }
    }

    /// Returns its kind.
    pub fn kind(&self) -> BtfKind<'a> {
        self.try_kind().unwrap_or(BtfKind::Other)
    }

    fn try_kind(&self) -> Option<BtfKind<'a>> {
        let other = self.size_or_type;
        let size = self.size_or_type;
        Some(match Self::kind_of(self.info) {
            kind::INT => {
                let encoding = u32_at(self.trailing, 0)?;
                BtfKind::Int {
                    size,
                    signed: encoding & INT_SIGNED != 0,
                    boolean: encoding & INT_BOOL != 0,
                }
            }
            kind::PTR => BtfKind::Pointer(other),
            kind::ARRAY => BtfKind::Array {
                element: u32_at(self.trailing, 0)?,
                length: u32_at(self.trailing, 8)?,
            },
            kind::STRUCT => BtfKind::Struct { size },
            kind::UNION => BtfKind::Union { size },
            kind::ENUM | kind::ENUM64 => BtfKind::Enum { size },
            kind::FWD => BtfKind::Forward {
                union: self.info >> 31 != 0,
            },
            kind::TYPEDEF => BtfKind::Typedef(other),
            kind::VOLATILE => BtfKind::Volatile(other),
            kind::CONST => BtfKind::Const(other),
            kind::RESTRICT => BtfKind::Restrict(other),
            kind::FUNC => BtfKind::Function(other),
            kind::FUNC_PROTO => BtfKind::Prototype {
                returned: other,
                parameters: Parameters(self.trailing.get(..8 * Self::vlen(self.info))?),
            },
            kind::VAR => BtfKind::Variable(other),
            kind::FLOAT => BtfKind::Float { size },
            kind::TYPE_TAG => BtfKind::TypeTag(other),
            kind::DECL_TAG => BtfKind::DeclTag(other),
            _ => BtfKind::Other,
        })
    }
}

fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    let bytes = bytes.get(offset..)?.first_chunk()?;
    Some(u32::from_le_bytes(*bytes))
}

/// The reason why bytes cannot be read as BTF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BtfError {
    /// The magic number at the beginning is not BTF's.
    Magic,
    /// The BTF is of a big-endian kernel.
    BigEndian,
    /// The BTF is of another version of the format.
    Version(u8),
    /// A part of the BTF would be beyond its end.
    End,
    /// The strings do not begin or not end with a NUL.
    Strings,
    /// A type is of an unknown kind, and the BTF does not state its length.
    Kind(u32),
    /// The index is shorter than [`Btf::count`] says.
    Index,
}

impl core::fmt::Display for BtfError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Magic => f.write_str("this is no BTF"),
            Self::BigEndian => f.write_str("the BTF is of a big-endian kernel"),
            Self::Version(version) => write!(f, "version {version} of BTF is not known"),
            Self::End => f.write_str("the BTF ends too early"),
            Self::Strings => f.write_str("the strings of the BTF are malformed"),
            Self::Kind(kind) => write!(f, "the BTF has a type of kind {kind}, which is not known"),
            Self::Index => f.write_str("the index for the types of the BTF is too small"),
        }
    }
}

impl core::error::Error for BtfError {}

/// The types of a `.BTF` section.
///
/// The BTF of a module is split: it continues the BTF of the kernel image, or of the module's own
/// `.BTF.base` section if there is one. It is read with that BTF as its base.
#[derive(Clone, Copy, Debug)]
pub struct Btf<'a> {
    base: Option<&'a Btf<'a>>,
    sections: Sections<'a>,
    /// The offset of each type.
    index: &'a [u32],
    first_id: u32,
    first_string: u32,
}

#[derive(Clone, Copy, Debug)]
struct Sections<'a> {
    types: &'a [u8],
    strings: &'a [u8],
    /// The lengths of types by kind, which BTF has from Linux 7.1 on.
    layout: &'a [u8],
}

impl<'a> Btf<'a> {
    /// Returns the number of types in `bytes`. [`new`](Self::new) needs an index of this length.
    pub fn count(bytes: &[u8]) -> Result<usize, BtfError> {
        let mut count = 0;
        Sections::new(bytes)?.each_type(|_| {
            count += 1;
            Ok(())
        })?;
        Ok(count)
    }

    /// Reads a `.BTF` section, which is split if there is a `base`. Fills `index`, which must be as
    /// long as [`count`](Self::count) says.
    pub fn new(
        bytes: &'a [u8],
        base: Option<&'a Btf<'a>>,
        index: &'a mut [u32],
    ) -> Result<Self, BtfError> {
        let sections = Sections::new(bytes)?;
        let mut count = 0;
        sections.each_type(|offset| {
            *index.get_mut(count).ok_or(BtfError::Index)? = offset;
            count += 1;
            Ok(())
        })?;
        Self::with_index(bytes, base, index.get(..count).unwrap_or_default())
    }

    /// Reads a `.BTF` section once more, with the index that [`new`](Self::new) filled.
    pub fn with_index(
        bytes: &'a [u8],
        base: Option<&'a Btf<'a>>,
        index: &'a [u32],
    ) -> Result<Self, BtfError> {
        let sections = Sections::new(bytes)?;
        // The strings of split BTF continue the strings of the base, which begin with the empty
        // one.
        if sections.strings.last().is_some_and(|&byte| byte != 0)
            || base.is_none() && sections.strings.first() != Some(&0)
        {
            return Err(BtfError::Strings);
        }
        Ok(Self {
            base,
            sections,
            index,
            first_id: base.map_or(1, Self::end_id),
            first_string: base.map_or(0, Self::end_string),
        })
    }

    /// Returns the id of the first type that is not in the base.
    pub fn first_id(&self) -> u32 {
        self.first_id
    }

    fn end_id(&self) -> u32 {
        self.first_id.saturating_add(self.index.len() as u32)
    }

    fn end_string(&self) -> u32 {
        let len = self.sections.strings.len() as u32;
        self.first_string.saturating_add(len)
    }
}

impl TypeSource for Btf<'_> {
    fn type_by_id(&self, id: u32) -> Option<BtfType<'_>> {
        let Some(index) = id.checked_sub(self.first_id) else {
            return self.base?.type_by_id(id);
        };
        let offset = *self.index.get(index as usize)?;
        let (ty, _) = self.sections.type_at(offset as usize).ok()?;
        Some(ty)
    }

    fn name(&self, offset: u32) -> Option<&[u8]> {
        let Some(offset) = offset.checked_sub(self.first_string) else {
            return self.base?.name(offset);
        };
        let string = self.sections.strings.get(offset as usize..)?;
        let end = string.iter().position(|&byte| byte == 0)?;
        string.get(..end)
    }
}

impl<'a> Sections<'a> {
    fn new(bytes: &'a [u8]) -> Result<Self, BtfError> {
        const HEADER: usize = 24;
        const HEADER_WITH_LAYOUT: usize = 32;

        match bytes {
            [0x9f, 0xeb, 1, ..] => {}
            [0x9f, 0xeb, version, ..] => return Err(BtfError::Version(*version)),
            [0xeb, 0x9f, ..] => return Err(BtfError::BigEndian),
            _ => return Err(BtfError::Magic),
        }
        let field = |offset| u32_at(bytes, offset).ok_or(BtfError::End);
        let header_len = field(4)? as usize;
        if header_len < HEADER {
            return Err(BtfError::End);
        }
        let body = bytes.get(header_len..).ok_or(BtfError::End)?;
        let section = |at| {
            let start = field(at)? as usize;
            let len = field(at + 4)? as usize;
            let section = body.get(start..).and_then(|rest| rest.get(..len));
            section.ok_or(BtfError::End)
        };
        Ok(Self {
            types: section(8)?,
            strings: section(16)?,
            layout: if header_len >= HEADER_WITH_LAYOUT {
                section(24)?
            } else {
                &[]
            },
        })
    }

    /// Returns the type at `offset` and the offset of the next one.
    fn type_at(&self, offset: usize) -> Result<(BtfType<'a>, usize), BtfError> {
        let bytes = self.types.get(offset..).ok_or(BtfError::End)?;
        let field = |offset| u32_at(bytes, offset).ok_or(BtfError::End);
        let (name, info, size_or_type) = (field(0)?, field(4)?, field(8)?);
        let len = BtfType::trailing_len(info).or_else(|| self.layout_len(info));
        let len = len.ok_or(BtfError::Kind(BtfType::kind_of(info)))?;
        let trailing = bytes.get(BtfType::SIZE..).and_then(|rest| rest.get(..len));
        let trailing = trailing.ok_or(BtfError::End)?;
        let ty = BtfType::new(name, info, size_or_type, trailing);
        Ok((ty, offset + BtfType::SIZE + len))
    }

    /// Returns the same as [`BtfType::trailing_len`], for a kind that is newer than this reader.
    fn layout_len(&self, info: u32) -> Option<usize> {
        let at = 4 * BtfType::kind_of(info) as usize;
        let &[fixed, each, ..] = self.layout.get(at..)?.first_chunk::<4>()?;
        // Kind 0 is not used.
        (at != 0).then_some(usize::from(fixed) + usize::from(each) * BtfType::vlen(info))
    }

    /// Calls `visit` with the offset of each type.
    fn each_type(
        &self,
        mut visit: impl FnMut(u32) -> Result<(), BtfError>,
    ) -> Result<(), BtfError> {
        let mut offset = 0;
        while offset < self.types.len() {
            // The header states the length of the types in 32 bits, so their offsets have no more.
            visit(offset as u32)?;
            (_, offset) = self.type_at(offset)?;
        }
        Ok(())
    }
}

/// A symbol to be looked for by [`find`].
#[derive(Clone, Copy, Debug)]
pub struct TypeQuery<'a> {
    name: &'a [u8],
    found: TypeMatch,
    next: u16,
}

/// The result of a search for a symbol's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TypeMatch {
    /// No function and no variable has this name.
    Missing,
    /// The type with this id has it.
    Id(u32),
    /// Several have it, as static functions of different files may. Nothing tells which one is
    /// meant.
    Ambiguous,
}

impl<'a> TypeQuery<'a> {
    /// Asks for the function or variable `name`.
    pub const fn new(name: &'a [u8]) -> Self {
        Self {
            name,
            found: TypeMatch::Missing,
            next: NameBuckets::END,
        }
    }

    /// Returns the name.
    pub const fn name(&self) -> &'a [u8] {
        self.name
    }

    /// Returns the result of the last [`find`].
    pub const fn found(&self) -> TypeMatch {
        self.found
    }
}

/// Looks for all of `wanted` in one pass over the functions and variables from type `first_id` on
/// (1 for a whole kernel image, [`Btf::first_id`] for a module).
///
/// Takes no more than [`NameBuckets::CAPACITY`] names; others stay [`TypeMatch::Missing`].
pub fn find(source: &impl TypeSource, first_id: u32, wanted: &mut [TypeQuery<'_>]) {
    // The pass hashes each name of the kernel, but hardly ever compares one.
    let mut buckets = NameBuckets::default();
    for (index, entry) in wanted.iter_mut().enumerate() {
        entry.found = TypeMatch::Missing;
        entry.next = buckets.link(entry.name, index);
    }

    for id in first_id.. {
        let Some(ty) = source.type_by_id(id) else {
            break;
        };
        if !matches!(BtfType::kind_of(ty.info), kind::FUNC | kind::VAR) {
            continue;
        }
        let Some(name) = source.name(ty.name) else {
            continue;
        };
        let mut next = buckets.first(name);
        while let Some(entry) = wanted.get_mut(usize::from(next)) {
            if entry.name == name {
                entry.found = match entry.found {
                    TypeMatch::Missing => TypeMatch::Id(id),
                    _ => TypeMatch::Ambiguous,
                };
            }
            next = entry.next;
        }
    }
}

/// The end of the name under which BTF has the true prototype of a kfunc with implicit arguments.
///
/// The kernel's `resolve_btfids` takes the last arguments of such a kfunc, which the BPF verifier
/// supplies, out of the prototype of the kfunc, and adds a function of this name that has them all.
/// No symbol has this name.
pub const IMPLEMENTATION: &str = "_impl";

/// Returns whether the function `id` is tagged as a kfunc, for which it looks through all types.
pub fn is_kfunc(source: &impl TypeSource, id: u32) -> bool {
    let tags = (1..).map_while(|tag| source.type_by_id(tag));
    let mut own = tags.filter(|tag| matches!(tag.kind(), BtfKind::DeclTag(of) if of == id));
    own.any(|tag| source.name(tag.name) == Some(b"bpf_kfunc"))
}

/// Returns whether the type before `id` or the one behind it is a function or variable of the same
/// name. If the types are sorted by name, this tells whether there is another one at all, unless a
/// type of another kind with that name is between the two.
pub fn has_namesake_beside(source: &impl TypeSource, id: u32) -> bool {
    let name = |id: u32| {
        let ty = source.type_by_id(id)?;
        let named = matches!(BtfType::kind_of(ty.info), kind::FUNC | kind::VAR);
        source.name(ty.name).filter(|_| named)
    };
    let own = name(id);
    let mut beside = [id.checked_sub(1), id.checked_add(1)].into_iter().flatten();
    own.is_some() && beside.any(|other| other != 0 && name(other) == own)
}

/// Returns the id of the type that is behind the modifiers and typedefs of `id`, or `None` if the
/// BTF is malformed.
pub(crate) fn resolve(source: &impl TypeSource, mut id: u32) -> Option<u32> {
    for _ in 0..CHAIN {
        match next_of_chain(source, id)? {
            Some((_, next)) => id = next,
            None => return Some(id),
        }
    }
    None
}

/// Returns `id`'s own name and the type that `id` modifies or is a typedef of, or `Some(None)` if
/// `id` is neither a modifier nor a typedef.
pub(crate) fn next_of_chain(source: &impl TypeSource, id: u32) -> Option<Option<(u32, u32)>> {
    if id == 0 {
        return Some(None);
    }
    let ty = source.type_by_id(id)?;
    Some(match ty.kind() {
        BtfKind::Typedef(next) => Some((ty.name, next)),
        BtfKind::Volatile(next)
        | BtfKind::Const(next)
        | BtfKind::Restrict(next)
        | BtfKind::TypeTag(next) => Some((0, next)),
        _ => None,
    })
}

/// Returns the typedef `name`, for which it looks through all types.
pub(crate) fn find_typedef(source: &impl TypeSource, name: &[u8]) -> Option<u32> {
    (1..)
        .map_while(|id| Some((id, source.type_by_id(id)?)))
        .find(|(_, ty)| {
            BtfType::kind_of(ty.info) == kind::TYPEDEF && source.name(ty.name) == Some(name)
        })
        .map(|(id, _)| id)
}
