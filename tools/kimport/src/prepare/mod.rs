// SPDX-License-Identifier: GPL-2.0

//! `kimport prepare`: the tree that Rust modules for a Debian kernel are built against.
//!
//! The crate `kimport_setup` does the work, as it does for `scripts/setup` in a checkout. The
//! [`scripts`] that know the paths and run commands in the build root are part of this command.

mod headers;
mod scripts;

use crate::error::{Error, Result};
use kimport_setup::{
    error::Error as Failure,
    place::{cache_dir, Place},
    Named,
};
use schemars::JsonSchema;
use serde::Serialize;
use std::{env, path::PathBuf};

/// A kernel that modules can be built for.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Prepared {
    /// Its release, which `uname -r` prints.
    pub release: String,
    /// The version of its packages; empty for headers with Rust metadata, which are used as they
    /// are. For these, `kdir` is the only path below.
    pub version: String,
    /// The tree to build against: `make -C KDIR M=...`.
    pub kdir: PathBuf,
    /// Its unpacked packages.
    pub stock: Option<PathBuf>,
    /// Its source.
    pub source: Option<PathBuf>,
    /// The root of the system that has the compilers.
    pub root: Option<PathBuf>,
    /// The script that runs a command in that system: IN_ROOT --root ROOT COMMAND.
    pub in_root: Option<PathBuf>,
    /// The programs that modules are built with and that this system lacks: compilers with their
    /// versions, bindgen and pahole. If there are any, modules are built with `in_root`.
    pub missing: Vec<String>,
    /// The files that headers lack, without which kimport's crate cannot be built.
    pub lacks: Vec<String>,
}

/// Prepares a kernel, unless headers with Rust metadata were named or are those of the kernel.
pub fn prepare(kernel: Named) -> Result<Prepared> {
    match &kernel {
        Named::Directory(directory) if headers::is_tree(directory) => {
            return headers::tree(directory)
        }
        Named::Release(release) => {
            if let Some(installed) = headers::installed(release)? {
                return Ok(installed);
            }
        }
        _ => {}
    }
    let cache = cache_dir(|name| env::var_os(name)).ok_or_else(|| {
        Error::unusable("there is no cache directory: neither KIMPORT_CACHE nor HOME is set")
            .help("set KIMPORT_CACHE to a directory with 5 GB of space")
    })?;
    let scripts = scripts::unpack(&std::path::absolute(cache).map_err(Error::unusable)?)?;
    let place = Place::find(&scripts)?;
    let kernel = kimport_setup::prepare(place, kernel, "kimport prepare")?;
    let missing = headers::missing_programs(&kernel.kdir)?;
    Ok(Prepared {
        missing,
        release: kernel.release,
        version: kernel.version,
        kdir: kernel.kdir,
        stock: Some(kernel.stock),
        source: Some(kernel.source),
        root: Some(kernel.root.path),
        in_root: Some(scripts.join("in-root")),
        lacks: Vec::new(),
    })
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Explained { message, help, log } => {
                let error = match log.as_str() {
                    "" => Self::finding(message),
                    log => Self::finding(format_args!("{message}\n{log}")),
                };
                match help.join("\n  ").as_str() {
                    "" => error,
                    help => error.help(help),
                }
            }
            Failure::Failed(message) => Self::unusable(message),
            Failure::Interrupted => Self::finding("interrupted")
                .help("run it again to go on; what was finished is kept"),
        }
    }
}
