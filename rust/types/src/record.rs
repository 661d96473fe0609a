// SPDX-License-Identifier: GPL-2.0

//! The import table of a module: the records of the ELF section `.init.kimport`.
//!
//! The macro writes them, and tools that look into a built module read them. No code of the module
//! does, so the section has a name by which the loader frees it after the module's init. The
//! section is a sequence of records, each aligned to 8 bytes and complete in itself: no relocation
//! is needed. All numbers are little-endian.
//!
//! | offset | size | content |
//! | --- | --- | --- |
//! | 0 | 1 | version of the format: 2 |
//! | 1 | 1 | kind: 0 a function, 1 data |
//! | 2 | 1 | flags: bit 0 `#[optional]`, bit 1 `#[unverified]`, bits 2 and 3 the [`Policy`], bit 4 an import of kimport itself |
//! | 3 | 1 | 0 |
//! | 4 | 4 | `#[position]`, 0 when not given |
//! | 8 | 4 | size of the record, with its padding |
//! | 12 | 2 | length of the strings |
//! | 14 | 2 | length of the type's description |
//! | 16 | | block, provider, the kernel's name, the Rust name, each with a NUL; the description; zeros |
//!
//! Modules from before bit 4 have it nowhere. A reader from before it refuses a record that has it.
//!
//! An empty block is the bare form, an empty provider the kernel image. An `#[unverified]` entry
//! has no description.

use core::fmt;

/// The version of this format, and of that of [`TakenRecord`](crate::TakenRecord).
pub(crate) const VERSION: u8 = 2;
const HEADER: usize = 16;
const ALIGN: usize = 8;
const OPTIONAL: u8 = 1 << 0;
const UNVERIFIED: u8 = 1 << 1;
const POLICY_SHIFT: u8 = 2;
const POLICY: u8 = 3 << POLICY_SHIFT;
const INTERNAL: u8 = 1 << 4;

/// The kind of symbol that an import is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(schemars::JsonSchema, serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
pub enum ImportKind {
    /// A function.
    Function,
    /// A datum.
    Data,
}

/// The consequence of a declared type that differs from the kernel's: `#[verify(...)]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(schemars::JsonSchema, serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
pub enum Policy {
    /// A type that differs is refused, or logged if the rule's
    /// [`severity`](crate::Rule::severity) says so; one that cannot be compared is accepted.
    Strict,
    /// A type that differs is logged.
    Warn,
    /// Types are not compared.
    Off,
    /// A type that differs or cannot be compared is refused.
    Require,
}

impl Policy {
    /// All policies, in the order of their codes.
    pub const ALL: [Self; 4] = [Self::Strict, Self::Warn, Self::Off, Self::Require];

    /// Returns its name in `#[verify(...)]`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Warn => "warn",
            Self::Off => "off",
            Self::Require => "require",
        }
    }
}

/// One import, as the module declares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImportRecord<'a> {
    /// The kind of symbol.
    pub kind: ImportKind,
    /// Set if the module loads without it.
    pub optional: bool,
    /// Set if its type is never compared.
    pub unverified: bool,
    /// Set if kimport itself imports it, in every module.
    pub internal: bool,
    /// The consequence of a type that differs.
    pub policy: Policy,
    /// The position of the symbol among those of its name, counted from 1; 0 if none was given.
    pub position: u32,
    /// The Rust module that it is declared in; empty for the bare form.
    pub block: &'a str,
    /// The kernel module that has it; empty for the kernel image.
    pub provider: &'a str,
    /// The kernel's name of the symbol.
    pub name: &'a str,
    /// Its name in the Rust source.
    pub rust_name: &'a str,
    /// The description of its declared type; empty if the type is never compared.
    pub description: &'a [u8],
}

/// The fault of a record that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordFault {
    /// The section ends within the record's header.
    Truncated,
    /// The version is not the one that is read here.
    Version(u8),
    /// The kind is not one of this version.
    Kind(u8),
    /// The flags are not all of this version.
    Flags(u8),
    /// The reserved byte or the padding is in use.
    Reserved,
    /// The size is not that of the contents, or reaches beyond the section.
    Size {
        /// The size that the record claims.
        size: u32,
        /// The length of strings and description that it claims.
        contents: usize,
        /// The bytes that are left of the section.
        left: usize,
    },
    /// There are not four strings, each with a NUL at its end.
    Strings,
    /// A string is not UTF-8.
    Utf8,
    /// An import has no name.
    Nameless,
}

impl core::error::Error for RecordFault {}

impl fmt::Display for RecordFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("the section ends within its header"),
            Self::Version(version) => {
                write!(f, "version {version}; this kimport reads version {VERSION}")
            }
            Self::Kind(kind) => write!(f, "unknown kind {kind}"),
            Self::Flags(flags) => write!(f, "unknown flags {flags:#04x}"),
            Self::Reserved => f.write_str("reserved bytes are not zero"),
            Self::Size {
                size,
                contents,
                left,
            } => write!(
                f,
                "size {size} does not fit {contents} bytes of contents, {left} bytes left"
            ),
            Self::Strings => f.write_str("not four NUL-terminated strings"),
            Self::Utf8 => f.write_str("a string is not UTF-8"),
            Self::Nameless => f.write_str("a name is empty"),
        }
    }
}

/// The bytes of a record.
#[repr(C, align(8))]
pub struct Record<const N: usize>(pub [u8; N]);

/// Puts the record of an import into the module's import table.
#[macro_export]
macro_rules! import_record {
    ($kind:ident, policy: $policy:ident, $($field:ident: $value:expr),* $(,)?) => {
        const _: () = {
            const __KIMPORT_IMPORT: $crate::ImportRecord<'static> = $crate::ImportRecord {
                kind: $crate::ImportKind::$kind,
                policy: $crate::Policy::$policy,
                internal: $crate::is_internal(module_path!()),
                $($field: $value),*
            };

            #[used]
            #[link_section = ".init.kimport"]
            static __KIMPORT_RECORD: $crate::Record<{ __KIMPORT_IMPORT.record_size() }> =
                __KIMPORT_IMPORT.record();
        };
    };
}

/// Returns whether the crate `kimport` has the module with this path.
pub const fn is_internal(path: &str) -> bool {
    matches!(
        path.as_bytes(),
        b"kimport" | [b'k', b'i', b'm', b'p', b'o', b'r', b't', b':', ..]
    )
}

impl<'a> ImportRecord<'a> {
    const fn strings(&self) -> [&'a str; 4] {
        [self.block, self.provider, self.name, self.rust_name]
    }

    const fn strings_len(&self) -> usize {
        let [block, provider, name, rust_name] = self.strings();
        block.len() + provider.len() + name.len() + rust_name.len() + 4
    }

    /// Returns the number of bytes that the record takes.
    pub const fn record_size(&self) -> usize {
        (HEADER + self.strings_len() + self.description.len()).next_multiple_of(ALIGN)
    }

    /// Makes the record.
    ///
    /// # Panics
    ///
    /// `N` must be [`record_size`](Self::record_size), and neither the strings nor the description
    /// may be longer than 65,535 bytes.
    pub const fn record<const N: usize>(&self) -> Record<N> {
        let mut bytes = [0; N];
        self.write(&mut bytes);
        Record(bytes)
    }

    /// Writes the record into `bytes`, which are zero.
    ///
    /// # Panics
    ///
    /// `bytes` must have [`record_size`](Self::record_size) elements, and neither the strings nor
    /// the description may be longer than 65,535 bytes.
    #[inline]
    pub const fn write(&self, bytes: &mut [u8]) {
        let size = bytes.len();
        assert!(size == self.record_size());
        assert!(self.strings_len() <= u16::MAX as usize);
        assert!(self.description.len() <= u16::MAX as usize);
        bytes[0] = VERSION;
        bytes[1] = self.kind as u8;
        bytes[2] = (self.policy as u8) << POLICY_SHIFT;
        if self.optional {
            bytes[2] |= OPTIONAL;
        }
        if self.unverified {
            bytes[2] |= UNVERIFIED;
        }
        if self.internal {
            bytes[2] |= INTERNAL;
        }
        [bytes[4], bytes[5], bytes[6], bytes[7]] = self.position.to_le_bytes();
        [bytes[8], bytes[9], bytes[10], bytes[11]] = (size as u32).to_le_bytes();
        [bytes[12], bytes[13]] = (self.strings_len() as u16).to_le_bytes();
        [bytes[14], bytes[15]] = (self.description.len() as u16).to_le_bytes();
        let mut at = HEADER;
        let strings = self.strings();
        let mut string = 0;
        while string < strings.len() {
            at = put(bytes, at, strings[string].as_bytes()) + 1;
            string += 1;
        }
        put(bytes, at, self.description);
    }

    /// Reads the record that `bytes` begins with. Returns its size, too.
    ///
    /// # Errors
    ///
    /// Returns the first fault. Accepts only the encoding that [`record`](Self::record) makes.
    pub fn read(bytes: &'a [u8]) -> Result<(Self, usize), RecordFault> {
        // The version is checked first: nothing else of a newer record can be judged.
        match bytes.first() {
            Some(&VERSION) => {}
            Some(&version) => return Err(RecordFault::Version(version)),
            None => return Err(RecordFault::Truncated),
        }
        let header: &[u8; HEADER] = bytes.first_chunk().ok_or(RecordFault::Truncated)?;
        let &[_, kind, flags, reserved, p0, p1, p2, p3, s0, s1, s2, s3, l0, l1, d0, d1] = header;
        let size = u32::from_le_bytes([s0, s1, s2, s3]);
        let strings = usize::from(u16::from_le_bytes([l0, l1]));
        let description = usize::from(u16::from_le_bytes([d0, d1]));
        let kind = match kind {
            0 => ImportKind::Function,
            1 => ImportKind::Data,
            other => return Err(RecordFault::Kind(other)),
        };
        if flags & !(OPTIONAL | UNVERIFIED | POLICY | INTERNAL) != 0 {
            return Err(RecordFault::Flags(flags));
        }

        let misfit = RecordFault::Size {
            size,
            contents: strings + description,
            left: bytes.len(),
        };
        if (HEADER + strings + description).next_multiple_of(ALIGN) != size as usize {
            return Err(misfit);
        }
        let record = bytes.get(..size as usize).ok_or(misfit)?;
        let (text, rest) = record[HEADER..].split_at(strings);
        let (description, padding) = rest.split_at(description);
        if reserved != 0 || padding.iter().any(|&byte| byte != 0) {
            return Err(RecordFault::Reserved);
        }

        let text = text.strip_suffix(&[0]).ok_or(RecordFault::Strings)?;
        let text = core::str::from_utf8(text).map_err(|_| RecordFault::Utf8)?;
        let mut parts = text.split('\0');
        let mut part = || parts.next().ok_or(RecordFault::Strings);
        let (block, provider, name, rust_name) = (part()?, part()?, part()?, part()?);
        if parts.next().is_some() {
            return Err(RecordFault::Strings);
        }
        if name.is_empty() || rust_name.is_empty() {
            return Err(RecordFault::Nameless);
        }
        let import = Self {
            kind,
            optional: flags & OPTIONAL != 0,
            unverified: flags & UNVERIFIED != 0,
            internal: flags & INTERNAL != 0,
            policy: Policy::ALL[usize::from((flags & POLICY) >> POLICY_SHIFT)],
            position: u32::from_le_bytes([p0, p1, p2, p3]),
            block,
            provider,
            name,
            rust_name,
            description,
        };
        Ok((import, size as usize))
    }
}

/// Copies `content` to `at`, and returns where it ends.
const fn put(bytes: &mut [u8], at: usize, content: &[u8]) -> usize {
    let mut i = 0;
    while i < content.len() {
        bytes[at + i] = content[i];
        i += 1;
    }
    at + i
}
