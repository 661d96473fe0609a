// SPDX-License-Identifier: GPL-2.0

//! `kimport-from-<module>` in a Kbuild: modules outside of the checkout that the kernel's own build
//! relinks.

mod common;

use common::*;
use std::{
    env, fs,
    path::{Path, PathBuf},
    time::SystemTime,
};
use tempfile::TempDir;

const SHN_LIVEPATCH: u16 = 0xff20;

/// A directory with a Kbuild and modules in C.
struct External(TempDir);

impl External {
    /// Makes modules. Each needs the symbols that are listed after its name.
    fn new(modules: &[(&str, &[&str])]) -> Self {
        let this = Self(TempDir::new().unwrap());
        for (module, symbols) in modules {
            this.source(module, symbols);
        }
        this
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn source(&self, module: &str, symbols: &[&str]) {
        let each = |line: fn(&&str) -> String| symbols.iter().map(line).collect::<String>();
        let declarations = each(|s| format!("void {s}(void);\n"));
        let calls = each(|s| format!("\t{s}();\n"));
        let text = format!(
            "#include <linux/module.h>\n{declarations}\n\
             static int __init {module}_init(void)\n{{\n{calls}\treturn 0;\n}}\n\n\
             module_init({module}_init);\nMODULE_DESCRIPTION(\"test\");\nMODULE_LICENSE(\"GPL\");\n"
        );
        fs::write(self.path(&format!("{module}.c")), text).unwrap();
    }

    /// Writes the Kbuild and builds. Returns whether the build succeeded, and its output.
    fn build(&self, kbuild: &str, arguments: &[&str]) -> (bool, String) {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let hook = fs::canonicalize(here.join("../../scripts/Makefile.kimport")).unwrap();
        let text = format!("{kbuild}\ninclude {}\n", hook.display());
        fs::write(self.path("Kbuild"), text).unwrap();
        let kimport = concat!("KIMPORT=", env!("CARGO_BIN_EXE_kimport"));
        kernel_build(&self.0, &[&[kimport], arguments].concat())
    }

    /// Builds without a problem. Returns the output.
    fn builds(&self, kbuild: &str) -> String {
        let (success, text) = self.build(kbuild, &[]);
        assert!(
            success && !text.to_lowercase().contains("warning"),
            "{text}"
        );
        text
    }

    /// Asserts that the build fails and gives the reason `why`.
    fn refused(&self, kbuild: &str, arguments: &[&str], why: &str) {
        let (success, text) = self.build(kbuild, arguments);
        assert!(!success && text.contains(why), "{why}:\n{text}");
    }

    /// Returns the symbols that the module needs, in the order of the names.
    fn imports(&self, module: &str) -> Imports {
        let module = Module::open(self.path(&format!("{module}.ko")));
        let named = |index: u16| {
            let symbols = module.symbols.iter().filter(move |symbol| {
                symbol.section.is_empty() && symbol.index == index && !symbol.name.is_empty()
            });
            let mut names: Vec<String> = symbols.map(|symbol| symbol.name.clone()).collect();
            names.sort();
            names
        };
        Imports {
            livepatch: named(SHN_LIVEPATCH),
            ordinary: named(0),
            depends: module.modinfo()["depends"][0].clone(),
            btf: module.has(".BTF"),
        }
    }

    fn built_at(&self, module: &str) -> SystemTime {
        let file = fs::metadata(self.path(&format!("{module}.ko"))).unwrap();
        file.modified().unwrap()
    }
}

struct Imports {
    livepatch: Vec<String>,
    ordinary: Vec<String>,
    depends: String,
    btf: bool,
}

impl Imports {
    fn uses(&self, symbol: &str) -> bool {
        self.ordinary.iter().any(|name| name == symbol)
    }
}

const KBUILD: &str = "obj-m := first.o second.o\n\
    kimport-from-first := some_provider:one,two@2 vmlinux:three,dump_stack other_core=target_core_mod\n";

#[stock_test]
fn what_has_a_provider_is_relinked_and_all_else_is_as_ever() {
    let symbols = ["one", "two", "three", "dump_stack", "target_submit"];
    let external = External::new(&[("first", &symbols), ("second", &symbols[3..])]);
    let text = external.builds(KBUILD);
    has(&text, "RELINK  first.ko\n");
    let first = external.imports("first");
    assert_eq!(
        first.livepatch,
        [
            ".klp.sym.other_core.target_submit,0",
            ".klp.sym.some_provider.one,0",
            ".klp.sym.some_provider.two,2",
            // These two are exported symbols.
            ".klp.sym.vmlinux.dump_stack,0",
            ".klp.sym.vmlinux.three,0",
        ]
    );
    assert!(!first.uses("dump_stack") && !first.uses("one"));
    assert_eq!(first.depends, "other_core,some_provider");
    let second = external.imports("second");
    assert!(second.livepatch.is_empty() && second.uses("target_submit"));
    assert_eq!(second.depends, "target_core_mod");
    assert!(first.btf && second.btf);

    // There is nothing to do.
    let built = external.built_at("first");
    let text = external.builds(KBUILD);
    assert!(
        !text.contains("RELINK") && !text.contains("MODPOST"),
        "{text}"
    );
    assert_eq!(external.built_at("first"), built);

    // The source changes, and then the provider.
    external.source("first", &["one", "two", "three", "dump_stack"]);
    let without = KBUILD.replace(" other_core=target_core_mod", "");
    external.builds(&without);
    assert_eq!(external.imports("first").depends, "some_provider");
    external.builds(&without.replace("two@2", "two@3"));
    let livepatch = external.imports("first").livepatch;
    assert_eq!(livepatch[1], ".klp.sym.some_provider.two,3");

    // The module is no longer relinked, though no object file changes.
    external.source("first", &["target_submit"]);
    external.builds("obj-m := first.o\nkimport-from-first := other_core:target_submit\n");
    assert_eq!(external.imports("first").depends, "other_core");
    external.builds("obj-m := first.o second.o\nkimport-from-second := other_core:target_submit\n");
    let first = external.imports("first");
    assert!(first.livepatch.is_empty() && first.uses("target_submit"));
    assert_eq!(first.depends, "target_core_mod");
    assert_eq!(external.imports("second").depends, "other_core");

    // Only the sources are left.
    let (success, text) = external.build(KBUILD, &["clean"]);
    assert!(success, "{text}");
    let mut left: Vec<_> = fs::read_dir(external.0.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    assert_eq!(left, ["Kbuild", "first.c", "second.c"]);
}

/// `write_ibpb` is exported to kvm only. modpost still complains of a module that names no
/// provider.
#[stock_test]
fn what_is_exported_to_others_only_can_be_taken() {
    let external = External::new(&[
        ("first", &["write_ibpb", "dump_stack"]),
        ("second", &["write_ibpb"]),
    ]);
    external.builds("obj-m := first.o\nkimport-from-first := vmlinux:write_ibpb\n");
    let first = external.imports("first");
    assert_eq!(first.livepatch, [".klp.sym.vmlinux.write_ibpb,0"]);
    assert!(first.uses("dump_stack"));

    let why = "module uses symbol 'write_ibpb' from namespace 'module:kvm";
    let kbuild = "obj-m := first.o second.o\nkimport-from-first := vmlinux:dump_stack,write_ibpb\n";
    let error = "second needs write_ibpb, which vmlinux exports in namespace module:kvm";
    external.refused(kbuild, &[], error);
    external.refused(&kbuild.replace(",write_ibpb", ""), &[], why);
}

/// `make foo.ko` ignores the other modules of the Kbuild: their sources need not exist or compile.
#[stock_test]
fn a_single_module_is_built_alone() {
    let external = External::new(&[
        ("first", &["one"]),
        ("second", &["two", "target_submit"]),
        ("third", &["dump_stack"]),
    ]);
    fs::write(external.path("first.c"), "not yet").unwrap();
    let kbuild = "obj-m := first.o second.o third.o\n\
        kimport-from-first := vmlinux:one\nkimport-from-second := vmlinux:two other_core=target_core_mod\n";
    let alone = |module: &str| {
        let (success, text) = external.build(kbuild, &[module]);
        assert!(success, "{text}");
        text
    };
    assert!(!alone("third.ko").contains("RELINK"));
    assert!(external.imports("third").uses("dump_stack"));
    let text = alone("second.ko");
    has(&text, "RELINK  second.ko\n");
    let relinked = [
        ".klp.sym.other_core.target_submit,0",
        ".klp.sym.vmlinux.two,0",
    ];
    assert_eq!(external.imports("second").livepatch, relinked);
    let built = external.built_at("second");
    alone("third.ko");
    assert_eq!(external.built_at("second"), built);

    // A module that was built alone is built again when it is not relinked any more.
    external.source("first", &["one"]);
    external.source("second", &["target_submit"]);
    alone("first.ko");
    let none = kbuild.replace("kimport-from-second", "other");
    external.builds(&none);
    assert_eq!(external.imports("first").livepatch.len(), 1);
    let second = external.imports("second");
    assert!(second.livepatch.is_empty() && second.uses("target_submit"));
}

/// The Kbuild names the module, but the configuration leaves it out.
#[stock_test]
fn a_module_that_is_configured_out_is_no_error() {
    let external = External::new(&[("first", &["one"]), ("second", &["one"])]);
    for out in ["obj-n", "obj-$(CONFIG_NO_SUCH_OPTION)"] {
        let kbuild = format!(
            "obj-m := first.o\n{out} += second.o\n\
             kimport-from-first := vmlinux:one\nkimport-from-second := vmlinux:one\n"
        );
        external.builds(&kbuild);
        assert_eq!(external.imports("first").livepatch.len(), 1);
        assert!(!external.path("second.ko").exists());
    }
    external.builds("obj-n := first.o\nkimport-from-first := vmlinux:one\n");
}

#[stock_test]
fn what_is_not_named_is_an_error() {
    let external = External::new(&[("first", &["one", "two"]), ("second", &["one"])]);
    let kbuild = "obj-m := first.o\nkimport-from-first := vmlinux:one\n";
    let why = "ERROR: modpost: first.ko: symbol 'two' undefined!";
    external.refused(kbuild, &[], why);
    let kbuild = "obj-m := first.o second.o\nkimport-from-first := vmlinux:one,two\n";
    let why = "second needs one, which nothing exports; first has it from vmlinux";
    external.refused(kbuild, &[], why);
    let kbuild = "obj-m := first.o\nkimport-from-first := vmlinux:one,two,tree\n";
    let why = "kimport-from-first: the module does not use tree";
    external.refused(kbuild, &[], why);
    let kbuild = "obj-m := first.o\nkimport-from-first := some-provider:one,two\n";
    external.refused(kbuild, &[], "kimport-from-first: 'some-provider': ");
    let kbuild = "obj-m := first.o\nkimport-from-fist := vmlinux:one,two\n";
    external.refused(kbuild, &[], "kimport-from-fist names no module of obj-m");
}

/// The kernel's files tell that there is no such symbol, before the module is loaded.
#[stock_test]
fn what_a_known_kernel_lacks_is_an_error() {
    let external = External::new(&[("first", &["vprintk_emti"])]);
    let symbols = external.path("kallsyms");
    fs::write(
        &symbols,
        "ffffffff81000000 T _stext\nffffffff81000010 T vprintk_emit\n",
    )
    .unwrap();
    let kbuild = format!(
        "obj-m := first.o\nkimport-from-first := vmlinux:vprintk_emti\nkimport-kernel := {}\n",
        symbols.display()
    );
    external.refused(&kbuild, &[], "vprintk_emti from vmlinux: ");
}

#[stock_test]
fn what_the_build_lacks_is_named() {
    let external = External::new(&[("first", &["one"])]);
    let kbuild = "obj-m := first.o\nkimport-from-first := vmlinux:one\n";
    external.refused(
        kbuild,
        &["KIMPORT=/no/such/file"],
        "kimport: first is relinked by the command kimport, which is not at /no/such/file: install it (`make install`",
    );
    external.refused(
        kbuild,
        &["CONFIG_LIVEPATCH="],
        "kimport-from-first: this kernel is built without CONFIG_LIVEPATCH",
    );
    external.refused("obj-m := first.o\n", &[], "no Rust module found in");
}
