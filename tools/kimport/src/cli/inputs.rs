// SPDX-License-Identifier: GPL-2.0

//! The files that several subcommands read.

use super::output;
use crate::{
    error::Result,
    kernel::{self, Kernel},
    progress::Spinner,
    symvers::Symvers,
};
use std::{fs, path::PathBuf};

/// Reads several `Module.symvers` and adds them to `known`.
pub(super) fn symvers(known: Option<Symvers>, paths: &[PathBuf]) -> Result<Option<Symvers>> {
    let mut all = known;
    for path in paths {
        // The Module.symvers of modules that export nothing is empty.
        let is_empty = fs::metadata(path).is_ok_and(|file| file.len() == 0);
        let new = if is_empty {
            Symvers::default()
        } else {
            Symvers::read(path)?
        };
        if let Some(note) = all.as_ref().and_then(|all| new.contradicts(all, path)) {
            output::notes(&[note]);
        }
        all.get_or_insert_default().extend(new);
    }
    Ok(all)
}

/// Reads a kernel. The end of the process, which comes soon, frees its memory faster than a drop.
pub(super) fn kernel(kernel: &kernel::Spec) -> Result<&'static Kernel> {
    kernel_while(kernel, || ((), Vec::new())).0
}

/// Reads a kernel, and does `work` meanwhile, see [`Kernel::read_while`].
pub(super) fn kernel_while<T: Send>(
    kernel: &kernel::Spec,
    work: impl FnOnce() -> (T, Vec<String>) + Send,
) -> (Result<&'static Kernel>, T) {
    let _spinner = Spinner::new("reading the kernel");
    let (kernel, value) = Kernel::read_while(kernel, work);
    (kernel.map(|kernel| &*Box::leak(Box::new(kernel))), value)
}
