// SPDX-License-Identifier: GPL-2.0

//! The records of the `.kimport` ELF section.

/// One entry of the `.kimport` ELF section, for tools that read a built module.
///
/// A record needs no relocation. All numbers are little-endian:
///
/// | offset | size | content |
/// | --- | --- | --- |
/// | 0 | 1 | version of the format: 2 |
/// | 1 | 1 | kind: 0 function, 1 data |
/// | 2 | 1 | flags, see below |
/// | 3 | 1 | 0 |
/// | 4 | 4 | `#[position]`, or 0 without one |
/// | 8 | 4 | size of the record, with padding |
/// | 12 | 2 | length of the strings |
/// | 14 | 2 | length of the type's description |
/// | 16 | | the strings, the type's description, and padding to 8 bytes |
///
/// Bit 0 of the flags is `#[optional]`, bit 1 `#[unverified]`. Bits 2 and 3 are `#[verify]`:
/// `strict`, `warn`, `off`, `require`. The strings are the block, the provider, the kernel's name
/// and the Rust name, each with a NUL. An empty block name means the bare form, an empty provider
/// the kernel image. `#[unverified]` entries have no description.
#[doc(hidden)]
#[repr(C, align(8))]
pub struct Record<const N: usize>([u8; N]);

/// The size of a record with `len` bytes before the description.
#[doc(hidden)]
pub const fn record_size(len: usize, description: usize) -> usize {
    (len + description).next_multiple_of(8)
}

impl<const N: usize> Record<N> {
    /// Completes a record. `start` is everything before the description, with the lengths not yet
    /// filled in.
    pub const fn new(start: &[u8], description: &[u8]) -> Self {
        assert!(N == record_size(start.len(), description.len()));
        assert!(description.len() <= u16::MAX as usize);
        let mut bytes = [0; N];
        let mut i = 0;
        while i < start.len() {
            bytes[i] = start[i];
            i += 1;
        }
        let mut i = 0;
        while i < description.len() {
            bytes[start.len() + i] = description[i];
            i += 1;
        }
        [bytes[8], bytes[9], bytes[10], bytes[11]] = (N as u32).to_le_bytes();
        [bytes[14], bytes[15]] = (description.len() as u16).to_le_bytes();
        Self(bytes)
    }
}
