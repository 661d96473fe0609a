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
//! | 2 | flags: [`OPTIONAL`], [`UNVERIFIED`] |
//! | 3 | zero |
//! | 4..8 | position, counted from 1; 0 where none was given |
//! | 8..12 | size of the record with its padding |
//! | 12..16 | length of the strings |
//! | 16.. | `block\0provider\0kernel_name\0rust_name\0`, padded with zeros to a multiple of 8 |
//!
//! The block is empty for the bare form, the provider for the kernel image.

use crate::model::{Block, Entry, Kind};

/// The version of the format.
pub(crate) const VERSION: u8 = 1;
/// The flag of `#[optional]`.
pub(crate) const OPTIONAL: u8 = 1 << 0;
/// The flag of `#[unverified]`.
pub(crate) const UNVERIFIED: u8 = 1 << 1;

const HEADER: usize = 16;
const ALIGN: usize = 8;

/// Encodes the record of `entry`, an entry of `block`.
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
    let mut flags = 0;
    if entry.optional {
        flags |= OPTIONAL;
    }
    if entry.unverified {
        flags |= UNVERIFIED;
    }
    let size = (HEADER + strings.len()).next_multiple_of(ALIGN);
    // The compiler could not have read names that do not fit.
    let u32_bytes = |n: usize| u32::try_from(n).expect("fits into 32 bits").to_le_bytes();

    let mut record = vec![VERSION, kind, flags, 0];
    record.extend(entry.position.unwrap_or(0).to_le_bytes());
    record.extend(u32_bytes(size));
    record.extend(u32_bytes(strings.len()));
    record.extend(strings);
    record.resize(size, 0);
    record
}
