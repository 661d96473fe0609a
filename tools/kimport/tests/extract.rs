// SPDX-License-Identifier: GPL-2.0

//! The extracts of packed kernel images, which are kept in the cache directory.

mod common;

use common::*;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::TempDir;

/// A copy of the stock kernel's image, and a cache.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(TempDir::new().unwrap());
        place.copy_image();
        place
    }

    fn image(&self) -> PathBuf {
        self.0.path().join("vmlinuz")
    }

    fn cache(&self) -> PathBuf {
        self.0.path().join("cache")
    }

    fn copy_image(&self) {
        fs::copy(stock_release().join("vmlinuz"), self.image()).unwrap();
    }

    /// Asks for a function of the image. Returns all that the command says.
    fn ask(&self, cache: &Path) -> (Option<i32>, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kimport"));
        command.args(["compare", "kallsyms_lookup_name", "no_such_name", "--json"]);
        let command = command.arg("--kernel").arg(self.image());
        let output = command.env("KIMPORT_CACHE", cache).output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(text).unwrap())
    }

    /// Returns the only extract.
    #[track_caller]
    fn extract(&self) -> PathBuf {
        let extracts = fs::read_dir(self.cache().join("images")).unwrap();
        let extracts = Vec::from_iter(extracts.map(|file| file.unwrap().path()));
        assert_eq!(extracts.len(), 1, "{extracts:?}");
        extracts.into_iter().next().unwrap()
    }
}

/// Replaces the checksum at the end.
fn sum(extract: &mut [u8]) {
    let (summed, sum) = extract.split_last_chunk_mut().unwrap();
    *sum = crc32fast::hash(summed).to_le_bytes();
}

#[stock_test]
fn an_extract_is_read_like_its_image() {
    let place = Place::new();
    let of_image = place.ask(Path::new("/dev/null/no-cache"));
    has(&of_image.1, "long unsigned int (const char *)");
    assert_eq!(place.ask(&place.cache()), of_image);
    let extract = place.extract();
    let whole = fs::read(&extract).unwrap();
    assert!(whole.len() < 20 << 20, "{}", whole.len());
    assert_eq!(place.ask(&place.cache()), of_image);

    // The second run has read the extract, and not the image.
    let mut other = whole.clone();
    let function = b"\0kallsyms_lookup_name\0";
    let at = position(&other, function);
    other[at + 1] = b'x';
    sum(&mut other);
    fs::write(&extract, &other).unwrap();
    let (_, of_other) = place.ask(&place.cache());
    assert!(!of_other.contains("const char *"), "{of_other}");

    // A damaged extract is made anew.
    let mut damaged = whole.clone();
    damaged[at] = b'x';
    for damaged in [damaged.as_slice(), &whole[..at], &[]] {
        fs::write(&extract, damaged).unwrap();
        assert_eq!(place.ask(&place.cache()), of_image);
        assert!(fs::read(place.extract()).unwrap() == whole);
    }
}

#[stock_test]
fn a_changed_image_is_read_again() {
    let place = Place::new();
    let of_image = place.ask(&place.cache());
    let extract = place.extract();
    place.copy_image();
    assert_eq!(place.ask(&place.cache()), of_image);
    assert_ne!(place.extract(), extract);
    let size = fs::metadata(place.image()).unwrap().len();
    let image = fs::File::options().write(true).open(place.image()).unwrap();
    image.set_len(size / 2).unwrap();
    let (code, text) = place.ask(&place.cache());
    assert_eq!(code, Some(2), "{text}");
}
