// SPDX-License-Identifier: GPL-2.0

//! The layouts that a module was compiled with: one table for each block, which the macro fills at
//! compile time with what the compiler laid out.
//!
//! The tables are in the section `.kimport.layouts` of a built module, each aligned to 8 bytes. All
//! numbers are little-endian:
//!
//! | offset | size | content |
//! | --- | --- | --- |
//! | 0 | 1 | version of the format: 1 |
//! | 1 | 1 | length of the block's name |
//! | 2 | 1 | length of the provider's name |
//! | 3 | 1 | number of types |
//! | 4 | 4 | size of the table, with its padding |
//! | 8 | | the block's name, the provider's name, the types, zeros |
//!
//! A type begins with a byte for its kind: 0 unknown, 1 struct, 2 union, 3 enum. Behind the kind
//! are the hash of the name (4, zero for a nameless type), the size in bytes, and the number of
//! members or enumerators. An unknown type ends with its kind. The members of nameless structs and
//! unions are members of the type around them, as in C.
//!
//! Numbers without a fixed size are written as LEB128. A member is:
//!
//! - the hash of its name (2);
//! - its offset in bits, less that of the end of the member before, zigzag-encoded;
//! - twice its size in bytes, or for a bit-field twice its number of bits and 1;
//! - its shape: 0 a number, 1 a pointer, 2 another value. If the table has the struct, union or
//!   enum that the member leads to, four times the number of that type is added, counted from 1.
//!
//! An enumerator is the hash of its name (2), and its value, less the value before and 1,
//! zigzag-encoded.
//!
//! Names are hashed because they would take most of the memory. A message takes the names from the
//! kernel's BTF, which has all but those of members that the kernel does not have. The names for
//! these are in the section `.comment.kimport`, which is not loaded: each with a NUL, in any order.

use crate::laid_out::OwnMember;

/// The greatest size of a table in bytes.
pub const LAYOUT_CAPACITY: usize = 1 << 17;

/// The size of a table, in bytes, from which on only the types of declarations are added.
pub const LAYOUT_ROOM: usize = 4096;

/// The most types in a table.
pub const LAYOUT_TYPES: usize = u8::MAX as usize;

const VERSION: u8 = 1;
const HEADER: usize = 8;
const ALIGN: usize = 8;
const UNKNOWN: u8 = 0;

/// The keyword of a type with a layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keyword {
    /// A struct.
    Struct = 1,
    /// A union.
    Union = 2,
    /// An enum.
    Enum = 3,
}

/// The form of a member's value, or of the elements if it is an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// An integer, an enum, a `bool` or a floating-point number.
    Number = 0,
    /// A pointer.
    Pointer = 1,
    /// A struct or union, or a value of which nothing is known.
    Other = 2,
}

/// A member of a type in a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableMember {
    /// The hash of its name.
    pub name: u16,
    /// Its offset in bits.
    pub offset: u64,
    /// Its size in bits.
    pub size: u64,
    /// Set if it is a bit-field.
    pub is_bit_field: bool,
    /// The form of its value.
    pub shape: Shape,
    /// The number of the struct, union or enum in the table that it leads to.
    pub leads_to: Option<u8>,
}

/// A struct, union or enum in a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableType<'a> {
    /// Its keyword.
    pub keyword: Keyword,
    /// The hash of its name, 0 if it has none.
    pub name: u32,
    /// Its size in bytes.
    pub size: u64,
    /// The number of its members or enumerators.
    pub count: u64,
    entries: &'a [u8],
}

/// Returns the hash of a type's name: FNV-1a, and 0 for no name.
pub const fn name_hash(name: &[u8]) -> u32 {
    match name {
        [] => 0,
        name => longer_name_hash(0x811c_9dc5, name),
    }
}

/// Returns the hash of a name that `name` is appended to, whose hash is `hash`.
pub(crate) const fn longer_name_hash(mut hash: u32, name: &[u8]) -> u32 {
    let mut i = 0;
    while i < name.len() {
        hash = (hash ^ name[i] as u32).wrapping_mul(0x0100_0193);
        i += 1;
    }
    hash
}

/// Returns the hash of the name of a member or enumerator.
pub const fn member_hash(name: &[u8]) -> u16 {
    let hash = name_hash(name);
    (hash ^ (hash >> 16)) as u16
}

/// A table under construction. All functions are for use at compile time, too, where their panics
/// are compile errors.
#[derive(Clone)]
pub struct LayoutTableBuilder {
    bytes: [u8; LAYOUT_CAPACITY],
    len: usize,
    types: usize,
    /// The size that the table must not reach with the type under construction.
    limit: usize,
    /// The type under construction: where it begins, its keyword, and the entries to come.
    start: usize,
    keyword: Keyword,
    left: usize,
    /// Set if the type does not fit.
    is_full: bool,
    /// The end of the member before in bits, or the value of the enumerator before and 1.
    next: i64,
    /// The number of types that there must be at the end, because members lead to them.
    wanted: usize,
}

impl LayoutTableBuilder {
    /// Begins the table of a block.
    pub const fn new(block: &str, provider: &str) -> Self {
        assert!(block.len() <= u8::MAX as usize && provider.len() <= u8::MAX as usize);
        let mut this = Self {
            bytes: [0; LAYOUT_CAPACITY],
            len: HEADER,
            types: 0,
            limit: LAYOUT_CAPACITY,
            start: 0,
            keyword: Keyword::Struct,
            left: 0,
            is_full: false,
            next: 0,
            wanted: 0,
        };
        this.bytes[0] = VERSION;
        this.bytes[1] = block.len() as u8;
        this.bytes[2] = provider.len() as u8;
        this.push_all(block.as_bytes());
        this.push_all(provider.as_bytes());
        this
    }

    /// Ends the types that declarations name. Those that follow are only added as long as there is
    /// [room](LAYOUT_ROOM).
    pub const fn end_of_declared(&mut self) {
        self.end_type();
        self.limit = LAYOUT_ROOM;
    }

    /// Adds a type that is [`KnownLayout`](crate::KnownLayout), or one of which nothing is known.
    pub const fn own(&mut self, name: u32, size: usize, layout: Option<(Keyword, &[OwnMember])>) {
        let Some((keyword, members)) = layout else {
            return self.unknown();
        };
        self.begin(keyword, name, size, members.len());
        let mut i = 0;
        while i < members.len() {
            let OwnMember {
                name,
                offset,
                size,
                shape,
            } = members[i];
            let name = member_hash(name.as_bytes());
            self.member(name, offset * 8, (size, false), shape, None);
            i += 1;
        }
    }

    /// Adds a type of which nothing is known, so that the numbers of others stay right.
    pub const fn unknown(&mut self) {
        self.end_type();
        self.start = self.len;
        self.types += 1;
        assert!(self.types <= LAYOUT_TYPES, "kimport: too many layouts");
        self.push(UNKNOWN);
    }

    /// Adds a type. `count` calls of [`member`](Self::member), or for an enum of
    /// [`enumerator`](Self::enumerator), must follow. A type that does not fit into the table
    /// becomes unknown.
    pub const fn begin(&mut self, keyword: Keyword, name: u32, size: usize, count: usize) {
        self.end_type();
        self.start = self.len;
        self.types += 1;
        assert!(self.types <= LAYOUT_TYPES, "kimport: too many layouts");
        self.push(keyword as u8);
        self.push_all(&name.to_le_bytes());
        self.push_number(size as u64);
        self.push_number(count as u64);
        self.keyword = keyword;
        self.left = count;
        self.next = 0;
    }

    /// Adds a member to the last type. The number in `leads_to` counts all types, from 0.
    pub const fn member(
        &mut self,
        name: u16,
        offset: usize,
        (size, is_bit_field): (usize, bool),
        shape: Shape,
        leads_to: Option<u8>,
    ) {
        assert!(!matches!(self.keyword, Keyword::Enum) && self.left > 0);
        self.left -= 1;
        let bits = match is_bit_field {
            true => size,
            false => size.saturating_mul(8),
        };
        let end = offset.saturating_add(bits);
        if end > i64::MAX as usize {
            // BTF that is damaged may say so.
            self.is_full = true;
            return;
        }
        self.push_all(&name.to_le_bytes());
        self.push_difference(offset as i64);
        self.push_number(size as u64 * 2 + is_bit_field as u64);
        self.next = match self.keyword {
            Keyword::Union => 0,
            _ => end as i64,
        };
        let leads_to = match leads_to {
            Some(number) => number as usize + 1,
            None => 0,
        };
        if leads_to > self.wanted {
            self.wanted = leads_to;
        }
        self.push_number((leads_to * 4 + shape as usize) as u64);
    }

    /// Adds an enumerator to the last type.
    pub const fn enumerator(&mut self, name: u16, value: i64) {
        assert!(matches!(self.keyword, Keyword::Enum) && self.left > 0);
        self.left -= 1;
        self.push_all(&name.to_le_bytes());
        self.push_difference(value);
        self.next = value.wrapping_add(1);
    }

    /// Ends the table.
    pub const fn finish(mut self) -> Self {
        self.end_type();
        assert!(self.wanted <= self.types, "a member leads to no type");
        self.bytes[3] = self.types as u8;
        self.len = self.len.next_multiple_of(ALIGN);
        let size = (self.len as u32).to_le_bytes();
        let mut i = 0;
        while i < size.len() {
            self.bytes[4 + i] = size[i];
            i += 1;
        }
        self
    }

    /// Returns the size of the table in bytes.
    #[expect(clippy::len_without_is_empty)] // It is never empty.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Returns the bytes of the table.
    pub const fn as_bytes(&self) -> &[u8] {
        self.bytes.split_at(self.len).0
    }

    /// Returns the bytes as an array of exactly [`len`](Self::len) elements.
    pub const fn to_array<const N: usize>(&self) -> [u8; N] {
        assert!(N == self.len, "the array is not as long as the table");
        let mut array = [0; N];
        let mut i = 0;
        while i < N {
            array[i] = self.bytes[i];
            i += 1;
        }
        array
    }

    const fn end_type(&mut self) {
        assert!(
            self.left == 0 || self.is_full,
            "the last type is not complete"
        );
        if self.is_full {
            self.is_full = false;
            self.left = 0;
            while self.len > self.start {
                self.len -= 1;
                self.bytes[self.len] = 0;
            }
            self.push(UNKNOWN);
        }
    }

    const fn push(&mut self, byte: u8) {
        // There is room for the kinds of all types to come, and for the padding.
        if self.len + LAYOUT_TYPES + ALIGN < self.limit || byte == UNKNOWN && self.len == self.start
        {
            self.bytes[self.len] = byte;
            self.len += 1;
        } else {
            self.is_full = true;
        }
    }

    const fn push_all(&mut self, bytes: &[u8]) {
        let mut i = 0;
        while i < bytes.len() {
            self.push(bytes[i]);
            i += 1;
        }
    }

    const fn push_number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.push(number as u8);
    }

    const fn push_difference(&mut self, value: i64) {
        let difference = value.wrapping_sub(self.next);
        self.push_number(((difference << 1) ^ (difference >> 63)) as u64);
    }
}

/// The table of a block. Reading ends before the first type that is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayoutTable<'a> {
    /// The block's name; empty for the bare form.
    pub block: &'a str,
    /// The provider's name; empty for the kernel image.
    pub provider: &'a str,
    count: u8,
    types: &'a [u8],
}

impl<'a> LayoutTable<'a> {
    /// The table of a block without layouts.
    pub const EMPTY: Self = Self {
        block: "",
        provider: "",
        count: 0,
        types: &[],
    };

    /// Reads the table that `bytes` begins with. Returns its size, too; [`None`] if it is not valid
    /// or of another version.
    pub fn read(bytes: &'a [u8]) -> Option<(Self, usize)> {
        let (this, size) = Self::open(bytes)?;
        let mut reader = Reader(this.types);
        for _ in 0..this.count {
            reader.any_type(this.count)?;
        }
        let is_padding = reader.0.len() < ALIGN && reader.0.iter().all(|&byte| byte == 0);
        is_padding.then_some((this, size))
    }

    /// Does the same without reading the types: any of them may turn out not to be valid.
    pub fn open(bytes: &'a [u8]) -> Option<(Self, usize)> {
        let &[version, block_len, provider_len, count, s0, s1, s2, s3] = bytes.first_chunk()?;
        let size = u32::from_le_bytes([s0, s1, s2, s3]) as usize;
        let table = bytes.get(..size.min(LAYOUT_CAPACITY))?;
        if version != VERSION || table.len() != size || size % ALIGN != 0 {
            return None;
        }
        let (block, rest) = table.get(HEADER..)?.split_at_checked(block_len.into())?;
        let (provider, types) = rest.split_at_checked(provider_len.into())?;
        let this = Self {
            block: core::str::from_utf8(block).ok()?,
            provider: core::str::from_utf8(provider).ok()?,
            count,
            types,
        };
        Some((this, size))
    }

    /// Returns the number of types.
    pub fn count(&self) -> usize {
        self.count.into()
    }

    /// Returns the types in their order, each with the place that [`type_at`](Self::type_at) takes;
    /// [`None`] for an unknown one.
    pub fn types(&self) -> impl Iterator<Item = (usize, Option<TableType<'a>>)> + use<'a> {
        let (mut reader, types, count) = (Reader(self.types), self.types, self.count);
        (0..count).map_while(move |_| {
            let place = types.len() - reader.0.len();
            Some((place, reader.any_type(count)?))
        })
    }

    /// Returns the type at a place, if it is known.
    pub fn type_at(&self, place: usize) -> Option<TableType<'a>> {
        Reader(self.types.get(place..)?).header()?
    }
}

impl<'a> TableType<'a> {
    /// Returns the members of a struct or union.
    pub fn members(&self) -> impl Iterator<Item = TableMember> + Clone + use<'a> {
        let is_aggregate = self.keyword != Keyword::Enum;
        let (mut reader, keyword) = (Reader(self.entries), self.keyword);
        let mut next = 0_i64;
        (0..self.count)
            .take_while(move |_| is_aggregate)
            .map_while(move |_| reader.member(keyword, &mut next))
    }

    /// Returns the hash of the name, and the value, of each enumerator of an enum.
    pub fn enumerators(&self) -> impl Iterator<Item = (u16, i64)> + use<'a> {
        let is_enum = self.keyword == Keyword::Enum;
        let mut reader = Reader(self.entries);
        let mut next = 0_i64;
        (0..self.count)
            .take_while(move |_| is_enum)
            .map_while(move |_| reader.enumerator(&mut next))
    }
}

#[derive(Clone)]
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*bytes)
    }

    /// Reads a number in its shortest encoding.
    fn number(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..u64::BITS).step_by(7) {
            let [byte] = self.take()?;
            let part = u64::from(byte & 0x7f);
            if part << shift >> shift != part || (byte == 0 && shift > 0) {
                return None;
            }
            number |= part << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn difference(&mut self) -> Option<i64> {
        let number = self.number()?;
        Some((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    fn member(&mut self, keyword: Keyword, next: &mut i64) -> Option<TableMember> {
        let name = u16::from_le_bytes(self.take()?);
        let offset = u64::try_from(next.checked_add(self.difference()?)?).ok()?;
        let stated = self.number()?;
        let is_bit_field = stated & 1 != 0;
        let size = (stated >> 1).checked_mul(if is_bit_field { 1 } else { 8 })?;
        let end = i64::try_from(offset.checked_add(size)?).ok()?;
        *next = if keyword == Keyword::Union { 0 } else { end };
        let form = self.number()?;
        let shape = match form & 3 {
            0 => Shape::Number,
            1 => Shape::Pointer,
            2 => Shape::Other,
            _ => return None,
        };
        let leads_to = u8::try_from(form >> 2).ok()?.checked_sub(1);
        Some(TableMember {
            name,
            offset,
            size,
            is_bit_field,
            shape,
            leads_to,
        })
    }

    fn enumerator(&mut self, next: &mut i64) -> Option<(u16, i64)> {
        let name = u16::from_le_bytes(self.take()?);
        let value = next.wrapping_add(self.difference()?);
        *next = value.wrapping_add(1);
        Some((name, value))
    }

    /// Reads a type of a table with `types` types.
    fn any_type(&mut self, types: u8) -> Option<Option<TableType<'a>>> {
        let Some(mut ty) = self.header()? else {
            return Some(None);
        };
        let mut next = 0;
        for _ in 0..ty.count {
            if ty.keyword == Keyword::Enum {
                self.enumerator(&mut next)?;
            } else {
                let member = self.member(ty.keyword, &mut next)?;
                if member.leads_to.is_some_and(|number| number >= types) {
                    return None;
                }
            }
        }
        ty.entries = &ty.entries[..ty.entries.len() - self.0.len()];
        Some(Some(ty))
    }

    /// Reads the beginning of a type. Its entries are all that follows.
    fn header(&mut self) -> Option<Option<TableType<'a>>> {
        let keyword = match self.take()? {
            [UNKNOWN] => return Some(None),
            [1] => Keyword::Struct,
            [2] => Keyword::Union,
            [3] => Keyword::Enum,
            _ => return None,
        };
        let name = u32::from_le_bytes(self.take()?);
        let (size, count) = (self.number()?, self.number()?);
        Some(Some(TableType {
            keyword,
            name,
            size,
            count,
            entries: self.0,
        }))
    }
}
