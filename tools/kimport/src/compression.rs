// SPDX-License-Identifier: GPL-2.0

//! The compression formats of kernels, modules and packages.

use liblzma::{
    read::XzDecoder,
    stream::{Stream, CONCATENATED},
};
use rustix::mm::{madvise, Advice};
use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};
use zstd::{bulk, zstd_safe};

/// The largest unpacked size: no kernel and no module comes near it, so a file that unpacks to more
/// is hostile or neither of the two. The limit is lower for a fuzzer, which would wait for such
/// files.
pub const MAX_SIZE: u64 = if cfg!(fuzzing) { 1 << 22 } else { 1 << 30 };
/// The most memory the xz and lzma decoders may use; `xz -9` needs 65 MiB, Debian's kernels 32 MiB.
const XZ_MEMORY: u64 = 256 << 20;

/// A compression format.
#[allow(missing_docs)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Bzip2,
    Gzip,
    /// LZ4 in the legacy frame that the kernel's build makes.
    Lz4,
    /// LZMA alone, the older of xz's formats.
    Lzma,
    Xz,
    Zstd,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 6] = [
        Self::Bzip2,
        Self::Gzip,
        Self::Lz4,
        Self::Lzma,
        Self::Xz,
        Self::Zstd,
    ];

    /// Recognizes the format by the first bytes.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        Some(match bytes {
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Xz,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            [0x1f, 0x8b, ..] => Self::Gzip,
            [b'B', b'Z', b'h', b'1'..=b'9', ..] => Self::Bzip2,
            [0x02, 0x21, 0x4c, 0x18, ..] => Self::Lz4,
            // The properties that every encoder writes, then a dictionary of at least 64 KiB.
            [0x5d, 0, 0, ..] => Self::Lzma,
            _ => return None,
        })
    }

    /// Returns the name of the format.
    pub fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }

    /// Unpacks the first stream of `packed` and ignores what follows it.
    pub fn unpack_first(self, packed: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Self::Bzip2 => read_limited(bzip2::read::BzDecoder::new(packed)),
            Self::Gzip => read_limited(flate2::read::GzDecoder::new(packed)),
            Self::Xz => {
                let stream = Stream::new_stream_decoder(XZ_MEMORY, 0)?;
                read_limited(XzDecoder::new_stream(packed, stream))
            }
            Self::Zstd => match frame_of_known_size(packed) {
                Some((frame, size)) => {
                    let mut bytes = large(size);
                    bulk::Decompressor::new()?.decompress_to_buffer(frame, &mut bytes)?;
                    Ok(bytes)
                }
                None => read_limited(zstd::Decoder::with_buffer(packed)?.single_frame()),
            },
            Self::Lz4 | Self::Lzma => read_limited(self.reader(packed)?),
        }
    }

    /// Returns a reader of the unpacked form of `packed`, which may consist of several streams.
    pub fn reader<'a>(self, packed: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
        Ok(match self {
            Self::Bzip2 => Box::new(bzip2::read::MultiBzDecoder::new(packed)),
            Self::Gzip => Box::new(flate2::read::MultiGzDecoder::new(packed)),
            Self::Lz4 => Box::new(lz4_flex::frame::FrameDecoder::new(packed)),
            Self::Lzma => {
                let stream = Stream::new_lzma_decoder(XZ_MEMORY)?;
                Box::new(XzDecoder::new_stream(packed, stream))
            }
            Self::Xz => {
                let stream = Stream::new_stream_decoder(XZ_MEMORY, CONCATENATED)?;
                Box::new(XzDecoder::new_stream(packed, stream))
            }
            Self::Zstd => Box::new(zstd::Decoder::new(packed)?),
        })
    }
}

/// Allocates memory, in large pages if it is much and the system has them.
fn large(size: usize) -> Vec<u8> {
    const PAGE: usize = 4096;
    let bytes = Vec::<u8>::with_capacity(size);
    let start = (bytes.as_ptr() as usize).next_multiple_of(PAGE);
    let end = (bytes.as_ptr() as usize + bytes.capacity()) / PAGE * PAGE;
    if size > 4 << 20 {
        // SAFETY: The pages belong to `bytes`, and this advice does not change what they hold.
        // Without it they are as usable, so a failure does not matter.
        let _ = unsafe { madvise(start as *mut _, end - start, Advice::LinuxHugepage) };
    }
    bytes
}

/// Returns the first zstd frame of `packed` and its unpacked size, if that is stated: in the frame,
/// or in the four bytes behind it that the kernel's build appends.
fn frame_of_known_size(packed: &[u8]) -> Option<(&[u8], usize)> {
    let length = zstd_safe::find_frame_compressed_size(packed).ok()?;
    let (frame, rest) = packed.split_at_checked(length)?;
    let size = match zstd_safe::get_frame_content_size(frame) {
        Ok(Some(size)) => size,
        _ => u32::from_le_bytes(rest.try_into().ok()?).into(),
    };
    (size <= MAX_SIZE).then_some((frame, size as usize))
}

/// The first bytes of a file of the program lzop. The kernel's build can use lzop, but hardly
/// anybody has done so for years.
pub const LZOP: &[u8] = b"\x89LZO";

/// Unpacks `packed` if its first bytes are those of a known format.
pub fn unpack(packed: Vec<u8>) -> io::Result<Vec<u8>> {
    match Format::of(&packed) {
        Some(format) => read_limited(format.reader(packed.as_slice())?),
        None => Ok(packed),
    }
}

/// Reads a file, but fails above [`MAX_SIZE`].
pub fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let size = file.metadata()?.len().min(MAX_SIZE);
    // One more byte shows that there are no more.
    read_to(large(size as usize + 1), file)
}

/// Reads everything, but fails above [`MAX_SIZE`].
pub fn read_limited(reader: impl Read) -> io::Result<Vec<u8>> {
    read_to(Vec::new(), reader)
}

fn read_to(mut bytes: Vec<u8>, reader: impl Read) -> io::Result<Vec<u8>> {
    reader.take(MAX_SIZE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_SIZE {
        return Err(io::Error::other(format!(
            "unpacks to more than {} MiB",
            MAX_SIZE >> 20
        )));
    }
    Ok(bytes)
}

/// Packs like the kernel's build, for tests.
#[cfg(test)]
pub(crate) fn pack(format: Format, plain: &[u8]) -> Vec<u8> {
    use liblzma::{
        read::XzEncoder,
        stream::{Check, LzmaOptions},
    };
    let encoder: Box<dyn Read + '_> = match format {
        Format::Gzip => Box::new(flate2::read::GzEncoder::new(
            plain,
            flate2::Compression::fast(),
        )),
        Format::Bzip2 => Box::new(bzip2::read::BzEncoder::new(
            plain,
            bzip2::Compression::fast(),
        )),
        Format::Xz => {
            let stream = Stream::new_easy_encoder(1, Check::Crc32).unwrap();
            Box::new(XzEncoder::new_stream(plain, stream))
        }
        Format::Lzma => {
            let stream = Stream::new_lzma_encoder(&LzmaOptions::new_preset(1).unwrap()).unwrap();
            Box::new(XzEncoder::new_stream(plain, stream))
        }
        Format::Zstd => {
            return zstd::encode_all(plain, 1).unwrap();
        }
        Format::Lz4 => {
            let mut packed = 0x184c_2102_u32.to_le_bytes().to_vec();
            for block in plain.chunks(8 << 20) {
                let block = lz4_flex::block::compress(block);
                packed.extend((block.len() as u32).to_le_bytes());
                packed.extend(block);
            }
            return packed;
        }
    };
    read_limited(encoder).unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_compression_is_undone() {
        // Several of lz4's blocks.
        let plain: Vec<u8> = (0..9_u32 << 20).map(|i| (i >> 7) as u8).collect();
        for format in Format::ALL {
            let packed = pack(format, &plain);
            assert_eq!(Format::of(&packed), Some(format));
            assert!(unpack(packed.clone()).unwrap() == plain, "{format:?}");
            assert!(format.unpack_first(&packed).unwrap() == plain, "{format:?}");
            let half = unpack(packed[..packed.len() / 2].to_vec());
            assert!(half.is_err(), "{format:?}");
        }
        assert_eq!(unpack(b"plain".to_vec()).unwrap(), b"plain");
    }

    #[test]
    fn what_follows_the_stream_is_left_alone() {
        let formats = Format::ALL.into_iter();
        for format in formats.filter(|&format| format != Format::Lz4) {
            let mut packed = pack(format, b"the kernel");
            packed.extend([10, 0, 0, 0]);
            let first = format.unpack_first(&packed).unwrap();
            assert_eq!(first, b"the kernel", "{format:?}");
        }
    }
}
