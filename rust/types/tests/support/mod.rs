// SPDX-License-Identifier: GPL-2.0

//! BTF for the tests: made by hand ([`Maker`]), and of the stock kernel.

#![allow(dead_code, unreachable_pub, unused_imports)] // Each test uses a part.

mod maker;
pub mod prototypes;

use kimport_types::{Btf, Encoding};
pub use maker::Maker;
use object::{Object, ObjectSection};
use std::collections::HashSet;
use std::io::Read;
use std::path::PathBuf;

/// Returns the directory that the variable `name` holds. `make check-host` sets it.
pub fn directory(name: &str) -> PathBuf {
    match std::env::var_os(name) {
        Some(path) => path.into(),
        None => panic!("{name} is not set: run the tests by `make check-host`"),
    }
}

/// Returns the names that the stock kernel and its modules export.
pub fn exports() -> HashSet<String> {
    let path = directory("KIMPORT_KDIR").join("Module.symvers");
    let symvers = std::fs::read_to_string(path).expect("Module.symvers can be read");
    symvers
        .lines()
        .filter_map(|line| Some(line.split('\t').nth(1)?.to_owned()))
        .collect()
}

/// Returns the directory of the stock kernel's release, with its modules and vmlinuz.
pub fn stock_release() -> PathBuf {
    let releases = directory("KIMPORT_STOCK").join("usr/lib/modules");
    let release = std::fs::read_dir(&releases)
        .expect("the stock kernel has modules")
        .next()
        .expect("there is one release")
        .expect("the directory can be read");
    release.path()
}

/// Returns the BTF of the stock kernel's image.
pub fn stock_btf() -> Vec<u8> {
    let path = directory("KIMPORT_KDIR").join("vmlinux");
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let file = object::File::parse(&*bytes).expect("vmlinux is ELF");
    let section = file.section_by_name(".BTF").expect("vmlinux has BTF");
    section.data().expect("the section is in the file").to_vec()
}

/// Returns the BTF of a module of the stock kernel, which is at `path` below its modules.
pub fn stock_module_btf(path: &str) -> Vec<u8> {
    let path = stock_release().join("kernel").join(path);
    let file = std::fs::File::open(path).expect("the module is there");
    let mut bytes = Vec::new();
    liblzma::read::XzDecoder::new(file)
        .read_to_end(&mut bytes)
        .expect("the module is compressed with xz");
    let file = object::File::parse(&*bytes).expect("a module is ELF");
    assert!(
        file.section_by_name(".BTF.base").is_none(),
        "it is based on the image"
    );
    let section = file.section_by_name(".BTF").expect("the module has BTF");
    section.data().expect("the section is in the file").to_vec()
}

/// Returns an index for the types of `bytes`.
pub fn index(bytes: &[u8]) -> Vec<u32> {
    vec![0; Btf::count(bytes).expect("it is BTF")]
}

/// Returns the description of data of type `ty`.
pub fn data(ty: Encoding) -> Vec<u8> {
    ty.into_data().as_bytes().to_vec()
}

/// Returns the description of a function.
pub fn function(arguments: &[Encoding], returned: Encoding) -> Vec<u8> {
    Encoding::function(arguments, returned, false)
        .as_bytes()
        .to_vec()
}
