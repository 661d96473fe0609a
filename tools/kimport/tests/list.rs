// SPDX-License-Identifier: GPL-2.0

//! `kimport list` on modules of the stock kernel.

mod common;

use common::*;
use tempfile::TempDir;

/// Returns the first line that starts with `start`.
fn line_of<'a>(text: &'a str, start: &str) -> &'a str {
    let line = text.lines().find(|line| line.starts_with(start));
    line.unwrap_or_else(|| panic!("no {start}: {text}"))
}

#[stock_test]
fn undefined_symbols_and_who_exports_them() {
    let input = stock("tcm_loop");
    let list = format!("list {input} --symvers {}", symvers());
    let listing = json(&fine(format!("{list} --json")).0);
    assert_eq!(listing["module"], "tcm_loop");
    let mut names = Vec::new();
    for symbol in listing["undefined"].as_array().unwrap() {
        let name = symbol["name"].as_str().unwrap();
        let exports = exports_of(symbol["exported_by"].as_str().unwrap());
        assert!(exports.iter().any(|export| export == name), "{name}");
        names.push(name);
    }
    names.sort_unstable();
    let module = Module::read(&unxz(&input));
    let mut undefined = module.undefined();
    undefined.sort_unstable();
    assert_eq!(names, undefined);

    let (text, _) = fine(list);
    let line = line_of(&text, "target_submit_tmr ").split_whitespace();
    assert!(line.eq(["target_submit_tmr", "target_core_mod"]), "{text}");
}

#[stock_test]
fn livepatch_symbols() {
    let directory = TempDir::new().unwrap();
    let (input, output) = (stock("tcm_loop"), path(&directory, "out.ko"));
    let from = "new:target_submit,core_tpg_register";
    fine(format!("relink {input} --from {from} -o {output}"));
    let listing = json(&fine(format!("list --json {output}")).0);
    let livepatch = listing["livepatch"].as_array().unwrap();
    let names: Vec<_> = livepatch.iter().map(|symbol| &symbol["name"]).collect();
    assert_eq!(names, ["core_tpg_register", "target_submit"]);
    assert!(livepatch
        .iter()
        .all(|s| s["provider"] == "new" && s["relocations"] == 1));
    let (text, _) = fine(format!("list {output}"));
    assert!(text.contains("LIVEPATCH SYMBOL"));
}

#[stock_test]
fn what_nothing_exports_is_a_finding() {
    let directory = TempDir::new().unwrap();
    let line = "0x00000000\tkfree\tvmlinux\tEXPORT_SYMBOL\t\n";
    let few = write(&directory, "Module.symvers", line);
    let input = stock("tcm_loop");
    let (text, _) = ends(1, format!("list {input} --symvers {few}"));
    assert!(line_of(&text, "scsi_done ").ends_with("not exported"));
}

#[stock_test]
fn the_import_table() {
    let directory = TempDir::new().unwrap();
    let module = with_table(
        &directory,
        b"\x02\0\x0d\0\0\0\0\0\x28\0\0\0\x16\0\0\0lio\0core_new\0submit\0s\0\0\0\
          \x02\x01\x02\0\x02\0\0\0\x20\0\0\0\x0c\0\0\0\0\0jiffies\0j\0\0\0\0\0",
    );
    assert_eq!(
        json(&fine(format!("list --json {module}")).0)["imports"],
        serde_json::json!([
            {
                "kind": "function", "optional": true, "unverified": false, "internal": false, "verify": "require", "position": null,
                "block": "lio", "provider": "core_new", "name": "submit", "rust_name": "s",
            },
            {
                "kind": "data", "optional": false, "unverified": true, "internal": false, "verify": "strict", "position": 2,
                "block": null, "provider": null, "name": "jiffies", "rust_name": "j",
            },
        ])
    );
    let (text, _) = fine(format!("list {module}"));
    let line = line_of(&text, "jiffies ");
    has(line, "vmlinux");
    let end = "data, as j, position 2, unverified";
    assert!(line.ends_with(end), "{line}");
}

/// The imports of kimport itself come last and take one line.
#[stock_test]
fn imports_of_kimport_itself_are_apart() {
    let directory = TempDir::new().unwrap();
    let table = [
        record(0, INTERNAL, 0, "", "find_module"),
        record(0, 0, 0, "", "nr_processes"),
        record(0, INTERNAL, 0, "", "module_put"),
    ];
    let module = with_table(&directory, &table.concat());
    let listing = json(&fine(format!("list --json {module}")).0);
    let imports = listing["imports"].as_array().unwrap();
    let imports: Vec<_> = imports
        .iter()
        .map(|import| (&import["name"], &import["internal"]))
        .map(|(name, internal)| (name.as_str().unwrap(), internal.as_bool().unwrap()))
        .collect();
    let expected = [
        ("nr_processes", false),
        ("find_module", true),
        ("module_put", true),
    ];
    assert_eq!(imports, expected);
    let (text, _) = fine(format!("list {module}"));
    has(&text, ": 1 kimport import, ");
    has(&text, "\nkimport itself imports: find_module module_put\n");
    assert!(!text.contains("\nfind_module "), "{text}");
}

#[stock_test]
fn a_table_that_cannot_be_read_is_an_error() {
    let directory = TempDir::new().unwrap();
    let module = with_table(&directory, &[9; 24]);
    let (_, err) = ends(2, format!("list {module}"));
    has(&err, "version 9; this kimport reads version 2");
}

#[stock_test]
fn a_reader_that_leaves_is_no_error() {
    let kimport = env!("CARGO_BIN_EXE_kimport");
    let script = format!("'{kimport}' list '{}' | true", stock("tcm_loop"));
    tool("bash", &["-o", "pipefail", "-c", &script]);
}
