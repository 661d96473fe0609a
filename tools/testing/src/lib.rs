// SPDX-License-Identifier: GPL-2.0

//! The stock kernel for tests, its functions as [`prototypes`], a [`Maker`] of BTF, [`record()`]s
//! of import tables, tables of [`layouts`], and the [`memory`] of the running kernel.

pub mod layouts;
mod maker;
pub mod memory;
#[expect(missing_docs)] // The parts of types and prototypes explain themselves.
pub mod prototypes;
mod record;

pub use kimport_testing_macros::stock_test;
pub use maker::Maker;
pub use record::{encode, record};

use kimport_cli::load::plan::FilledSymbol;
use kimport_types::{compare, Btf, Description, MismatchReport, TypeSource, Uncomparable};
use object::{Object, ObjectSection};
use std::{
    collections::HashSet,
    env, fs,
    io::{self, Write},
    path::PathBuf,
    thread,
};

/// The variables that name the stock kernel's packages and the tree to build against.
const VARIABLES: [&str; 2] = ["KIMPORT_STOCK", "KIMPORT_KDIR"];

/// Returns whether the running test is skipped, because no stock kernel is set up. Says so on
/// standard error, past the capture of a test's output.
pub fn is_skipped() -> bool {
    let missing = VARIABLES
        .into_iter()
        .find(|name| env::var_os(name).is_none());
    if let Some(missing) = missing {
        let thread = thread::current();
        let test = thread.name().unwrap_or("a test");
        let line = format!("skipped: {test}: no {missing}; `make check-cargo` sets it up\n");
        io::stderr()
            .write_all(line.as_bytes())
            .expect("standard error can be written to");
    }
    missing.is_some()
}

fn directory(name: &str) -> PathBuf {
    match env::var_os(name) {
        Some(path) => path.into(),
        None => panic!("{name} is not set: run the tests by `make check-cargo`"),
    }
}

/// Returns the directory of the stock kernel's packages.
pub fn stock_directory() -> PathBuf {
    directory("KIMPORT_STOCK")
}

/// Returns the structs and unions in `kernel::bindings` whose members bindgen knows; none if the
/// kernel has no such bindings.
pub fn bindgen_structs() -> HashSet<String> {
    let text =
        fs::read_to_string(kdir().join("rust/bindings/bindings_generated.rs")).unwrap_or_default();
    let definitions = text.split("\npub ").filter_map(|item| {
        let item = item
            .strip_prefix("struct ")
            .or(item.strip_prefix("union "))?;
        let (name, body) = item.split_once(" {\n")?;
        let opaque = ["_unused:", "_address:", "_bindgen_opaque_blob:"];
        let is_opaque = body
            .lines()
            .take(1)
            .any(|line| opaque.iter().any(|name| line.contains(name)));
        (!is_opaque && !name.contains("_bindgen_ty_")).then(|| name.to_owned())
    });
    definitions.collect()
}

/// Returns the tree to build modules against.
pub fn kdir() -> PathBuf {
    directory("KIMPORT_KDIR")
}

/// Returns the names that the stock kernel and its modules export.
pub fn exports() -> HashSet<String> {
    exports_where(|_| true)
}

/// Returns the names that the stock kernel and its modules export to every module, in no namespace.
pub fn exports_to_all() -> HashSet<String> {
    exports_where(|namespace| namespace.is_empty())
}

fn exports_where(is_wanted: impl Fn(&str) -> bool) -> HashSet<String> {
    let path = kdir().join("Module.symvers");
    let symvers = fs::read_to_string(path).expect("Module.symvers can be read");
    let export = |line: &str| {
        let words: Vec<_> = line.split('\t').collect();
        let namespace = words.get(4).copied().unwrap_or_default();
        is_wanted(namespace)
            .then(|| words.get(1).copied())
            .flatten()
            .map(str::to_owned)
    };
    symvers.lines().filter_map(export).collect()
}

/// Returns the directory of the stock kernel's release, with its modules and vmlinuz.
pub fn stock_release() -> PathBuf {
    let releases = stock_directory().join("usr/lib/modules");
    let release = fs::read_dir(&releases)
        .expect("the stock kernel has modules")
        .next()
        .expect("there is one release")
        .expect("the directory can be read");
    release.path()
}

/// Returns the BTF of the stock kernel's image.
pub fn stock_btf() -> Vec<u8> {
    let path = kdir().join("vmlinux");
    let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    btf(&object::File::parse(&*bytes).expect("vmlinux is ELF"))
}

fn btf(file: &object::File<'_>) -> Vec<u8> {
    let section = file.section_by_name(".BTF").expect("the file has BTF");
    section.data().expect("the section is in the file").to_vec()
}

/// Returns the BTF of a module of the stock kernel, which is at `path` below its modules.
pub fn stock_module_btf(path: &str) -> Vec<u8> {
    let packed = fs::read(stock_release().join("kernel").join(path));
    let packed = packed.expect("the module is there");
    let bytes = kimport_cli::compression::unpack(packed).expect("the module can be unpacked");
    let file = object::File::parse(&*bytes).expect("a module is ELF");
    assert!(
        file.section_by_name(".BTF.base").is_none(),
        "it is based on the image"
    );
    btf(&file)
}

/// Returns an index for the types of `bytes`.
pub fn index(bytes: &[u8]) -> Vec<u32> {
    vec![0; Btf::count(bytes).expect("it is BTF")]
}

/// Returns the report of the worst difference between the declared type of the symbol `name` and
/// the type `id` of `source`, if they differ.
pub fn difference(
    name: &str,
    declared: &Description<'_>,
    source: &impl TypeSource,
    id: u32,
) -> Result<Option<String>, Uncomparable> {
    let comparison = compare(declared, source, id)?;
    Ok(comparison.worst().map(|mismatch| {
        let report = MismatchReport {
            name,
            declared,
            source,
            id,
            mismatch,
        };
        report.to_string()
    }))
}

/// Returns a symbol of the kernel image with its address, as `kimport load` writes it.
pub fn filled(name: &str, address: u64) -> FilledSymbol {
    FilledSymbol {
        name: name.to_owned(),
        provider: "vmlinux".to_owned(),
        address,
    }
}
