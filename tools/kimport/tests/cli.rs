// SPDX-License-Identifier: GPL-2.0

//! The command line: manual pages, completions, exit codes, plain text where there is no terminal.

mod common;

use common::*;
use std::fs;
use tempfile::TempDir;

const SUBCOMMANDS: [&str; 6] = ["relink", "list", "check", "compare", "load", "prepare"];

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
    let error: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(error["error"].as_str().unwrap().contains("/nowhere.ko"));
}
