// SPDX-License-Identifier: GPL-2.0

//! `kimport declare` on the stock kernel. The suite `typed` compiles and loads what it writes.

mod common;

use common::*;
use tempfile::TempDir;

fn bindings() -> String {
    let file = kdir().join("rust/bindings/bindings_generated.rs");
    file.to_str().unwrap().to_owned()
}

#[stock_test]
fn a_block_for_each_provider() {
    let (kernel, bindings) = (stock_kernel(), bindings());
    let (out, err) = fine(format!(
        "declare nr_processes target_core_mod:target_complete_cmd,target_submit saved_command_line \
         --kernel {kernel} --bindings {bindings}"
    ));
    assert_eq!(err, "");
    let declared = out.split_once("import_symbols! {\n").unwrap().1;
    let expected = "\
    \u{20}   mod image {
        /// `int nr_processes(void)`
        nr_processes: fn() -> c_int,
    }
    mod target_core_mod from \"target_core_mod\" {
        /// `void target_complete_cmd(struct se_cmd *cmd, u8 scsi_status)`
        target_complete_cmd: fn(cmd: *mut se_cmd, scsi_status: u8),
        /// `int target_submit(struct se_cmd *se_cmd)`
        target_submit: fn(se_cmd: *mut se_cmd) -> c_int,
    }
    mod image_data {
        use kernel::bindings;

        saved_command_line: _,
    }
}
";
    assert_eq!(declared, expected);
    has(&out, "    pub struct se_cmd([u8; 0], ");
    has(&out, "use kernel::ffi::c_int;\n");
}

#[stock_test]
fn types_are_defined_on_request() {
    let kernel = stock_kernel();
    let (out, _) = fine(format!(
        "declare target_core_mod:target_complete_cmd --types --type list_head --kernel {kernel}"
    ));
    for words in [
        "        pub scsi_status: u8,\n",
        "    pub struct list_head {\n",
        "    pub struct se_device([u8; 0], ",
        "        assert!(offset_of!(list_head, prev) == 8);\n",
    ] {
        has(&out, words);
    }
}

/// A symbol that cannot be imported leaves a comment that says why, and the others are declared.
#[stock_test]
fn refusals_are_comments() {
    let kernel = stock_kernel();
    let line = format!("declare nr_processes,nr_procceses,runqueues,name_show --kernel {kernel}");
    let (out, _) = ends(1, &line);
    let words: Vec<_> = out
        .split_whitespace()
        .filter(|word| *word != "//")
        .collect();
    let words = words.join(" ");
    for text in [
        "nr_procceses: 7.",
        ": kallsyms has no such symbol there",
        ": it is per-CPU data",
        "symbols of that name; select one as vmlinux:name_show@N",
        "nr_processes: fn() -> c_int,",
    ] {
        has(&words, text);
    }
    let (out, _) = ends(1, format!("{line} --json"));
    let symbols = &json(&out)["symbols"];
    assert_eq!(symbols[0]["problems"].as_array().unwrap().len(), 0);
    assert_eq!(symbols[1]["problems"].as_array().unwrap().len(), 1);
    // The macro takes no block without entries.
    for (code, line) in [(1, "no_such_symbol"), (0, "--type list_head")] {
        let (out, _) = ends(code, format!("declare {line} --kernel {kernel}"));
        assert!(!out.contains("import_symbols"), "{out}");
        assert!(!out.contains("mod image"), "{out}");
    }
}

/// One of two kernels has no such symbol.
#[stock_test]
fn a_symbol_that_a_kernel_lacks_is_optional() {
    let directory = TempDir::new().unwrap();
    let map = write(
        &directory,
        "System.map",
        "ffffffff81000000 T _stext\nffffffff81000010 T do_exit\nffffffff81000050 T _etext\n",
    );
    let (out, _) = fine(format!(
        "declare nr_processes --kernel {} --kernel old={map}",
        stock_kernel()
    ));
    has(
        &out,
        "        #[optional]\n        nr_processes: fn() -> c_int,\n",
    );
}

/// The files of one of two kernels have no types. They are no reason to declare nothing.
#[stock_test]
fn a_kernel_without_types_is_no_problem() {
    let directory = TempDir::new().unwrap();
    let map = "ffffffff81000000 T _stext\nffffffff81000010 T nr_processes\n\
               ffffffff81000050 T _etext\n";
    let map = write(&directory, "System.map", map);
    let symvers =
        "0x00000000\ttarget_submit\tdrivers/target/target_core_mod\tEXPORT_SYMBOL_GPL\t\n";
    let symvers = write(&directory, "Module.symvers", symvers);
    let line = format!(
        "declare nr_processes target_core_mod:target_submit,target_complete_cmd --json \
         --kernel old={map},{symvers}"
    );
    // The kernel with types may come first or last.
    let (out, _) = fine(format!("{line} --kernel {}", stock_kernel()));
    let printed = json(&out);
    for (index, note) in [
        "old: the symbol is there, but the kernel has no types (BTF)",
        "old: the symbol is there, but target_core_mod has no types (BTF)",
        "old: cannot be told; add target_core_mod.ko to --kernel",
    ]
    .iter()
    .enumerate()
    {
        let symbol = &printed["symbols"][index];
        assert_eq!(symbol["untold"], serde_json::json!([note]), "{symbol}");
        assert_eq!(symbol["optional"], false);
        assert!(symbol["c"].is_string(), "{symbol}");
    }
    let line = format!("declare nr_processes --kernel {}", stock_kernel());
    let (out, _) = fine(format!("{line} --kernel old={map}"));
    has(
        &out,
        "        // nr_processes: old: the symbol is there, but the kernel has no types (BTF)\n",
    );
    // Nothing tells the type.
    let (out, _) = ends(1, format!("declare nr_processes --kernel old={map}"));
    has(
        &out,
        "// nr_processes: old: the kernel has no types (BTF)\n",
    );
}

#[stock_test]
fn json_tells_whether_bindings_were_read() {
    let line = format!("declare nr_processes --json --kernel {}", stock_kernel());
    let declared = |more: &[&str]| {
        let mut kimport = std::process::Command::new(env!("CARGO_BIN_EXE_kimport"));
        kimport.args(line.split(' ')).args(more).env_remove("KDIR");
        json(&String::from_utf8(kimport.output().unwrap().stdout).unwrap())
    };
    assert_eq!(declared(&[])["has_bindings"], false);
    let bindings = bindings();
    assert_eq!(declared(&["--bindings", &bindings])["has_bindings"], true);
}

#[test]
fn requests_are_checked() {
    for line in [
        "declare --kernel running",
        "declare a=b --kernel running",
        "declare a --kernel running --bindings a-b=c",
        "declare a",
    ] {
        ends(2, line);
    }
}

/// `make check-new` builds, loads and cleans new modules.
#[stock_test]
fn a_new_module_has_all_files() {
    let directory = TempDir::new().unwrap();
    let line = |name: &str, more: &str| {
        let at = path(&directory, name);
        format!("new {at} --kernel {} {more}", stock_kernel())
    };
    let read = |name: &str| std::fs::read_to_string(path(&directory, name)).unwrap();
    fine(line("one", "--import nr_processes,do_exit"));
    has(&read("one/one.rs"), "nr_processes: fn() -> c_int,");
    has(
        &read("one/Kbuild"),
        "obj-m := one.o\ninclude $(or $(shell kimport makefile),$(error the command kimport",
    );
    has(&read("one/dkms.conf"), "PACKAGE_NAME=\"one\"");
    fine(line("two", "--c --import target_core_mod:target_submit"));
    has(
        &read("two/Kbuild"),
        "kimport-from-two := target_core_mod:target_submit\n",
    );
    has(
        &read("two/two.c"),
        "struct se_cmd;\nextern int target_submit(struct se_cmd *se_cmd);\n",
    );
    has(
        &read("two/test.sh"),
        "# kimport-vm: stock target_core_mod\n",
    );
    has(
        &read("two/Makefile"),
        "\tmodprobe target_core_mod && insmod two.ko ",
    );
    for file in ["one/test.sh", "two/Makefile", "two/README.md"] {
        let text = read(file);
        let left = ["@NAME@", "@SOURCE@", "@FROM@", "@STOCK@", "@LOAD@"];
        assert!(!left.iter().any(|word| text.contains(word)), "{file}");
    }

    // An existing directory is left alone.
    has(&ends(2, line("one", "")).1, "cannot make");
    has(
        &ends(1, line("three", "--import no_such_symbol")).1,
        "help: leave these symbols out",
    );
    let data = format!("--c --import saved_command_line --bindings {}", bindings());
    let (_, error) = ends(1, line("three", &data));
    has(
        &error,
        "saved_command_line: the kernel's types (BTF) do not have its type",
    );
    assert!(!directory.path().join("three").exists());
    has(
        &ends(2, line("a-b", "")).1,
        "the kernel writes module names with '_'",
    );
}

#[test]
fn the_makefile_is_in_the_share_directory() {
    let checkout = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let run = |share: &str| {
        let mut kimport = std::process::Command::new(env!("CARGO_BIN_EXE_kimport"));
        kimport.arg("makefile").env("KIMPORT_SHARE", share);
        kimport.output().unwrap()
    };
    let found = run(checkout);
    let makefile = String::from_utf8(found.stdout).unwrap();
    assert!(
        std::path::Path::new(makefile.trim()).is_file(),
        "{makefile}"
    );
    let lost = run("/nowhere");
    assert_eq!(lost.status.code(), Some(2));
    has(
        &String::from_utf8(lost.stderr).unwrap(),
        "install kimport with `make install`",
    );
}
