// SPDX-License-Identifier: GPL-2.0

//! The import table that `import_symbols!` leaves in a module: the ELF section `.kimport`, whose
//! format is that of [`kimport_types::Import`].

use crate::symvers::VMLINUX;
pub use kimport_types::{ImportKind, Policy, RecordFault};
use schemars::JsonSchema;
use serde::Serialize;
use std::num::NonZeroU32;

/// The section's name.
pub const SECTION: &str = ".kimport";

/// One import of a module.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Import {
    /// The kind of symbol that it is declared to be.
    pub kind: ImportKind,
    /// Set if the module loads without it.
    pub optional: bool,
    /// Set if its type is not checked.
    pub unverified: bool,
    /// The policy for a type that differs.
    pub verify: Policy,
    /// The position among several symbols of that name, counted from 1.
    pub position: Option<NonZeroU32>,
    /// The Rust module that declares it; `None` for the bare form of the macro.
    pub block: Option<String>,
    /// The module that has it; `None` for the kernel image.
    pub provider: Option<String>,
    /// The kernel's name for it.
    pub name: String,
    /// The name of the item in the Rust source.
    pub rust_name: String,
    /// The declared type, in the encoding of `kimport_types`; empty if it is not to be checked.
    #[serde(skip)]
    pub description: Vec<u8>,
}

impl Import {
    /// Returns the module that has it, or `vmlinux`.
    pub fn provider(&self) -> &str {
        self.provider.as_deref().unwrap_or(VMLINUX)
    }
}

/// An import table that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("import record at offset {offset:#x}: {fault}")]
pub struct DecodeError {
    /// The offset in the section at which the record begins.
    pub offset: usize,
    /// The fault of the record.
    pub fault: RecordFault,
}

/// Decodes the whole section.
pub fn decode(section: &[u8]) -> Result<Vec<Import>, DecodeError> {
    let mut imports = Vec::new();
    let mut offset = 0;
    while let Some(rest) = section.get(offset..).filter(|rest| !rest.is_empty()) {
        let (import, size) =
            kimport_types::Import::read(rest).map_err(|fault| DecodeError { offset, fault })?;
        imports.push(Import::from(import));
        offset += size;
    }
    Ok(imports)
}

impl From<kimport_types::Import<'_>> for Import {
    fn from(import: kimport_types::Import<'_>) -> Self {
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Self {
            kind: import.kind,
            optional: import.optional,
            unverified: import.unverified,
            verify: import.policy,
            position: NonZeroU32::new(import.position),
            block: given(import.block),
            provider: given(import.provider),
            name: import.name.to_owned(),
            rust_name: import.rust_name.to_owned(),
            description: import.description.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const VERSION: u8 = 2;
    const HEADER: usize = 16;
    const ALIGN: usize = 8;
    const POLICY_SHIFT: u8 = 2;

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
            kind: ImportKind::Function,
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

    fn fault_of(section: &[u8]) -> RecordFault {
        decode(section).unwrap_err().fault
    }

    #[test]
    fn known_bytes() {
        let section =
            b"\x02\x01\x06\0\x02\0\0\0\x20\0\0\0\x0c\0\x03\0\0\0jiffies\0j\0\x01\x02\x03\0";
        assert_eq!(
            decode(section).unwrap(),
            [Import {
                kind: ImportKind::Data,
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
        assert_eq!(fault_of(&good[..7]), RecordFault::Truncated);
        assert_eq!(fault_of(&with(0, 1)), RecordFault::Version(1));
        assert_eq!(fault_of(&with(1, 2)), RecordFault::Kind(2));
        assert_eq!(fault_of(&with(2, 16)), RecordFault::Flags(16));
        assert_eq!(fault_of(&with(3, 1)), RecordFault::Reserved);
        assert_eq!(fault_of(&with(good.len() - 1, 1)), RecordFault::Reserved);
        assert!(matches!(fault_of(&with(8, 0)), RecordFault::Size { .. }));
        assert!(matches!(
            fault_of(&with(11, 0xff)),
            RecordFault::Size { .. }
        ));
        assert!(matches!(
            fault_of(&with(15, 0xff)),
            RecordFault::Size { .. }
        ));
        assert!(matches!(
            fault_of(&good[..good.len() - 8]),
            RecordFault::Size { .. }
        ));
        assert_eq!(fault_of(&with(HEADER, 0xff)), RecordFault::Utf8);
        assert_eq!(fault_of(&with(HEADER + 3, b'x')), RecordFault::Strings);
        let nameless = Import {
            name: String::new(),
            ..sample()
        };
        assert_eq!(fault_of(&encode(&nameless)), RecordFault::Nameless);
    }

    #[test]
    fn the_error_tells_where() {
        let first = encode(&sample());
        let section = [first.as_slice(), &[9; 16]].concat();
        let error = decode(&section).unwrap_err();
        assert_eq!(
            (error.offset, error.fault),
            (first.len(), RecordFault::Version(9))
        );
    }

    #[test]
    fn the_macro_writes_what_is_read() {
        const IMPORT: kimport_types::Import<'_> = kimport_types::Import {
            kind: ImportKind::Data,
            optional: true,
            unverified: false,
            policy: Policy::Require,
            position: 3,
            block: "lio",
            provider: "",
            name: "jiffies",
            rust_name: "j",
            description: &[1, 2, 3],
        };
        let record = IMPORT.record::<{ IMPORT.record_size() }>();
        let import = Import::from(IMPORT);
        assert_eq!(record.0[..], encode(&import));
        assert_eq!(decode(&record.0).unwrap(), [import]);
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
                        kind: if bits[0] {
                            ImportKind::Data
                        } else {
                            ImportKind::Function
                        },
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
                // Only canonical encodings are accepted.
                prop_assert_eq!(imports.iter().flat_map(encode).collect::<Vec<_>>(), section);
            }
        }
    }
}
