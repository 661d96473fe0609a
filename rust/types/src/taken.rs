// SPDX-License-Identifier: GPL-2.0

//! The records of a relinked module: each names a symbol that the module takes from a provider.
//!
//! `kimport relink` writes them into the ELF section [`TAKEN_SECTION`], and the module
//! `kimport_guard` reads them in the memory of the loaded module, where it finds the section by the
//! symbol [`TAKEN_SYMBOL`]. The section begins with its own address, of 8 bytes, which the loader
//! fills in; GNU strip damages livepatch relocations of a section that has no others. A sequence of
//! records follows, each aligned to 8 bytes. All numbers are little-endian, but for the addresses,
//! which the loader writes.
//!
//! | offset | size | content |
//! | --- | --- | --- |
//! | 0 | 8 | 0; when the module is loaded, the loader writes the address of the symbol here |
//! | 8 | 4 | size of the record |
//! | 12 | 1 | version of the format: 2 |
//! | 13 | 3 | 0 |
//! | 16 | | an [`ImportRecord`]; if it has no description, its kind says nothing |
//! | | | a [`LayoutTable`](crate::LayoutTable), or nothing: the layouts that all symbols of the provider lead to, in the first record of the provider |

use crate::record::VERSION;
use crate::{ImportRecord, RecordFault};

/// The section with the records of a relinked module.
pub const TAKEN_SECTION: &str = ".kimport.taken";
/// The symbol in a relinked module that tells where [`TAKEN_SECTION`] begins and how large it is.
pub const TAKEN_SYMBOL: &str = "__kimport_taken";

/// The size of the address that the section begins with.
pub const TAKEN_HEADER: usize = 8;

const HEADER: usize = 16;
const ALIGN: usize = 8;

/// A symbol that a relinked module takes from a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TakenRecord<'a> {
    /// The address that the loader bound the symbol to; 0 in a file.
    pub address: u64,
    /// The symbol, its provider, and its type. If there is no description, the kind says nothing.
    pub import: ImportRecord<'a>,
    /// A [`LayoutTable`](crate::LayoutTable) with the layouts that all symbols of the provider lead
    /// to, as the module was built with them; empty in all records of a provider but the first.
    pub layouts: &'a [u8],
}

impl<'a> TakenRecord<'a> {
    /// Returns the number of bytes that the record takes.
    #[inline]
    pub const fn record_size(&self) -> usize {
        HEADER + self.import.record_size() + self.layouts.len().next_multiple_of(ALIGN)
    }

    /// Writes the record.
    ///
    /// # Panics
    ///
    /// `bytes` must have [`record_size`](Self::record_size) elements. The limits of
    /// [`ImportRecord::record`] apply.
    #[inline]
    pub fn write(&self, bytes: &mut [u8]) {
        assert_eq!(bytes.len(), self.record_size());
        bytes.fill(0);
        let (header, rest) = bytes.split_at_mut(HEADER);
        let size = (HEADER + rest.len()) as u32;
        header[..8].copy_from_slice(&self.address.to_ne_bytes());
        header[8..12].copy_from_slice(&size.to_le_bytes());
        header[12] = VERSION;
        let (import, layouts) = rest.split_at_mut(self.import.record_size());
        self.import.write(import);
        layouts[..self.layouts.len()].copy_from_slice(self.layouts);
    }

    /// Reads the record that `bytes` begins with. Returns its size, too.
    ///
    /// # Errors
    ///
    /// Returns the first fault.
    #[inline]
    pub fn read(bytes: &'a [u8]) -> Result<(Self, usize), RecordFault> {
        let header: &[u8; HEADER] = bytes.first_chunk().ok_or(RecordFault::Truncated)?;
        let &[ref address @ .., s0, s1, s2, s3, version, r0, r1, r2] = header;
        // Nothing else of a newer record can be judged.
        if version != VERSION {
            return Err(RecordFault::Version(version));
        }
        if [r0, r1, r2] != [0; 3] {
            return Err(RecordFault::Reserved);
        }
        let size = u32::from_le_bytes([s0, s1, s2, s3]);
        let misfit = |contents| RecordFault::Size {
            size,
            contents,
            left: bytes.len(),
        };
        let record = bytes.get(HEADER..size as usize).ok_or(misfit(0))?;
        if record.len() % ALIGN != 0 {
            return Err(misfit(record.len()));
        }
        let (import, import_size) = ImportRecord::read(record)?;
        let taken = Self {
            address: u64::from_ne_bytes(*address),
            import,
            layouts: record.get(import_size..).unwrap_or_default(),
        };
        Ok((taken, size as usize))
    }
}

/// The records of a module.
#[derive(Clone, Debug)]
pub struct TakenRecords<'a> {
    /// The address that the section begins with; 0 in a file.
    pub address: u64,
    /// The records that were not read yet.
    rest: &'a [u8],
}

impl<'a> TakenRecords<'a> {
    /// Reads the beginning of the section.
    ///
    /// # Errors
    ///
    /// The section ends too early.
    #[inline]
    pub fn new(section: &'a [u8]) -> Result<Self, RecordFault> {
        let (address, rest) = section
            .split_first_chunk::<TAKEN_HEADER>()
            .ok_or(RecordFault::Truncated)?;
        let address = u64::from_ne_bytes(*address);
        Ok(Self { address, rest })
    }
}

/// Nothing follows a fault.
impl<'a> Iterator for TakenRecords<'a> {
    type Item = Result<TakenRecord<'a>, RecordFault>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let read = TakenRecord::read(self.rest);
        let size = read.as_ref().map_or(self.rest.len(), |(_, size)| *size);
        self.rest = self.rest.get(size..).unwrap_or_default();
        Some(read.map(|(record, _)| record))
    }
}
