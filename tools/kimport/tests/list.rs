// SPDX-License-Identifier: GPL-2.0

//! `kimport list` on modules of the stock kernel.

mod common;

use common::*;
use std::fs;
use tempfile::TempDir;

fn json(arguments: &[&str]) -> serde_json::Value {
    serde_json::from_str(&fine([&["list", "--json"], arguments].concat()).0).unwrap()
}

#[stock_test]
fn undefined_symbols_and_who_exports_them() {
    let (input, symvers) = (stock("tcm_loop"), symvers());
    let arguments = [
        input.to_str().unwrap(),
        "--symvers",
        symvers.to_str().unwrap(),
    ];
    let listing = json(&arguments);
    assert_eq!(listing["module"], "tcm_loop");
    let mut names = Vec::new();
    for symbol in listing["undefined"].as_array().unwrap() {
        let name = symbol["name"].as_str().unwrap();
        let exporter = symbol["exported_by"].as_str().unwrap();
        assert!(
            exports_of(exporter).iter().any(|export| export == name),
            "{name}"
        );
        names.push(name);
    }
    names.sort_unstable();
    let module = Module::read(&unxz(&input));
    let mut undefined = module.undefined();
    undefined.sort_unstable();
    assert_eq!(names, undefined);

    let (text, _) = fine([&["list"], &arguments[..]].concat());
    let line = text
        .lines()
        .find(|line| line.starts_with("target_submit_tmr "))
        .unwrap();
    assert_eq!(
        line.split_whitespace().collect::<Vec<_>>(),
        ["target_submit_tmr", "target_core_mod"]
    );
}

#[stock_test]
fn livepatch_symbols() {
    let directory = TempDir::new().unwrap();
    let output = directory.path().join("out.ko");
    let output = output.to_str().unwrap();
    let input = stock("tcm_loop");
    let from = "new:target_submit,core_tpg_register";
    fine([
        "relink",
        input.to_str().unwrap(),
        "--from",
        from,
        "-o",
        output,
    ]);
    let listing = json(&[output]);
    let livepatch = listing["livepatch"].as_array().unwrap();
    let names: Vec<_> = livepatch
        .iter()
        .map(|symbol| symbol["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["core_tpg_register", "target_submit"]);
    assert!(livepatch
        .iter()
        .all(|s| s["provider"] == "new" && s["relocations"] == 1));
    assert!(fine(["list", output]).0.contains("LIVEPATCH SYMBOL"));
}

#[stock_test]
fn what_nothing_exports_is_a_finding() {
    let directory = TempDir::new().unwrap();
    let few = directory.path().join("Module.symvers");
    fs::write(&few, "0x00000000\tkfree\tvmlinux\tEXPORT_SYMBOL\t\n").unwrap();
    let input = stock("tcm_loop");
    let output = kimport([
        "list",
        input.to_str().unwrap(),
        "--symvers",
        few.to_str().unwrap(),
    ]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text
        .lines()
        .any(|l| l.starts_with("scsi_done ") && l.ends_with("not exported")));
}

#[stock_test]
fn the_import_table() {
    let directory = TempDir::new().unwrap();
    let module = with_table(
        &directory,
        b"\x02\0\x0d\0\0\0\0\0\x28\0\0\0\x16\0\0\0lio\0core_new\0submit\0s\0\0\0\
          \x02\x01\x02\0\x02\0\0\0\x20\0\0\0\x0c\0\0\0\0\0jiffies\0j\0\0\0\0\0",
    );
    let imports = &json(&[&module])["imports"];
    assert_eq!(
        *imports,
        serde_json::json!([
            {
                "kind": "function", "optional": true, "unverified": false, "verify": "require", "position": null,
                "block": "lio", "provider": "core_new", "name": "submit", "rust_name": "s",
            },
            {
                "kind": "data", "optional": false, "unverified": true, "verify": "strict", "position": 2,
                "block": null, "provider": null, "name": "jiffies", "rust_name": "j",
            },
        ])
    );
    let (text, _) = fine(["list", &module]);
    let line = text
        .lines()
        .find(|line| line.starts_with("jiffies "))
        .unwrap();
    assert!(
        line.contains("vmlinux") && line.ends_with("data, as j, position 2, unverified"),
        "{line}"
    );
}

#[stock_test]
fn a_table_that_cannot_be_read_is_an_error() {
    let directory = TempDir::new().unwrap();
    let module = with_table(&directory, &[9; 24]);
    let output = kimport(["list", &module]);
    assert_eq!(output.status.code(), Some(2));
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(
        err.contains("version 9; this kimport reads version 2"),
        "{err}"
    );
}

#[stock_test]
fn a_reader_that_leaves_is_no_error() {
    let input = stock("tcm_loop");
    let script = format!(
        "'{}' list '{}' | true",
        env!("CARGO_BIN_EXE_kimport"),
        input.display()
    );
    tool("bash", &["-o", "pipefail", "-c", &script]);
}
