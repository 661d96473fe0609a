// SPDX-License-Identifier: GPL-2.0

//! Scripts and sources of the checkout that this command was built from. The command contains them
//! and writes them to the cache to use them, so that the installed command needs no checkout.

use crate::error::{Error, Result};
use include_dir::{include_dir, Dir};
use sha2::{Digest, Sha256};
use std::{
    fs::{self, Permissions},
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

macro_rules! files {
    ($($path:literal)*) => {
        &[$(($path, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../", $path)))),*]
    };
}

/// The scripts that say where things are, run commands in the build root, and build modules.
const FILES: &[(&str, &str)] = files![
    "kernel.pin"
    "scripts/build-root.conf"
    "scripts/env"
    "scripts/in-root"
    "scripts/Makefile.kimport"
    "scripts/Makefile.relink"
    "scripts/runtime.lds"
    "scripts/rust-6.12/graft"
    "scripts/rust-6.12/missing.c"
];

macro_rules! directories {
    ($($path:literal $directory:tt)*) => {
        [$(($path, include_dir!($directory))),*]
    };
}

/// The crate, and the module that a prepared tree is tried with.
static DIRECTORIES: [(&str, Dir<'_>); 5] = directories![
    "rust/bindings" "$CARGO_MANIFEST_DIR/../../rust/bindings"
    "rust/kimport" "$CARGO_MANIFEST_DIR/../../rust/kimport"
    "rust/macros/src" "$CARGO_MANIFEST_DIR/../../rust/macros/src"
    "rust/types/src" "$CARGO_MANIFEST_DIR/../../rust/types/src"
    "samples/hello_import" "$CARGO_MANIFEST_DIR/../../samples/hello_import"
];

/// Adds the files of `directory`, which is at `path`, and of those below it.
fn add<'a>(files: &mut Vec<(PathBuf, &'a [u8])>, path: &str, directory: &'a Dir<'a>) {
    for file in directory.files() {
        files.push((Path::new(path).join(file.path()), file.contents()));
    }
    directory.dirs().for_each(|below| add(files, path, below));
}

/// Writes the files below `cache` unless they are there. Returns the directory that holds them.
pub(super) fn unpack(cache: &Path) -> Result<PathBuf> {
    let scripts = FILES
        .iter()
        .map(|&(path, content)| (path.into(), content.as_bytes()));
    let mut files: Vec<(PathBuf, &[u8])> = scripts.collect();
    for (path, directory) in &DIRECTORIES {
        add(&mut files, path, directory);
    }
    let mut hash = Sha256::new();
    for (path, content) in &files {
        hash.update(path.as_os_str().as_encoded_bytes());
        hash.update(content);
    }
    let hash = format!("{:x}", hash.finalize());
    let top = cache.join("command").join(&hash[..12]);
    for (path, content) in files {
        let path = top.join(path);
        write(&path, content).map_err(|error| {
            Error::unusable(format_args!("cannot write {}: {error}", path.display()))
                .help("set KIMPORT_CACHE to a directory that can be written and has some space")
        })?;
    }
    Ok(top.join("scripts"))
}

/// Writes a file by renaming a new one: another process may be running the file that is there, or
/// writing the same.
fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    if fs::read(path).is_ok_and(|present| present == content) {
        return Ok(());
    }
    let directory = path.parent().unwrap_or(path);
    fs::create_dir_all(directory)?;
    let mut file = tempfile::Builder::new()
        .permissions(Permissions::from_mode(0o755))
        .tempfile_in(directory)?;
    file.write_all(content)?;
    file.persist(path)?;
    Ok(())
}
