// SPDX-License-Identifier: GPL-2.0

//! Extracts of packed kernel images, which are kept from run to run.
//!
//! To unpack an image takes longer than everything else that is done with it. The extract has those
//! sections of it that are read. It is an ELF file and is read like the image itself. An image
//! without sections is its own extract.
//!
//! In the cache directory, the kind of the image and a checksum follow the extract. The name of the
//! file changes when the image does.

use super::{
    cache::{self, Written},
    files::FilePlace,
    image,
};
use crate::compression::read_file;
use object::{
    build::elf::{Builder, SectionData},
    elf,
};
use std::{
    borrow::Cow,
    fs,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

/// The number of the format.
const FORMAT: &[u8] = b"1";
/// The kinds of packed images, see [`image::unpack`].
const KINDS: [&str; 3] = ["bzImage", "EFI zboot image", "compressed image"];
/// The largest size of all extracts together. That of an x86 kernel of a distribution has 15 MiB.
const MAX_TOTAL: u64 = 256 << 20;
/// The beginnings of the names of the sections that are read.
const SECTIONS: [&str; 5] = [
    image::CONSTANTS,
    ".BTF",
    "__kcrctab",
    "__kflagstab",
    "__ksymtab",
];

/// Returns the path of the extract of an image, if it can have one.
pub(super) fn path(place: &FilePlace) -> Option<PathBuf> {
    let FilePlace::File(path) = place else {
        return None;
    };
    let properties = cache::properties(place)?.map(u64::to_le_bytes);
    let path = fs::canonicalize(path).ok()?;
    let image = cache::name_of([FORMAT, path.as_os_str().as_bytes()]);
    let name = format!("{image}-{}", cache::name_of(properties));
    Some(cache::directory("images")?.join(name))
}

/// Reads an extract. Also returns the kind of the image.
pub(super) fn read(path: &Path) -> Option<(Vec<u8>, &'static str)> {
    let mut bytes = read_file(path).ok()?;
    let (summed, sum) = bytes.split_last_chunk()?;
    let (kind, extract) = summed.split_last()?;
    let kind = KINDS.get(usize::from(*kind))?;
    if crc32fast::hash(summed) != u32::from_le_bytes(*sum) {
        return None;
    }
    bytes.truncate(extract.len());
    Some((bytes, kind))
}

/// Writes the extract of an unpacked image, but does not name it yet. Returns [`None`] if it cannot
/// be written, or if it would not be `complete`.
pub(super) fn write<'a>(
    path: &'a Path,
    kernel: &[u8],
    kind: &str,
    complete: impl FnOnce(&[u8]) -> bool,
) -> Option<Written<'a>> {
    let kind = KINDS.iter().position(|known| *known == kind)? as u8;
    let extract = make(kernel).filter(|extract| complete(extract))?;
    let mut sum = crc32fast::Hasher::new();
    sum.update(&extract);
    sum.update(&[kind]);
    make_room(path, extract.len() as u64);
    Written::new(path, &[&extract, &[kind], &sum.finalize().to_le_bytes()]).ok()
}

fn make(kernel: &[u8]) -> Option<Cow<'_, [u8]>> {
    if !kernel.starts_with(&elf::ELFMAG) {
        return Some(kernel.into());
    }
    let mut builder = Builder::read(kernel).ok()?;
    for segment in &mut builder.segments {
        segment.delete = true;
    }
    for section in &mut builder.sections {
        let name = section.name.as_slice();
        let is_read = |start: &&str| name.starts_with(start.as_bytes());
        if name == image::CODE.as_bytes() {
            // A kernel is recognized by it.
            section.data = SectionData::UninitializedData(0);
            section.sh_type = elf::SHT_NOBITS;
        } else if !matches!(section.data, SectionData::SectionString) {
            section.delete = !SECTIONS.iter().any(is_read);
        }
        // The builder would leave allocated sections where they are.
        section.sh_flags &= !u64::from(elf::SHF_ALLOC);
    }
    let mut extract = Vec::new();
    builder.write(&mut extract).ok()?;
    Some(extract.into())
}

/// Removes older extracts of the same image, and the oldest ones of others until there is room.
fn make_room(path: &Path, size: u64) {
    let image = |path: &Path| {
        let name = path.file_name().unwrap_or_default();
        name.as_bytes()
            .split(|&byte| byte == b'-')
            .next()
            .map(<[u8]>::to_owned)
    };
    let directory = path
        .parent()
        .and_then(|directory| fs::read_dir(directory).ok());
    let files = directory.into_iter().flatten().flatten();
    let files = files.filter_map(|file| {
        let (found, data) = (file.path(), file.metadata().ok()?);
        let is_other = image(&found) != image(path);
        Some((is_other, data.modified().ok()?, data.len(), found))
    });
    let mut files = Vec::from_iter(files);
    files.sort();
    let mut total = size + files.iter().map(|(_, _, size, _)| size).sum::<u64>();
    for (is_other, _, size, path) in files {
        if is_other && total <= MAX_TOTAL {
            break;
        }
        // Another process may have removed it.
        let _ = fs::remove_file(path);
        total -= size;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        fs::File,
        time::{Duration, SystemTime},
    };
    use tempfile::TempDir;

    #[test]
    fn an_extract_is_whole_or_none() {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("a-1");
        let image = b"ARM\x64".repeat(9);
        let keep = |kind, complete| write(&path, &image, kind, |_| complete).map(Written::keep);
        assert!(keep("vmlinux", true).is_none() && keep(KINDS[1], false).is_none());
        assert!(read(&path).is_none());
        keep(KINDS[1], true).unwrap().unwrap();
        assert_eq!(read(&path), Some((image.clone(), KINDS[1])));
        let whole = fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            for damaged in [&damaged, &whole[..at]] {
                fs::write(&path, damaged).unwrap();
                assert_eq!(read(&path), None, "{at}");
            }
        }
    }

    #[test]
    fn old_extracts_make_room() {
        let directory = TempDir::new().unwrap();
        let path = |name: &str| directory.path().join(name);
        let files = [("c-3", 1), ("a-1", 9), ("b-2", 2), (".tmp", 0)];
        for (name, age) in files.map(|(name, time)| (name, Duration::from_secs(time))) {
            let file = File::create(path(name)).unwrap();
            file.set_len(MAX_TOTAL / 4).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH + age).unwrap();
        }
        let left = || files.map(|(name, _)| path(name).exists());
        make_room(&path("a-4"), MAX_TOTAL / 4);
        assert_eq!(left(), [true, false, true, true]);
        make_room(&path("d-5"), MAX_TOTAL / 4 + 1);
        assert_eq!(left(), [true, false, true, false]);
        make_room(&path("d-5"), MAX_TOTAL);
        assert_eq!(left(), [false; 4]);
    }
}
