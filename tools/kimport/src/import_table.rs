// SPDX-License-Identifier: GPL-2.0

//! The import table that `import_symbols!` leaves in a module: the ELF section `.init.kimport`,
//! whose format is that of [`kimport_types::ImportRecord`].

use crate::symvers::VMLINUX;
pub use kimport_types::{ImportKind, Policy, RecordFault};
use schemars::JsonSchema;
use serde::Serialize;
use std::num::NonZeroU32;

/// The section's name.
pub const SECTION: &str = ".init.kimport";

/// One import of a module.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Import {
    /// The kind of symbol that it is declared to be.
    pub kind: ImportKind,
    /// Set if the module loads without it.
    pub optional: bool,
    /// Set if its type is not checked.
    pub unverified: bool,
    /// Set if kimport itself imports it, as it does in every module.
    pub internal: bool,
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
        let (import, size) = kimport_types::ImportRecord::read(rest)
            .map_err(|fault| DecodeError { offset, fault })?;
        imports.push(Import::from(import));
        offset += size;
    }
    Ok(imports)
}

impl From<kimport_types::ImportRecord<'_>> for Import {
    fn from(import: kimport_types::ImportRecord<'_>) -> Self {
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Self {
            kind: import.kind,
            optional: import.optional,
            unverified: import.unverified,
            internal: import.internal,
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
