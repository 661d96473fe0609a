// SPDX-License-Identifier: GPL-2.0

//! Scripts of the checkout that this command was built from. The command contains them and writes
//! them to the cache to run them, so that the installed command needs no checkout.

use crate::error::{Error, Result};
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

/// The scripts that say where things are and run commands in the build root.
const FILES: &[(&str, &str)] = files![
    "kernel.pin"
    "scripts/build-root.conf"
    "scripts/env"
    "scripts/in-root"
];

/// Writes the scripts below `cache` unless they are there. Returns the directory that holds them.
pub(super) fn unpack(cache: &Path) -> Result<PathBuf> {
    let mut hash = Sha256::new();
    for (path, content) in FILES {
        hash.update(path);
        hash.update(content);
    }
    let hash = hash
        .finalize()
        .iter()
        .take(6)
        .fold(0_u64, |hash, &byte| (hash << 8) | u64::from(byte));
    let top = cache.join("command").join(format!("{hash:012x}"));
    for (path, content) in FILES {
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
fn write(path: &Path, content: &str) -> io::Result<()> {
    if fs::read(path).is_ok_and(|present| present == content.as_bytes()) {
        return Ok(());
    }
    let directory = path.parent().unwrap_or(path);
    fs::create_dir_all(directory)?;
    let mut file = tempfile::Builder::new()
        .permissions(Permissions::from_mode(0o755))
        .tempfile_in(directory)?;
    file.write_all(content.as_bytes())?;
    file.persist(path)?;
    Ok(())
}
