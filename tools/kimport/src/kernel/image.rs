// SPDX-License-Identifier: GPL-2.0

//! Kernel images: unpacks a boot image and reads the tables of the kernel in it.

use super::kallsyms::{Entries, KallsymsEntry};
use crate::{
    compression::{self, Format},
    error::{Error, Result},
    loader::{Loader, Magic},
};
use memchr::memmem::{find, find_iter};
use object::{
    elf::{FileHeader64, EM_AARCH64},
    read::elf::{ElfFile64, FileHeader, SectionHeader},
    Endianness, Object, ObjectSection,
};
use std::collections::BTreeSet;

/// The section with the kernel's code.
pub(super) const CODE: &str = ".text";
/// The section with the kernel's constants, and with its symbol table.
pub(super) const CONSTANTS: &str = ".rodata";
/// The first bytes of BTF: magic number in little-endian order, version and flags.
const BTF_MAGIC: [u8; 4] = [0x9f, 0xeb, 1, 0];
/// An upper limit for the length of a version banner.
const MAX_BANNER: usize = 1 << 10;

/// Returns whether a file is a kernel image, by its first bytes.
pub fn is_image(bytes: &[u8]) -> bool {
    x86_payload(bytes).is_some()
        || zboot_payload(bytes).is_some()
        || is_arm64(bytes)
        || is_vmlinux(bytes)
}

/// Unpacks a boot image; one that is not packed is returned as it is. Also returns the kind of the
/// image.
pub fn unpack(bytes: Vec<u8>) -> Result<(Vec<u8>, &'static str)> {
    if is_vmlinux(&bytes) {
        return Ok((bytes, "vmlinux"));
    }
    if let Some(payload) = x86_payload(&bytes) {
        return unpack_payload(payload, "bzImage");
    }
    if let Some(payload) = zboot_payload(&bytes) {
        return unpack_payload(payload, "EFI zboot image");
    }
    if is_arm64(&bytes) {
        return Ok((bytes, "arm64 Image"));
    }
    if Format::of(&bytes).is_some() {
        let inner = compression::unpack(bytes).map_err(Error::unusable)?;
        if is_arm64(&inner) || is_vmlinux(&inner) {
            return Ok((inner, "compressed image"));
        }
    }
    Err(Error::unusable("not a kernel image of a known kind")
        .help("give vmlinuz (x86 bzImage, arm64 Image or EFI zboot image) or vmlinux"))
}

fn unpack_payload(payload: &[u8], what: &'static str) -> Result<(Vec<u8>, &'static str)> {
    let format = Format::of(payload).ok_or_else(|| {
        let how = if payload.starts_with(compression::LZOP) {
            "packed by lzo".to_owned()
        } else {
            let first = &payload[..payload.len().min(4)];
            format!("in no known compression (first bytes {first:02x?})")
        };
        let error = Error::unusable(format_args!("{what} with a kernel {how}"));
        let known = Format::ALL.map(Format::name).join(", ");
        error.help(format_args!(
            "kimport reads {known}; unpack the kernel with its source's scripts/extract-vmlinux and give the vmlinux"
        ))
    })?;
    // The build appends the unpacked size, which lz4's decoder would take for another block.
    let payload = match payload.split_last_chunk::<4>() {
        Some((rest, _)) if format == Format::Lz4 => rest,
        _ => payload,
    };
    let kernel = format
        .unpack_first(payload)
        .map_err(|error| Error::unusable(format_args!("{what}, {}: {error}", format.name())))?;
    Ok((kernel, what))
}

/// Returns the compressed kernel of an x86 boot image. Its header tells the place since protocol
/// 2.08.
fn x86_payload(bytes: &[u8]) -> Option<&[u8]> {
    if bytes.get(0x202..0x206)? != b"HdrS" || u16_at(bytes, 0x206)? < 0x208 {
        return None;
    }
    // 0 means 4, for the sake of old boot loaders.
    let setup = match *bytes.get(0x1f1)? {
        0 => 4,
        sectors => usize::from(sectors),
    };
    let start = (setup + 1) * 512 + u32_at(bytes, 0x248)? as usize;
    bytes.get(start..start.checked_add(u32_at(bytes, 0x24c)? as usize)?)
}

/// Returns the compressed kernel of an EFI zboot image (arm64, riscv, loongarch).
fn zboot_payload(bytes: &[u8]) -> Option<&[u8]> {
    if bytes.get(..2)? != b"MZ" || bytes.get(4..8)? != b"zimg" {
        return None;
    }
    let start = u32_at(bytes, 8)? as usize;
    bytes.get(start..start.checked_add(u32_at(bytes, 12)? as usize)?)
}

fn is_arm64(bytes: &[u8]) -> bool {
    bytes.get(0x38..0x3c) == Some(b"ARM\x64")
}

fn is_vmlinux(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\x7fELF")
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let bytes = bytes.get(at..at + 2)?;
    Some(u16::from_le_bytes(bytes.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

/// Returns the type information in an unpacked kernel.
pub fn btf(kernel: &[u8]) -> Option<&[u8]> {
    if let Some(section) = section(kernel, ".BTF") {
        return Some(section);
    }
    if has_section(kernel, ".BTF") {
        // The section is cut off. This is reported when the section is read.
        return Some(&[]);
    }
    // An image without sections: check the header as far as possible.
    find_iter(kernel, &BTF_MAGIC).find_map(|at| btf_at(&kernel[at..]))
}

/// Returns the type information at the beginning of `bytes`, cut to its length.
fn btf_at(bytes: &[u8]) -> Option<&[u8]> {
    let field = |number: usize| u32_at(bytes, 4 * number).map(|field| field as usize);
    let (header, types, types_len) = (field(1)?, field(2)?, field(3)?);
    let (strings, strings_len) = (field(4)?, field(5)?);
    // A kernel has more than a megabyte of each; types come first and consist of whole words.
    let plausible = (24..=64).contains(&header)
        && types == 0
        && types_len % 4 == 0
        && types_len > 1 << 12
        && strings >= types_len
        && strings_len > 1 << 10;
    if !plausible {
        return None;
    }
    let strings_start = header.checked_add(strings)?;
    let btf = bytes.get(..strings_start.checked_add(strings_len)?)?;
    // The strings begin with the empty string and end in a NUL.
    (btf.get(strings_start) == Some(&0) && btf.last() == Some(&0)).then_some(btf)
}

/// Returns whether a file is type information, in either byte order.
pub fn is_btf(bytes: &[u8]) -> bool {
    bytes.starts_with(&BTF_MAGIC[..2]) || bytes.starts_with(&[BTF_MAGIC[1], BTF_MAGIC[0]])
}

/// Returns whether type information continues that of another file: its strings do not begin with
/// the empty string. Returns false if the file is cut off before them.
pub fn is_split_btf(bytes: &[u8]) -> bool {
    let field = |number: usize| u32_at(bytes, 4 * number).map(|field| field as usize);
    let (Some(header), Some(strings)) = (field(1), field(4)) else {
        return false;
    };
    let first = header.checked_add(strings).and_then(|at| bytes.get(at));
    first.is_some_and(|&first| first != 0)
}

/// Returns a section of an ELF file, unless it is empty.
pub fn section<'a>(file: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let header = FileHeader64::<Endianness>::parse(file).ok()?;
    let endian = header.endian().ok()?;
    let sections = header.sections(endian, file).ok()?;
    let (_, section) = sections.section_by_name(endian, name.as_bytes())?;
    let data = section.data(endian, file).ok();
    data.filter(|data| !data.is_empty())
}

/// Returns the ordinary symbol table of a vmlinux, if it has one, in address order.
pub fn elf_symbols(kernel: &[u8]) -> Option<Entries> {
    let file = ElfFile64::<Endianness>::parse(kernel).ok()?;
    // Address 0 is one of per-CPU data, before 6.15.
    let mut symbols: Vec<_> = super::symbols::of_elf(&file).collect();
    symbols.sort_by_key(|symbol| symbol.address);
    let entries: Entries = symbols
        .iter()
        .map(|symbol| KallsymsEntry::new(symbol.letter, &symbol.name))
        .collect();
    // A file without the start of the kernel's text is not the kernel, but for instance only its
    // types.
    let is_kernel = entries.iter().any(|entry| entry.name == "_stext");
    is_kernel.then_some(entries)
}

/// Returns the kernel's release, from its version banner.
pub fn release(kernel: &[u8]) -> Option<String> {
    Some(release_of(banner(kernel)?).to_owned())
}

/// Returns the release that a version banner begins with.
pub fn release_of(banner: &str) -> &str {
    banner.split(' ').next().unwrap_or(banner)
}

/// Returns the first line of the kernel's log, from the release on. Another build of the same
/// source has another such line.
pub fn banner(kernel: &[u8]) -> Option<&str> {
    const BANNER: &[u8] = b"Linux version ";
    // The image also has the format string, `Linux version %s`.
    let is_release = |release: &str| {
        release.len() <= 64
            && release.starts_with(|c: char| c.is_ascii_digit())
            && release.chars().all(|c| c.is_ascii_graphic())
    };
    find_iter(kernel, BANNER).find_map(|at| {
        let rest = &kernel[at + BANNER.len()..];
        let mut lines = rest[..rest.len().min(MAX_BANNER)].split(|byte| b"\n\0".contains(byte));
        let line = std::str::from_utf8(lines.next()?).ok()?;
        line.split(' ')
            .next()
            .is_some_and(is_release)
            .then_some(line)
    })
}

/// Reads the facts about the module loader in an image. If the image has no loader, nothing is
/// known.
pub fn loader(kernel: &[u8]) -> Loader {
    /// The line that the kernel logs when it refuses a module. The log level before it is that of
    /// an error or of a warning.
    const NAMESPACE: &[u8] =
        b"%s: module uses symbol (%s) from namespace %s, but does not import it.";
    const FORCED: &[u8] = b"%s: %s: kernel tainted.";
    const REFUSED: &[u8] = b"%s: version magic '%s' should be '%s'";
    let has = |text| find(kernel, text).is_some();
    if !has(REFUSED) {
        return Loader::default();
    }
    let release = release(kernel);
    let vermagic = release
        .as_deref()
        .and_then(|release| vermagic(kernel, release));
    let level = find(kernel, NAMESPACE).and_then(|at| kernel.get(at.checked_sub(1)?).copied());
    Loader {
        machine: machine(kernel),
        vermagic: vermagic.or_else(|| release.map(Magic::Release)),
        force_load: Some(has(FORCED)),
        any_namespace: level.map(|level| level == b'4'),
        ..Loader::default()
    }
}

fn machine(kernel: &[u8]) -> Option<u16> {
    if is_arm64(kernel) {
        return Some(EM_AARCH64);
    }
    let header = FileHeader64::<Endianness>::parse(kernel).ok()?;
    Some(header.e_machine(header.endian().ok()?))
}

/// Returns the version magic of the kernel's modules, if exactly one string has the form of one:
/// the release and the options.
fn vermagic(kernel: &[u8], release: &str) -> Option<Magic> {
    let start = format!("\0{release} ");
    let mut found = BTreeSet::new();
    for at in find_iter(kernel, start.as_bytes()) {
        let text = kernel[at + 1..].split(|&byte| byte == 0).next()?;
        let text = text.get(..MAX_BANNER.min(text.len()))?;
        let is_option = |c: u8| c.is_ascii_alphanumeric() || c == b'_' || c == b' ';
        if text[start.len() - 2..].iter().all(|&c| is_option(c)) {
            found.insert(String::from_utf8_lossy(text).into_owned());
        }
    }
    match (found.pop_first(), found.is_empty()) {
        (Some(magic), true) => Some(Magic::Complete(magic)),
        _ => None,
    }
}

/// Returns whether the file has a section. This distinguishes a vmlinux with only BTF from a whole
/// one.
pub fn has_section(file: &[u8], name: &str) -> bool {
    ElfFile64::<Endianness>::parse(file)
        .is_ok_and(|file| file.sections().any(|section| section.name() == Ok(name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bz_image(format: Format, kernel: &[u8]) -> Vec<u8> {
        let mut payload = compression::pack(format, kernel);
        if format != Format::Gzip {
            payload.extend((kernel.len() as u32).to_le_bytes());
        }
        bz_image_of(payload)
    }

    fn bz_image_of(payload: Vec<u8>) -> Vec<u8> {
        let mut image = vec![0; 0x250];
        image[0x1f1] = 1;
        image[0x202..0x206].copy_from_slice(b"HdrS");
        image[0x206..0x208].copy_from_slice(&0x20f_u16.to_le_bytes());
        image[0x248..0x24c].copy_from_slice(&64_u32.to_le_bytes());
        image[0x24c..0x250].copy_from_slice(&(payload.len() as u32).to_le_bytes());
        image.resize(1024 + 64, 0x90);
        image.extend(payload);
        image.extend([0xcc; 512]);
        image
    }

    #[test]
    fn every_compression_of_a_boot_image() {
        let kernel = [b"\x7fELF".as_slice(), &[7; 5000]].concat();
        for format in Format::ALL {
            let image = bz_image(format, &kernel);
            assert!(is_image(&image));
            let (unpacked, what) = unpack(image).unwrap();
            assert!(unpacked == kernel, "{format:?}");
            assert_eq!(what, "bzImage");
        }
    }

    /// The kernel in the image begins like the files of lzop.
    #[test]
    fn lzo_is_refused_by_its_name() {
        let image = bz_image_of(b"\x89LZO\0\r\n\x1a\n\x10\x40".to_vec());
        assert!(is_image(&image));
        let error = unpack(image).unwrap_err();
        assert_eq!(error.to_string(), "bzImage with a kernel packed by lzo");
        let help = error.way_out().unwrap();
        let way = "xz, zstd; unpack the kernel with its source's scripts/extract-vmlinux";
        assert!(help.contains(way), "{help}");
        let other = unpack(bz_image_of(b"unknown".to_vec()))
            .unwrap_err()
            .to_string();
        assert!(other.contains("no known compression"), "{other}");
    }

    #[test]
    fn arm64_images() {
        let mut kernel = vec![3; 4096];
        kernel[0x38..0x3c].copy_from_slice(b"ARM\x64");
        let packed = compression::pack(Format::Gzip, &kernel);
        let mut zboot = vec![0; 64];
        zboot[..2].copy_from_slice(b"MZ");
        zboot[4..8].copy_from_slice(b"zimg");
        zboot[8..12].copy_from_slice(&64_u32.to_le_bytes());
        zboot[12..16].copy_from_slice(&(packed.len() as u32).to_le_bytes());
        zboot.extend(&packed);
        for image in [kernel.clone(), packed, zboot] {
            assert!(unpack(image).unwrap().0 == kernel);
        }
    }

    #[test]
    fn headers_that_lead_outside_are_no_images() {
        for at in [0x248, 0x24c] {
            let mut image = bz_image(Format::Gzip, b"kernel");
            image[at..at + 4].fill(0xff);
            assert!(unpack(image).is_err());
        }
        assert!(unpack(b"MZ".to_vec()).is_err());
        assert!(unpack(Vec::new()).is_err());
    }

    #[test]
    fn the_release_is_in_the_banner() {
        let kernel = b"xLinux version %s (%s)\0Linux version 6.1.0-50-amd64 (debian) \0";
        assert_eq!(release(kernel).as_deref(), Some("6.1.0-50-amd64"));
        assert_eq!(release(b"Linux version "), None);
    }

    #[test]
    fn the_loader_is_known_by_its_strings() {
        let mut kernel =
            b"Linux version 7.3.4 (x)\0\x013%s: version magic '%s' should be '%s'\n\0".to_vec();
        let magic = "7.3.4 SMP preempt mod_unload ";
        kernel.extend(b"\x007.3.4 (other)\0");
        let complete = Some(Magic::Complete(magic.to_owned()));
        kernel.extend([magic.as_bytes(), b"\0"].concat());
        let found = loader(&kernel);
        assert_eq!(found.vermagic, complete);
        assert_eq!((found.force_load, found.any_namespace), (Some(false), None));
        kernel.extend(b"\x014%s: %s: kernel tainted.\n\0\x013%s: module uses symbol (%s) from namespace %s, but does not import it.\n");
        let found = loader(&kernel);
        let told = (found.force_load, found.any_namespace);
        assert_eq!(told, (Some(true), Some(false)));
        kernel.extend(b"\x007.3.4 \0");
        let release = Some(Magic::Release("7.3.4".to_owned()));
        assert_eq!(loader(&kernel).vermagic, release);
        assert_eq!(loader(b"Linux version 7.3.4 (x)\0"), Loader::default());
    }

    #[test]
    fn types_that_are_cut_off_do_not_continue_others() {
        let types =
            |strings: &[u8]| [&[0x9f, 0xeb, 1, 0, 24, 0, 0, 0], &[0; 16][..], strings].concat();
        assert!(is_split_btf(&types(b"f\0")));
        assert!(!is_split_btf(&types(b"\0f\0")) && !is_split_btf(&types(b"")));
    }

    proptest! {
        #[test]
        fn damaged_boot_images_are_no_panic(
            format in prop::sample::select(Format::ALL.to_vec()),
            damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
            keep in any::<prop::sample::Index>(),
        ) {
            let mut image = bz_image(format, b"\x7fELF Linux version 7.3.4 (x)");
            image.truncate(keep.index(2 * image.len()) + 1);
            for (at, byte) in damage {
                let at = at.index(image.len());
                image[at] = byte;
            }
            if let Ok((kernel, _)) = unpack(image) {
                let _ = (btf(&kernel), elf_symbols(&kernel), release(&kernel), loader(&kernel));
            }
        }
    }
}
