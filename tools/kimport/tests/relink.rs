// SPDX-License-Identifier: GPL-2.0

//! `kimport relink` on modules of the stock kernel, and on made-up modules for cases that those
//! lack.

mod common;

use common::*;
use kimport_testing::{difference, index, stock_btf, stock_module_btf};
use kimport_types::{
    find, Btf, Description, ImportKind, TakenRecord, TypeMatch, TypeQuery, TAKEN_HEADER,
    TAKEN_SECTION, TAKEN_SYMBOL,
};
use object::elf::R_X86_64_64;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::Command,
};
use tempfile::TempDir;

const OLD: &str = "target_core_mod";
const NEW: &str = "target_core_mod_new";
/// The symbol that only kernels with livepatch export.
const REQUIRED: &str = "klp_enable_patch";
const SHN_LIVEPATCH: u16 = 0xff20;
const SHF_RELA_LIVEPATCH: u64 = 0x0010_0000;
const SHF_ALLOC: u64 = 2;
const SHF_INFO_LINK: u64 = 0x40;

/// Returns the command line that takes symbols from another provider.
fn relink(input: &str, from: &str, output: &str) -> String {
    let symvers = symvers();
    format!("relink {input} --from {from} --symvers {symvers} -o {output}")
}

/// Returns the command line that takes all symbols of the core from the new one.
fn relink_to_new(input: &str, output: &str) -> String {
    relink(input, &format!("{NEW}={OLD}"), output)
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
fn relinked(input: &str, copies: &BTreeMap<String, String>, output: &str) -> Module {
    let old_name = module_name(input.as_ref());
    let name = format!("{}_new", old_name.trim_end_matches("_new"));
    let copies = copies
        .iter()
        .map(|(old, new)| format!("--from {new}={old}"));
    let from = copies.collect::<Vec<_>>().join(" ");
    let symvers = symvers();
    fine(format!(
        "relink {input} {from} --name {name} --symvers {symvers} -o {output}"
    ));
    Module::open(output)
}

/// Relinks a module of LIO to the new core and renames it. Returns the path of the result.
fn relinked_to_core(module: &str, directory: &TempDir) -> String {
    let output = path(directory, &format!("{module}_new.ko"));
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

/// Returns the data that a relocation refers to, with all that follow in the section.
fn target<'a>(module: &'a Module, relocation: &Relocation) -> &'a [u8] {
    let symbol = &relocation.symbol;
    let at = symbol.value.wrapping_add_signed(relocation.addend) as usize;
    &module.section(&symbol.section).data[at..]
}

/// Returns the relocations. Those of debug message descriptors that refer to the module's name are
/// made independent of the place of the name.
fn comparable_relocations(module: &Module) -> Vec<Relocation> {
    let name = format!("{}\0", module.modinfo()["name"][0]);
    let mut relocations = module.relocations();
    for relocation in relocations.iter_mut().filter(|r| r.target == "__dyndbg") {
        if target(module, relocation).starts_with(name.as_bytes()) {
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

fn is_livepatch(relocation: &Relocation) -> bool {
    relocation.symbol.index == SHN_LIVEPATCH
}

/// Returns the records of a module, with the relocation that fills in the address of each.
fn records(module: &Module) -> Vec<(TakenRecord<'_>, &Relocation)> {
    let name = format!(".klp.rela.vmlinux.{TAKEN_SECTION}");
    let relocations = &module.section(&name).relocations;
    let data = &module.section(TAKEN_SECTION).data;
    let mut records = Vec::new();
    let mut at = TAKEN_HEADER;
    while at < data.len() {
        let (record, size) = TakenRecord::read(&data[at..]).unwrap();
        let of_slot = relocations.iter().filter(|r| r.offset == at as u64);
        let [relocation] = of_slot.collect::<Vec<_>>()[..] else {
            panic!("the record at {at} has not one relocation");
        };
        records.push((record, relocation));
        at += size;
    }
    assert_eq!(records.len(), relocations.len());
    records
}

/// Checks that there is one record for each symbol that moved, and that `marks` leads to them.
fn check_records(module: &Module, marks: &[Symbol], moved: &Moved) {
    let section = module.section(TAKEN_SECTION);
    assert_eq!(section.flags, SHF_ALLOC);
    let [mark] = marks else {
        panic!("{marks:?}");
    };
    // The section begins with its address.
    let [address] = &module.section(&format!(".rela{TAKEN_SECTION}")).relocations[..] else {
        panic!("the section has not one ordinary relocation");
    };
    assert_eq!((address.offset, address.addend), (0, 0));
    assert_eq!((address.kind, &address.symbol), (R_X86_64_64, mark));
    let place = (mark.section.as_str(), mark.value, mark.size, mark.info);
    assert_eq!(place, (TAKEN_SECTION, 0, section.data.len() as u64, 0x11));
    let mut names = BTreeSet::new();
    for (record, relocation) in records(module) {
        let import = record.import;
        assert_eq!((record.address, record.layouts), (0, &[][..]));
        assert_eq!(moved[import.name], import.provider);
        let symbol = format!(".klp.sym.{}.{},0", import.provider, import.name);
        assert_eq!(relocation.symbol.name, symbol);
        assert_eq!((relocation.kind, relocation.addend), (R_X86_64_64, 0));
        assert!(names.insert(import.name), "{}", import.name);
    }
    let livepatch = module.symbols.iter().filter(|s| s.index == SHN_LIVEPATCH);
    assert_eq!(livepatch.count(), names.len());
}

fn check_symbols_and_relocations(before: &Module, after: &Module, moved: &Moved) {
    let symbols = before.symbols.iter().map(|symbol| expected(symbol, moved));
    let required = (!before.undefined().contains(&REQUIRED)).then(|| Symbol {
        name: REQUIRED.to_owned(),
        section: String::new(),
        index: 0,
        value: 0,
        size: 0,
        info: 0x10,
    });
    let (marks, now): (Vec<_>, Vec<_>) = after
        .symbols
        .iter()
        .cloned()
        .partition(|symbol| symbol.name == TAKEN_SYMBOL);
    assert_eq!(
        comparable(symbols.chain(required).collect()),
        comparable(now)
    );
    check_records(after, &marks, moved);

    let mut relocations = comparable_relocations(before);
    for relocation in &mut relocations {
        relocation.symbol = expected(&relocation.symbol, moved);
    }
    let mut now = comparable_relocations(after);
    now.retain(|relocation| relocation.target != TAKEN_SECTION);
    relocations.sort();
    now.sort();
    assert_eq!(relocations, now);
    assert!(relocations.iter().any(is_livepatch));

    for section in &after.sections {
        let (name, relocations) = (&section.name, &section.relocations);
        let livepatch = relocations.iter().filter(|r| is_livepatch(r));
        let count = livepatch.count();
        match name.strip_prefix(".klp.rela.vmlinux.") {
            None => {
                assert_eq!(count, 0, "{name}");
                assert_eq!(section.flags & SHF_RELA_LIVEPATCH, 0, "{name}");
            }
            Some(target) => {
                assert!(count > 0 && count == relocations.len(), "{name}");
                let flags = SHF_RELA_LIVEPATCH | SHF_ALLOC | SHF_INFO_LINK;
                assert_eq!(section.flags, flags);
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
        let added = section.name == ".rodata" && now.data == with_name;
        assert!(now.data == section.data || added, "{}", section.name);
        let facts = |of: &Section| (of.kind, of.flags, of.link.clone(), of.alignment);
        assert_eq!(facts(now), facts(section), "{}", section.name);
    }
    assert!(!after.section(".BTF").data.is_empty());
}

fn check_names(before: &Module, after: &Module, name: &str, copies: &BTreeMap<String, String>) {
    let (mut was, now) = (before.modinfo(), after.modinfo());
    let depends = was.get_mut("depends").unwrap();
    let new: Vec<&str> = copies.values().map(String::as_str).collect();
    let mut all: Vec<&str> = depends[0].split(',').collect();
    all.retain(|module| !copies.contains_key(*module));
    all.extend(&new);
    let all = all.join(",");
    *depends = vec![all];
    was.insert(
        "softdep".into(),
        vec![format!("pre: kimport_guard {}", new.join(" "))],
    );
    was.insert("name".into(), vec![name.to_owned()]);
    assert_eq!(was, now);

    // The symbols of the module information still name whole strings of it.
    let info = &after.section(".modinfo").data;
    let of_info = |symbol: &&Symbol| symbol.section == ".modinfo" && symbol.size > 0;
    for symbol in after.symbols.iter().filter(of_info) {
        let start = symbol.value as usize;
        let text = &info[start..start + symbol.size as usize];
        let end = text.iter().position(|&byte| byte == 0);
        assert_eq!(end, Some(text.len() - 1), "{}", symbol.name);
        assert!(start == 0 || info[start - 1] == 0, "{}", symbol.name);
    }

    let this_module = |module: &Module| module.section(".gnu.linkonce.this_module").data.clone();
    let mut wanted = this_module(before);
    let at = position(&wanted, name.strip_suffix("_new").unwrap().as_bytes());
    wanted[at..at + name.len()].copy_from_slice(name.as_bytes());
    assert_eq!(this_module(after), wanted);
}

#[stock_test]
fn every_lio_module_of_the_distribution() {
    let directory = TempDir::new().unwrap();
    let inputs = stock_modules_needing(OLD);
    let lio: BTreeSet<String> = inputs.iter().map(|path| module_name(path)).collect();
    for input in &inputs {
        let name = format!("{}_new", module_name(input));
        println!("{name}");
        let input = input.to_str().unwrap();
        let output = path(&directory, &format!("{name}.ko"));
        let old = write(&directory, "old.ko", unxz(input));
        let before = Module::open(&old);
        let copies = copies(&before, &lio);
        let after = relinked(input, &copies, &output);
        let exports = copies.iter().map(|(old, new)| moved_to(new, old));
        let moved: Moved = exports.flatten().collect();
        check_symbols_and_relocations(&before, &after, &moved);
        check_other_sections(&before, &after, &name);
        check_names(&before, &after, &name, &copies);
        let left = after.undefined();
        assert!(left.iter().all(|name| !moved.contains_key(*name)));

        tool("readelf", &["-aW", &output]);
        let modinfo = |field| tool("modinfo", &["-F", field, &output]);
        assert_eq!(modinfo("name"), format!("{name}\n"));
        assert_eq!(modinfo("signer"), "");
        // The data of the stack unwinder, as the kernel's own tool prints them.
        let unwinding = |file: &str| tool(&objtool(), &["--dump=orc", file]);
        assert_eq!(unwinding(&output), unwinding(&old));

        let again = path(&directory, "again.ko");
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
    let module = Module::open(relinked_to_core("tcm_loop", &directory));
    let mut relocations = module.relocations();
    relocations.retain(|r| r.target == "__dyndbg");
    let text = |r| target(&module, r).split(|&byte| byte == 0).next().unwrap();
    let texts = relocations.iter().map(|r| (r.offset, text(r)));
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
    let (input, output) = (stock("iscsi_target_mod"), path(&directory, "out.ko"));
    let without = |input: &str, output: &str| relink_to_new(input, output) + " --no-exports";
    let (out, err) = fine(without(&input, &output));
    has(&out, "exports dropped");
    assert!(!err.contains("beside"), "{err}");
    let is_export = |name: &str| {
        let table = name.trim_start_matches(".rela");
        let tables = ["__ksymtab", "__kcrctab", "__kflagstab"];
        tables.iter().any(|prefix| table.starts_with(prefix))
    };
    let mut before = Module::read(&unxz(&input));
    let after = Module::open(&output);
    assert!(before.sections.iter().any(|s| is_export(&s.name)));
    assert!(after.sections.iter().all(|s| !is_export(&s.name)));
    before.symbols.retain(|symbol| !is_export(&symbol.section));
    before.sections.retain(|section| !is_export(&section.name));
    check_symbols_and_relocations(&before, &after, &moved_to(NEW, OLD));
    check_other_sections(&before, &after, "");
    // The symbols that were exported are still there.
    for name in exports_of("iscsi_target_mod") {
        let mut symbols = after.symbols.iter();
        let kept = symbols.any(|s| s.name == name && s.section == ".text");
        assert!(kept, "{name}");
    }
    tool("readelf", &["-aW", &output]);

    let again = path(&directory, "again.ko");
    let (out, _) = fine(without(&output, &again));
    has(&out, "nothing to do");
    assert_eq!(fs::read(&output).unwrap(), fs::read(&again).unwrap());
}

/// The copy of a provider: none of its symbols come from another module.
#[stock_test]
fn a_name_or_no_exports_alone_is_a_reason_to_relink() {
    let directory = TempDir::new().unwrap();
    let (input, output) = (stock("target_core_mod"), path(&directory, "out.ko"));
    let before = Module::read(&unxz(&input));
    let exports = |module: &Module| {
        let mut names = module.sections.iter().map(|section| &section.name);
        names.any(|name| name.starts_with("__ksymtab"))
    };
    assert!(exports(&before));
    let renamed = "target_core_mod: now core_copy";
    for (options, said, name, has_exports) in [
        (
            "--no-exports",
            "exports dropped",
            "target_core_mod\0",
            false,
        ),
        ("--name core_copy", renamed, "core_copy\0", true),
        (
            "--no-exports --name core_copy",
            renamed,
            "core_copy\0",
            false,
        ),
    ] {
        let (out, err) = fine(format!("relink {input} -o {output} {options}"));
        let (text, after) = (out + &err, Module::open(&output));
        has(&text, said);
        assert_eq!(exports(&after), has_exports, "{options}");
        assert_eq!(after.undefined(), before.undefined());
        let this_module = &after.section(".gnu.linkonce.this_module").data;
        let mut parts = this_module.windows(name.len());
        assert!(parts.any(|part| part == name.as_bytes()), "{options}");
    }
    ends(2, format!("relink {input} -o {output}"));
}

/// `relink --help` recommends GNU strip: llvm-strip does not know symbols of `SHN_LIVEPATCH`.
#[stock_test]
fn gnu_strip_leaves_livepatch_relocations_alone() {
    let directory = TempDir::new().unwrap();
    let output = relinked_to_core("tcm_loop", &directory);
    let livepatch = |module: &Module| {
        let mut relocations = module.relocations();
        relocations.retain(is_livepatch);
        let each = relocations.into_iter();
        each.map(|r| (r.target, r.offset, r.symbol.name, r.addend))
            .collect::<Vec<_>>()
    };
    let before = livepatch(&Module::open(&output));
    tool("strip", &["-g", &output]);
    let after = Module::open(&output);
    assert!(!before.is_empty());
    assert_eq!(livepatch(&after), before);
    let mut sections = after.sections;
    sections.retain(|section| section.name.starts_with(".klp.rela."));
    assert!(!sections.is_empty());
    for section in &sections {
        let flags = SHF_ALLOC | SHF_RELA_LIVEPATCH;
        assert_eq!(section.flags & flags, flags, "{}", section.name);
    }
}

/// The same if all relocations of a section are livepatch's.
#[stock_test]
fn gnu_strip_leaves_sections_alone_that_have_no_other_relocations() {
    let directory = TempDir::new().unwrap();
    let input = made(&directory, ".data\n.quad wanted\n");
    let output = path(&directory, "out.ko");
    fine(relink(&input, "provider:wanted", &output));
    for _ in 0..2 {
        tool("strip", &["-g", &output]);
        let module = Module::open(&output);
        let data = module.section(".klp.rela.vmlinux..data");
        let names: Vec<_> = data.relocations.iter().map(|r| &r.symbol.name).collect();
        assert_eq!(names, [".klp.sym.provider.wanted,0"]);
    }
}

#[stock_test]
fn tcm_loop_in_figures() {
    let directory = TempDir::new().unwrap();
    let (input, output) = (stock("tcm_loop"), path(&directory, "out.ko"));
    let report = json(&fine(relink_to_new(&input, &output) + " --json").0);
    let before = Module::read(&unxz(&input));
    let exports = exports_of(OLD);
    let uses = |section: &str| {
        let of_core = |r: &&Relocation| r.target == section && exports.contains(&r.symbol.name);
        before.relocations().iter().filter(of_core).count()
    };
    assert_eq!(report["changed"], true);
    assert_eq!(report["signature_dropped"], true);
    assert_eq!(report["new_name"], "tcm_loop");
    let symbols = report["symbols"].as_array().unwrap();
    let undefined = before.undefined().into_iter();
    let moved = undefined.filter(|name| exports.iter().any(|export| export == name));
    assert_eq!(symbols.len(), moved.count());
    assert!(symbols
        .iter()
        .all(|s| s["provider"] == NEW && s["exported_by"] == OLD));
    let sections = report["sections"].as_array().unwrap();
    assert!(!sections.is_empty());
    for section in sections {
        let name = section["name"].as_str().unwrap();
        assert_eq!(section["relocations"], uses(name), "{name}");
    }
    assert!(sections.iter().any(|s| s["name"] == ".init.text"));
}

#[stock_test]
fn what_to_know_before_loading_is_said() {
    let directory = TempDir::new().unwrap();
    let output = path(&directory, "out.ko");
    let say =
        |module: &str, options: &str| fine(relink_to_new(&stock(module), &output) + options).1;
    let renamed = say("iscsi_target_mod", " --name other");
    assert!(renamed.contains("signature") && renamed.contains("beside iscsi_target_mod"));
    has(
        &renamed,
        &format!("only with kimport_guard loaded does the kernel keep {NEW} loaded"),
    );
    assert!(!say("iscsi_target_mod", "").contains("beside"));
    assert!(!say("tcm_loop", " --name other").contains("beside"));
}

#[stock_test]
fn again_changes_nothing() {
    let directory = TempDir::new().unwrap();
    let first = relinked_to_core("tcm_loop", &directory);
    let second = path(&directory, "again.ko");
    let (out, err) = fine(relink_to_new(&first, &second) + " --name tcm_loop_new");
    has(&out, "nothing to do");
    assert_eq!(err, "");
    assert_eq!(fs::read(first).unwrap(), fs::read(second).unwrap());
}

#[stock_test]
fn one_provider_after_the_other() {
    let directory = TempDir::new().unwrap();
    let input = stock("tcm_loop");
    let [one, two, all] = ["one.ko", "two.ko", "all.ko"].map(|name| path(&directory, name));
    let from = format!("{NEW}:target_submit,core_tpg_register");
    fine(relink(&input, &from, &one));
    let half = Module::open(&one);
    // The other symbols still come from the old core.
    assert_eq!(half.modinfo()["depends"], [format!("{OLD},scsi_mod,{NEW}")]);
    assert!(half.undefined().contains(&"target_submit_prep"));

    fine(relink_to_new(&one, &two));
    fine(relink_to_new(&input, &all));
    let (two, all) = (Module::open(two), Module::open(all));
    let of_code = |module: &Module| {
        let mut relocations = module.relocations();
        relocations.retain(|relocation| relocation.target != TAKEN_SECTION);
        relocations
    };
    assert_eq!(of_code(&two), of_code(&all));
    assert_eq!(comparable(two.symbols.clone()), comparable(all.symbols));
    // The records of the first relinking stay where they are.
    let first: Vec<_> = records(&half);
    assert_eq!(first.len(), 2);
    for ((before, _), (after, _)) in first.iter().zip(records(&two)) {
        assert_eq!(*before, after);
    }
    check_symbols_and_relocations(&Module::read(&unxz(&input)), &two, &moved_to(NEW, OLD));
    assert_eq!(two.modinfo()["depends"], [format!("scsi_mod,{NEW}")]);
}

#[stock_test]
fn several_providers_at_once() {
    let directory = TempDir::new().unwrap();
    let output = path(&directory, "out.ko");
    let others = "--from scsi_new=scsi_mod --from vmlinux:strstr --from other:target_submit";
    let relink = relink_to_new(&stock("tcm_loop"), &output);
    fine(format!("{relink} {others}"));
    let module = Module::open(&output);
    for symbol in [
        "scsi_new.scsi_done",
        "vmlinux.strstr",
        "other.target_submit",
        &format!("{NEW}.target_submit_prep"),
    ] {
        let name = format!(".klp.sym.{symbol},0");
        let mut symbols = module.symbols.iter();
        let has = symbols.any(|s| s.name == name && s.index == SHN_LIVEPATCH);
        assert!(has, "{name}");
    }
    let depends = format!("other,scsi_new,{NEW}");
    assert_eq!(module.modinfo()["depends"], [depends]);
    tool("readelf", &["-aW", &output]);
}

#[stock_test]
fn every_compression_gives_the_same() {
    let directory = TempDir::new().unwrap();
    let input = stock("target_core_file");
    let plain = write(&directory, "module.ko", unxz(&input));
    let mut inputs = vec![input, plain.clone()];
    for (program, extension) in [("zstd", "zst"), ("gzip", "gz")] {
        let packed = Command::new(program).args(["-c", &plain]).output().unwrap();
        assert!(packed.status.success(), "{program}");
        let name = format!("module.ko.{extension}");
        inputs.push(write(&directory, &name, packed.stdout));
    }
    let output = path(&directory, "out.ko");
    let mut results = BTreeSet::new();
    for input in &inputs {
        fine(relink_to_new(input, &output));
        results.insert(fs::read(&output).unwrap());
    }
    assert_eq!((inputs.len(), results.len()), (4, 1));
}

/// Makes a module of assembly, finished as far as relinking is concerned.
fn made(directory: &TempDir, body: &str) -> String {
    let text = format!(
        ".text\nstart: call wanted\ncall kfree\n\
         .section .modinfo,\"a\",@progbits\n.asciz \"name=made\"\n.asciz \"license=GPL\"\n.asciz \"depends=\"\n\
         .section .gnu.linkonce.this_module,\"aw\",@progbits\n.zero 24\n.ascii \"made\"\n.zero 300\n\
         {body}\n"
    );
    let source = write(directory, "made.s", text);
    let module = path(directory, "made.ko");
    tool("as", &["--64", "-o", &module, &source]);
    module
}

#[stock_test]
fn without_a_list_what_nothing_exports_is_meant() {
    let directory = TempDir::new().unwrap();
    let input = made(&directory, ".data\n.weak maybe\n.quad maybe, wanted+8\n");
    let output = path(&directory, "out.ko");
    fine(relink(&input, "provider", &output));
    let module = Module::open(&output);
    assert_eq!(module.undefined(), ["kfree", "maybe", REQUIRED]);
    let data = module.section(".klp.rela.vmlinux..data");
    let places: Vec<_> = data
        .relocations
        .iter()
        .map(|r| (r.offset, r.addend))
        .collect();
    assert_eq!(places, [(8, 8)]);
    assert_eq!(module.modinfo()["depends"], ["provider"]);

    // A weak symbol is taken if it is listed.
    fine(relink(&input, "provider:maybe,wanted", &output));
    let module = Module::open(&output);
    assert_eq!(module.undefined(), ["kfree", REQUIRED]);
}

#[stock_test]
fn functions_and_data_move_section_by_section() {
    let directory = TempDir::new().unwrap();
    let body = ".section .init.text,\"ax\",@progbits\ncall wanted\nmov table+16(%rip), %rax\n\
                .section .exit.text,\"ax\",@progbits\njmp wanted\ncall kfree\n\
                .section .data..percpu,\"aw\",@progbits\n.quad table\n\
                .data\n.quad kfree, table+8\n.section .rodata,\"a\",@progbits\n.quad start\n";
    let output = path(&directory, "out.ko");
    let input = made(&directory, body);
    fine(relink(&input, "provider:wanted,table", &output));
    let module = Module::open(&output);
    let of = |section: &str| -> Vec<_> {
        let name = format!(".klp.rela.vmlinux.{section}");
        let moved = module.sections.iter().filter(|s| s.name == name);
        let simple = |r: &Relocation| (r.symbol.name.clone(), r.kind, r.offset, r.addend);
        moved
            .flat_map(|section| section.relocations.iter().map(simple))
            .collect()
    };
    use object::elf::{R_X86_64_PC32, R_X86_64_PLT32};
    let moved =
        |name, kind, offset, addend| (format!(".klp.sym.provider.{name},0"), kind, offset, addend);
    let call = moved("wanted", R_X86_64_PLT32, 1, -4);
    assert_eq!(of(".text"), [call.clone()]);
    let load = moved("table", R_X86_64_PC32, 8, 12);
    assert_eq!(of(".init.text"), [call.clone(), load]);
    assert_eq!(of(".exit.text"), [call]);
    assert_eq!(of(".data..percpu"), [moved("table", R_X86_64_64, 0, 0)]);
    assert_eq!(of(".data"), [moved("table", R_X86_64_64, 8, 8)]);
    assert_eq!(of(".rodata"), []);
    assert_eq!(module.undefined(), ["kfree", REQUIRED]);
}

#[stock_test]
fn kernels_without_livepatch_are_told_apart() {
    let directory = TempDir::new().unwrap();
    let versions = ".section __versions,\"a\",@progbits\n.quad 1\n.asciz \"kfree\"\n.zero 50\n\
        .section __version_ext_crcs,\"a\",@progbits\n.long 1\n\
        .section __version_ext_names,\"a\",@progbits\n.asciz \"kfree\"\n.byte 0\n";
    let input = made(&directory, versions);
    let output = path(&directory, "out.ko");
    let run = |code, exports: Option<&str>| {
        let list = exports.map_or(String::new(), |exports| {
            format!("--symvers {}", write(&directory, "Module.symvers", exports))
        });
        let relink = format!("relink {input} --from provider:wanted {list} -o {output}");
        ends(code, relink).1
    };

    let err = run(1, Some("0x00000001\tkfree\tvmlinux\tEXPORT_SYMBOL\t\n"));
    has(&err, "this kernel has no livepatch");
    has(&err, "help: `kimport load`");

    let err = run(2, None);
    has(&err, "help: add --symvers");
    assert!(!Path::new(&output).exists());

    let required = "0x12345678\tklp_enable_patch\tvmlinux\tEXPORT_SYMBOL_GPL\t\n";
    run(0, Some(required));
    let module = Module::open(&output);
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
        (".init.kimport,\"a\",@progbits", "section .init.kimport: "),
        (
            ".kimport.taken,\"a\",@progbits",
            "section .kimport.taken: ",
        ),
    ] {
        let directory = TempDir::new().unwrap();
        let input = made(&directory, &format!(".section {section}\n.zero 32\n"));
        let output = path(&directory, "out.ko");
        for line in [
            relink(&input, "provider:wanted", &output),
            format!("list {input}"),
        ] {
            let (code, _, err) = kimport(line);
            assert_eq!(code, Some(2), "{section}: {err}");
            assert!(err.contains(message), "{section}: {err}");
        }
        assert!(!Path::new(&output).exists());
    }
}

#[stock_test]
fn relocations_of_debug_information_are_dropped() {
    let directory = TempDir::new().unwrap();
    let body = ".section .debug_info,\"\",@progbits\n.quad wanted, kfree, start\n";
    let output = path(&directory, "out.ko");
    let line = relink(&made(&directory, body), "provider", &output);
    let report = json(&fine(line + " --json").0);
    assert_eq!(report["debug_relocations_dropped"], 1);
    let module = Module::open(&output);
    assert_eq!(module.section(".rela.debug_info").relocations.len(), 2);
    assert!(!module.has(".klp.rela.vmlinux..debug_info"));
}

#[stock_test]
fn clangs_list_of_symbols_is_dropped() {
    let directory = TempDir::new().unwrap();
    let body = ".section .llvm_addrsig,\"e\",@0x6fff4c03\n.byte 1, 2\n.data\n.quad wanted\n";
    let input = made(&directory, body);
    assert!(Module::open(&input).has(".llvm_addrsig"));
    let output = path(&directory, "out.ko");
    fine(relink(&input, "provider", &output));
    let module = Module::open(&output);
    assert!(!module.has(".llvm_addrsig"));
    assert_eq!(
        module.section(".klp.rela.vmlinux..data").relocations.len(),
        1
    );
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
        let body = format!(".section {section},\"aw\",@progbits\n.quad wanted\n");
        let output = path(&directory, "out.ko");
        let (_, err) = ends(1, relink(&made(&directory, &body), "provider", &output));
        has(&err, &format!("{section} refers to wanted: "));
        has(&err, reason);
        has(&err, "help: ");
        assert!(!Path::new(&output).exists());
    }
}

#[stock_test]
fn what_cannot_be_done_is_said() {
    let directory = TempDir::new().unwrap();
    let [output, packed, nowhere, absent] =
        ["out.ko", "out.ko.xz", "no/out.ko", "absent.ko"].map(|name| path(&directory, name));
    let input = stock("tcm_loop");
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
        (&symvers(), "new=libata", 2, "not a usable kernel module"),
        (&absent, "new=libata", 2, "absent.ko"),
    ] {
        let (_, err) = ends(code, relink(input, from, &output));
        assert!(err.contains(text), "{from}: {err}");
        assert!(!Path::new(&output).exists());
    }

    for output in [packed, nowhere] {
        ends(2, relink(&input, "new=scsi_mod", &output));
    }
    let (_, err) = ends(2, format!("relink {input} --from new=scsi_mod -o {output}"));
    assert!(err.contains("add --symvers"));
}

#[stock_test]
fn an_error_in_json_is_json() {
    let directory = TempDir::new().unwrap();
    let output = path(&directory, "o.ko");
    let line = relink(&stock("tcm_loop"), "new:nothing", &output) + " --json";
    let value = json(&kimport(line).1);
    let error = value["error"].as_str().unwrap();
    has(error, "does not use nothing");
    assert!(value["help"].is_string());
}

#[stock_test]
fn only_gpl_compatible_modules_are_relinked() {
    let directory = TempDir::new().unwrap();
    let output = path(&directory, "out.ko");
    let mut bytes = unxz(&stock("tcm_loop"));
    let at = position(&bytes, b"\0license=GPL\0") + b"\0license=".len();
    bytes[at..at + 3].copy_from_slice(b"BSD");
    let module = write(&directory, "tcm_loop.ko", bytes);
    let (_, message) = ends(1, relink_to_new(&module, &output));
    let refused = "tcm_loop: its license 'BSD' is not GPL-compatible";
    has(&message, refused);
    assert!(!Path::new(&output).exists());
}

/// With `--kernel`, the records describe the functions with the prototypes that the module was
/// built with: those of the module that exports them.
#[stock_test]
fn records_describe_what_the_exporter_declares() {
    let directory = TempDir::new().unwrap();
    let vmlinuz = stock_release().join("vmlinuz").display().to_string();
    let old = stock("target_core_mod");
    let (input, output) = (stock("tcm_loop"), path(&directory, "tcm_loop_new.ko"));
    let new = write(&directory, "target_core_mod_new.ko", unxz(&old));
    let kernel = format!("{vmlinuz},{old},{new},{}", symvers());
    let from = format!("--from {NEW}={OLD} --from vmlinux:strstr");
    let relink = format!("relink {input} {from} --kernel {kernel} --json -o {output}");
    let report = json(&fine(relink).0);
    let symbols = report["symbols"].as_array().unwrap();
    assert!(symbols.iter().all(|symbol| symbol["recorded"] == true));
    let names = |described: bool| -> BTreeSet<&str> {
        let symbols = symbols.iter();
        let symbols = symbols.filter(|symbol| symbol["described"] == described);
        symbols
            .map(|symbol| symbol["name"].as_str().unwrap())
            .collect()
    };
    // The only one that is in assembly.
    assert_eq!(
        names(false),
        BTreeSet::from_iter(names(false).get("strstr").copied())
    );

    let module = Module::open(&output);
    let (image, own) = (
        stock_btf(),
        stock_module_btf("drivers/target/target_core_mod.ko.xz"),
    );
    let (mut image_index, mut own_index) = (index(&image), index(&own));
    let image = Btf::new(&image, None, &mut image_index).unwrap();
    let types = Btf::new(&own, Some(&image), &mut own_index).unwrap();
    let mut compared = 0;
    for (record, _) in records(&module) {
        let import = record.import;
        let description = match Description::new(import.description) {
            Ok(description) => description,
            Err(_) => {
                assert!(names(false).contains(import.name));
                assert!(import.unverified && import.kind == ImportKind::Data);
                continue;
            }
        };
        assert_eq!(
            (import.kind, import.unverified),
            (ImportKind::Function, false)
        );
        let mut wanted = [TypeQuery::new(import.name.as_bytes())];
        find(&types, 1, &mut wanted);
        let TypeMatch::Id(id) = wanted[0].found() else {
            panic!("{}", import.name);
        };
        let difference = difference(import.name, &description, &types, id);
        assert_eq!(difference, Ok(None), "{}", import.name);
        compared += 1;
    }
    assert!(compared > 10, "{compared}");

    let (text, _) = fine(format!("list {output}"));
    let line = text
        .lines()
        .find(|line| line.starts_with("target_submit "))
        .unwrap();
    assert!(
        line.ends_with("1 relocation, recorded with its type"),
        "{line}"
    );
}

/// With `--no-guard` there are records, but modprobe does not load the guard.
#[stock_test]
fn the_guard_is_asked_for_unless_told_otherwise() {
    let directory = TempDir::new().unwrap();
    let (input, output) = (stock("tcm_loop"), path(&directory, "out.ko"));
    for (options, softdep) in [
        ("", format!("pre: kimport_guard {NEW}")),
        ("--no-guard", format!("pre: {NEW}")),
    ] {
        fine(format!("{} {options}", relink_to_new(&input, &output)));
        let module = Module::open(&output);
        assert_eq!(module.modinfo()["softdep"], [softdep]);
        assert!(!records(&module).is_empty());
    }
}

/// With `--kernel`, a module is refused if its new provider has another layout of a struct that the
/// symbols reach.
#[stock_test]
fn types_of_the_provider_are_compared() {
    let directory = TempDir::new().unwrap();
    let vmlinuz = stock_release().join("vmlinuz").display().to_string();
    let old = stock("target_core_mod");
    let input = stock("tcm_loop");
    let output = path(&directory, "tcm_loop_new.ko");
    let mut core = unxz(&old);
    let relink = |core: &[u8], options: &str| {
        let new = write(&directory, "target_core_mod_new.ko", core);
        let kernel = format!("{vmlinuz},{old},{new},{}", symvers());
        let from = "target_core_mod_new=target_core_mod";
        format!("relink {input} --from {from} --kernel {kernel} {options} -o {output}")
    };
    fine(relink(&core, ""));
    fs::remove_file(&output).unwrap();

    let member = moved_member(&mut core, "se_cmd");
    let (_, err) = ends(1, relink(&core, ""));
    has(
        &err,
        &format!(
            " from target_core_mod_new: struct se_cmd: member {member} is at byte 1 in \
             target_core_mod_new, at byte 0 in the module ("
        ),
    );
    has(&err, "--unverified");
    assert!(!Path::new(&output).exists());
    fine(relink(&core, "--unverified"));
}
