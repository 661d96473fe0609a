// SPDX-License-Identifier: GPL-2.0

//! `kimport relink` on modules of the stock kernel, and on made-up modules for cases that those
//! lack.

mod common;

use common::*;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::TempDir;

const OLD: &str = "target_core_mod";
const NEW: &str = "target_core_mod_new";
/// The symbol that only kernels with livepatch export.
const GUARD: &str = "klp_enable_patch";
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

/// The new provider of each symbol.
type Moved = BTreeMap<String, String>;

/// Returns the symbols that the old module exports, with `new` as their provider.
fn moved_to(new: &str, old: &str) -> Moved {
    let exports = exports_of(old).into_iter();
    exports.map(|name| (name, new.to_owned())).collect()
}

/// Returns the modules among `lio` and the core that `module` needs, with the names of their
/// copies.
fn copies(module: &Module, lio: &BTreeSet<String>) -> BTreeMap<String, String> {
    let needed = module.modinfo()["depends"][0].clone();
    let needed = needed.split(',').map(|name| name.replace('-', "_"));
    needed
        .filter(|name| name == OLD || lio.contains(name))
        .map(|name| (name.clone(), format!("{name}_new")))
        .collect()
}

/// Relinks a module to copies of other modules and renames it. Returns the result.
fn relinked(input: &Path, copies: &BTreeMap<String, String>, output: &Path) -> Module {
    let mut arguments = vec!["relink".into(), input.to_str().unwrap().to_owned()];
    for (old, new) in copies {
        arguments.extend(["--from".into(), format!("{new}={old}")]);
    }
    let name = format!("{}_new", module_name(input).trim_end_matches("_new"));
    let symvers = symvers();
    for (option, value) in [
        ("--name", name.as_str()),
        ("--symvers", symvers.to_str().unwrap()),
        ("-o", output.to_str().unwrap()),
    ] {
        arguments.extend([option.to_owned(), value.to_owned()]);
    }
    fine(&arguments);
    Module::read(&fs::read(output).unwrap())
}

/// Relinks a module of LIO to the new core and renames it. Returns the path of the result.
fn relinked_to_core(module: &str, directory: &TempDir) -> PathBuf {
    let output = directory.path().join(format!("{module}_new.ko"));
    let copies = [(OLD.to_owned(), NEW.to_owned())].into();
    relinked(&stock(module), &copies, &output);
    output
}

/// Returns the symbol as it must look after relinking.
fn expected(symbol: &Symbol, moved: &Moved) -> Symbol {
    match moved.get(&symbol.name) {
        Some(provider) if symbol.section.is_empty() && symbol.index == 0 => Symbol {
            name: format!(".klp.sym.{provider}.{},0", symbol.name),
            index: SHN_LIVEPATCH,
            ..symbol.clone()
        },
        _ => symbol.clone(),
    }
}

/// Returns the relocations. Those of debug message descriptors that refer to the module's name are
/// made independent of the place of the name.
fn comparable_relocations(module: &Module) -> Vec<Relocation> {
    let name = format!("{}\0", module.modinfo()["name"][0]);
    let mut relocations = module.relocations();
    for relocation in relocations.iter_mut().filter(|r| r.target == "__dyndbg") {
        let text = &module.section(&relocation.symbol.section).data;
        let at = relocation
            .symbol
            .value
            .wrapping_add_signed(relocation.addend) as usize;
        if text[at..].starts_with(name.as_bytes()) {
            relocation.addend = 0;
        }
    }
    relocations
}

/// Sorts the symbols and hides the places of those in `.modinfo`: they name its strings, two of
/// which may change.
fn comparable(mut symbols: Vec<Symbol>) -> Vec<Symbol> {
    for symbol in &mut symbols {
        if symbol.section == ".modinfo" {
            (symbol.value, symbol.size) = (0, 0);
        }
    }
    symbols.sort();
    symbols
}

fn check_symbols_and_relocations(before: &Module, after: &Module, moved: &Moved) {
    let symbols = before.symbols.iter().map(|symbol| expected(symbol, moved));
    let guard = (!before.undefined().contains(&GUARD)).then(|| Symbol {
        name: GUARD.to_owned(),
        section: String::new(),
        index: 0,
        value: 0,
        size: 0,
        info: 0x10,
    });
    assert_eq!(
        comparable(symbols.chain(guard).collect()),
        comparable(after.symbols.clone())
    );

    let mut relocations = comparable_relocations(before);
    for relocation in &mut relocations {
        relocation.symbol = expected(&relocation.symbol, moved);
    }
    let mut now = comparable_relocations(after);
    relocations.sort();
    now.sort();
    assert_eq!(relocations, now);
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

fn check_other_sections(before: &Module, after: &Module, name: &str) {
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
        // The module's name for debug messages was added after the other strings.
        let with_name = [&section.data, name.as_bytes(), b"\0"].concat();
        assert!(
            now.data == section.data || section.name == ".rodata" && now.data == with_name,
            "{}",
            section.name
        );
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

fn check_names(before: &Module, after: &Module, name: &str, copies: &BTreeMap<String, String>) {
    let (mut was, now) = (before.modinfo(), after.modinfo());
    let depends = was.get_mut("depends").unwrap();
    let new: Vec<&str> = copies.values().map(String::as_str).collect();
    let kept = depends[0]
        .split(',')
        .filter(|module| !copies.contains_key(*module));
    *depends = vec![kept
        .chain(new.iter().copied())
        .collect::<Vec<_>>()
        .join(",")];
    was.insert("softdep".into(), vec![format!("pre: {}", new.join(" "))]);
    was.insert("name".into(), vec![name.to_owned()]);
    assert_eq!(was, now);

    // The symbols of the module information still name whole strings of it.
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

#[stock_test]
fn every_lio_module_of_the_distribution() {
    let directory = TempDir::new().unwrap();
    let inputs = stock_modules_needing(OLD);
    let lio: BTreeSet<String> = inputs.iter().map(|path| module_name(path)).collect();
    for input in &inputs {
        let name = format!("{}_new", module_name(input));
        println!("{name}");
        let path = |name: &str| directory.path().join(name);
        let (old, output) = (path("old.ko"), path(&format!("{name}.ko")));
        fs::write(&old, unxz(input)).unwrap();
        let before = Module::read(&fs::read(&old).unwrap());
        let copies = copies(&before, &lio);
        let after = relinked(input, &copies, &output);
        let exports = copies.iter().map(|(old, new)| moved_to(new, old));
        let moved: Moved = exports.flatten().collect();
        check_symbols_and_relocations(&before, &after, &moved);
        check_other_sections(&before, &after, &name);
        check_names(&before, &after, &name, &copies);
        let left = after.undefined();
        assert!(left.iter().all(|name| !moved.contains_key(*name)));

        let file = output.to_str().unwrap();
        tool("readelf", &["-aW", file]);
        assert_eq!(tool("modinfo", &["-F", "name", file]), format!("{name}\n"));
        assert_eq!(tool("modinfo", &["-F", "signer", file]), "");
        // The data of the stack unwinder, as the kernel's own tool prints them.
        let unwinding = |file: &str| tool(&objtool(), &["--dump=orc", file]);
        assert_eq!(unwinding(file), unwinding(old.to_str().unwrap()));

        let again = path("again.ko");
        relinked(&output, &copies, &again);
        assert!(fs::read(&output).unwrap() == fs::read(&again).unwrap());
    }
    for name in [
        "tcm_loop",
        "iscsi_target_mod",
        "target_core_file",
        "target_core_iblock",
        "ib_isert",
    ] {
        assert!(lio.contains(name), "{name} was not tried");
    }
}

#[stock_test]
fn debug_messages_have_the_new_name() {
    let directory = TempDir::new().unwrap();
    let module = Module::read(&fs::read(relinked_to_core("tcm_loop", &directory)).unwrap());
    let relocations = module.relocations();
    let texts = relocations
        .iter()
        .filter(|r| r.target == "__dyndbg")
        .map(|r| {
            let at = r.symbol.value.wrapping_add_signed(r.addend) as usize;
            let text = &module.section(&r.symbol.section).data[at..];
            (r.offset, text.split(|&byte| byte == 0).next().unwrap())
        });
    let mut texts: Vec<_> = texts.collect();
    texts.sort_unstable();
    // Each descriptor has a module, a function, a file and a format.
    let descriptors: Vec<_> = texts.chunks(4).collect();
    assert!(!descriptors.is_empty());
    for descriptor in descriptors {
        assert_eq!(descriptor[0].1, b"tcm_loop_new");
        assert!(descriptor[1].1.starts_with(b"tcm_loop"), "{descriptor:?}");
        assert!(descriptor[2].1.ends_with(b"tcm_loop.c"), "{descriptor:?}");
    }
}

#[stock_test]
fn exports_are_dropped() {
    let directory = TempDir::new().unwrap();
    let input = stock("iscsi_target_mod");
    let output = directory.path().join("out.ko");
    let mut arguments = arguments(&input, &format!("{NEW}={OLD}"), &output);
    arguments.push("--no-exports".into());
    let (out, err) = fine(&arguments);
    assert!(out.contains("exports dropped"), "{out}");
    assert!(!err.contains("beside"), "{err}");
    let is_export = |name: &str| {
        let table = name.trim_start_matches(".rela");
        ["__ksymtab", "__kcrctab", "__kflagstab"]
            .iter()
            .any(|prefix| table.starts_with(prefix))
    };
    let mut before = Module::read(&unxz(&input));
    let after = Module::read(&fs::read(&output).unwrap());
    assert!(before.sections.iter().any(|s| is_export(&s.name)));
    assert!(after.sections.iter().all(|s| !is_export(&s.name)));
    before.symbols.retain(|symbol| !is_export(&symbol.section));
    before.sections.retain(|section| !is_export(&section.name));
    check_symbols_and_relocations(&before, &after, &moved_to(NEW, OLD));
    check_other_sections(&before, &after, "");
    // The symbols that were exported are still there.
    for name in exports_of("iscsi_target_mod") {
        assert!(
            after
                .symbols
                .iter()
                .any(|s| s.name == name && s.section == ".text"),
            "{name}"
        );
    }
    tool("readelf", &["-aW", output.to_str().unwrap()]);

    let again = directory.path().join("again.ko");
    let mut arguments = self::arguments(&output, &format!("{NEW}={OLD}"), &again);
    arguments.push("--no-exports".into());
    assert!(fine(&arguments).0.contains("nothing to do"));
    assert_eq!(fs::read(&output).unwrap(), fs::read(&again).unwrap());
}

/// The copy of a provider: none of its symbols come from another module.
#[stock_test]
fn a_name_or_no_exports_alone_is_a_reason_to_relink() {
    let directory = TempDir::new().unwrap();
    let input = stock("target_core_mod");
    let output = directory.path().join("out.ko");
    let relink = |options: &[&str]| {
        let files = [input.to_str().unwrap(), "-o", output.to_str().unwrap()];
        let (out, err) = fine(["relink"].iter().chain(&files).chain(options));
        (out + &err, Module::read(&fs::read(&output).unwrap()))
    };
    let before = Module::read(&unxz(&input));
    let exports = |module: &Module| {
        let mut names = module.sections.iter().map(|section| &section.name);
        names.any(|name| name.starts_with("__ksymtab"))
    };
    assert!(exports(&before));
    for (options, said, has_exports) in [
        (&["--no-exports"][..], "exports dropped", false),
        (
            &["--name", "core_copy"],
            "target_core_mod: now core_copy",
            true,
        ),
        (
            &["--no-exports", "--name", "core_copy"],
            "target_core_mod: now core_copy",
            false,
        ),
    ] {
        let (text, after) = relink(options);
        assert!(text.contains(said), "{text}");
        assert_eq!(exports(&after), has_exports, "{options:?}");
        assert_eq!(after.undefined(), before.undefined());
        let this_module = after.section(".gnu.linkonce.this_module");
        let name = if options.contains(&"--name") {
            "core_copy\0"
        } else {
            "target_core_mod\0"
        };
        let is_there = |bytes: &[u8]| {
            bytes
                .windows(name.len())
                .any(|part| part == name.as_bytes())
        };
        assert!(is_there(&this_module.data), "{options:?}");
    }
    let nothing = [
        "relink",
        input.to_str().unwrap(),
        "-o",
        output.to_str().unwrap(),
    ];
    assert_eq!(kimport(nothing).status.code(), Some(2));
}

/// `relink --help` recommends GNU strip: llvm-strip does not know symbols of `SHN_LIVEPATCH`.
#[stock_test]
fn gnu_strip_leaves_livepatch_relocations_alone() {
    let directory = TempDir::new().unwrap();
    let output = relinked_to_core("tcm_loop", &directory);
    let livepatch = |module: &Module| {
        let relocations = module.relocations();
        let of_livepatch = relocations
            .iter()
            .filter(|r| r.symbol.index == SHN_LIVEPATCH);
        let each =
            of_livepatch.map(|r| (r.target.clone(), r.offset, r.symbol.name.clone(), r.addend));
        each.collect::<Vec<_>>()
    };
    let before = livepatch(&Module::read(&fs::read(&output).unwrap()));
    tool("strip", &["-g", output.to_str().unwrap()]);
    let after = Module::read(&fs::read(&output).unwrap());
    assert!(!before.is_empty());
    assert_eq!(livepatch(&after), before);
    let flags = after
        .sections
        .iter()
        .filter(|section| section.name.starts_with(".klp.rela."));
    assert!(flags.clone().count() > 0);
    for section in flags {
        let flags = SHF_ALLOC | SHF_RELA_LIVEPATCH;
        assert_eq!(section.flags & flags, flags, "{}", section.name);
    }
}

#[stock_test]
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

#[stock_test]
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

#[stock_test]
fn again_changes_nothing() {
    let directory = TempDir::new().unwrap();
    let first = relinked_to_core("tcm_loop", &directory);
    let second = directory.path().join("again.ko");
    let mut arguments = arguments(&first, &format!("{NEW}={OLD}"), &second);
    arguments.extend(["--name".to_owned(), "tcm_loop_new".to_owned()]);
    let (out, err) = fine(&arguments);
    assert!(out.contains("nothing to do"), "{out}");
    assert_eq!(err, "");
    assert_eq!(fs::read(first).unwrap(), fs::read(second).unwrap());
}

#[stock_test]
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
    // The other symbols still come from the old core.
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
    check_symbols_and_relocations(&Module::read(&unxz(&input)), &two, &moved_to(NEW, OLD));
    assert_eq!(two.modinfo()["depends"], [format!("scsi_mod,{NEW}")]);
}

#[stock_test]
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

#[stock_test]
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

/// Makes a module of assembly, finished as far as relinking is concerned.
fn made(directory: &TempDir, body: &str) -> PathBuf {
    let source = directory.path().join("made.s");
    let module = directory.path().join("made.ko");
    let text = format!(
        ".text\nstart: call wanted\ncall kfree\n\
         .section .modinfo,\"a\",@progbits\n.asciz \"name=made\"\n.asciz \"license=GPL\"\n.asciz \"depends=\"\n\
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

#[stock_test]
fn without_a_list_what_nothing_exports_is_meant() {
    let directory = TempDir::new().unwrap();
    let input = made(&directory, ".data\n.weak maybe\n.quad maybe, wanted+8\n");
    let output = directory.path().join("out.ko");
    fine(arguments(&input, "provider", &output));
    let module = Module::read(&fs::read(&output).unwrap());
    assert_eq!(module.undefined(), ["kfree", "maybe", GUARD]);
    let data = module.section(".klp.rela.vmlinux..data");
    assert_eq!(data.relocations.len(), 1);
    assert_eq!(
        (data.relocations[0].offset, data.relocations[0].addend),
        (8, 8)
    );
    assert_eq!(module.modinfo()["depends"], ["provider"]);

    // A weak symbol is taken if it is listed. Its relocation section is then empty and removed.
    fine(arguments(&input, "provider:maybe,wanted", &output));
    let module = Module::read(&fs::read(&output).unwrap());
    assert_eq!(module.undefined(), ["kfree", GUARD]);
    assert!(module
        .sections
        .iter()
        .all(|section| section.name != ".rela.data"));
}

#[stock_test]
fn functions_and_data_move_section_by_section() {
    let directory = TempDir::new().unwrap();
    let body = ".section .init.text,\"ax\",@progbits\ncall wanted\nmov table+16(%rip), %rax\n\
                .section .exit.text,\"ax\",@progbits\njmp wanted\ncall kfree\n\
                .section .data..percpu,\"aw\",@progbits\n.quad table\n\
                .data\n.quad kfree, table+8\n.section .rodata,\"a\",@progbits\n.quad start\n";
    let output = directory.path().join("out.ko");
    let input = made(&directory, body);
    fine(arguments(&input, "provider:wanted,table", &output));
    let module = Module::read(&fs::read(&output).unwrap());
    let of = |section: &str| -> Vec<_> {
        let moved = module
            .sections
            .iter()
            .find(|s| s.name == format!(".klp.rela.vmlinux.{section}"));
        moved.map_or(Vec::new(), |moved| {
            let simple = |r: &Relocation| (r.symbol.name.clone(), r.kind, r.offset, r.addend);
            moved.relocations.iter().map(simple).collect()
        })
    };
    use object::elf::{R_X86_64_64, R_X86_64_PC32, R_X86_64_PLT32};
    let (wanted, table) = (
        ".klp.sym.provider.wanted,0".to_owned(),
        ".klp.sym.provider.table,0".to_owned(),
    );
    assert_eq!(of(".text"), [(wanted.clone(), R_X86_64_PLT32, 1, -4)]);
    assert_eq!(
        of(".init.text"),
        [
            (wanted.clone(), R_X86_64_PLT32, 1, -4),
            (table.clone(), R_X86_64_PC32, 8, 12)
        ]
    );
    assert_eq!(of(".exit.text"), [(wanted, R_X86_64_PLT32, 1, -4)]);
    assert_eq!(of(".data..percpu"), [(table.clone(), R_X86_64_64, 0, 0)]);
    assert_eq!(of(".data"), [(table, R_X86_64_64, 8, 8)]);
    assert_eq!(of(".rodata"), []);
    assert_eq!(module.undefined(), ["kfree", GUARD]);
}

#[stock_test]
fn kernels_without_livepatch_are_told_apart() {
    let directory = TempDir::new().unwrap();
    let versions = ".section __versions,\"a\",@progbits\n.quad 1\n.asciz \"kfree\"\n.zero 50\n\
        .section __version_ext_crcs,\"a\",@progbits\n.long 1\n\
        .section __version_ext_names,\"a\",@progbits\n.asciz \"kfree\"\n.byte 0\n";
    let input = made(&directory, versions);
    let output = directory.path().join("out.ko");
    let list = directory.path().join("Module.symvers");
    let run = |exports: &str, with: bool| {
        fs::write(&list, exports).unwrap();
        let mut arguments = arguments(&input, "provider:wanted", &output);
        arguments.retain(|argument| *argument != symvers().to_str().unwrap());
        let at = arguments.iter().position(|a| a == "--symvers").unwrap();
        match with {
            true => arguments.insert(at + 1, list.to_str().unwrap().to_owned()),
            false => drop(arguments.remove(at)),
        }
        let result = kimport(arguments);
        let err = String::from_utf8(result.stderr).unwrap();
        (result.status.code().unwrap(), err)
    };

    let (code, err) = run("0x00000001\tkfree\tvmlinux\tEXPORT_SYMBOL\t\n", true);
    assert_eq!(code, 1, "{err}");
    assert!(err.contains("this kernel has no livepatch"), "{err}");
    assert!(err.contains("help: `kimport load`"), "{err}");

    let (code, err) = run("", false);
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("help: add --symvers"), "{err}");
    assert!(!output.exists());

    let (code, err) = run(
        "0x12345678\tklp_enable_patch\tvmlinux\tEXPORT_SYMBOL_GPL\t\n",
        true,
    );
    assert_eq!(code, 0, "{err}");
    let module = Module::read(&fs::read(&output).unwrap());
    let names = b"kfree\0klp_enable_patch\0\0".to_vec();
    assert_eq!(module.section("__version_ext_names").data, names);
    let crcs = [1_u32, 0x1234_5678].map(u32::to_le_bytes).concat();
    assert_eq!(module.section("__version_ext_crcs").data, crcs);
    let versions = &module.section("__versions").data;
    assert_eq!(versions.len(), 128);
    assert_eq!(versions[64..72], 0x1234_5678_u64.to_le_bytes());
    assert_eq!(versions[72..89], *b"klp_enable_patch\0");
}

#[stock_test]
fn a_module_that_cannot_be_listed_is_not_relinked() {
    for (section, message) in [
        (
            "__versions,\"a\",@progbits,unique,1\n.quad 1\n.section __versions,\"a\",@progbits,unique,2",
            "more than one __versions section",
        ),
        ("__versions,\"aw\",@nobits", "section __versions has no data"),
        (".kimport,\"a\",@progbits", "section .kimport: "),
    ] {
        let directory = TempDir::new().unwrap();
        let input = made(&directory, &format!(".section {section}\n.zero 8\n"));
        let output = directory.path().join("out.ko");
        let relinked = kimport(arguments(&input, "provider:wanted", &output));
        let listed = kimport(["list", input.to_str().unwrap()]);
        for result in [relinked, listed] {
            let err = String::from_utf8(result.stderr).unwrap();
            assert_eq!(result.status.code(), Some(2), "{section}: {err}");
            assert!(err.contains(message), "{section}: {err}");
        }
        assert!(!output.exists());
    }
}

#[stock_test]
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

#[stock_test]
fn tables_of_the_kernels_own_are_refused() {
    for (section, reason) in [
        ("__jump_table", "the list that the static key owns"),
        (".static_call_sites", "the list that the static call owns"),
        (".altinstructions", "alternative instructions"),
        (".altinstr_replacement", "alternative instructions"),
        ("__ex_table", "faults are looked up"),
        (".orc_unwind_ip", "stack unwinder"),
        ("__mcount_loc", "ftrace"),
        ("__tracepoints_ptrs", "tracing"),
        ("__ksymtab", "only export what is its own"),
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
            err.contains(&format!("{section} refers to wanted: ")) && err.contains(reason),
            "{err}"
        );
        assert!(err.contains("help: "), "{err}");
        assert!(!output.exists());
    }
}

#[stock_test]
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

#[stock_test]
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

/// Makes a stock module with another licence.
fn under_licence(licence: &str, directory: &TempDir) -> PathBuf {
    let mut bytes = unxz(&stock("tcm_loop"));
    let old = b"\0license=GPL\0";
    let at = bytes.windows(old.len()).position(|part| part == old);
    let at = at.unwrap() + b"\0license=".len();
    bytes[at..at + 3].copy_from_slice(licence.as_bytes());
    let path = directory.path().join("tcm_loop.ko");
    fs::write(&path, bytes).unwrap();
    path
}

#[stock_test]
fn only_gpl_compatible_modules_are_relinked() {
    let directory = TempDir::new().unwrap();
    let output = directory.path().join("out.ko");
    let module = under_licence("BSD", &directory);
    let result = kimport(arguments(&module, &format!("{NEW}={OLD}"), &output));
    assert_eq!(result.status.code(), Some(1));
    let message = String::from_utf8(result.stderr).unwrap();
    assert!(
        message.contains("tcm_loop: its licence 'BSD' is not GPL-compatible"),
        "{message}"
    );
    assert!(!output.exists());
}
