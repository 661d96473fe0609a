// SPDX-License-Identifier: GPL-2.0

//! The memory of the running kernel, for programs that tests run in a VM.

use object::{
    elf::FileHeader64,
    read::elf::{FileHeader, ProgramHeader},
    Endianness,
};
use std::{error::Error, fs::File, os::unix::fs::FileExt};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The kernel's memory.
pub struct Memory {
    file: File,
    /// The address, the size and the offset in the file of each segment.
    segments: Vec<(u64, u64, u64)>,
}

impl Memory {
    /// Opens `/proc/kcore`, which needs root.
    pub fn open() -> Result<Self> {
        let file = File::open("/proc/kcore")?;
        // The headers are all in the first page or two.
        let mut head = vec![0; 1 << 16];
        let length = file.read_at(&mut head, 0)?;
        let head = &head[..length];
        let header = FileHeader64::<Endianness>::parse(head)?;
        let endian = header.endian()?;
        let segments = header.program_headers(endian, head)?.iter().map(|segment| {
            (
                segment.p_vaddr(endian),
                segment.p_memsz(endian),
                segment.p_offset(endian),
            )
        });
        let segments = segments.collect();
        Ok(Self { file, segments })
    }

    /// Fills `bytes` from `address` on.
    pub fn fill(&self, address: u64, bytes: &mut [u8]) -> Result<()> {
        let segment = self.segments.iter().find_map(|(start, size, offset)| {
            let at = address.checked_sub(*start)?;
            (at < *size).then_some(offset + at)
        });
        let at = segment.ok_or("address outside of the memory")?;
        Ok(self.file.read_exact_at(bytes, at)?)
    }

    /// Reads `N` bytes at `address`.
    pub fn read<const N: usize>(&self, address: u64) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        self.fill(address, &mut bytes)?;
        Ok(bytes)
    }
}
