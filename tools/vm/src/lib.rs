// SPDX-License-Identifier: GPL-2.0

//! Boots a kernel in QEMU, runs KTAP suites in it and judges the outcome.
//!
//! [`options`] has the options of a run, and [`needs`] reads what suites need of a VM. [`image`]
//! makes the initramfs out of the build root and the stock kernel's [`modules`]. [`qemu`] runs the
//! machine. [`session`] follows the run with the help of [`ktap`] and [`klog`]. [`earlier`] keeps
//! the verdict. [`run`] puts them together. [`matrix`] compares the verdicts of several kernels.

mod accelerator;
mod earlier;
mod image;
pub mod klog;
pub mod ktap;
pub mod matrix;
mod modules;
pub mod needs;
pub mod options;
mod qemu;
pub mod run;
pub mod session;

use anyhow::{ensure, Context, Result};
use sha2::{Digest, Sha256};
use std::path::Path;

/// Returns a text that changes when a file does: its size and time.
fn fingerprint(path: &Path) -> Result<String> {
    let metadata = path
        .metadata()
        .with_context(|| format!("cannot read {}", path.display()))?;
    Ok(format!("{} {:?}", metadata.len(), metadata.modified()?))
}

/// Returns a name for a cache entry.
fn short_hash(text: &str) -> String {
    format!("{:x}", Sha256::digest(text))[..16].to_owned()
}

/// Gives a finished temporary directory its name. If another run was faster, that run's directory
/// stays.
fn commit_dir(temp: tempfile::TempDir, dir: &Path) -> Result<()> {
    match std::fs::rename(temp.path(), dir) {
        // The directory has another name now, and there is nothing to delete.
        Ok(()) => drop(temp.keep()),
        Err(error) => ensure!(dir.is_dir(), "cannot make {}: {error}", dir.display()),
    }
    Ok(())
}
