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
