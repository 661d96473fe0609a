// SPDX-License-Identifier: GPL-2.0

//! The command line: manual pages, completions, exit codes, JSON, and plain text without a
//! terminal.

mod common;

use common::*;
use kimport_cli::load::plan::{FilledSymbol, LoadPlan, LoadReport, RefusedSymbol};
use serde_json::Value;
use std::{collections::BTreeMap, fs};
use tempfile::TempDir;

const SUBCOMMANDS: [&str; 7] = [
    "relink", "list", "check", "compare", "load", "prepare", "schema",
];

#[test]
fn manual_pages_are_written() {
    let directory = TempDir::new().unwrap();
    let directory = directory.path().join("man");
    fine(["man", directory.to_str().unwrap()]);
    let read = |name: &str| fs::read_to_string(directory.join(name)).unwrap();
    let page = read("kimport.1");
    assert!(
        page.contains(".TH kimport 1") && page.contains("Exit status"),
        "{page}"
    );
    for subcommand in SUBCOMMANDS {
        assert!(
            page.contains(&format!("kimport\\-{subcommand}(1)")),
            "{subcommand}"
        );
        let page = read(&format!("kimport-{subcommand}.1"));
        assert!(
            page.contains("SYNOPSIS")
                && page.contains("\\-\\-json")
                && page.contains("Exit status"),
            "{page}"
        );
    }
}

#[test]
fn completions_know_the_subcommands() {
    for shell in ["bash", "zsh", "fish"] {
        let (script, _) = fine(["completions", shell]);
        for subcommand in SUBCOMMANDS {
            assert!(script.contains(subcommand), "{shell} {subcommand}");
        }
    }
}

#[test]
fn wrong_command_lines_end_with_2() {
    for arguments in [
        &[][..],
        &["no-such-command"],
        &["check"],
        &["compare", "--kernel", "running"],
        &["check", "a.ko", "--kernel", ""],
    ] {
        let output = kimport(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn errors_are_plain_where_there_is_no_terminal() {
    let output = kimport(["list", "/nowhere.ko", "--json"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(!output.stderr.contains(&0x1b));
    let error: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(error["error"].as_str().unwrap().contains("/nowhere.ko"));
}

/// Returns the members that a schema has for an object: its own, and those of its variants.
fn members<'a>(root: &'a Value, schema: &'a Value) -> BTreeMap<&'a str, &'a Value> {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.rsplit('/').next().unwrap();
        return members(root, &root["$defs"][name]);
    }
    let own = schema["properties"].as_object().into_iter().flatten();
    let mut all: BTreeMap<&str, &Value> = own.map(|(name, of)| (name.as_str(), of)).collect();
    for variants in ["oneOf", "anyOf", "allOf"] {
        for variant in schema[variants].as_array().into_iter().flatten() {
            all.extend(members(root, variant));
        }
    }
    all
}

/// Asserts that the schema describes every printed member in words.
fn is_described(root: &Value, schema: &Value, value: &Value) {
    match value {
        Value::Array(items) => items
            .iter()
            .for_each(|item| is_described(root, &schema["items"], item)),
        Value::Object(object) => {
            let members = members(root, schema);
            for (name, value) in object {
                let schema = members.get(name.as_str());
                let schema = schema.unwrap_or_else(|| panic!("{name} is in no schema: {schema:?}"));
                is_described(root, schema, value);
            }
        }
        _ => {}
    }
}

/// Asserts that the output fits the schema that the command prints. The top level has all members.
fn is_the_schema(of: &str, printed: &Value) {
    let schema: Value = serde_json::from_str(&fine(["schema", of]).0).unwrap();
    is_described(&schema, &schema, printed);
    let keys =
        |object: &Value| -> Vec<String> { object.as_object().unwrap().keys().cloned().collect() };
    assert_eq!(keys(printed), keys(&schema["properties"]), "{of}");
}

#[stock_test]
fn what_is_printed_as_json_is_described() {
    let directory = TempDir::new().unwrap();
    let output = directory.path().join("out.ko");
    let table = [
        record(0, 0, 0, "", "nr_procceses"),
        record(0, 0, 0, "", "name_show"),
        record(1, 0, 0, "", "nr_processes"),
    ];
    let imports = with_table(&directory, &table.concat());
    let module = stock("tcm_loop");
    let (module, symvers, stock) = (module.to_str().unwrap(), symvers(), stock_directory());
    let (symvers, stock) = (symvers.to_str().unwrap(), stock.to_str().unwrap());
    let relink = [
        "relink",
        module,
        "--from",
        "new=target_core_mod",
        "--symvers",
        symvers,
        "-o",
    ];
    let relink = [&relink[..], &[output.to_str().unwrap()]].concat();
    for (of, command) in [
        ("relink", &relink[..]),
        ("list", &["list", output.to_str().unwrap()]),
        ("list", &["list", &imports]),
        ("check", &["check", &imports, "--kernel", stock]),
        (
            "compare",
            &["compare", "--module", &imports, "--kernel", stock],
        ),
        ("prepare", &["prepare"]),
        ("error", &["list", "/nowhere.ko"]),
    ] {
        let printed = kimport([command, &["--json"]].concat()).stdout;
        is_the_schema(of, &serde_json::from_slice(&printed).unwrap());
    }
}

/// Loading needs a VM, so this prints a result made by hand.
#[test]
fn what_load_prints_as_json_is_described() {
    let plan = LoadPlan {
        module: "user".to_owned(),
        filled: vec![FilledSymbol {
            name: "nr_processes".to_owned(),
            provider: "vmlinux".to_owned(),
            address: 0xffff_ffff_8112_3450,
        }],
        refused: vec![RefusedSymbol {
            name: "nr_procceses".to_owned(),
            provider: None,
            cause: "there is no such symbol".to_owned(),
        }],
        left: 1,
        parameters: String::new(),
        notes: vec!["unload it first".to_owned()],
    };
    let done = LoadReport {
        loaded: false,
        plan: &plan,
    };
    let printed = serde_json::to_value(done).unwrap();
    assert_eq!(printed["filled"][0]["address"], "0xffffffff81123450");
    is_the_schema("load", &printed);
}
