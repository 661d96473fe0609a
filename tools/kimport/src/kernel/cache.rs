// SPDX-License-Identifier: GPL-2.0

//! Files in the cache directory that are made of other files.
//!
//! Such a file only holds for the files that it was made of: the same inode, of the same size, last
//! changed at the same time. Everything works without a cache directory, and with one that cannot
//! be written to; then it takes longer.

use super::files::FilePlace;
use kimport_setup::place::cache_dir;
use sha2::{Digest, Sha256};
use std::{
    env, fs,
    io::{self, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};
use tempfile::NamedTempFile;

/// The number of properties of a file that change when its content does.
pub(super) const PROPERTIES: usize = 5;

/// Returns the directory of files of one kind.
pub(super) fn directory(kind: &str) -> Option<PathBuf> {
    cache_dir(|name| env::var_os(name)).map(|cache| cache.join(kind))
}

/// Returns the properties of a file that is not in a package.
pub(super) fn properties(place: &FilePlace) -> Option<[u64; PROPERTIES]> {
    let FilePlace::File(path) = place else {
        return None;
    };
    let data = fs::metadata(path).ok()?;
    let [seconds, nanoseconds] = [data.ctime(), data.ctime_nsec()].map(|time| time as u64);
    Some([data.dev(), data.ino(), data.size(), seconds, nanoseconds])
}

/// Returns a name that is made of these words.
pub(super) fn name_of<W: AsRef<[u8]>>(words: impl IntoIterator<Item = W>) -> String {
    let mut hash = Sha256::new();
    for word in words {
        hash.update(word);
        hash.update([0]);
    }
    let start = hash.finalize().first_chunk().copied();
    format!("{:016x}", start.map_or(0, u64::from_be_bytes))
}

/// A file that was written and does not have its name yet.
pub(super) struct Written<'a> {
    file: NamedTempFile,
    path: &'a Path,
}

impl<'a> Written<'a> {
    /// Writes these parts, one after the other, for a file at `path`. Makes its directory.
    pub(super) fn new(path: &'a Path, parts: &[&[u8]]) -> io::Result<Self> {
        let directory = path.parent().unwrap_or(path);
        fs::create_dir_all(directory)?;
        let mut file = NamedTempFile::new_in(directory)?;
        parts.iter().try_for_each(|part| file.write_all(part))?;
        Ok(Self { file, path })
    }

    /// Puts the file in the place of an older one. Other processes see one of the two.
    pub(super) fn keep(self) -> io::Result<()> {
        self.file.persist(self.path)?;
        Ok(())
    }
}
