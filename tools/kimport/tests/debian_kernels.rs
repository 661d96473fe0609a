// SPDX-License-Identifier: GPL-2.0

//! Debian's real 6.1, 6.12, 7.2 and 7.3 kernels, and one for arm64 with pages of 16 KiB: the
//! packages that `make check-compare` fetches, not unpacked, and the stock kernel.

mod common;

use common::*;
use expect_test::expect_file;
use kimport_cli::kernel::Kernel;
use kimport_types::Encoding;
use std::{env, fs, process::Command};
use tempfile::TempDir;

/// Returns the kernels that were fetched: release and files, as values of `--kernel`.
fn fetched() -> String {
    let fetched = env::var("KIMPORT_KERNELS");
    fetched.expect("KIMPORT_KERNELS is not set; run `make check-compare`")
}

/// Returns the kernels for amd64, named by series, as values of `--kernel`.
fn kernels() -> Vec<String> {
    let fetched = fetched();
    // Versions change, and so do findings. The names of the columns can stay the same.
    let named = |line: &str| {
        let (release, files) = line.split_once('=').unwrap();
        let series: Vec<&str> = release.split(['.', '+', '-']).take(2).collect();
        format!("{}={files}", series.join("."))
    };
    let for_amd64 = |line: &&str| line.contains("-amd64=");
    let mut kernels: Vec<String> = fetched.lines().filter(for_amd64).map(named).collect();
    kernels.push(format!("7.3={}", stock_directory().display()));
    assert_eq!(kernels.len(), 4, "{kernels:?}");
    kernels
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
    let page = path(&directory, "kernels.html");
    let kernels = kernels();
    let (symbols, list) = (SYMBOLS.join(" "), kernels.join(" --kernel "));
    let compare = format!("compare --html {page} {symbols} --kernel {list}");
    let (text, _) = ends(1, compare);
    expect_file!["debian_kernels/compare.txt"].assert_eq(&text);

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
    let pointer = |name| Encoding::named(name, None).pointer(false);
    let (command, operations) = (pointer("se_cmd"), pointer("exec_cmd_ops"));
    let core = |name, arguments: &[Encoding], returned| {
        function(0, "target_core_mod", name, arguments, returned)
    };
    let (int, u32, void) = (
        Encoding::integer(4, true),
        Encoding::integer(4, false),
        Encoding::VOID,
    );
    let completed = [command, Encoding::integer(1, false)];
    let table = [
        function(0, "", "nr_processes", &[], int),
        function(0, "", "unix_gc", &[pointer("work_struct")], void),
        core("target_submit", &[command], int),
        core("sbc_parse_cdb", &[command, operations], u32),
        core("target_complete_cmd", &completed, void),
        core("target_complete_cdm", &completed, void),
    ];
    let directory = TempDir::new().unwrap();
    let module = with_table(&directory, &table.concat());
    let mut said = String::new();
    for kernel in kernels() {
        let (text, _) = ends(1, format!("check {module} --kernel {kernel}"));
        let lines = text.split_inclusive('\n');
        said.extend(lines.filter(|line| !line.starts_with("  from ")));
        said += "\n";
    }
    expect_file!["debian_kernels/check.txt"].assert_eq(&said);
}

/// Returns the offset in bytes that pahole prints for a member of a struct of the LIO core.
fn offset_by_pahole(kernel: &str, ty: &str, member: &str) -> u64 {
    let kernel = Kernel::read(&kernel.parse().unwrap()).unwrap();
    let core = kernel.module("target_core_mod").unwrap().unwrap();
    let types = core.types.as_ref().unwrap();
    let directory = TempDir::new().unwrap();
    let image = write(&directory, "vmlinux", kernel.btf().unwrap());
    let module = write(&directory, "module", &types.btf);
    let arguments = ["-F", "btf", "--btf_base", &image, "-C", ty, &module];
    // It warns of tags that it does not know.
    let output = Command::new("pahole").args(arguments).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let is_member = |line: &&str| {
        let (declaration, _) = line.split_once(';').unwrap_or_default();
        let words = declaration.split(|c: char| !c.is_alphanumeric() && c != '_');
        words
            .rev()
            .find(|word| !word.is_empty() && word.parse::<u64>().is_err())
            == Some(member)
    };
    let line = text
        .lines()
        .find(is_member)
        .unwrap_or_else(|| panic!("no {member}: {text}"));
    let (_, numbers) = line.split_once("/*").unwrap();
    numbers.split_whitespace().next().unwrap().parse().unwrap()
}

/// A backend that was built for 7.3 is refused by the cores of the others, and the first member
/// that is told is where pahole says.
#[test]
#[ignore = "make check-compare fetches the kernels"]
fn structs_that_changed_inside() {
    let module = env::var("KIMPORT_IBLOCK").expect("run `make check-compare`");
    let kernels = kernels();
    let built_for = kernels.last().unwrap();
    let mut told = Vec::new();
    for kernel in &kernels {
        let (_, text, _) = kimport(format!("check {module} --kernel {kernel}"));
        let moved = text.lines().find_map(|line| {
            let (_, line) = line.split_once(" from target_core_mod: struct ")?;
            let (ty, line) = line.split_once(": member ")?;
            let (member, line) = line.split_once(" is at byte ")?;
            let (theirs, ours) = line.split_once(" in target_core_mod, at byte ")?;
            Some((ty, member, theirs, ours.strip_suffix(" in rust_iblock")?))
        });
        let Some((ty, member, theirs, ours)) = moved else {
            assert!(!text.contains(": struct "), "{text}");
            continue;
        };
        let offset = |kernel| offset_by_pahole(kernel, ty, member).to_string();
        assert_eq!(theirs, offset(kernel), "{ty}.{member}");
        assert_eq!(ours, offset(built_for), "{ty}.{member}");
        told.push(kernel.split('=').next().unwrap());
    }
    assert_eq!(told, ["6.1", "6.12", "7.2"]);
}

/// Runs the command on a kernel of another architecture, and on one of its modules.
#[test]
#[ignore = "make check-compare fetches the kernels"]
fn an_arm64_kernel_with_large_pages() {
    let fetched = fetched();
    let kernel = fetched.lines().find(|line| line.contains("-arm64-16k="));
    let (release, files) = kernel.unwrap().split_once('=').unwrap();
    let directory = TempDir::new().unwrap();
    let modules = files.split(',').find(|file| file.contains("linux-modules"));
    let place = directory.path().to_str().unwrap();
    tool("dpkg-deb", &["--extract", modules.unwrap(), place]);
    let drivers = format!("{place}/usr/lib/modules/{release}/kernel/drivers");
    let loopback = format!("{drivers}/target/loopback/tcm_loop.ko.xz");

    let (out, err) = fine(format!("check {loopback} --kernel {files}"));
    assert_eq!(err, "");
    has(&out, ", all of them resolve\n");
    let symbols = "nr_processes target_core_mod:target_complete_cmd";
    let (out, err) = fine(format!("compare --kernel {files} {symbols}"));
    assert_eq!(err, "");
    has(&out, "vmlinux, global\n");

    // It has no livepatch.
    let copy = path(&directory, "tcm_loop_new.ko");
    let from = "target_core_mod_new=target_core_mod";
    let relink = format!("relink {loopback} --from {from} --kernel {files} -o {copy}");
    has(&ends(1, relink).1, "help: `kimport load` writes addresses");
    assert!(!fs::exists(copy).unwrap());

    let (out, _) = ends(1, format!("check {} --kernel {files}", stock("tcm_loop")));
    let refusal =
        "Invalid architecture in ELF header: 62: tcm_loop is for x86-64, the kernel for arm64\n";
    assert!(out.starts_with(refusal), "{out}");
}
