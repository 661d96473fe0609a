// SPDX-License-Identifier: GPL-2.0

//! Boots a kernel in QEMU, runs KTAP suites in it and judges the outcome.
//!
//! [`options`] has the options of a run, and [`needs`] reads what suites need of a VM. [`image`]
//! makes the initramfs out of the build root and the stock kernel's [`modules`]. [`qemu`] runs the
//! machine. [`session`] follows the run with the help of [`ktap`] and [`klog`]. [`run`] puts them
//! together.

pub mod image;
pub mod klog;
pub mod ktap;
pub mod modules;
pub mod needs;
pub mod options;
pub mod qemu;
pub mod run;
pub mod session;

use anyhow::{bail, Context, Result};
use sha2::{Digest, Sha256};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Returns a text that changes when a file does: its size and time.
fn fingerprint(path: &Path) -> Result<String> {
    let metadata = path
        .metadata()
        .with_context(|| format!("cannot read {}", path.display()))?;
    Ok(format!(
        "{} {}.{}",
        metadata.size(),
        metadata.mtime(),
        metadata.mtime_nsec()
    ))
}

/// Returns a name for a cache entry.
fn short_hash(text: &str) -> String {
    let mut digest = format!("{:x}", Sha256::digest(text.as_bytes()));
    digest.truncate(16);
    digest
}

/// Gives a finished temporary directory its name. If another run was faster, that run's directory
/// stays.
fn commit_dir(temp: tempfile::TempDir, dir: &Path) -> Result<()> {
    match std::fs::rename(temp.path(), dir) {
        Ok(()) => {
            // The directory has another name now, and there is nothing to delete.
            let _ = temp.keep();
            Ok(())
        }
        Err(_) if dir.is_dir() => Ok(()),
        Err(error) => bail!("cannot make {}: {error}", dir.display()),
    }
}
