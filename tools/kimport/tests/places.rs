// SPDX-License-Identifier: GPL-2.0

//! The choice between several files of a kernel: modules of one name, links, two sources of one
//! fact.

mod common;

use common::*;
use std::{
    fs,
    os::unix::fs::{symlink, DirEntryExt},
    path::{Path, PathBuf},
    process::Command,
    str,
};
use tempfile::TempDir;

/// A system with one module in two versions. Only the stock version has `target_submit`.
struct System(TempDir);

const RELEASE: &str = "usr/lib/modules/7.3";
const STOCK: &str = "kernel/target_core_mod.ko.xz";

impl System {
    fn new() -> Self {
        let system = Self(TempDir::new().unwrap());
        system.write(
            "boot/System.map-7.3",
            "ffffffff81000000 T f\nffffffff81000010 d data\n",
        );
        fs::copy(stock("target_core_mod"), system.module(STOCK)).unwrap();
        system
    }

    fn root(&self) -> &Path {
        self.0.path()
    }

    /// Returns the path of a file, and makes its directory.
    fn file(&self, path: &str) -> PathBuf {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }

    fn write(&self, path: &str, text: &str) {
        fs::write(self.file(path), text).unwrap();
    }

    fn module(&self, path: &str) -> PathBuf {
        self.file(&format!("{RELEASE}/{path}"))
    }

    /// Puts another module under that name.
    fn other(&self, to: &str) {
        fs::copy(stock("tcm_loop"), self.module(to)).unwrap();
    }

    /// Returns whether the stock version is read, and the kernel's notes.
    fn stock_is_read(&self, also: &str) -> (bool, Vec<String>) {
        let kernel = format!("here={}{also}", self.root().display());
        let compare = "compare target_core_mod:target_submit --json --kernel";
        let matrix = json(&kimport(format!("{compare} {kernel}")).1);
        let place = &matrix["symbols"][0]["cells"][0]["places"][0];
        let notes = matrix["kernels"][0]["notes"].as_array().unwrap();
        let notes = notes.iter().map(|note| note.as_str().unwrap().to_owned());
        (place == "target_core_mod", notes.collect())
    }

    fn note(&self, read: &str, why: &str, other: &str) -> String {
        let path = |path: &str| self.root().join(RELEASE).join(path).display().to_string();
        format!(
            "there are two of module target_core_mod: {} is read, as it {why}; {} is not",
            path(read),
            path(other)
        )
    }
}

#[stock_test]
fn headers_are_not_searched() {
    let system = System::new();
    system.other("include/target_core_mod.ko.xz");
    assert_eq!(system.stock_is_read(""), (true, Vec::new()));
}

/// The index of names only holds for the files that it was made of.
#[stock_test]
fn names_are_kept_until_modules_change() {
    let system = System::new();
    for number in 0..64 {
        system.other(&format!("extra/other{number}.ko.xz"));
    }
    let cache = TempDir::new().unwrap();
    let places = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kimport"));
        command.args(["compare", "target_submit", "--json", "--kernel"]);
        let command = command
            .arg(system.root())
            .env("KIMPORT_CACHE", cache.path());
        let output = command.output().unwrap();
        let matrix = json(str::from_utf8(&output.stdout).unwrap());
        let places = matrix["symbols"][0]["cells"][0]["places"]
            .as_array()
            .unwrap()
            .clone();
        let mut indices = fs::read_dir(cache.path().join("names")).unwrap();
        let index = indices.next().unwrap().unwrap();
        assert!(indices.next().is_none());
        (places, index.path(), index.ino())
    };
    let first = places();
    assert_eq!(first.0, ["target_core_mod"]);
    // It is not made anew as long as it holds.
    assert_eq!(places(), first);
    fs::copy(
        stock("target_core_mod"),
        system.module("extra/other7.ko.xz"),
    )
    .unwrap();
    assert_eq!(places().0, ["other7", "target_core_mod"]);
    system.other("extra/other7.ko.xz");
    assert_eq!(places().0, ["target_core_mod"]);
    fs::write(&first.1, "damaged").unwrap();
    assert_eq!(places().0, ["target_core_mod"]);
    // Only modules that it names are read.
    let index = fs::read(&first.1).unwrap();
    let wanted = crc32fast::hash(b"target_submit").to_le_bytes();
    let mut words = index.windows(4);
    let at = words.position(|word| word == wanted).unwrap();
    let other = [&index[..at], &[0; 4], &index[at + 4..]].concat();
    fs::write(&first.1, other).unwrap();
    assert!(places().0.is_empty());
}

#[stock_test]
fn depmod_decides_between_modules_of_one_name() {
    for (place, is_stock) in [("updates", false), ("extra", false), ("weak-updates", true)] {
        let system = System::new();
        let other = format!("{place}/target-core-mod.ko.xz");
        system.other(&other);
        let (read, rest) = if is_stock {
            (STOCK, other.as_str())
        } else {
            (other.as_str(), STOCK)
        };
        let note = system.note(read, "is what depmod prefers", rest);
        assert_eq!(system.stock_is_read(""), (is_stock, vec![note]), "{place}");
        // A system can configure its own order.
        system.write(
            "etc/depmod.d/order.conf",
            "search weak-updates built-in\nsearch updates extra\n",
        );
        assert_eq!(
            system.stock_is_read("").0,
            place != "weak-updates",
            "{place}"
        );
    }
    // A file that the user names precedes all others.
    let system = System::new();
    system.other("updates/target_core_mod.ko.xz");
    let also = format!(",{}", system.module(STOCK).display());
    let (is_stock, notes) = system.stock_is_read(&also);
    assert!(is_stock);
    assert_eq!(notes.len(), 2, "{notes:?}");
    let note = system.note(STOCK, "is named", "updates/target_core_mod.ko.xz");
    assert_eq!(notes[1], note);
}

#[stock_test]
fn links_are_followed() {
    // NixOS has all modules like this, and weak-updates has modules of other releases.
    let system = System::new();
    let real = system.root().join("store/content");
    fs::create_dir_all(real.parent().unwrap()).unwrap();
    fs::rename(system.module(STOCK), &real).unwrap();
    assert!(!system.stock_is_read("").0);
    symlink("../../../../../store/content", system.module(STOCK)).unwrap();
    assert_eq!(system.stock_is_read(""), (true, vec![]));
    // An absolute link, in a system that is mounted somewhere.
    fs::remove_file(system.module(STOCK)).unwrap();
    symlink("/store/content", system.module(STOCK)).unwrap();
    assert_eq!(system.stock_is_read(""), (true, vec![]));
    // A second link to the same file is no second file.
    symlink(&real, system.module("weak-updates/target_core_mod.ko.xz")).unwrap();
    assert_eq!(system.stock_is_read(""), (true, vec![]));
    fs::remove_file(&real).unwrap();
    let (is_stock, notes) = system.stock_is_read("");
    assert!(!is_stock && notes.len() == 2, "{notes:?}");
    assert!(
        notes[0].ends_with(": No such file or directory (os error 2)"),
        "{notes:?}"
    );
}

#[stock_test]
fn directories_behind_links_are_read_once() {
    let (system, elsewhere) = (System::new(), TempDir::new().unwrap());
    let (kernel, store) = (system.module("kernel"), elsewhere.path().join("store"));
    fs::rename(&kernel, &store).unwrap();
    symlink(&store, &kernel).unwrap();
    // Links in a circle, and links that distributions have.
    symlink(system.root(), store.join("loop")).unwrap();
    symlink(".", system.module("here")).unwrap();
    symlink("usr/lib", system.root().join("lib")).unwrap();
    assert_eq!(system.stock_is_read(""), (true, vec![]));
    // The tree that the kernel was built in, or another kernel's tree.
    let other = path(&elsewhere, "target_core_mod.ko.xz");
    fs::copy(stock("tcm_loop"), other).unwrap();
    for name in ["build", "source"] {
        symlink(elsewhere.path(), system.module(name)).unwrap();
    }
    symlink(elsewhere.path(), system.root().join("other")).unwrap();
    assert_eq!(system.stock_is_read(""), (true, vec![]));
}

#[stock_test]
fn sources_that_differ_are_told() {
    let system = System::new();
    let write = |name: &str, text: &str| {
        system.write(name, text);
        system.root().join(name).display().to_string()
    };
    let exports =
        |f, g| format!("{f}\tf\tvmlinux\tEXPORT_SYMBOL\t\n{g}\tg\tvmlinux\tEXPORT_SYMBOL\t\n");
    let one = write("one", &exports("0x00000001", "0x0"));
    let two = write("two", &exports("0x00000002", "0x9"));
    let note = format!("{two} and what was read before differ on 1 symbol (f); {two} counts");
    let (_, notes) = system.stock_is_read(&format!(",{one},{two}"));
    assert_eq!(notes, [note.clone()]);
    let module = stock("tcm_loop");
    let (.., error) = kimport(format!("list {module} --symvers {one} --symvers {two}"));
    assert_eq!(error, format!("kimport: note: {note}\n"));

    let map = write("map", "ffffffff81000000 T f\nffffffff81000004 T other\nffffffff81000010 d data\nffffffff81000011 d more\n");
    let (_, notes) = system.stock_is_read(&format!(",{map}"));
    assert!(notes.is_empty(), "{notes:?}");
    write(
        "map",
        "ffffffff81000000 T f\nffffffff81000004 T other\nffffffff81000010 d more\n",
    );
    let (_, notes) = system.stock_is_read(&format!(",{map}"));
    let note = format!("{map} and what was read before differ on 1 symbol (data); {map} counts");
    assert_eq!(notes, [note]);
}

/// A kernel without `CONFIG_KALLSYMS_ALL` lists the symbols in its text only.
#[stock_test]
fn data_that_kallsyms_leaves_out() {
    let system = System::new();
    system.write(
        "boot/System.map-7.3",
        "ffffffff81000000 T _stext\nffffffff81000010 T f\nffffffff81000020 T _etext\n",
    );
    let kernel = system.root().display().to_string();
    let directory = TempDir::new().unwrap();
    let table = [
        record(1, 0, 0, "", "init_uts_ns"),
        record(1, 0, 0, "target_core_mod", "sbc_attrib_attrs"),
        record(1, 0, 0, "kept", "sbc_attrib_attrs"),
        record(0, 0, 0, "", "f"),
        record(0, 0, 0, "", "no_such_function"),
        record(1, 1, 0, "", "optional_data"),
    ];
    let module = with_table(&directory, &table.concat());
    // The whole table of a module that is marked as a livepatch, as relinked ones are, is kept.
    let kept = system.module("extra/kept.ko");
    fs::write(&kept, unxz(&stock("target_core_mod"))).unwrap();
    let mut modinfo = Module::open(&kept).section(".modinfo").data.clone();
    modinfo.extend(b"livepatch=Y\0");
    let update = format!(".modinfo={}", write(&directory, "modinfo", modinfo));
    let kept = kept.to_str().unwrap();
    tool("objcopy", &["--update-section", &update, kept]);
    let (_, text, _) = kimport(format!("check {module} --kernel {kernel}"));
    let cannot = "target_core_file: kimport: cannot import";
    let words = "this kernel's kallsyms has functions only (no CONFIG_KALLSYMS_ALL); import a function that gives access to it";
    for line in [
        "import no_such_function from the kernel image: kallsyms has no such symbol there; check its",
        &format!("{cannot} init_uts_ns from the kernel image: {words}\n"),
        &format!("{cannot} sbc_attrib_attrs from target_core_mod: {words}\n"),
        "note: optional optional_data would be missing\n",
        "  not known: data: the symbol table has functions only (no CONFIG_KALLSYMS_ALL)\n",
    ] {
        has(&text, line);
    }
    assert!(!text.contains("cannot import f "), "{text}");
    assert!(!text.contains("from kept"), "{text}");

    let (text, _) = ends(1, format!("compare init_uts_ns f --kernel small={kernel}"));
    let missing = "\ninit_uts_ns  missing, or data, which kallsyms lacks\n";
    has(&text, missing);
    // A kernel that lists data makes no such excuse.
    let system = System::new();
    let kernel = system.root().display();
    let (_, text, _) = kimport(format!("check {module} --kernel {kernel}"));
    assert!(!text.contains("KALLSYMS_ALL"), "{text}");
}
