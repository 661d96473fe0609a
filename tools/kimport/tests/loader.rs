// SPDX-License-Identifier: GPL-2.0

//! Modules of the stock kernel, changed so that the kernel's module loader refuses them. The suite
//! `check.sh` loads such modules and compares the kernel's log.

mod common;

use common::*;
use kimport_cli::{check::AllReport, error::Outcome, kernel::Kernel};
use object::elf;
use std::{fs, path::PathBuf};
use tempfile::TempDir;

/// A changed module without dependencies.
struct Changed(TempDir);

impl Changed {
    fn new() -> Self {
        let changed = Self(TempDir::new().unwrap());
        let dummy = unxz(&stock_module("drivers/net", "dummy"));
        changed.write("dummy.ko", dummy);
        changed
    }

    fn path(&self) -> String {
        path(&self.0, "dummy.ko")
    }

    /// Replaces `old` by `new`, which has the same length.
    fn replace(self, old: &str, new: &str) -> Self {
        let mut bytes = self.bytes();
        let at = position(&bytes, old.as_bytes());
        bytes[at..at + old.len()].copy_from_slice(new.as_bytes());
        self.write("dummy.ko", bytes);
        self
    }

    fn objcopy(self, arguments: &[&str]) -> Self {
        tool("objcopy", &[arguments, &[self.path().as_str()]].concat());
        self
    }

    /// Makes a module that uses `symbol` in place of `ether_setup`.
    fn using(symbol: &str) -> Self {
        Self::new().objcopy(&["--redefine-sym", &format!("ether_setup={symbol}")])
    }

    fn section(self, name: &str, bytes: &[u8]) -> Self {
        let add = format!("{name}={}", self.write("section", bytes));
        self.objcopy(&["--add-section", &add])
    }

    /// Changes the text of the module information.
    fn modinfo(self, change: impl FnOnce(&str) -> String) -> Self {
        let modinfo = Module::open(self.path()).section(".modinfo").data.clone();
        let file = self.write("modinfo", change(&String::from_utf8(modinfo).unwrap()));
        let update = format!(".modinfo={file}");
        self.objcopy(&["--update-section", &update])
    }

    fn bytes(&self) -> Vec<u8> {
        fs::read(self.path()).unwrap()
    }

    fn undefined(&self) -> Vec<String> {
        let module = Module::open(self.path());
        let names = module
            .undefined()
            .into_iter()
            .filter(|name| !name.is_empty());
        names.map(str::to_owned).collect()
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        write(&self.0, name, bytes)
    }

    /// Returns the output of a check without the last lines, and the exit code.
    fn check(&self, kernel: &str) -> (String, Option<i32>) {
        let (code, out, err) = kimport(format!("check {} --kernel {kernel}", self.path()));
        let text = out + &err;
        let lines = text.split_inclusive('\n');
        let lines = lines.filter(|line| !line.starts_with("  from "));
        (lines.collect(), code)
    }

    /// Returns the output of a check without the last lines. The check must end with `code`.
    #[track_caller]
    fn ends(&self, code: i32, kernel: &str) -> String {
        let (text, ended) = self.check(kernel);
        assert_eq!(ended, Some(code), "{text}");
        text
    }

    /// Returns the findings on the stock kernel, of which there must be some.
    #[track_caller]
    fn refused(&self) -> String {
        let text = self.ends(1, &stock_kernel());
        let lines = text.split_inclusive('\n');
        lines
            .take_while(|line| !line.contains(" symbols checked, "))
            .collect()
    }
}

fn release() -> String {
    let vermagic = Module::open(Changed::new().path()).modinfo()["vermagic"][0].clone();
    vermagic.split(' ').next().unwrap().to_owned()
}

#[stock_test]
fn a_namespace_that_is_not_imported() {
    assert_eq!(
        Changed::using("write_ibpb").refused(),
        "dummy: module uses symbol (write_ibpb) from namespace module:kvm,kvm-amd,kvm-intel, but does not import it.\n\
         dummy: Unknown symbol write_ibpb (err -22): it is exported to kvm,kvm-amd,kvm-intel only\n"
    );
    let dma_buf = Changed::using("dma_buf_put");
    let refused = "dummy: module uses symbol (dma_buf_put) from namespace DMA_BUF, but does not import it.\n\
         dummy: Unknown symbol dma_buf_put (err -22): import the namespace: MODULE_IMPORT_NS(\"DMA_BUF\")\n";
    assert_eq!(dma_buf.refused(), refused);
    // A weak symbol may be absent, but this one is present.
    let weak = Changed::using("dma_buf_put").objcopy(&["--weaken-symbol=dma_buf_put"]);
    assert_eq!(weak.refused(), refused);

    let imported = dma_buf.modinfo(|text| format!("import_ns=DMA_BUF\0{text}"));
    imported.ends(0, &stock_kernel());
    let refused =
        Changed::using("write_ibpb").modinfo(|text| format!("import_ns=module:kvm\0{text}"));
    let line = "dummy: module tries to import module namespace: module:kvm\n";
    assert!(refused.refused().starts_with(line));
    // The module's name decides.
    let named =
        Changed::using("write_ibpb").modinfo(|text| text.replace("name=dummy", "name=kvm_amd"));
    named.ends(0, &stock_kernel());
}

#[stock_test]
fn gpl_only_exports_and_another_license() {
    let refused = Changed::new()
        .replace("license=GPL\0", "license=BSD\0")
        .refused();
    let unknown = "dummy: Unknown symbol rtnl_link_register (err -2): vmlinux exports it to GPL-compatible modules only\n";
    has(&refused, unknown);
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
    let xreempt = Changed::new()
        .replace("SMP preempt", "SMP xreempt")
        .refused();
    has(&xreempt, " SMP xreempt mod_unload ' should be ");
    // DKMS builds it anew for another release.
    let file = [PathBuf::from(&refused.path())];
    let kernel = Kernel::read(&stock_kernel().parse().unwrap()).unwrap();
    for (rebuilt, outcome) in [(true, Outcome::Fine), (false, Outcome::Findings)] {
        let report = AllReport::new(&file, &kernel, rebuilt);
        assert_eq!(report.outcome(), outcome, "{}", report.text(None));
        assert_eq!(report.text(None).contains("note: DKMS builds"), rebuilt);
    }
    // Text files alone tell nothing about this.
    let changed = Changed::new();
    let map = changed.write("System.map", "ffffffff81000000 T f\n");
    let text = changed.ends(0, &format!("{map},{}", symvers()));
    let built_for =
        format!("what the kernel's modules are built for (this one: {release} {options})");
    for words in [
        "all of them resolve, as far as is known\n",
        &format!("  not known: {built_for}\n"),
        "  not known: the kernel's architecture\n",
    ] {
        has(&text, words);
    }
}

#[stock_test]
fn another_architecture() {
    // One line says it all: that there is no such symbol is not worth another.
    let changed = Changed::using("no_such_function");
    let mut bytes = changed.bytes();
    bytes[18..20].copy_from_slice(&elf::EM_AARCH64.to_le_bytes());
    changed.write("dummy.ko", bytes);
    assert_eq!(
        changed.refused(),
        "Invalid architecture in ELF header: 183: dummy is for arm64, the kernel for x86-64\n"
    );
}

#[stock_test]
fn a_module_without_symbols() {
    let changed = Changed::new().objcopy(&["--strip-all"]);
    let path = changed.path();
    for line in [
        format!("check {path} --kernel {}", stock_kernel()),
        format!("list {path}"),
        format!("relink {path} --from vmlinux:f -o /dev/null"),
        format!("load {path}"),
    ] {
        let (_, error) = ends(1, line);
        let line = format!("kimport: error: {path}: module has no symbols (stripped?)\n");
        assert!(error.starts_with(&line), "{error}");
        has(&error, "strip --strip-debug");
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
        kernel.write("Module.symvers", names().map(export).collect::<String>()),
        kernel.write("own.ko", magic(Changed::new(), VERMAGIC).bytes()),
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
    has(&rest, "all of them resolve\n");
    let why = "the module was not built with this vmlinux; build it for this kernel\n";
    let unknown = format!("dummy: Unknown symbol ether_setup (err -22): {why}");
    for (symbol, rest) in [("ether_setup", unknown.as_str()), ("module_layout", "")] {
        for (section, cause) in [
            (plain(symbol, ""), "disagrees about version of symbol"),
            (plain("", symbol), "no symbol version for"),
        ] {
            let (found, code, _) = check(with(&section));
            let expected = format!("dummy: {cause} {symbol}\n{rest}");
            assert_eq!((found, code), (expected, Some(1)));
        }
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
    let missing = "dummy: no extended symbol version for ether_setup\n";
    assert_eq!((found.as_str(), code), (missing, Some(0)));

    // Without versions, the result depends on the configuration, which text files do not tell. The
    // release counts.
    let (found, code, rest) = check(Changed::new());
    let other = VERMAGIC.replace("9.9", "9.8");
    let refused = format!("dummy: version magic '{other}' should be '{VERMAGIC}'\n");
    assert_eq!((found, code), (refused, Some(1)));
    let untold = "  not known: whether the kernel loads a module without symbol versions (CONFIG_MODULE_FORCE_LOAD)\n";
    has(&rest, untold);
}

/// The kernel's `Module.symvers`, modules that it does not list, and further files add up.
#[stock_test]
fn exports_of_modules_out_of_tree_count() {
    let changed = Changed::using("provider_exported");
    let provider = path(&changed.0, "provider.ko");
    fs::copy(OUT_OF_TREE.provider(), &provider).unwrap();
    let stock = stock_kernel();
    let kernel = format!("{stock},{provider}");
    let text = changed.ends(0, &kernel);
    has(&text, "all of them resolve\n");
    let text = changed.ends(1, &stock);
    let unknown = "dummy: Unknown symbol provider_exported (err -2): nothing exports it";
    has(&text, unknown);

    // The same export in a file, and then another one.
    let line = |namespace: &str| {
        format!("0x00000000\tprovider_exported\tprovider\tEXPORT_SYMBOL_GPL\t{namespace}\n")
    };
    let further = changed.write("Module.symvers", line(""));
    let (alone, both) = (format!("{stock},{further}"), format!("{kernel},{further}"));
    changed.ends(0, &alone);
    let text = changed.ends(0, &both);
    assert!(!text.contains("note:"), "{text}");
    changed.write("Module.symvers", line("SPACE"));
    let text = changed.ends(0, &both);
    let note = "  note: Module.symvers and the file of provider differ on 1 symbol (provider_exported); the file of provider counts\n";
    has(&text, note);
    let text = changed.ends(1, &alone);
    has(&text, "from namespace SPACE, but");

    let (module, output) = (changed.path(), path(&changed.0, "out.ko"));
    let both = format!("--symvers {} --symvers {further}", symvers());
    let (text, _) = fine(format!("list {module} {both}"));
    has(&text, "provider_exported");
    assert!(!text.contains("not exported"), "{text}");
    let relink = format!("relink {module} --from vmlinux=provider -o {output} {both}");
    let (text, _) = fine(relink);
    has(&text, "provider_exported");
}
