// SPDX-License-Identifier: GPL-2.0

//! Real inputs from the stock kernel that the set-up unpacked, and from this checkout. Absent files
//! are left out.

use object::{Object, ObjectSection};
use std::{
    env, fs,
    path::{Path, PathBuf},
};

/// The size limit of modules: a fuzzer needs too much time for larger ones.
const MODULE: usize = 24 << 10;

/// The names of small modules of the stock kernel that together have most of what modules have.
const MODULES: [&str; 4] = [
    "lib/crc/crc16.ko.xz",
    "lib/ts_kmp.ko.xz",
    "lib/test_static_keys.ko.xz",
    "drivers/block/brd.ko.xz",
];

fn release() -> Option<PathBuf> {
    let stock = PathBuf::from(env::var_os("KIMPORT_STOCK")?);
    let mut releases = fs::read_dir(stock.join("usr/lib/modules")).ok()?;
    Some(releases.next()?.ok()?.path())
}

/// Returns modules as the distribution packs them.
pub fn packed_modules() -> Vec<Vec<u8>> {
    let Some(release) = release() else {
        return Vec::new();
    };
    MODULES
        .iter()
        .filter_map(|path| fs::read(release.join("kernel").join(path)).ok())
        .collect()
}

/// Returns modules, unpacked.
pub fn modules() -> Vec<Vec<u8>> {
    packed_modules()
        .into_iter()
        .filter_map(|packed| kimport_cli::compression::unpack(packed).ok())
        .filter(|module| module.len() < MODULE)
        .collect()
}

/// Returns the section `name` of each module that has it.
pub fn sections(name: &str) -> Vec<Vec<u8>> {
    modules()
        .iter()
        .filter_map(|module| {
            let file = object::File::parse(module.as_slice()).ok()?;
            Some(file.section_by_name(name)?.data().ok()?.to_vec())
        })
        .collect()
}

/// Returns the first `lines` of a file in the stock kernel's build tree.
pub fn head_of_tree(path: &str, lines: usize) -> Option<Vec<u8>> {
    let tree = PathBuf::from(env::var_os("KIMPORT_KDIR")?);
    head(&tree.join(path), lines)
}

/// Returns the first `lines` of a file among the stock kernel's modules.
pub fn head_of_modules(path: &str, lines: usize) -> Option<Vec<u8>> {
    head(&release()?.join(path), lines)
}

fn head(path: &Path, lines: usize) -> Option<Vec<u8>> {
    let bytes = fs::read(path).ok()?;
    let lines = bytes.split_inclusive(|&byte| byte == b'\n').take(lines);
    Some(lines.flatten().copied().collect())
}

/// Returns the files of a directory of the checkout whose names end in `suffix`.
pub fn files(directory: &str, suffix: &str) -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(directory);
    let mut paths: Vec<PathBuf> = fs::read_dir(&directory)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.to_string_lossy().ends_with(suffix))
        .collect();
    paths.sort();
    paths
        .iter()
        .filter_map(|path| fs::read(path).ok())
        .collect()
}
