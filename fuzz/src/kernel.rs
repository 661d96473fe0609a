// SPDX-License-Identifier: GPL-2.0

//! Makers of small kernels and their packages.

use crate::{
    elf::{self, ElfSymbol, Section, ALLOC, EXEC, PROGBITS},
    kallsyms,
};
use kimport_cli::compression::Format;
use kimport_testing::Maker;
use std::io::Write;

/// Packs `plain` as the kernel's build does.
pub fn pack(format: Format, plain: &[u8]) -> Vec<u8> {
    let packed = match format {
        Format::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), Default::default());
            encoder.write_all(plain).and_then(|()| encoder.finish())
        }
        Format::Bzip2 => {
            let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), Default::default());
            encoder.write_all(plain).and_then(|()| encoder.finish())
        }
        Format::Xz | Format::Lzma => {
            use liblzma::stream::{Check, LzmaOptions, Stream};
            let stream = if format == Format::Xz {
                Stream::new_easy_encoder(1, Check::Crc32)
            } else {
                LzmaOptions::new_preset(1).and_then(|options| Stream::new_lzma_encoder(&options))
            };
            let stream = stream.expect("the options are fixed");
            let mut encoder = liblzma::write::XzEncoder::new_stream(Vec::new(), stream);
            encoder.write_all(plain).and_then(|()| encoder.finish())
        }
        Format::Zstd => zstd::encode_all(plain, 1),
        Format::Lz4 => {
            let block = lz4_flex::block::compress(plain);
            let mut packed = 0x184c_2102_u32.to_le_bytes().to_vec();
            packed.extend((block.len() as u32).to_le_bytes());
            packed.extend(block);
            Ok(packed)
        }
    };
    packed.expect("memory takes it all")
}

/// Returns a boot image of x86 with this payload.
pub fn bz_image(payload: &[u8]) -> Vec<u8> {
    let mut image = vec![0; 0x250];
    image[0x1f1] = 1;
    image[0x202..0x206].copy_from_slice(b"HdrS");
    image[0x206..0x208].copy_from_slice(&0x20f_u16.to_le_bytes());
    image[0x24c..0x250].copy_from_slice(&(payload.len() as u32).to_le_bytes());
    image.resize(1024, 0x90);
    image.extend(payload);
    image
}

/// Returns an EFI zboot image with this payload.
pub fn zboot(payload: &[u8]) -> Vec<u8> {
    let mut image = vec![0; 64];
    image[..2].copy_from_slice(b"MZ");
    image[4..8].copy_from_slice(b"zimg");
    image[8] = 64;
    image[12..16].copy_from_slice(&(payload.len() as u32).to_le_bytes());
    image.extend(payload);
    image
}

/// Returns an `Image` of arm64.
pub fn arm64() -> Vec<u8> {
    let mut image = vec![0; 64];
    image[0x38..0x3c].copy_from_slice(b"ARM\x64");
    image.extend(b"Linux version 7.3.4 (x)\0");
    image
}

/// Returns as many symbols as a kernel has at least, with the bounds that the command looks for.
pub fn symbols() -> Vec<String> {
    let named = ["T_stext", "tf", "tf.isra.0", "Tmain", "T_etext", "Dd"];
    let rest = (0..1100 - named.len()).map(|_| "tx".to_owned());
    named.map(str::to_owned).into_iter().chain(rest).collect()
}

/// Returns the types of the symbols that [`symbols`] names.
pub fn types() -> Maker {
    let types = Maker::default();
    let int = types.signed(4);
    let file = types.structure("file", 232);
    let pointer = types.pointer(types.constant(file));
    let callback = types.pointer(types.prototype(&[pointer], int));
    let array = types.array(int, 4);
    let size = types.typedef("size_t", int);
    let tagged = types.pointer(types.type_tag(file));
    types.function("f", &[pointer, callback, size], int);
    types.function("main", &[tagged, 0], 0);
    types.variable("d", array);
    types
}

/// Returns a `vmlinux` with a symbol table, types and the tables of kallsyms.
pub fn vmlinux() -> Vec<u8> {
    let banner = b"Linux version 7.3.4-fuzz (x) #1\0".to_vec();
    let text = Section::new(".text", PROGBITS, ALLOC | EXEC, banner);
    let btf = Section::new(".BTF", PROGBITS, ALLOC, types().bytes());
    let symbol = |name: &str, value| ElfSymbol {
        name: name.to_owned(),
        info: 0x12,
        section: 1,
        value,
        size: 1,
    };
    let symbols = [symbol("_stext", 1), symbol("f", 2), symbol("_etext", 9)];
    let mut sections = vec![text, btf];
    sections.extend(elf::symbol_table(&symbols, 4));
    elf::file(elf::EXECUTABLE, &sections)
}

/// Returns a kernel that only has the tables of kallsyms.
pub fn stripped() -> Vec<u8> {
    let mut kernel = arm64();
    kernel.resize(kernel.len().next_multiple_of(8), 0);
    kernel.extend(kallsyms::arrays(&symbols(), &["_st".to_owned()], 8, 8));
    kernel
}

/// Returns a Debian package with these files.
pub fn package(format: Option<Format>, files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        tar.append_data(&mut header, path, *bytes)
            .expect("memory takes it all");
    }
    let tar = tar.into_inner().expect("memory takes it all");
    let (name, data) = match format {
        None => ("data.tar".to_owned(), tar),
        Some(format) => (format!("data.tar.{}", format.name()), pack(format, &tar)),
    };
    let mut archive = ar::Builder::new(Vec::new());
    for (name, bytes) in [("debian-binary", b"2.0\n".to_vec()), (&name, data)] {
        let header = ar::Header::new(name.as_bytes().to_vec(), bytes.len() as u64);
        archive
            .append(&header, bytes.as_slice())
            .expect("memory takes it all");
    }
    archive.into_inner().expect("memory takes it all")
}
