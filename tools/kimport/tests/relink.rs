// SPDX-License-Identifier: GPL-2.0

//! `kimport relink` on modules of the stock kernel, and on made ones for what those do not have.

mod common;

use common::*;
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::TempDir;

const OLD: &str = "target_core_mod";
const NEW: &str = "target_core_mod_new";
const SHN_LIVEPATCH: u16 = 0xff20;
const SHF_RELA_LIVEPATCH: u64 = 0x0010_0000;
const SHF_ALLOC: u64 = 2;
const SHF_INFO_LINK: u64 = 0x40;

fn arguments(input: &Path, from: &str, output: &Path) -> Vec<String> {
    let path = |path: &Path| path.to_str().unwrap().to_owned();
    let mut arguments = vec!["relink".into(), path(input), "--from".into(), from.into()];
    arguments.extend([
        "--symvers".into(),
        path(&symvers()),
        "-o".into(),
        path(output),
    ]);
    arguments
}

/// Relinks a module of LIO to the new core and renames it. Returns what was and what is.
fn relinked(input: &Path, directory: &TempDir) -> (Module, Module, PathBuf) {
    let name = format!("{}_new", module_name(input));
    let output = directory.path().join(format!("{name}.ko"));
    let mut arguments = arguments(input, &format!("{NEW}={OLD}"), &output);
    arguments.extend(["--name".to_owned(), name]);
    let (_, err) = fine(&arguments);
    assert!(err.contains("signature"), "{err}");
    (
        Module::read(&unxz(input)),
        Module::read(&fs::read(&output).unwrap()),
        output,
    )
}

/// What the symbol table and the relocations of `before` have to look like when `moved` come from
/// the new core.
fn expected(symbol: &Symbol, moved: &[String]) -> Symbol {
    if symbol.section.is_empty() && symbol.index == 0 && moved.contains(&symbol.name) {
        Symbol {
            name: format!(".klp.sym.{NEW}.{},0", symbol.name),
            index: SHN_LIVEPATCH,
            ..symbol.clone()
        }
    } else {
        symbol.clone()
    }
}

/// Symbols within `.modinfo` name its strings, two of which may change.
fn comparable(mut symbols: Vec<Symbol>) -> Vec<Symbol> {
    for symbol in &mut symbols {
        if symbol.section == ".modinfo" {
            (symbol.value, symbol.size) = (0, 0);
        }
    }
    symbols.sort();
    symbols
}

fn check_symbols_and_relocations(before: &Module, after: &Module, moved: &[String]) {
    let symbols = before.symbols.iter().map(|symbol| expected(symbol, moved));
    assert_eq!(
        comparable(symbols.collect()),
        comparable(after.symbols.clone())
    );

    let mut relocations = before.relocations();
    for relocation in &mut relocations {
        relocation.symbol = expected(&relocation.symbol, moved);
    }
    relocations.sort();
    assert_eq!(relocations, after.relocations());
    assert!(relocations
        .iter()
        .any(|relocation| relocation.symbol.index == SHN_LIVEPATCH));

    for section in &after.sections {
        let livepatch = section
            .relocations
            .iter()
            .filter(|r| r.symbol.index == SHN_LIVEPATCH);
        let count = livepatch.count();
        match section.name.strip_prefix(".klp.rela.vmlinux.") {
            None => {
                assert_eq!(count, 0, "{}", section.name);
                assert_eq!(section.flags & SHF_RELA_LIVEPATCH, 0, "{}", section.name);
            }
            Some(target) => {
                assert!(
                    count > 0 && count == section.relocations.len(),
                    "{}",
                    section.name
                );
                assert_eq!(
                    section.flags,
                    SHF_RELA_LIVEPATCH | SHF_ALLOC | SHF_INFO_LINK
                );
                assert_eq!(after.sections[section.info as usize - 1].name, target);
                assert_eq!(section.link, ".symtab");
            }
        }
    }
}

fn check_other_sections(before: &Module, after: &Module) {
    const WRITTEN_ANEW: [&str; 5] = [
        ".modinfo",
        ".gnu.linkonce.this_module",
        ".symtab",
        ".strtab",
        ".shstrtab",
    ];
    let kept = before.sections.iter().filter(|section| {
        !WRITTEN_ANEW.contains(&section.name.as_str()) && section.relocations.is_empty()
    });
    for section in kept {
        let now = after.section(&section.name);
        assert_eq!(now.data, section.data, "{}", section.name);
        assert_eq!(
            (now.kind, now.flags, &now.link, now.alignment),
            (
                section.kind,
                section.flags,
                &section.link,
                section.alignment
            ),
            "{}",
            section.name
        );
    }
    assert!(!after.section(".BTF").data.is_empty());
}

fn check_names(before: &Module, after: &Module, name: &str) {
    let (mut was, now) = (before.modinfo(), after.modinfo());
    let depends = was.get_mut("depends").unwrap();
    let mut modules: Vec<&str> = depends[0]
        .split(',')
        .filter(|module| *module != OLD)
        .collect();
    modules.push(NEW);
    *depends = vec![modules.join(",")];
    was.insert("name".into(), vec![name.to_owned()]);
    assert_eq!(was, now);

    // Symbols of the module information still name whole strings of it.
    let info = &after.section(".modinfo").data;
    for symbol in after
        .symbols
        .iter()
        .filter(|s| s.section == ".modinfo" && s.size > 0)
    {
        let end = (symbol.value + symbol.size) as usize;
        let text = &info[symbol.value as usize..end];
        assert_eq!(
            text.iter().position(|&b| b == 0),
            Some(text.len() - 1),
            "{}",
            symbol.name
        );
        assert!(
            symbol.value == 0 || info[symbol.value as usize - 1] == 0,
            "{}",
            symbol.name
        );
    }

    let (was, now) = (
        &before.section(".gnu.linkonce.this_module").data,
        &after.section(".gnu.linkonce.this_module").data,
    );
    let old_name = name.strip_suffix("_new").unwrap();
    let at = was
        .windows(old_name.len())
        .position(|part| part == old_name.as_bytes())
        .unwrap();
    let mut wanted = was.clone();
    wanted[at..at + name.len()].copy_from_slice(name.as_bytes());
    assert_eq!(*now, wanted);
}

#[test]
fn every_lio_module_of_the_distribution() {
    let directory = TempDir::new().unwrap();
    let exports = exports_of(OLD);
    assert!(exports.iter().any(|name| name == "target_complete_cmd"));
    let mut seen = BTreeSet::new();
    for input in stock_modules("drivers/target") {
        let name = module_name(&input);
        if name == OLD {
            continue;
        }
        println!("{name}");
        let (before, after, output) = relinked(&input, &directory);
        check_symbols_and_relocations(&before, &after, &exports);
        check_other_sections(&before, &after);
        check_names(&before, &after, &format!("{name}_new"));
        assert!(after
            .undefined()
            .iter()
            .all(|name| !exports.iter().any(|e| e == name)));

        let output = output.to_str().unwrap();
        tool("readelf", &["-aW", output]);
        assert_eq!(
            tool("modinfo", &["-F", "name", output]),
            format!("{name}_new\n")
        );
        assert_eq!(tool("modinfo", &["-F", "signer", output]), "");
        seen.insert(name);
    }
    for name in [
        "tcm_loop",
        "iscsi_target_mod",
        "target_core_file",
        "target_core_iblock",
    ] {
        assert!(seen.contains(name), "{name} was not tried");
    }
}

#[test]
fn tcm_loop_in_figures() {
    let directory = TempDir::new().unwrap();
    let output = directory.path().join("out.ko");
    let mut arguments = arguments(&stock("tcm_loop"), &format!("{NEW}={OLD}"), &output);
    arguments.push("--json".into());
    let report: serde_json::Value = serde_json::from_str(&fine(&arguments).0).unwrap();
    let before = Module::read(&unxz(&stock("tcm_loop")));
    let exports = exports_of(OLD);
    let uses = |section: &str| {
        let of_core = |r: &&Relocation| r.target == section && exports.contains(&r.symbol.name);
        before.relocations().iter().filter(of_core).count()
    };
    assert_eq!(report["changed"], true);
    assert_eq!(report["signature_dropped"], true);
    assert_eq!(report["new_name"], "tcm_loop");
    let symbols = report["symbols"].as_array().unwrap();
    assert_eq!(
        symbols.len(),
        before
            .undefined()
            .iter()
            .filter(|n| exports.iter().any(|e| e == *n))
            .count()
    );
    assert!(symbols
        .iter()
        .all(|s| s["provider"] == NEW && s["exported_by"] == OLD));
    let sections = report["sections"].as_array().unwrap();
    assert!(!sections.is_empty());
    for section in sections {
        let name = section["name"].as_str().unwrap();
        assert_eq!(section["relocations"], uses(name), "{name}");
    }
    assert!(sections
        .iter()
        .any(|section| section["name"] == ".init.text"));
}

#[test]
fn what_to_know_before_loading_is_said() {
    let directory = TempDir::new().unwrap();
    let output = directory.path().join("out.ko");
    let say = |module: &str, extra: &[&str]| {
        let mut arguments = arguments(&stock(module), &format!("{NEW}={OLD}"), &output);
        arguments.extend(extra.iter().map(|argument| argument.to_string()));
        fine(&arguments).1
    };
    let renamed = say("iscsi_target_mod", &["--name", "other"]);
    assert!(renamed.contains("signature") && renamed.contains("beside iscsi_target_mod"));
    assert!(
        renamed.contains(&format!("does not keep {NEW} loaded")),
        "{renamed}"
    );
    assert!(!say("iscsi_target_mod", &[]).contains("beside"));
    assert!(!say("tcm_loop", &["--name", "other"]).contains("beside"));
}

#[test]
fn again_changes_nothing() {
    let directory = TempDir::new().unwrap();
    let (_, _, first) = relinked(&stock("tcm_loop"), &directory);
    let second = directory.path().join("again.ko");
    let mut arguments = arguments(&first, &format!("{NEW}={OLD}"), &second);
    arguments.extend(["--name".to_owned(), "tcm_loop_new".to_owned()]);
    let (out, err) = fine(&arguments);
    assert!(out.contains("nothing to do"), "{out}");
    assert_eq!(err, "");
    assert_eq!(fs::read(first).unwrap(), fs::read(second).unwrap());
}

#[test]
fn one_provider_after_the_other() {
    let directory = TempDir::new().unwrap();
    let input = stock("tcm_loop");
    let path = |name: &str| directory.path().join(name);
    let (one, two, all) = (path("one.ko"), path("two.ko"), path("all.ko"));
    fine(arguments(
        &input,
        &format!("{NEW}:target_submit,core_tpg_register"),
        &one,
    ));
    let half = Module::read(&fs::read(&one).unwrap());
    // The rest still comes from the old core.
    assert_eq!(half.modinfo()["depends"], [format!("{OLD},scsi_mod,{NEW}")]);
    assert!(half.undefined().contains(&"target_submit_prep"));

    fine(arguments(&one, &format!("{NEW}={OLD}"), &two));
    fine(arguments(&input, &format!("{NEW}={OLD}"), &all));
    let (two, all) = (
        Module::read(&fs::read(two).unwrap()),
        Module::read(&fs::read(all).unwrap()),
    );
    assert_eq!(two.relocations(), all.relocations());
    assert_eq!(
        comparable(two.symbols.clone()),
        comparable(all.symbols.clone())
    );
    check_symbols_and_relocations(&Module::read(&unxz(&input)), &two, &exports_of(OLD));
    assert_eq!(two.modinfo()["depends"], [format!("scsi_mod,{NEW}")]);
}

#[test]
fn several_providers_at_once() {
    let directory = TempDir::new().unwrap();
    let output = directory.path().join("out.ko");
    let mut arguments = arguments(&stock("tcm_loop"), &format!("{NEW}={OLD}"), &output);
    for from in ["scsi_new=scsi_mod", "vmlinux:strstr", "other:target_submit"] {
        arguments.extend(["--from".to_owned(), from.to_owned()]);
    }
    fine(&arguments);
    let module = Module::read(&fs::read(&output).unwrap());
    let has = |name: &str| {
        module
            .symbols
            .iter()
            .any(|s| s.name == name && s.index == SHN_LIVEPATCH)
    };
    assert!(has(".klp.sym.scsi_new.scsi_done,0"));
    assert!(has(".klp.sym.vmlinux.strstr,0"));
    assert!(has(".klp.sym.other.target_submit,0"));
    assert!(has(&format!(".klp.sym.{NEW}.target_submit_prep,0")));
    assert_eq!(
        module.modinfo()["depends"],
        [format!("other,scsi_new,{NEW}")]
    );
    tool("readelf", &["-aW", output.to_str().unwrap()]);
}

#[test]
fn every_compression_gives_the_same() {
    let directory = TempDir::new().unwrap();
    let input = stock("target_core_file");
    let plain = directory.path().join("module.ko");
    fs::write(&plain, unxz(&input)).unwrap();
    let mut inputs = vec![input, plain.clone()];
    for (program, extension) in [("zstd", "zst"), ("gzip", "gz")] {
        let packed = Command::new(program)
            .arg("-c")
            .arg(&plain)
            .output()
            .unwrap();
        assert!(packed.status.success(), "{program}");
        let path = plain.with_extension(format!("ko.{extension}"));
        fs::write(&path, packed.stdout).unwrap();
        inputs.push(path);
    }
    let output = directory.path().join("out.ko");
    let mut results = BTreeSet::new();
    for input in &inputs {
        fine(arguments(input, &format!("{NEW}={OLD}"), &output));
        results.insert(fs::read(&output).unwrap());
    }
    assert_eq!((inputs.len(), results.len()), (4, 1));
}

/// A finished module, as far as relinking is concerned, made of assembly.
fn made(directory: &TempDir, body: &str) -> PathBuf {
    let source = directory.path().join("made.s");
    let module = directory.path().join("made.ko");
    let text = format!(
        ".text\nstart: call wanted\ncall kfree\n\
         .section .modinfo,\"a\",@progbits\n.asciz \"name=made\"\n.asciz \"depends=\"\n\
         .section .gnu.linkonce.this_module,\"aw\",@progbits\n.zero 24\n.ascii \"made\"\n.zero 300\n\
         {body}\n"
    );
    fs::write(&source, text).unwrap();
    tool(
        "as",
        &[
            "--64",
            "-o",
            module.to_str().unwrap(),
            source.to_str().unwrap(),
        ],
    );
    module
}

#[test]
fn without_a_list_what_nothing_exports_is_meant() {
    let directory = TempDir::new().unwrap();
    let input = made(&directory, ".data\n.weak maybe\n.quad maybe, wanted+8\n");
    let output = directory.path().join("out.ko");
    fine(arguments(&input, "provider", &output));
    let module = Module::read(&fs::read(&output).unwrap());
    assert_eq!(module.undefined(), ["kfree", "maybe"]);
    let data = module.section(".klp.rela.vmlinux..data");
    assert_eq!(data.relocations.len(), 1);
    assert_eq!(
        (data.relocations[0].offset, data.relocations[0].addend),
        (8, 8)
    );
    assert_eq!(module.modinfo()["depends"], ["provider"]);

    // Listed, a weak symbol is meant too; its relocation section is left empty and goes.
    fine(arguments(&input, "provider:maybe,wanted", &output));
    let module = Module::read(&fs::read(&output).unwrap());
    assert_eq!(module.undefined(), ["kfree"]);
    assert!(module
        .sections
        .iter()
        .all(|section| section.name != ".rela.data"));
}

#[test]
fn relocations_of_debug_information_are_dropped() {
    let directory = TempDir::new().unwrap();
    let body = ".section .debug_info,\"\",@progbits\n.quad wanted, kfree, start\n";
    let output = directory.path().join("out.ko");
    let mut arguments = arguments(&made(&directory, body), "provider", &output);
    arguments.push("--json".into());
    let report: serde_json::Value = serde_json::from_str(&fine(&arguments).0).unwrap();
    assert_eq!(report["debug_relocations_dropped"], 1);
    let module = Module::read(&fs::read(&output).unwrap());
    assert_eq!(module.section(".rela.debug_info").relocations.len(), 2);
    assert!(module
        .sections
        .iter()
        .all(|s| s.name != ".klp.rela.vmlinux..debug_info"));
}

#[test]
fn tables_of_the_kernels_own_are_refused() {
    for section in [
        "__jump_table",
        ".static_call_sites",
        ".altinstructions",
        "__ex_table",
        ".orc_unwind_ip",
    ] {
        let directory = TempDir::new().unwrap();
        let input = made(
            &directory,
            &format!(".section {section},\"aw\",@progbits\n.quad wanted\n"),
        );
        let output = directory.path().join("out.ko");
        let result = kimport(arguments(&input, "provider", &output));
        let err = String::from_utf8(result.stderr).unwrap();
        assert_eq!(result.status.code(), Some(1), "{err}");
        assert!(
            err.contains(&format!("{section} refers to wanted")),
            "{err}"
        );
        assert!(err.contains("help: "), "{err}");
        assert!(!output.exists());
    }
}

#[test]
fn what_cannot_be_done_is_said() {
    let directory = TempDir::new().unwrap();
    let output = directory.path().join("out.ko");
    let input = stock("tcm_loop");
    let not_elf = symvers();
    for (input, from, code, text) in [
        (
            &input,
            "new:no_such_symbol",
            1,
            "does not use no_such_symbol",
        ),
        (&input, "new:init_module", 1, "defined in the module itself"),
        (&input, "new=libata", 1, "uses nothing that libata exports"),
        (
            &input,
            "new",
            1,
            "every symbol the module needs is exported",
        ),
        (
            &input,
            "new=no_such_module",
            2,
            "no module no_such_module exports anything",
        ),
        (&input, "dir/new.ko", 2, "not a module name"),
        (&not_elf, "new=libata", 2, "not a usable kernel module"),
        (
            &directory.path().join("absent.ko"),
            "new=libata",
            2,
            "absent.ko",
        ),
    ] {
        let result = kimport(arguments(input, from, &output));
        let err = String::from_utf8(result.stderr).unwrap();
        assert_eq!(result.status.code(), Some(code), "{from}: {err}");
        assert!(err.contains(text), "{from}: {err}");
        assert!(!output.exists());
    }

    let packed = directory.path().join("out.ko.xz");
    assert_eq!(
        kimport(arguments(&input, "new=scsi_mod", &packed))
            .status
            .code(),
        Some(2)
    );
    let nowhere = directory.path().join("no/out.ko");
    assert_eq!(
        kimport(arguments(&input, "new=scsi_mod", &nowhere))
            .status
            .code(),
        Some(2)
    );
    let mut without: Vec<String> = arguments(&input, "new=scsi_mod", &output);
    without.retain(|argument| argument != "--symvers" && *argument != symvers().to_str().unwrap());
    let result = kimport(&without);
    assert_eq!(result.status.code(), Some(2));
    assert!(String::from_utf8(result.stderr)
        .unwrap()
        .contains("add --symvers"));
}

#[test]
fn an_error_in_json_is_json() {
    let directory = TempDir::new().unwrap();
    let mut arguments = arguments(
        &stock("tcm_loop"),
        "new:nothing",
        &directory.path().join("o.ko"),
    );
    arguments.push("--json".into());
    let output = kimport(&arguments);
    let value: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(value["error"]
        .as_str()
        .unwrap()
        .contains("does not use nothing"));
    assert!(value["help"].is_string());
}
