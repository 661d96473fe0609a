// SPDX-License-Identifier: GPL-2.0

//! The records of the ELF section `.kimport`, from which host tools read what a module imports.
//!
//! The section is a sequence of records. Each is aligned to 8 bytes, little-endian and needs no
//! relocation:
//!
//! | bytes | meaning |
//! | --- | --- |
//! | 0 | version, [`VERSION`] |
//! | 1 | kind: 0 for a function, 1 for data |
//! | 2 | flags: [`OPTIONAL`], [`UNVERIFIED`], [`policy`] |
//! | 3 | zero |
//! | 4..8 | position, counted from 1; 0 where none was given |
//! | 8..12 | size of the record with its padding |
//! | 12..14 | length of the strings |
//! | 14..16 | length of the description of the type, 0 for `#[unverified]` |
//! | 16.. | `block\0provider\0kernel_name\0rust_name\0`, the description of the type, zeros up to a multiple of 8 |
//!
//! The block is empty for the bare form, the provider for the kernel image. The description is that
//! of the crate `kimport_types`. The macro makes all but that, which the compiler knows:
//! `kimport::Record::new` completes it.

use crate::model::{Block, Entry, Kind, Verify};

/// The version of the format.
pub(crate) const VERSION: u8 = 2;
/// The flag of `#[optional]`.
pub(crate) const OPTIONAL: u8 = 1 << 0;
/// The flag of `#[unverified]`.
pub(crate) const UNVERIFIED: u8 = 1 << 1;

/// The flags of `#[verify(policy)]`: 0, where the block has none, is `strict`.
pub(crate) fn policy(policy: Option<Verify>) -> u8 {
    let policy = match policy {
        None | Some(Verify::Strict) => 0,
        Some(Verify::Warn) => 1,
        Some(Verify::Off) => 2,
        Some(Verify::Require) => 3,
    };
    policy << 2
}

/// Encodes the record of `entry`, an entry of `block`, up to its strings.
pub(crate) fn encode(block: &Block, entry: &Entry) -> Vec<u8> {
    let mut strings = Vec::new();
    for string in [
        block.name(),
        block.provider().unwrap_or_default(),
        entry.kernel_name(),
        entry.rust_name(),
    ] {
        strings.extend_from_slice(string.as_bytes());
        strings.push(0);
    }
    let kind = match entry.kind() {
        Kind::Function(_) => 0,
        Kind::Data(_) => 1,
    };
    let mut flags = policy(block.verify);
    if entry.optional {
        flags |= OPTIONAL;
    }
    if entry.unverified {
        flags |= UNVERIFIED;
    }
    // The compiler could not have read names that do not fit.
    let strings_len = u16::try_from(strings.len()).expect("fits into 16 bits");

    let mut record = vec![VERSION, kind, flags, 0];
    record.extend(entry.position.unwrap_or(0).to_le_bytes());
    // The sizes of record and description.
    record.extend([0; 4]);
    record.extend(strings_len.to_le_bytes());
    record.extend([0; 2]);
    record.extend(strings);
    record
}
