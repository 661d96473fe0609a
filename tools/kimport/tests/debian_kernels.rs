// SPDX-License-Identifier: GPL-2.0

//! Debian's real 6.1, 6.12, 7.2 and 7.3 kernels: the packages that `make check-compare` fetches,
//! not unpacked, and the stock kernel.

mod common;

use common::*;
use expect_test::expect_file;
use kimport_types::Encoding;
use std::{env, fs, process::Output};
use tempfile::TempDir;

/// Returns the kernels, named by series, as values of `--kernel`.
fn kernels() -> Vec<String> {
    let Ok(fetched) = env::var("KIMPORT_KERNELS") else {
        panic!("KIMPORT_KERNELS is not set; run `make check-compare`");
    };
    // Versions change, and so do findings. The names of the columns can stay the same.
    let named = |line: &str| {
        let (release, files) = line.split_once('=').unwrap();
        let series: Vec<&str> = release.split(['.', '+', '-']).take(2).collect();
        format!("{}={files}", series.join("."))
    };
    let mut kernels: Vec<String> = fetched.lines().map(named).collect();
    kernels.push(format!("7.3={}", stock_directory().display()));
    assert_eq!(kernels.len(), 4, "{kernels:?}");
    kernels
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Symbols of every kind: some were static, moved, changed their prototype or never existed.
const SYMBOLS: [&str; 18] = [
    "blk_mq_submit_bio",
    "btf_get_module_btf",
    "do_exit",
    "jiffies",
    "kallsyms_lookup_name",
    "module_mutex",
    "name_show",
    "no_such_symbol_anywhere",
    "nr_processes",
    "runqueues",
    "smp_text_poke_batch_add",
    "start_kernel",
    "target_core_mod:rd_release_sgl_table",
    "target_core_mod:sbc_parse_cdb",
    "target_core_mod:target_complete_cmd",
    "target_core_mod:target_configure_unmap_from_bdev",
    "target_submit",
    "unix:unix_gc",
];

#[test]
#[ignore = "make check-compare fetches the kernels"]
fn symbols_from_6_1_to_7_3() {
    let directory = TempDir::new().unwrap();
    let page = directory.path().join("kernels.html");
    let mut arguments = vec!["compare", "--html", page.to_str().unwrap()];
    arguments.extend(SYMBOLS);
    let kernels = kernels();
    for kernel in &kernels {
        arguments.extend(["--kernel", kernel]);
    }
    let output = kimport(&arguments);
    assert_eq!(output.status.code(), Some(1));
    expect_file!["debian_kernels/compare.txt"].assert_eq(&text(&output));

    // The page has every symbol and kernel, and refers to no other file.
    let html = fs::read_to_string(page).unwrap();
    assert_eq!(html.matches("<tr>").count(), 1 + SYMBOLS.len());
    assert_eq!(html.matches("<td").count(), SYMBOLS.len() * kernels.len());
    for outside in ["<link", "<script", "<img", "src=", "url(", "@import"] {
        assert!(!html.contains(outside), "{outside}");
    }
    assert!(html.contains("sense_reason_t (struct se_cmd *, struct exec_cmd_ops *)"));
}

/// Checks a module whose declarations are those of one kernel against all kernels.
#[test]
#[ignore = "make check-compare fetches the kernels"]
fn declarations_of_7_3_on_all() {
    let command = || Encoding::named("se_cmd", None).pointer(false);
    let function = |provider, name, arguments: &[Encoding], returned| {
        let declared = Encoding::function(arguments, returned, false);
        described(0, 0, 0, provider, name, declared.as_bytes())
    };
    let int = || Encoding::integer(4, true);
    let operations = Encoding::named("exec_cmd_ops", None).pointer(false);
    let table = [
        function("", "nr_processes", &[], int()),
        function(
            "",
            "unix_gc",
            &[Encoding::named("work_struct", None).pointer(false)],
            Encoding::VOID,
        ),
        function("target_core_mod", "target_submit", &[command()], int()),
        function(
            "target_core_mod",
            "sbc_parse_cdb",
            &[command(), operations],
            Encoding::integer(4, false),
        ),
        function(
            "target_core_mod",
            "target_complete_cmd",
            &[command(), Encoding::integer(1, false)],
            Encoding::VOID,
        ),
        function(
            "target_core_mod",
            "target_complete_cdm",
            &[command(), Encoding::integer(1, false)],
            Encoding::VOID,
        ),
    ];
    let directory = TempDir::new().unwrap();
    let module = with_table(&directory, &table.concat());
    let mut said = String::new();
    for kernel in kernels() {
        let output = kimport(["check", &module, "--kernel", &kernel]);
        assert_eq!(output.status.code(), Some(1), "{kernel}");
        for line in text(&output)
            .lines()
            .filter(|line| !line.starts_with("  from "))
        {
            said += line;
            said += "\n";
        }
        said += "\n";
    }
    expect_file!["debian_kernels/check.txt"].assert_eq(&said);
}
