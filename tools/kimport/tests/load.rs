// SPDX-License-Identifier: GPL-2.0

//! The addresses that `kimport load` writes into modules of the stock kernel. Loading itself needs
//! a VM.

mod common;

use common::*;
use kimport_cli::{
    load::{rewrite::fill, Facts},
    module_file::ModuleFile,
};
use kimport_testing::filled;
use object::elf::SHN_ABS;

#[stock_test]
fn only_the_symbols_asked_for_change() {
    let file = ModuleFile::from_bytes(unxz(&stock("tcm_loop"))).unwrap();
    let filled = [
        filled("target_submit", 0xffff_ffff_c012_3450),
        filled("scsi_done", 0xffff_ffff_8112_3450),
    ];
    let output = fill(file.elf(), &filled).unwrap();
    assert_eq!(output.len(), file.elf().len());
    let (before, after) = (Module::read(file.elf()), Module::read(&output));
    let mut changed = Vec::new();
    for (old, new) in before.symbols.iter().zip(&after.symbols) {
        if old == new {
            continue;
        }
        assert_eq!(
            (&old.name, old.size, old.info),
            (&new.name, new.size, new.info)
        );
        assert_eq!((old.index, new.index), (0, SHN_ABS));
        changed.push((new.name.clone(), new.value));
    }
    changed.sort();
    let mut expected = filled.map(|symbol| (symbol.name, symbol.address));
    expected.sort();
    assert_eq!(changed, expected);
    // A symbol's section index has two bytes and its value eight. The old value is zero.
    let differing = file.elf().iter().zip(&output).filter(|(a, b)| a != b);
    assert!(differing.count() <= 20);
}

#[stock_test]
fn a_symbol_that_is_not_undefined_is_not_overwritten() {
    let file = ModuleFile::from_bytes(unxz(&stock("tcm_loop"))).unwrap();
    for name in ["init_module", "no_such_symbol", ""] {
        let error = fill(file.elf(), &[filled(name, 1)]).unwrap_err();
        assert!(
            error.to_string().contains("is undefined there once"),
            "{error}"
        );
    }
}

#[stock_test]
fn the_module_tells_what_it_depends_on() {
    let file = ModuleFile::from_bytes(unxz(&stock("tcm_loop"))).unwrap();
    let facts = Facts::new(&file).unwrap();
    assert_eq!(facts.depends, ["target_core_mod", "scsi_mod"]);
    assert!(!facts.takes_lookup);
}

#[test]
fn what_is_no_module_is_an_error_before_the_kernel_is_asked() {
    ends(2, "load /proc/self/exe");
    ends(2, "load x.ko --from a/b");
}
