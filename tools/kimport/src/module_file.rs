// SPDX-License-Identifier: GPL-2.0

//! Reading a `.ko` from disk: decompression and the appended signature.

use crate::{
    compression::{unpack, MAX_SIZE},
    error::{Error, Result},
};
use std::{
    fs::File,
    io::{self, BufReader, Read},
    path::Path,
};

/// The end of a signed module: `MODULE_SIGNATURE_MARKER` of the kernel.
pub const SIGNATURE_MARKER: &[u8] = b"~Module signature appended~\n";
/// The suffixes of module files.
pub const EXTENSIONS: [&str; 4] = [".ko", ".ko.xz", ".ko.zst", ".ko.gz"];
/// The size of `struct module_signature`, which precedes the marker.
const SIGNATURE_TRAILER: usize = 12;

/// The content of a kernel module file, unpacked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleFile {
    bytes: Vec<u8>,
    elf_size: usize,
}

impl ModuleFile {
    /// Reads `path`. The compression is recognized by the content, not by the name.
    pub fn read(path: &Path) -> Result<Self> {
        let unreadable = |error: io::Error| {
            Error::unusable(format_args!("{}: {error}", path.display())).help(format_args!(
                "give a kernel module: {}",
                EXTENSIONS.join(", ")
            ))
        };
        let mut packed = Vec::new();
        File::open(path)
            .and_then(|file| BufReader::new(file).take(MAX_SIZE).read_to_end(&mut packed))
            .map_err(unreadable)?;
        let bytes = unpack(packed).map_err(unreadable)?;
        Self::from_bytes(bytes).map_err(|error| error.context(path.display()))
    }

    /// Takes the bytes of an unpacked module.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self> {
        let elf_size = size_without_signature(&bytes)?;
        Ok(Self { bytes, elf_size })
    }

    /// Returns the ELF file without the signature.
    pub fn elf(&self) -> &[u8] {
        &self.bytes[..self.elf_size]
    }

    /// Returns the ELF file and the signature that may follow it.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns whether a signature follows the ELF file.
    pub fn is_signed(&self) -> bool {
        self.elf_size != self.bytes.len()
    }

    /// Returns the signature proper: a PKCS#7 message.
    pub fn signature(&self) -> Option<&[u8]> {
        let signature = self.bytes[self.elf_size..].strip_suffix(SIGNATURE_MARKER)?;
        let (signature, _) = signature.split_last_chunk::<SIGNATURE_TRAILER>()?;
        Some(signature)
    }
}

/// Returns the size of the module in `bytes` without its signature.
fn size_without_signature(bytes: &[u8]) -> Result<usize> {
    let Some(signed) = bytes.strip_suffix(SIGNATURE_MARKER) else {
        return Ok(bytes.len());
    };
    let broken = || {
        Error::unusable("the appended signature is longer than the file")
            .help("the file is damaged; take the module from its package again")
    };
    let (rest, [.., a, b, c, d]) = signed
        .split_last_chunk::<SIGNATURE_TRAILER>()
        .ok_or_else(broken)?;
    // The last member, big-endian, is the length of the signature proper.
    let length = u32::from_be_bytes([*a, *b, *c, *d]);
    rest.len().checked_sub(length as usize).ok_or_else(broken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(elf: &[u8], signature: &[u8], claimed: u32) -> Vec<u8> {
        let mut bytes = [elf, signature, &[0, 0, 2, 0, 0, 0, 0, 0]].concat();
        bytes.extend(claimed.to_be_bytes());
        bytes.extend(SIGNATURE_MARKER);
        bytes
    }

    #[test]
    fn a_signature_is_told_from_the_module() {
        let file = ModuleFile::from_bytes(signed(b"\x7fELF", b"abc", 3)).unwrap();
        assert!(file.is_signed());
        assert_eq!(file.elf(), b"\x7fELF");
        assert_eq!(file.signature(), Some(&b"abc"[..]));
        let file = ModuleFile::from_bytes(b"\x7fELF".to_vec()).unwrap();
        assert!(!file.is_signed());
        assert_eq!(file.signature(), None);
        assert_eq!(file.elf(), file.bytes());
    }

    #[test]
    fn a_signature_longer_than_the_file_is_an_error() {
        for claimed in [8, u32::MAX] {
            assert!(ModuleFile::from_bytes(signed(b"\x7fELF", b"abc", claimed)).is_err());
        }
        assert!(ModuleFile::from_bytes(SIGNATURE_MARKER.to_vec()).is_err());
    }
}
