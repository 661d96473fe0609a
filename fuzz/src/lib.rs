// SPDX-License-Identifier: GPL-2.0

//! The parts that the fuzz targets share: they write the first inputs of a target, and make
//! modules, kernels and types.
//!
//! The makers use none of the code under test, so that a target can compare its result with the
//! input that was made.

pub mod elf;
pub mod kallsyms;
pub mod kernel;
pub mod module;
pub mod stock;

use std::{env, fs, path::PathBuf};

/// The variable that names the directory for the first inputs of a target. If it is not set, none
/// are written.
const SEEDS: &str = "KIMPORT_FUZZ_SEEDS";

/// Writes the first inputs of a target, for `fuzz_target!(init: ...)`. libFuzzer reads the
/// directory afterwards.
///
/// They are made when the target starts, from files of the build and of the stock kernel, so that
/// none is in the repository.
pub fn seeds<S: AsRef<[u8]>>(make: impl FnOnce() -> Vec<S>) {
    let Some(directory) = env::var_os(SEEDS).map(PathBuf::from) else {
        return;
    };
    for (number, seed) in make().into_iter().enumerate() {
        let path = directory.join(format!("{number:03}"));
        if let Err(error) = fs::write(&path, seed) {
            panic!("{}: {error}", path.display());
        }
    }
}

/// Returns varied bytes, for targets that read their inputs as decisions: no file is an example.
pub fn noise() -> Vec<Vec<u8>> {
    let mut state = 1_u64;
    let mut next = || {
        state = state
            .wrapping_mul(0x5851_f42d_4c95_7f2d)
            .wrapping_add(0x1405_7b7e_f767_814f);
        (state >> 56) as u8
    };
    (4..11)
        .map(|size| (0..1 << size).map(|_| next()).collect())
        .collect()
}
