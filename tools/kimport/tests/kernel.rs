// SPDX-License-Identifier: GPL-2.0

//! `kimport check` and `kimport compare` on the unpacked packages of the stock kernel.

mod common;

use common::*;
use expect_test::expect;
use kimport_types::Encoding;
use std::{fs, path::Path};
use tempfile::TempDir;

const FUNCTION: u8 = 0;
const DATA: u8 = 1;
const OPTIONAL: u8 = 1;

/// Returns the findings, without the parts that depend on the kernel's version.
fn findings(text: &str) -> String {
    let mut findings = String::new();
    for line in text.lines() {
        if !line.contains(" symbols checked, ") && !line.starts_with("  from ") {
            let words = line.split(' ');
            let words = words.map(|word| word.parse::<u64>().map_or(word, |_| "N"));
            findings += &(words.collect::<Vec<_>>().join(" ") + "\n");
        }
    }
    findings
}

/// Checks a module with this import table, which must end with `code`. Returns the text.
#[track_caller]
fn check_table(table: &[Vec<u8>], kernel: &str, code: i32) -> String {
    let directory = TempDir::new().unwrap();
    let module = with_table(&directory, &table.concat());
    ends(code, format!("check {module} --kernel {kernel}")).0
}

#[stock_test]
fn what_is_there_resolves() {
    let table = [
        record(FUNCTION, 0, 0, "", "nr_processes"),
        record(DATA, 0, 0, "", "init_uts_ns"),
        record(FUNCTION, 0, 0, "target_core_mod", "target_cmd_size_check"),
        record(FUNCTION, 0, 2, "", "name_show"),
        record(FUNCTION, OPTIONAL, 0, "", "no_such_thing_at_all"),
    ];
    let text = check_table(&table, &stock_kernel(), 0);
    expect![[r#"
        note: optional no_such_thing_at_all would be missing
    "#]]
    .assert_eq(&findings(&text));
}

#[stock_test]
fn declared_types_are_compared() {
    let int = Encoding::integer(4, true);
    let nr_processes = |arguments: &[Encoding]| function(0, "", "nr_processes", arguments, int);
    let completed = |status| {
        let cmd = Encoding::named("se_cmd", None).pointer(false);
        let (provider, name) = ("target_core_mod", "target_complete_cmd");
        function(0, provider, name, &[cmd, status], Encoding::VOID)
    };
    let table = [
        nr_processes(&[]),
        completed(Encoding::integer(1, false)),
        // This import has no type description and is not checked.
        record(FUNCTION, 0, 0, "", "nr_context_switches"),
    ];
    let kernel = stock_kernel();
    let text = check_table(&table, &kernel, 0);
    has(&text, "  2 types as declared\n");

    let wrong = [nr_processes(&[int]), completed(int)];
    let text = check_table(&wrong, &kernel, 1);
    expect![[r#"
        target_core_file: kimport: cannot import nr_processes from the kernel image: prototype differs
          declared:  s32 nr_processes(s32)
          kernel:    int nr_processes(void)
                                      ^^^^ N argument, kernel has N
        target_core_file: kimport: cannot import target_complete_cmd from target_core_mod: prototype differs
          declared:  void target_complete_cmd(struct se_cmd *, s32)
          kernel:    void target_complete_cmd(struct se_cmd *, u8)
                                                               ^^ argument 2: N bytes, kernel has N
          of another type: N symbols (nr_processes, target_complete_cmd): declare it with the type of this kernel, which `kimport declare` writes
    "#]]
    .assert_eq(&findings(&text));
}

#[stock_test]
fn each_cause_is_told_as_the_kernel_would() {
    let table = [
        record(FUNCTION, 0, 0, "", "nr_procceses"),
        record(FUNCTION, 0, 0, "", "target_cmd_size_check"),
        record(FUNCTION, 0, 0, "loop", "nr_processes"),
        record(FUNCTION, 0, 0, "", "name_show"),
        record(FUNCTION, 0, 60000, "", "name_show"),
        record(FUNCTION, 0, 0, "target_core_mod", "rd_release_sgl_table"),
        record(FUNCTION, 0, 0, "", "start_kernel"),
        record(DATA, 0, 0, "", "runqueues"),
        record(DATA, 0, 0, "", "nr_processes"),
        record(FUNCTION, 0, 0, "", "init_uts_ns"),
        record(FUNCTION, 0, 0, "no_such_module", "f"),
        record(FUNCTION, 0, 0, "unix", "unix_gc"),
        record(FUNCTION, OPTIONAL, 0, "", "start_kernel"),
    ];
    let text = check_table(&table, &stock_kernel(), 1);
    expect![[r#"
        target_core_file: kimport: cannot import nr_procceses from the kernel image: kallsyms has no such symbol there; check its spelling
            near names: nr_processes
        target_core_file: kimport: cannot import target_cmd_size_check from the kernel image: there is no such symbol there, but target_core_mod has one; name that module with `from`
        target_core_file: kimport: cannot import nr_processes from loop: the module has no such symbol, but the kernel image has; leave out `from`
        target_core_file: kimport: cannot import name_show from the kernel image: there are N symbols of that name; select one with #[position = N]
        target_core_file: kimport: cannot import name_show from the kernel image: there are only N symbols of that name; correct its #[position]
        target_core_file: kimport: cannot import rd_release_sgl_table from target_core_mod: the compiler left only rd_release_sgl_table.isra.0, whose ABI is not the declared one; import a function that calls it
        target_core_file: kimport: cannot import start_kernel from the kernel image: it is in __init memory, which is freed after init; it cannot be imported
        target_core_file: kimport: cannot import runqueues from the kernel image: it is per-CPU data, whose address is an offset; import a function that gives access to it
        target_core_file: kimport: cannot import nr_processes from the kernel image: it is a function, declared as data; state a fn type
        target_core_file: kimport: cannot import init_uts_ns from the kernel image: it is data, declared as a function; state the type of the data
        target_core_file: kimport: cannot import f from no_such_module: the provider is no module of this kernel; add the provider's .ko to --kernel
        target_core_file: kimport: cannot import unix_gc from unix: the provider is no module of this kernel; add the provider's .ko to --kernel
        note: optional start_kernel would be missing
          not found: N symbol (nr_procceses): check the spelling, or make it #[optional]; `kimport compare` tells which kernels have it
          in another place: N symbols (target_cmd_size_check, nr_processes): correct `from` in the block, or try --from PROVIDER=OLD
          several of the name: N symbol (name_show): select one with #[position], or @N in a Kbuild
          inlined or cloned: N symbol (rd_release_sgl_table): import a function that calls it
          freed after init: N symbol (start_kernel): import a symbol that stays in memory
          per-CPU data: N symbol (runqueues): import a function that gives access to it
          of another kind: N symbols (nr_processes, init_uts_ns): declare a function as one, and data as data
          no provider: N symbols (f, unix_gc): add the provider's .ko to --kernel, or take another provider with --from
    "#]]
    .assert_eq(&findings(&text));
}

/// Builds the same kernel from single files: the boot image alone, then with one module.
#[stock_test]
fn what_is_not_given_is_not_guessed() {
    let image = stock_release().join("vmlinuz");
    let image = image.to_str().unwrap();
    let table = [
        record(FUNCTION, 0, 0, "", "nr_processes"),
        record(FUNCTION, 0, 0, "target_core_mod", "target_cmd_size_check"),
    ];
    let text = check_table(&table, image, 1);
    expect![[r#"
        target_core_file: kimport: cannot import target_cmd_size_check from target_core_mod: cannot be told; add target_core_mod.ko to --kernel
        target_core_file: Unknown symbol sbc_attrib_attrs (err -2): cannot be told; add Module.symvers to --kernel
        target_core_file: Unknown symbol sbc_dif_verify (err -2): cannot be told; add Module.symvers to --kernel
        target_core_file: Unknown symbol sbc_get_device_type (err -2): cannot be told; add Module.symvers to --kernel
        target_core_file: Unknown symbol sbc_get_write_same_sectors (err -2): cannot be told; add Module.symvers to --kernel
        target_core_file: Unknown symbol sbc_parse_cdb (err -2): cannot be told; add Module.symvers to --kernel
        target_core_file: Unknown symbol target_backend_unregister (err -2): cannot be told; add Module.symvers to --kernel
        target_core_file: Unknown symbol target_complete_cmd (err -2): cannot be told; add Module.symvers to --kernel
        target_core_file: Unknown symbol target_configure_unmap_from_bdev (err -2): cannot be told; add Module.symvers to --kernel
        target_core_file: Unknown symbol target_to_linux_sector (err -2): cannot be told; add Module.symvers to --kernel
        target_core_file: Unknown symbol transport_backend_register (err -2): cannot be told; add Module.symvers to --kernel
          not known: N symbols (target_cmd_size_check, sbc_attrib_attrs, sbc_dif_verify, sbc_get_device_type, sbc_get_write_same_sectors, sbc_parse_cdb, target_backend_unregister, target_complete_cmd, N more): add the files that the lines above name to --kernel
          not known: modules: none in what was given
    "#]]
    .assert_eq(&findings(&text));

    let kernel = format!("{image},{}", stock("target_core_mod"));
    let directory = TempDir::new().unwrap();
    let module = with_table(&directory, &table[1]);
    let (_, out, err) = kimport(format!("check {module} --kernel {kernel}"));
    assert!(!out.contains("cannot import"), "{out}{err}");
    has(&out, "kallsyms tables in");
}

/// Each reason is told once, with its symbols and the way out. Imports of kimport itself are a
/// reason of their own.
#[stock_test]
fn reasons_are_summed_up() {
    let directory = TempDir::new().unwrap();
    let table = [
        record(FUNCTION, 0, 0, "", "no_such_symbol"),
        record(FUNCTION, 0, 0, "target_core_mod", "nor_this"),
        record(FUNCTION, INTERNAL, 0, "", "not_even_this"),
        record(DATA, 0, 0, "", "runqueues"),
    ];
    let module = with_table(&directory, &table.concat());
    let check = format!("check {module} --kernel {}", stock_kernel());
    let (text, _) = ends(1, &check);
    let (_, summary) = text.split_once(" checked, 4 findings\n").unwrap();
    let (summary, _) = summary
        .split_once("  unverified: ")
        .unwrap_or((summary, ""));
    let summary = summary.split("  from ").next().unwrap_or_default();
    let lines: Vec<_> = summary.lines().map(str::trim_start).collect();
    expect![[r#"
        not found: 2 symbols (no_such_symbol, nor_this): check the spelling, or make it #[optional]; `kimport compare` tells which kernels have it
        per-CPU data: 1 symbol (runqueues): import a function that gives access to it
        kimport itself lacks: 1 symbol (not_even_this): build the module with a kimport that knows this kernel
        kimport itself imports 1 symbol"#]]
    .assert_eq(&lines.join("\n"));
    let page = path(&directory, "page.html");
    let line = format!("{check} --json --html {page}");
    let reasons = &json(&ends(1, line).0)["reasons"];
    assert_eq!(
        reasons[0]["symbols"],
        serde_json::json!(["no_such_symbol", "nor_this"])
    );

    let html = fs::read_to_string(page).unwrap();
    let (summary, rest) = html.split_once("<tbody>\n").unwrap();
    has(
        summary,
        " checked: <span class=\"key no\"><span class=\"sign\">✗</span> 4 findings</span></p>\n",
    );
    let (rows, rest) = rest.split_once("</tbody>").unwrap();
    expect![[r#"
        <tr><th scope="row">not found</th><td class="no"><span class="sign">✗</span> no_such_symbol, nor_this</td><td>check the spelling, or make it #[optional]; `kimport compare` tells which kernels have it</td></tr>
        <tr><th scope="row">per-CPU data</th><td class="no"><span class="sign">✗</span> runqueues</td><td>import a function that gives access to it</td></tr>
        <tr><th scope="row">kimport itself lacks</th><td class="no"><span class="sign">✗</span> not_even_this</td><td>build the module with a kimport that knows this kernel</td></tr>
    "#]]
    .assert_eq(rows);
    has(
        rest,
        "<h2>Messages of the kernel</h2>\n<ul>\n<li>target_core_file: kimport: cannot import no_such_symbol from ",
    );
    has(
        rest,
        "<details open><summary>kimport itself imports 1 symbol</summary>\n<h2>Messages of the \
         kernel</h2>\n<ul>\n<li>target_core_file: kimport: cannot import not_even_this from ",
    );
    has(rest, "<h2>Kernel</h2>\n<dl>\n<dt>");
}

#[stock_test]
fn all_modules_of_a_directory_are_checked() {
    let directory = TempDir::new().unwrap();
    let below = directory.path().join("below");
    fs::create_dir(&below).unwrap();
    let all = format!("check --all {} --kernel", directory.path().display());
    let (_, error) = ends(2, format!("{all} {}", stock_kernel()));
    has(&error, "has no modules");

    // A module that only another one of the directory has the symbols for.
    let core = below.join("target_core_mod_new.ko.xz");
    fs::copy(stock("target_core_mod"), core).unwrap();
    let relinked = path(&directory, "tcm_loop_new.ko");
    let from = "target_core_mod_new=target_core_mod";
    let (input, symvers) = (stock("tcm_loop"), symvers());
    fine(format!(
        "relink {input} --from {from} --symvers {symvers} -o {relinked}"
    ));
    let (text, _) = fine(format!("{all} {}", stock_kernel()));
    has(&text, "\n2 modules on ");
    has(&text, ": no findings\n");

    let table = record(FUNCTION, 0, 0, "", "no_such_symbol");
    with_table(&directory, &table);
    write(&directory, "broken.ko", "not a module");
    fs::remove_file(path(&directory, "plain.ko")).unwrap();
    let (text, _) = ends(1, format!("{all} {}", stock_kernel()));
    has(&text, "broken.ko");
    has(&text, "not found: 1 symbol");
    has(&text, "\n4 modules on ");
    has(&text, ": findings in 2\n  not found: check the spelling");
    let page = path(&directory, "page.html");
    ends(1, format!("{all} {} --html {page}", stock_kernel()));
    let html = fs::read_to_string(page).unwrap();
    let bad = "<span class=\"sign\">✗</span>";
    has(
        &html,
        &format!("<p>4 modules: <span class=\"key no\">{bad} findings in 2</span></p>\n"),
    );
    has(
        &html,
        &format!("</td><td class=\"no\">{bad} not found: 1 symbol</td></tr>"),
    );
    has(
        &html,
        &format!(
            "<th scope=\"row\">not found</th><td class=\"no\">{bad} 1 module</td><td>check the "
        ),
    );
    has(&html, "<details><summary>target_core_file</summary>\n<div ");
    let report = json(&ends(1, format!("{all} {} --json", stock_kernel())).0);
    let modules = report["modules"].as_array().unwrap();
    assert_eq!(modules.len(), 4);
    let broken = &modules[1];
    assert!(
        broken["report"].is_null() && broken["error"].is_string(),
        "{broken}"
    );
}

/// The imports of kimport itself that are as they should be take one line.
#[stock_test]
fn imports_of_kimport_itself_are_folded() {
    let directory = TempDir::new().unwrap();
    let table = [
        record(FUNCTION, INTERNAL, 0, "", "find_module"),
        record(FUNCTION, INTERNAL, 0, "", "nr_processes"),
        record(FUNCTION, 0, 0, "", "nr_processes"),
        record(FUNCTION, INTERNAL, 0, "", "no_such_symbol"),
    ];
    let module = with_table(&directory, &table.concat());
    let page = path(&directory, "page.html");
    let kernel = stock_kernel();
    let compare = format!("compare --module {module} --kernel k={kernel} --html {page}");
    let (text, _) = ends(1, compare);
    expect![[r#"
        SYMBOL          k
        nr_processes    vmlinux, global
        no_such_symbol  missing
        kimport itself imports, alike on all kernels: find_module
    "#]]
    .assert_eq(&text);
    let html = fs::read_to_string(page).unwrap();
    has(
        &html,
        "<details open><summary>kimport itself imports 2 symbols</summary>",
    );
    has(&html, "1 symbol on 1 kernel: ");
}

#[stock_test]
fn modules_of_the_distribution_fit_their_kernel() {
    for name in ["tcm_loop", "iscsi_target_mod", "target_core_file"] {
        let (module, kernel) = (stock(name), stock_kernel());
        let (out, _) = fine(format!("check {module} --kernel {kernel}"));
        has(&out, "all of them resolve");
    }
}

#[stock_test]
fn relinked_modules_are_checked_by_livepatchs_rules() {
    let directory = TempDir::new().unwrap();
    let (input, output) = (stock("tcm_loop"), path(&directory, "out.ko"));
    let from = "target_core_file:target_submit";
    fine(format!("relink {input} --from {from} -o {output}"));
    let check = format!("check {output} --kernel {}", stock_kernel());
    let (text, _) = ends(1, check);
    expect![[r#"
        livepatch: symbol 'target_submit' not found in symbol table: target_core_file: there is no such symbol there, but target_core_mod has one; name that module with `from`
          in another place: N symbol (target_submit): relink the module --from the place that has it, or try --from PROVIDER=OLD
    "#]].assert_eq(&findings(&text));
}

/// `--from PROVIDER=OLD` checks a module as `kimport relink` would change it.
#[stock_test]
fn a_module_is_checked_as_if_it_were_relinked() {
    let directory = TempDir::new().unwrap();
    let copy = path(&directory, "target_core_mod_new.ko.xz");
    fs::copy(stock("target_core_mod"), &copy).unwrap();
    let kernel = format!("{},{copy}", stock_kernel());
    let module = stock("tcm_loop");
    let from = "target_core_mod_new=target_core_mod";
    let (out, _) = fine(format!("check {module} --from {from} --kernel {kernel}"));
    has(&out, "all of them resolve");
    let compare = format!("compare --module {module} --from {from} --kernel {kernel}");
    let (out, _) = fine(compare);
    let row = "\ntarget_core_mod_new:target_submit                target_core_mod_new, global, exported\n";
    has(&out, row);

    let finding = "livepatch: symbol 'target_submit' not found in symbol table: target_core_file: there is no such symbol \
                   there, but target_core_mod, target_core_mod_new has one";
    for (from, code, cause) in [
        ("target_core_file=target_core_mod", 1, finding),
        (
            "target_core_mod_new=target_core_mod --from other=target_core_mod",
            2,
            "cannot come from both target_core_mod_new and other",
        ),
        (
            "other=loop",
            2,
            "neither imports from loop with kimport nor uses what loop exports",
        ),
    ] {
        let check = format!("check {module} --kernel {kernel} --from {from}");
        let (out, err) = ends(code, check);
        has(&(out + &err), cause);
    }
}

/// The module's own imports would still come from the old provider.
#[stock_test]
fn a_module_that_would_be_relinked_in_part_is_refused() {
    let directory = TempDir::new().unwrap();
    let table = record(FUNCTION, 0, 0, "target_core_mod", "target_cmd_size_check");
    let module = with_table(&directory, &table);
    let output = path(&directory, "out.ko");
    let options = format!("--symvers {} -o {output}", symvers());
    let relink = |from| format!("relink {module} --from {from} {options}");
    let (_, error) = ends(1, relink("target_core_mod_new=target_core_mod"));
    for words in [
        "imports 1 symbol from target_core_mod with kimport",
        "list it: --from target_core_mod_new:SYMBOL",
    ] {
        has(&error, words);
    }
    assert!(!Path::new(&output).exists());
    for from in [
        "target_core_mod_new:target_complete_cmd",
        "target_core_mod_new=vmlinux",
    ] {
        fine(relink(from));
    }
}

/// `kimport relink` makes no such module, but its output may be edited.
#[stock_test]
fn a_license_that_is_not_gpl_compatible_is_a_finding() {
    let directory = TempDir::new().unwrap();
    let (input, output) = (stock("tcm_loop"), path(&directory, "out.ko"));
    let from = "target_core_mod:target_submit";
    fine(format!("relink {input} --from {from} -o {output}"));
    let mut bytes = fs::read(&output).unwrap();
    let old = b"\0license=GPL\0";
    let at = position(&bytes, old) + old.len() - 2;
    bytes[at] = b'?';
    fs::write(&output, bytes).unwrap();
    let check = format!("check {output} --kernel {}", stock_kernel());
    let (text, _) = ends(1, check);
    expect![[r#"
        tcm_loop: kimport: cannot import: its license 'GP?' is not GPL-compatible, and imports are for GPL-compatible modules only
        tcm_loop: Unknown symbol __root_device_register (err -2): vmlinux exports it to GPL-compatible modules only
        tcm_loop: Unknown symbol bus_register (err -2): vmlinux exports it to GPL-compatible modules only
        tcm_loop: Unknown symbol bus_unregister (err -2): vmlinux exports it to GPL-compatible modules only
        tcm_loop: Unknown symbol dev_set_name (err -2): vmlinux exports it to GPL-compatible modules only
        tcm_loop: Unknown symbol device_register (err -2): vmlinux exports it to GPL-compatible modules only
        tcm_loop: Unknown symbol device_unregister (err -2): vmlinux exports it to GPL-compatible modules only
        tcm_loop: Unknown symbol driver_register (err -2): vmlinux exports it to GPL-compatible modules only
        tcm_loop: Unknown symbol driver_unregister (err -2): vmlinux exports it to GPL-compatible modules only
        tcm_loop: Unknown symbol klp_enable_patch (err -2): vmlinux exports it to GPL-compatible modules only
        tcm_loop: Unknown symbol put_device (err -2): vmlinux exports it to GPL-compatible modules only
        tcm_loop: Unknown symbol root_device_unregister (err -2): vmlinux exports it to GPL-compatible modules only
        tcm_loop: Unknown symbol target_init_cmd (err -2): target_core_mod exports it to GPL-compatible modules only
        tcm_loop: Unknown symbol target_submit_prep (err -2): target_core_mod exports it to GPL-compatible modules only
        tcm_loop: module license 'GP?' taints kernel.
          license: N symbols (__root_device_register, bus_register, bus_unregister, dev_set_name, device_register, device_unregister, driver_register, driver_unregister, N more): state a GPL-compatible license, if the module has one
    "#]].assert_eq(&findings(&text));
}

/// A kernel made up from text, and a next version that differs in every way that text can show.
#[stock_test]
fn kernels_are_compared() {
    let directory = TempDir::new().unwrap();
    let old = write(
        &directory,
        "System.map-old",
        "ffffffff81000000 T stays\nffffffff81000010 T hidden\nffffffff81000020 t cloned\n\
         ffffffff81000030 t split\nffffffff81000040 T leaves\nffffffff81000050 T goes\n\
         ffffffff81000060 d data\n",
    );
    let new = write(
        &directory,
        "kallsyms.txt",
        "ffffffff81000000 T stays\nffffffff81000010 t hidden\nffffffff81000020 t cloned.isra.0\n\
         ffffffff81000030 t split\nffffffff81000038 t split\nffffffff81000060 d data\n\
         ffffffffc0000040 t leaves\t[module]\n",
    );
    let page = path(&directory, "page.html");
    let names = "stays hidden cloned split vmlinux:leaves goes";
    let compare = format!("compare --kernel old={old} --kernel new={new} --html {page} {names}");
    let (text, _) = ends(1, &compare);
    expect![[r#"
        SYMBOL  old              new
        cloned  vmlinux, static  only cloned.isra.0
        goes    vmlinux, global  missing
        hidden  vmlinux, global  vmlinux, static
        leaves  vmlinux, global  module
        split   vmlinux, static  2 of that name
        stays   vmlinux, global  vmlinux, global
        old: not known: types: no BTF in what was given
        old: not known: modules: none in what was given
        old: not known: what is exported: no Module.symvers, no export table
        new: not known: types: no BTF in what was given
        new: not known: what is exported: no Module.symvers, no export table
    "#]]
    .assert_eq(&text);

    let matrix = json(&kimport(compare + " --json").1);
    let rows = matrix["symbols"].as_array().unwrap();
    assert_eq!(rows.len(), names.split(' ').count());
    let split = rows.iter().find(|row| row["name"] == "split").unwrap();
    assert_eq!(split["cells"][1]["obstacle"]["cause"], "ambiguous");
    assert_eq!(split["cells"][1]["obstacle"]["count"], 2);

    let html = fs::read_to_string(page).unwrap();
    assert_eq!(html.matches("<tr>").count(), 1 + rows.len());
    for words in ["only cloned.isra.0", "missing</td>"] {
        let cell = format!("<td class=\"no\"><span class=\"sign\">✗</span> {words}");
        has(&html, &cell);
    }
}

/// Compares prototypes of a real kernel. Two equal kernels have no findings.
#[stock_test]
fn prototypes_are_compared() {
    let kernel = stock_kernel();
    let names = "target_core_mod:target_complete_cmd kallsyms_lookup_name";
    let compare = format!("compare {names} --kernel one={kernel} --kernel two={kernel} --json");
    let matrix = json(&fine(compare).0);
    let prototypes = |row: usize| matrix["symbols"][row]["cells"][1]["prototypes"].to_string();
    assert_eq!(prototypes(0), r#"["long unsigned int (const char *)"]"#);
    assert_eq!(prototypes(1), r#"["void (struct se_cmd *, u8)"]"#);
    assert_eq!(matrix["symbols"][1]["cells"][1]["same_prototype"], true);
}

/// Compares layouts of a real kernel with those of a module in which one member was moved.
#[stock_test]
fn layouts_are_compared() {
    let directory = TempDir::new().unwrap();
    let vmlinuz = stock_release().join("vmlinuz").display().to_string();
    let mut module = unxz(&stock("target_core_mod"));
    let before = write(&directory, "target_core_mod.ko", &module);
    let moved = moved_member(&mut module, "se_dev_plug");
    fs::create_dir(directory.path().join("new")).unwrap();
    let after = write(&directory, "new/target_core_mod.ko", &module);

    let names = "target_core_mod:target_complete_cmd nr_processes";
    let kernels = format!("--kernel one={vmlinuz},{before} --kernel two={vmlinuz},{after}");
    let (text, _) = fine(format!("compare {names} {kernels}"));
    has(&text, "vmlinux, global, same prototype, same layouts");
    has(&text, "same prototype, 1 other layout\n");
    has(
        &text,
        &format!(
            "\nLayouts that differ from the kernel before, the nearest first:\n  \
             struct se_dev_plug: member {moved} is at byte 1 in two, at byte 0 in one\n"
        ),
    );
    let matrix = json(&fine(format!("compare {names} {kernels} --json")).0);
    let layouts = |row: usize| &matrix["symbols"][row]["cells"][1]["layouts"];
    assert_eq!(layouts(0).as_array().unwrap().len(), 0);
    assert_eq!(layouts(1)[0]["refused"], true);
}

#[stock_test]
fn what_is_no_kernel_is_refused() {
    let directory = TempDir::new().unwrap();
    let module = stock("tcm_loop");
    let note = write(
        &directory,
        "System.map",
        "ffffffffffffffff B The real System.map is in the linux-image-x-dbg package\n",
    );
    let empty = write(&directory, "empty.deb", "!<arch>\n");
    for kernel in ["/nowhere", &note, &empty, &module] {
        let (_, err) = ends(2, format!("check {module} --kernel {kernel}"));
        assert!(err.starts_with("kimport: error: "), "{kernel}");
    }
}

/// Makes in.ko, a module that uses `symbol` in place of `target_submit`.
fn rename_target_submit(directory: &TempDir, symbol: &str) {
    let plain = write(directory, "plain.ko", unxz(&stock("tcm_loop")));
    let rename = format!("target_submit={symbol}");
    let module = path(directory, "in.ko");
    tool("objcopy", &["--redefine-sym", &rename, &plain, &module]);
}

#[stock_test]
fn relink_refuses_what_the_kernel_would() {
    let directory = TempDir::new().unwrap();
    let (module, output) = (path(&directory, "in.ko"), path(&directory, "out.ko"));
    let kernel = stock_kernel();
    let relink = |symbol: &str, from: &str| {
        rename_target_submit(&directory, symbol);
        format!("relink {module} --from {from} --kernel {kernel} -o {output}")
    };
    for (symbol, from, cause) in [
        (
            "rd_release_sgl_table",
            "target_core_mod:rd_release_sgl_table",
            "the compiler left only rd_release_sgl_table.isra.0",
        ),
        (
            "name_show",
            "vmlinux:name_show",
            "select one as vmlinux:name_show@N",
        ),
        (
            "name_show",
            "vmlinux:name_show@60000",
            "symbols of that name",
        ),
        ("start_kernel", "vmlinux:start_kernel", "__init memory"),
        // The kernel's own Module.symvers says that nothing exports it.
        ("no_such_thing", "vmlinux", "kallsyms has no such symbol"),
    ] {
        let (_, err) = ends(1, relink(symbol, from));
        has(&err, cause);
        assert!(!Path::new(&output).exists());
    }

    // Per-CPU data are addressed like other data, and livepatch takes any symbol of the name.
    for (symbol, position) in [
        ("name_show", "@2"),
        ("runqueues", ""),
        ("process_counts", "@1"),
    ] {
        fine(relink(symbol, &format!("vmlinux:{symbol}{position}")));
        let relinked = Module::open(&output);
        let number = position.strip_prefix('@').unwrap_or("0");
        let name = format!(".klp.sym.vmlinux.{symbol},{number}");
        assert!(relinked.symbols.iter().any(|symbol| symbol.name == name));
        let (out, _) = fine(format!("check {output} --kernel {kernel}"));
        has(&out, "all of them resolve");
        if position != "@2" {
            let (out, _) = fine(format!("compare --module {output} --kernel {kernel}"));
            has(&out, &format!("\n{symbol} "));
        }
    }
}

/// Livepatch compares whole names. The advice is for a command line.
#[stock_test]
fn what_livepatch_would_not_find_is_said_with_the_way_out() {
    let directory = TempDir::new().unwrap();
    let (module, output) = (path(&directory, "in.ko"), path(&directory, "out.ko"));
    let map = write(
        &directory,
        "System.map",
        "ffffffff81000000 T _stext\nffffffff81000010 t renamed.llvm.9\n\
         ffffffff81000020 t twice.llvm.1\nffffffff81000030 t twice.llvm.2\nffffffff81000040 t once\n\
         ffffffff81000050 T _etext\nffffffff82000000 D __init_begin\nffffffff82000010 t early\n\
         ffffffff82000020 D __init_end\n",
    );
    let kernel = format!("{map},{}", stock("target_core_mod"));
    for (symbol, provider, position, relinked, checked) in [
        (
            "renamed",
            "vmlinux",
            "",
            "the compiler renamed it renamed.llvm.9, and livepatch compares whole names; declare it with \
             #[name = \"renamed.llvm.9\"], in C with __asm__(\"renamed.llvm.9\")",
            "livepatch: symbol 'renamed' not found in symbol table",
        ),
        (
            "twice",
            "vmlinux",
            "",
            "the compiler renamed 2 functions of that name, twice.llvm.1, twice.llvm.2; select one",
            "livepatch: symbol 'twice' not found in symbol table",
        ),
        (
            "once",
            "vmlinux",
            "@2",
            "there is only 1 symbol of that name",
            "livepatch: symbol position",
        ),
        (
            "once",
            "target_core_mod",
            "",
            "the module has no such symbol, but the kernel image has; name it as vmlinux:once",
            "livepatch: symbol 'once' not found in symbol table",
        ),
        (
            "early",
            "vmlinux",
            "",
            "it is in __init memory",
            "tcm_loop: kimport: livepatch binds early to memory that is freed: it is in __init memory",
        ),
    ] {
        rename_target_submit(&directory, symbol);
        let relink = format!("relink {module} --from {provider}:{symbol}{position} -o {output}");
        let (_, err) = ends(1, format!("{relink} --kernel {kernel}"));
        has(&err, &format!("{symbol} from {provider}: {relinked}"));
        assert!(!Path::new(&output).exists());

        fine(relink);
        let (out, _) = ends(1, format!("check {output} --kernel {kernel}"));
        has(&out, checked);
        fs::remove_file(&output).unwrap();
    }
}

/// Reads a Debian package, made by Debian's own tool, in each compression it has.
#[stock_test]
fn packages_are_read_as_they_are() {
    let directory = TempDir::new().unwrap();
    let root = directory.path().join("root");
    let file = |name: &str, bytes: &[u8]| {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    file("DEBIAN/control", CONTROL.as_bytes());
    file("boot/System.map-1", b"ffffffff81000000 T nr_processes\n");
    let core = fs::read(stock("target_core_mod")).unwrap();
    file("lib/modules/1/kernel/target_core_mod.ko.xz", &core);
    let root = root.to_str().unwrap();
    for compression in ["-Znone", "-Zgzip", "-Zxz", "-Zzstd"] {
        let package = path(&directory, "made.deb");
        let options = ["--root-owner-group", compression, "-z1", "-b"];
        tool("dpkg-deb", &[&options[..], &[root, &package]].concat());
        let kernel = format!("made={package}");
        let names = "nr_processes target_core_mod:target_cmd_size_check";
        let (out, _) = fine(format!("compare {names} --kernel {kernel}"));
        assert!(out.contains("vmlinux, global\n"), "{compression}: {out}");
        assert!(
            out.contains("target_core_mod, global\n"),
            "{compression}: {out}"
        );

        let whole = fs::read(&package).unwrap();
        fs::write(&package, &whole[..whole.len() / 2]).unwrap();
        let (code, ..) = kimport(format!("compare nr_processes --kernel {kernel}"));
        assert_eq!(code, Some(2), "{compression}");
    }
}
