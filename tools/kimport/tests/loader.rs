// SPDX-License-Identifier: GPL-2.0

//! Modules of the stock kernel, changed so that the kernel's module loader refuses them. The suite
//! `check.sh` loads such modules and compares the kernel's log.

mod common;

use common::*;
use object::elf;
use std::{
    fs,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

/// A changed module without dependencies.
struct Changed {
    directory: TempDir,
}

impl Changed {
    fn new() -> Self {
        let changed = Self {
            directory: TempDir::new().unwrap(),
        };
        let dummy = stock_modules("drivers/net");
        let dummy = dummy
            .iter()
            .find(|path| module_name(path) == "dummy")
            .unwrap();
        fs::write(changed.path(), unxz(dummy)).unwrap();
        changed
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn path(&self) -> PathBuf {
        self.file("dummy.ko")
    }

    /// Replaces `old` by `new`, which has the same length.
    fn replace(self, old: &str, new: &str) -> Self {
        let mut bytes = fs::read(self.path()).unwrap();
        let found = bytes
            .windows(old.len())
            .position(|part| part == old.as_bytes());
        let at = found.unwrap_or_else(|| panic!("no {old}"));
        bytes[at..at + old.len()].copy_from_slice(new.as_bytes());
        fs::write(self.path(), bytes).unwrap();
        self
    }

    fn objcopy(self, arguments: &[&str]) -> Self {
        let path = self.path();
        tool("objcopy", &[arguments, &[path.to_str().unwrap()]].concat());
        self
    }

    fn section(self, name: &str, bytes: &[u8]) -> Self {
        let file = self.file("section");
        fs::write(&file, bytes).unwrap();
        let add = format!("{name}={}", file.display());
        self.objcopy(&["--add-section", &add])
    }

    /// Changes the text of the module information.
    fn modinfo(self, change: impl FnOnce(&str) -> String) -> Self {
        let modinfo = Module::read(&self.bytes()).section(".modinfo").data.clone();
        let file = self.write("modinfo", &change(&String::from_utf8(modinfo).unwrap()));
        let update = format!(".modinfo={file}");
        self.objcopy(&["--update-section", &update])
    }

    fn bytes(&self) -> Vec<u8> {
        fs::read(self.path()).unwrap()
    }

    fn undefined(&self) -> Vec<String> {
        let module = Module::read(&self.bytes());
        let names = module
            .undefined()
            .into_iter()
            .filter(|name| !name.is_empty());
        names.map(str::to_owned).collect()
    }

    fn write(&self, name: &str, text: &str) -> String {
        self.write_bytes(name, text.as_bytes())
    }

    fn write_bytes(&self, name: &str, bytes: &[u8]) -> String {
        fs::write(self.file(name), bytes).unwrap();
        self.file(name).to_str().unwrap().to_owned()
    }

    /// Returns the output of a check without the last lines, and the exit code.
    fn check(&self, kernel: &str) -> (String, Option<i32>) {
        let path = self.path();
        let output = kimport(["check", path.to_str().unwrap(), "--kernel", kernel]);
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8(text).unwrap();
        let lines = text.lines().filter(|line| !line.starts_with("  from "));
        (
            lines.map(|line| line.to_owned() + "\n").collect(),
            output.status.code(),
        )
    }

    /// Returns the findings on the stock kernel, of which there must be some.
    fn refused(&self) -> String {
        let (text, code) = self.check(stock_directory().to_str().unwrap());
        assert_eq!(code, Some(1), "{text}");
        let lines = text
            .lines()
            .take_while(|line| !line.contains(" symbols checked, "));
        lines.map(|line| line.to_owned() + "\n").collect()
    }
}

fn release() -> String {
    let vermagic = Module::read(&Changed::new().bytes()).modinfo();
    vermagic["vermagic"][0]
        .split(' ')
        .next()
        .unwrap()
        .to_owned()
}

#[stock_test]
fn a_namespace_that_is_not_imported() {
    let changed = |symbol: &str| {
        let rename = format!("ether_setup={symbol}");
        Changed::new().objcopy(&["--redefine-sym", &rename])
    };
    assert_eq!(
        changed("write_ibpb").refused(),
        "dummy: module uses symbol (write_ibpb) from namespace module:kvm,kvm-amd,kvm-intel, but does not import it.\n\
         dummy: Unknown symbol write_ibpb (err -22): it is exported to kvm,kvm-amd,kvm-intel only\n"
    );
    let dma_buf = changed("dma_buf_put");
    let refused = "dummy: module uses symbol (dma_buf_put) from namespace DMA_BUF, but does not import it.\n\
         dummy: Unknown symbol dma_buf_put (err -22): import the namespace: MODULE_IMPORT_NS(\"DMA_BUF\")\n";
    assert_eq!(dma_buf.refused(), refused);
    // A weak symbol may be absent, but this one is present.
    let weak = changed("dma_buf_put").objcopy(&["--weaken-symbol=dma_buf_put"]);
    assert_eq!(weak.refused(), refused);

    let stock = stock_directory();
    let stock = stock.to_str().unwrap();
    let imported = dma_buf.modinfo(|text| format!("import_ns=DMA_BUF\0{text}"));
    let (text, code) = imported.check(stock);
    assert_eq!(code, Some(0), "{text}");
    let refused = changed("write_ibpb").modinfo(|text| format!("import_ns=module:kvm\0{text}"));
    let line = "dummy: module tries to import module namespace: module:kvm\n";
    assert!(refused.refused().starts_with(line));
    // The module's name decides.
    let named = changed("write_ibpb").modinfo(|text| text.replace("name=dummy", "name=kvm_amd"));
    let (text, code) = named.check(stock);
    assert_eq!(code, Some(0), "{text}");
}

#[stock_test]
fn gpl_only_exports_and_another_licence() {
    let refused = Changed::new()
        .replace("license=GPL\0", "license=BSD\0")
        .refused();
    assert!(
        refused.contains(
            "dummy: Unknown symbol rtnl_link_register (err -2): vmlinux exports it to GPL-compatible modules only\n"
        ),
        "{refused}"
    );
    assert!(!refused.contains("symbol ether_setup"), "{refused}");
    assert!(
        refused.ends_with("dummy: module license 'BSD' taints kernel.\n"),
        "{refused}"
    );
}

#[stock_test]
fn another_release_and_other_options() {
    let release = release();
    let other = release.replace('.', "_");
    let refused =
        Changed::new().replace(&format!("vermagic={release}"), &format!("vermagic={other}"));
    let options = "SMP preempt mod_unload ";
    assert_eq!(
        refused.refused(),
        format!("dummy: version magic '{other} {options}' should be '{release} {options}'\n")
    );
    let refused = Changed::new()
        .replace("SMP preempt", "SMP xreempt")
        .refused();
    assert!(
        refused.contains(" SMP xreempt mod_unload ' should be "),
        "{refused}"
    );
    // Text files alone tell nothing about this.
    let changed = Changed::new();
    let map = changed.write("System.map", "ffffffff81000000 T f\n");
    let (text, code) = changed.check(&format!("{map},{}", symvers_path()));
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.contains("all of them resolve, as far as is known\n"),
        "{text}"
    );
    let line = format!(
        "  not known: what the kernel's modules are built for (this one: {release} {options})\n"
    );
    assert!(text.contains(&line), "{text}");
    assert!(
        text.contains("  not known: the kernel's architecture\n"),
        "{text}"
    );
}

#[stock_test]
fn another_architecture() {
    // One line says it all: that there is no such symbol is not worth another.
    let changed = Changed::new().objcopy(&["--redefine-sym", "ether_setup=no_such_function"]);
    let mut bytes = changed.bytes();
    bytes[18..20].copy_from_slice(&elf::EM_AARCH64.to_le_bytes());
    fs::write(changed.path(), bytes).unwrap();
    assert_eq!(
        changed.refused(),
        "Invalid architecture in ELF header: 183: dummy is for arm64, the kernel for x86-64\n"
    );
}

#[stock_test]
fn a_module_without_symbols() {
    let changed = Changed::new().objcopy(&["--strip-all"]);
    let path = changed.path();
    let path = path.to_str().unwrap();
    let kernel = stock_directory();
    for command in [
        &["check", path, "--kernel", kernel.to_str().unwrap()][..],
        &["list", path],
        &["relink", path, "--from", "vmlinux:f", "-o", "/dev/null"],
        &["load", path],
    ] {
        let output = kimport(command);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{error}");
        let line = format!("kimport: error: {path}: module has no symbols (stripped?)\n");
        assert!(error.starts_with(&line), "{error}");
        assert!(error.contains("strip --strip-debug"), "{error}");
    }
}

#[stock_test]
fn a_module_that_exports_what_the_image_does() {
    let changed = Changed::new().objcopy(&["--add-symbol", "__ksymtab_ether_setup=.rodata:0"]);
    assert_eq!(
        changed.refused(),
        "dummy: exports duplicate symbol ether_setup (owned by kernel)\n"
    );
}

/// A kernel with symbol versions, made up of text files and one module.
#[stock_test]
fn versions_that_differ() {
    const VERMAGIC: &str = "9.9 SMP mod_unload modversions ";
    let magic = |changed: Changed, magic: &str| {
        changed.modinfo(|text| {
            let at = text.find("vermagic=").unwrap();
            format!("{}vermagic={magic}\0", &text[..at])
        })
    };
    let undefined = Changed::new().undefined();
    let names = || {
        undefined
            .iter()
            .map(String::as_str)
            .chain(["module_layout"])
    };
    let kernel = Changed::new();
    let export = |name| format!("0x00000007\t{name}\tvmlinux\tEXPORT_SYMBOL\t\n");
    let files = [
        kernel.write(
            "System.map",
            "ffffffff81000000 T module_layout\nffffffff81000010 T load_module\nffffffff81000020 d data\n",
        ),
        kernel.write("Module.symvers", &names().map(export).collect::<String>()),
        kernel.write_bytes("own.ko", &magic(Changed::new(), VERMAGIC).bytes()),
    ];
    let files = files.join(",");
    // Both sections, in which all symbols but one have version 7.
    let crc = |name: &str, differing: &str| if name == differing { 8_u32 } else { 7 };
    let plain = |differing: &str, missing: &str| -> Vec<u8> {
        let record = |name: &str| {
            let mut record = u64::from(crc(name, differing)).to_le_bytes().to_vec();
            record.extend(name.as_bytes());
            record.resize(64, 0);
            record
        };
        names()
            .filter(|name| *name != missing)
            .flat_map(record)
            .collect()
    };
    let check = |changed: Changed| {
        // The release does not count if there are versions.
        let changed = magic(changed, &VERMAGIC.replace("9.9", "9.8"));
        let (text, code) = changed.check(&files);
        let at = text.find("dummy on ").unwrap();
        (text[..at].to_owned(), code, text[at..].to_owned())
    };
    let with = |section: &[u8]| Changed::new().section("__versions", section);

    let (found, code, rest) = check(with(&plain("", "")));
    assert_eq!((found.as_str(), code), ("", Some(0)), "{rest}");
    assert!(rest.contains("all of them resolve\n"), "{rest}");
    let why = "the module was not built with this vmlinux; build it for this kernel\n";
    for (section, line, code) in [
        (
            plain("ether_setup", ""),
            "disagrees about version of symbol ether_setup",
            Some(1),
        ),
        (
            plain("", "ether_setup"),
            "no symbol version for ether_setup",
            Some(1),
        ),
    ] {
        let (found, ended, _) = check(with(&section));
        let unknown = format!("dummy: Unknown symbol ether_setup (err -22): {why}");
        assert_eq!(found, format!("dummy: {line}\n{unknown}"));
        assert_eq!(ended, code);
    }
    for (section, line) in [
        (
            plain("module_layout", ""),
            "disagrees about version of symbol module_layout",
        ),
        (
            plain("", "module_layout"),
            "no symbol version for module_layout",
        ),
    ] {
        let (found, code, _) = check(with(&section));
        assert_eq!((found, code), (format!("dummy: {line}\n"), Some(1)));
    }

    // The newer sections take precedence. A symbol that is missing in them is accepted.
    let extended = |differing: &str, missing: &str| {
        let names = || names().filter(|name| *name != missing);
        let crcs: Vec<u8> = names()
            .flat_map(|name| crc(name, differing).to_le_bytes())
            .collect();
        let text: String = names().flat_map(|name| [name, "\0"]).collect();
        with(&plain("ether_setup", ""))
            .section("__version_ext_crcs", &crcs)
            .section("__version_ext_names", text.as_bytes())
    };
    assert_eq!(check(extended("", "")).1, Some(0));
    let (found, code, _) = check(extended("ether_setup", ""));
    assert!(
        found.starts_with("dummy: disagrees about version of symbol ether_setup\n"),
        "{found}"
    );
    assert_eq!(code, Some(1));
    let (found, code, _) = check(extended("", "ether_setup"));
    assert_eq!(
        (found.as_str(), code),
        (
            "dummy: no extended symbol version for ether_setup\n",
            Some(0)
        )
    );

    // Without versions, the result depends on the configuration, which text files do not tell. The
    // release counts.
    let (found, code, rest) = check(Changed::new());
    let other = VERMAGIC.replace("9.9", "9.8");
    let refused = format!("dummy: version magic '{other}' should be '{VERMAGIC}'\n");
    assert_eq!((found, code), (refused, Some(1)));
    let untold = "  not known: whether the kernel loads a module without symbol versions (CONFIG_MODULE_FORCE_LOAD)\n";
    assert!(rest.contains(untold), "{rest}");
}

fn provider(directory: &Path) -> PathBuf {
    let path = directory.join("provider.ko");
    fs::copy(OUT_OF_TREE.provider(), &path).unwrap();
    path
}

/// The kernel's `Module.symvers`, modules that it does not list, and further files add up.
#[stock_test]
fn exports_of_modules_out_of_tree_count() {
    let changed = Changed::new().objcopy(&["--redefine-sym", "ether_setup=provider_exported"]);
    let provider = provider(changed.directory.path());
    let stock = stock_directory();
    let stock = stock.to_str().unwrap();
    let kernel = format!("{stock},{}", provider.display());
    let (text, code) = changed.check(&kernel);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("all of them resolve\n"), "{text}");
    let (text, code) = changed.check(stock);
    assert_eq!(code, Some(1));
    assert!(
        text.contains("dummy: Unknown symbol provider_exported (err -2): nothing exports it"),
        "{text}"
    );

    // The same export in a file, and then another one.
    let line = |kind: &str, namespace: &str| {
        format!("0x00000000\tprovider_exported\tprovider\t{kind}\t{namespace}\n")
    };
    let symvers = changed.write("Module.symvers", &line("EXPORT_SYMBOL_GPL", ""));
    let (text, code) = changed.check(&format!("{stock},{symvers}"));
    assert_eq!(code, Some(0), "{text}");
    let (text, code) = changed.check(&format!("{kernel},{symvers}"));
    assert_eq!(code, Some(0), "{text}");
    assert!(!text.contains("note:"), "{text}");
    changed.write("Module.symvers", &line("EXPORT_SYMBOL_GPL", "SPACE"));
    let (text, code) = changed.check(&format!("{kernel},{symvers}"));
    assert_eq!(code, Some(0), "{text}");
    let note = "  note: Module.symvers and the file of provider differ on 1 symbol (provider_exported); the file of provider counts\n";
    assert!(text.contains(note), "{text}");
    let (text, code) = changed.check(&format!("{stock},{symvers}"));
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("from namespace SPACE, but"), "{text}");

    let path = changed.path();
    let path = path.to_str().unwrap();
    let own = symvers_path();
    let both = ["--symvers", &own, "--symvers", &symvers];
    let (text, _) = fine(["list", path].into_iter().chain(both));
    assert!(text.contains("provider_exported"), "{text}");
    assert!(!text.contains("not exported"), "{text}");
    let output = changed.file("out.ko");
    let output = output.to_str().unwrap();
    let relink = ["relink", path, "--from", "vmlinux=provider", "-o", output];
    let (text, _) = fine(relink.into_iter().chain(both));
    assert!(text.contains("provider_exported"), "{text}");
}

fn symvers_path() -> String {
    symvers().to_str().unwrap().to_owned()
}
