// SPDX-License-Identifier: GPL-2.0

//! The command line: manual pages, completions, exit codes, JSON, and plain text without a
//! terminal.

mod common;

use common::*;
use kimport_cli::load::plan::{LoadPlan, LoadReport, RefusedSymbol};
use kimport_testing::filled;
use serde_json::Value;
use std::{collections::BTreeMap, fs};
use tempfile::TempDir;

const SUBCOMMANDS: [&str; 11] = [
    "relink", "list", "check", "compare", "declare", "load", "new", "prepare", "makefile", "vm",
    "schema",
];

#[test]
fn manual_pages_are_written() {
    let directory = TempDir::new().unwrap();
    fine(format!("man {}/man", directory.path().display()));
    let read = |name: &str| fs::read_to_string(path(&directory, &format!("man/{name}"))).unwrap();
    let page = read("kimport.1");
    has(&page, ".TH kimport 1");
    has(&page, "Exit status");
    for subcommand in SUBCOMMANDS {
        assert!(
            page.contains(&format!("kimport\\-{subcommand}(1)")),
            "{subcommand}"
        );
        let page = read(&format!("kimport-{subcommand}.1"));
        for words in ["SYNOPSIS", "\\-\\-json", "Exit status"] {
            has(&page, words);
        }
    }
}

#[test]
fn completions_know_the_subcommands() {
    for shell in ["bash", "zsh", "fish"] {
        let (script, _) = fine(format!("completions {shell}"));
        for subcommand in SUBCOMMANDS {
            assert!(script.contains(subcommand), "{shell} {subcommand}");
        }
    }
}

#[test]
fn wrong_command_lines_end_with_2() {
    for line in [
        "",
        "no-such-command",
        "check",
        "compare --kernel running",
        "check a.ko --kernel=",
    ] {
        ends(2, line);
    }
}

#[test]
fn errors_are_plain_where_there_is_no_terminal() {
    let (out, err) = ends(2, "list /nowhere.ko --json");
    assert!(!err.contains('\x1b'));
    assert!(json(&out)["error"]
        .as_str()
        .unwrap()
        .contains("/nowhere.ko"));
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
    let schema = json(&fine(format!("schema {of}")).0);
    is_described(&schema, &schema, printed);
    let keys =
        |object: &Value| -> Vec<String> { object.as_object().unwrap().keys().cloned().collect() };
    assert_eq!(keys(printed), keys(&schema["properties"]), "{of}");
}

#[stock_test]
fn what_is_printed_as_json_is_described() {
    let directory = TempDir::new().unwrap();
    let output = path(&directory, "out.ko");
    let table = [
        record(0, 0, 0, "", "nr_procceses"),
        record(0, 0, 0, "", "name_show"),
        record(1, 0, 0, "", "nr_processes"),
    ];
    let imports = with_table(&directory, &table.concat());
    let (module, symvers, kernel) = (stock("tcm_loop"), symvers(), stock_kernel());
    for line in [
        format!("relink {module} --from new=target_core_mod --symvers {symvers} -o {output}"),
        format!("list {output}"),
        format!("list {imports}"),
        format!("check {imports} --kernel {kernel}"),
        format!("compare --module {imports} --kernel {kernel}"),
        format!("declare nr_processes,no_such_symbol --type list_head --kernel {kernel}"),
        format!("new {} --kernel {kernel}", path(&directory, "fresh")),
        "prepare".to_owned(),
    ] {
        let of = line.split(' ').next().unwrap();
        is_the_schema(of, &json(&kimport(format!("{line} --json")).1));
    }
    is_the_schema("error", &json(&kimport("list /nowhere.ko --json").1));
}

/// Loading needs a VM, so this prints a result made by hand.
#[test]
fn what_load_prints_as_json_is_described() {
    let plan = LoadPlan {
        module: "user".to_owned(),
        filled: vec![filled("nr_processes", 0xffff_ffff_8112_3450)],
        refused: vec![RefusedSymbol {
            name: "nr_procceses".to_owned(),
            provider: None,
            cause: "there is no such symbol".to_owned(),
        }],
        left: 1,
        parameters: String::new(),
        notes: vec!["unload it first".to_owned()],
    };
    let (loaded, plan) = (false, &plan);
    let printed = serde_json::to_value(LoadReport { loaded, plan }).unwrap();
    assert_eq!(printed["filled"][0]["address"], "0xffffffff81123450");
    is_the_schema("load", &printed);
}
