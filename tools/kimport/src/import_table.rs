// SPDX-License-Identifier: GPL-2.0

//! The import table that `import_symbols!` leaves in a module: the ELF section `.kimport`.
//!
//! The section is a sequence of records, each aligned to 8 bytes and complete in itself, all
//! numbers little-endian:
//!
//! | offset | size | content                                                        |
//! |--------|------|----------------------------------------------------------------|
//! | 0      | 1    | version, 2                                                     |
//! | 1      | 1    | kind: 0 a function, 1 data                                     |
//! | 2      | 1    | flags: bit 0 optional, bit 1 not verified, bits 2 and 3 policy |
//! | 3      | 1    | zero                                                           |
//! | 4      | 4    | position among symbols of that name, counted from 1; 0: none   |
//! | 8      | 4    | size of the whole record, padding included                     |
//! | 12     | 2    | length of the strings                                          |
//! | 14     | 2    | length of the type's description, 0 for what is not verified   |
//! | 16     |      | `block\0provider\0kernel_name\0rust_name\0`, the description, zeros up to a multiple of 8 |

use crate::symvers::VMLINUX;
use schemars::JsonSchema;
use serde::Serialize;
use std::num::NonZeroU32;

/// The section's name.
pub const SECTION: &str = ".kimport";

const VERSION: u8 = 2;
const HEADER: usize = 16;
const ALIGN: usize = 8;
const OPTIONAL: u8 = 1 << 0;
const UNVERIFIED: u8 = 1 << 1;
const POLICY_SHIFT: u8 = 2;
const POLICY: u8 = 3 << POLICY_SHIFT;

/// What sort of thing an import is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Something to call.
    Function,
    /// Something to point to.
    Data,
}

/// What the module wants done about a declared type that is not the kernel's: `#[verify(...)]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Policy {
    /// One that differs is refused.
    Strict,
    /// It is said in the log.
    Warn,
    /// Nothing is compared.
    Off,
    /// One that cannot be compared is refused as well.
    Require,
}

impl Policy {
    const ALL: [Self; 4] = [Self::Strict, Self::Warn, Self::Off, Self::Require];

    /// The word for it in the source.
    pub fn name(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Warn => "warn",
            Self::Off => "off",
            Self::Require => "require",
        }
    }
}

/// One import of a module.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Import {
    /// What it is.
    pub kind: Kind,
    /// The module loads without it.
    pub optional: bool,
    /// Its type is not checked.
    pub unverified: bool,
    /// What is done about a type that differs.
    pub verify: Policy,
    /// Which of several symbols of that name, counted from 1.
    pub position: Option<NonZeroU32>,
    /// The Rust module it is declared in; `None` for the bare form.
    pub block: Option<String>,
    /// The module that has it; `None` for the kernel image.
    pub provider: Option<String>,
    /// The kernel's name for it.
    pub name: String,
    /// The name it goes by in the Rust source.
    pub rust_name: String,
    /// The declared type, as `kimport_types` describes it; empty when it is not to be checked.
    #[serde(skip)]
    pub description: Vec<u8>,
}

impl Import {
    /// The module that has it, or `vmlinux`.
    pub fn provider(&self) -> &str {
        self.provider.as_deref().unwrap_or(VMLINUX)
    }
}

/// Why a table cannot be read; `offset` is where in the section the record begins.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("import record at offset {offset:#x}: {fault}")]
pub struct DecodeError {
    /// Where the record begins.
    pub offset: usize,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What can be wrong with a record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The section ends within the record's header.
    #[error("the section ends within its header")]
    Truncated,
    /// A version this decoder does not know.
    #[error("version {0}; this kimport reads version {VERSION}")]
    Version(u8),
    /// A kind this version does not have.
    #[error("unknown kind {0}")]
    Kind(u8),
    /// Flags this version does not have.
    #[error("unknown flags {0:#04x}")]
    Flags(u8),
    /// The reserved byte or the padding is in use.
    #[error("reserved bytes are not zero")]
    Reserved,
    /// The size is not what the strings and the description need, or reaches beyond the section.
    #[error("size {size} does not fit {contents} bytes of contents, {left} bytes left")]
    Size {
        /// The size the record claims.
        size: u32,
        /// The length of strings and description that it claims.
        contents: usize,
        /// What is left of the section.
        left: usize,
    },
    /// Not four strings, each ended by a NUL.
    #[error("not four NUL-terminated strings")]
    Strings,
    /// A string is not UTF-8.
    #[error("a string is not UTF-8")]
    Utf8,
    /// An import without a name.
    #[error("a name is empty")]
    Nameless,
}

/// Decodes the whole section.
pub fn decode(section: &[u8]) -> Result<Vec<Import>, DecodeError> {
    let mut imports = Vec::new();
    let mut offset = 0;
    while let Some(rest) = section.get(offset..).filter(|rest| !rest.is_empty()) {
        let (import, size) = decode_record(rest).map_err(|fault| DecodeError { offset, fault })?;
        imports.push(import);
        offset += size;
    }
    Ok(imports)
}

/// Decodes the record that `bytes` begins with; also returns its size.
fn decode_record(bytes: &[u8]) -> Result<(Import, usize), Fault> {
    // The version comes first: nothing else of a record that is newer can be judged.
    match bytes.first() {
        Some(&VERSION) => {}
        Some(&version) => return Err(Fault::Version(version)),
        None => return Err(Fault::Truncated),
    }
    let (header, _) = bytes
        .split_first_chunk::<HEADER>()
        .ok_or(Fault::Truncated)?;
    let &[_, kind, flags, reserved, p0, p1, p2, p3, s0, s1, s2, s3, l0, l1, d0, d1] = header;
    let position = u32::from_le_bytes([p0, p1, p2, p3]);
    let size = u32::from_le_bytes([s0, s1, s2, s3]);
    let strings = usize::from(u16::from_le_bytes([l0, l1]));
    let description = usize::from(u16::from_le_bytes([d0, d1]));

    let kind = match kind {
        0 => Kind::Function,
        1 => Kind::Data,
        other => return Err(Fault::Kind(other)),
    };
    if flags & !(OPTIONAL | UNVERIFIED | POLICY) != 0 {
        return Err(Fault::Flags(flags));
    }

    let misfit = Fault::Size {
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
        return Err(Fault::Reserved);
    }

    let text = text.strip_suffix(&[0]).ok_or(Fault::Strings)?;
    let text = std::str::from_utf8(text).map_err(|_| Fault::Utf8)?;
    let parts: Vec<&str> = text.split('\0').collect();
    let [block, provider, name, rust_name] = parts[..] else {
        return Err(Fault::Strings);
    };
    if name.is_empty() || rust_name.is_empty() {
        return Err(Fault::Nameless);
    }
    let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let import = Import {
        kind,
        optional: flags & OPTIONAL != 0,
        unverified: flags & UNVERIFIED != 0,
        verify: Policy::ALL[usize::from((flags & POLICY) >> POLICY_SHIFT)],
        position: NonZeroU32::new(position),
        block: given(block),
        provider: given(provider),
        name: name.to_owned(),
        rust_name: rust_name.to_owned(),
        description: description.to_owned(),
    };
    Ok((import, size as usize))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encode(import: &Import) -> Vec<u8> {
        let strings = format!(
            "{}\0{}\0{}\0{}\0",
            import.block.as_deref().unwrap_or_default(),
            import.provider.as_deref().unwrap_or_default(),
            import.name,
            import.rust_name
        );
        let flags = u8::from(import.optional)
            | (u8::from(import.unverified) << 1)
            | ((import.verify as u8) << POLICY_SHIFT);
        let mut record = vec![VERSION, import.kind as u8, flags, 0];
        record.extend(import.position.map_or(0, NonZeroU32::get).to_le_bytes());
        let size = (HEADER + strings.len() + import.description.len()).next_multiple_of(ALIGN);
        record.extend((size as u32).to_le_bytes());
        record.extend((strings.len() as u16).to_le_bytes());
        record.extend((import.description.len() as u16).to_le_bytes());
        record.extend(strings.as_bytes());
        record.extend(&import.description);
        record.resize(size, 0);
        record
    }

    fn sample() -> Import {
        Import {
            kind: Kind::Function,
            optional: true,
            unverified: false,
            verify: Policy::Strict,
            position: None,
            block: Some("lio".into()),
            provider: Some("target_core_mod_new".into()),
            name: "target_complete_cmd".into(),
            rust_name: "complete".into(),
            description: vec![1, 0, 0, 0, 0],
        }
    }

    fn fault_of(section: &[u8]) -> Fault {
        decode(section).unwrap_err().fault
    }

    #[test]
    fn known_bytes() {
        let section =
            b"\x02\x01\x06\0\x02\0\0\0\x20\0\0\0\x0c\0\x03\0\0\0jiffies\0j\0\x01\x02\x03\0";
        assert_eq!(
            decode(section).unwrap(),
            [Import {
                kind: Kind::Data,
                optional: false,
                unverified: true,
                verify: Policy::Warn,
                position: NonZeroU32::new(2),
                block: None,
                provider: None,
                name: "jiffies".into(),
                rust_name: "j".into(),
                description: vec![1, 2, 3],
            }]
        );
        assert_eq!(decode(b"").unwrap(), []);
    }

    #[test]
    fn each_fault_is_told_apart() {
        let good = encode(&sample());
        let with = |at: usize, byte: u8| {
            let mut record = good.clone();
            record[at] = byte;
            record
        };
        assert_eq!(fault_of(&good[..7]), Fault::Truncated);
        assert_eq!(fault_of(&with(0, 1)), Fault::Version(1));
        assert_eq!(fault_of(&with(1, 2)), Fault::Kind(2));
        assert_eq!(fault_of(&with(2, 16)), Fault::Flags(16));
        assert_eq!(fault_of(&with(3, 1)), Fault::Reserved);
        assert_eq!(fault_of(&with(good.len() - 1, 1)), Fault::Reserved);
        assert!(matches!(fault_of(&with(8, 0)), Fault::Size { .. }));
        assert!(matches!(fault_of(&with(11, 0xff)), Fault::Size { .. }));
        assert!(matches!(fault_of(&with(15, 0xff)), Fault::Size { .. }));
        assert!(matches!(
            fault_of(&good[..good.len() - 8]),
            Fault::Size { .. }
        ));
        assert_eq!(fault_of(&with(HEADER, 0xff)), Fault::Utf8);
        assert_eq!(fault_of(&with(HEADER + 3, b'x')), Fault::Strings);
        let nameless = Import {
            name: String::new(),
            ..sample()
        };
        assert_eq!(fault_of(&encode(&nameless)), Fault::Nameless);
    }

    #[test]
    fn the_error_tells_where() {
        let first = encode(&sample());
        let section = [first.as_slice(), &[9; 16]].concat();
        let error = decode(&section).unwrap_err();
        assert_eq!(
            (error.offset, error.fault),
            (first.len(), Fault::Version(9))
        );
    }

    fn any_import() -> impl Strategy<Value = Import> {
        let name = "[a-z_][a-z0-9_.]{0,40}";
        let maybe = || proptest::option::of(name);
        (
            any::<[bool; 3]>(),
            any::<(u32, prop::sample::Index)>(),
            (maybe(), maybe(), name, name),
            proptest::collection::vec(any::<u8>(), 0..40),
        )
            .prop_map(
                |(bits, (position, policy), (block, provider, name, rust_name), description)| {
                    Import {
                        kind: if bits[0] { Kind::Data } else { Kind::Function },
                        optional: bits[1],
                        unverified: bits[2],
                        verify: *policy.get(&Policy::ALL),
                        position: NonZeroU32::new(position),
                        block,
                        provider,
                        name,
                        rust_name,
                        description,
                    }
                },
            )
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(imports in proptest::collection::vec(any_import(), 0..8)) {
            let section: Vec<u8> = imports.iter().flat_map(encode).collect();
            prop_assert_eq!(decode(&section).unwrap(), imports);
        }

        #[test]
        fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
            let _ = decode(&bytes);
        }

        #[test]
        fn damaged_records_never_panic(
            imports in proptest::collection::vec(any_import(), 1..4),
            damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
            keep in any::<prop::sample::Index>(),
        ) {
            let mut section: Vec<u8> = imports.iter().flat_map(encode).collect();
            for (at, byte) in damage {
                let at = at.index(section.len());
                section[at] = byte;
            }
            let keep = keep.index(section.len() + 1);
            section.truncate(keep);
            if let Ok(imports) = decode(&section) {
                // Nothing but a canonical encoding is accepted.
                prop_assert_eq!(imports.iter().flat_map(encode).collect::<Vec<_>>(), section);
            }
        }
    }
}
