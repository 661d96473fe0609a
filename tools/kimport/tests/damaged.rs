// SPDX-License-Identifier: GPL-2.0

//! Damaged modules: any file leads to a result or to an error, never to a panic.

mod common;

use common::*;
use kimport_cli::{
    check::CheckReport,
    compression::unpack,
    kernel::Kernel,
    list::Listing,
    load::rewrite::fill,
    module_file::ModuleFile,
    relink::{relink, RelinkOptions},
    symvers::Symvers,
};
use kimport_testing::filled;
use kimport_types::Encoding;
use proptest::{prelude::*, sample::Index, test_runner::TestRunner};
use std::{cell::Cell, fs, ops::Range, sync::LazyLock};
use tempfile::TempDir;

struct Fixture {
    packed: Vec<u8>,
    module: Vec<u8>,
    /// The relinked module, so that livepatch sections are damaged too.
    relinked: Vec<u8>,
    symvers: Symvers,
    options: RelinkOptions,
}

static FIXTURE: LazyLock<Fixture> = LazyLock::new(|| {
    let path = stock("tcm_loop");
    let options = |from: &str, name: &str| RelinkOptions {
        requests: vec![from.parse().unwrap()],
        name: Some(name.to_owned()),
        no_exports: false,
        no_guard: false,
    };
    let symvers = Symvers::read(symvers().as_ref()).unwrap();
    let file = ModuleFile::read(path.as_ref()).unwrap();
    let (relinked, _) = relink(
        &file,
        Some(&symvers),
        None,
        &options("other:target_submit", "half"),
    )
    .unwrap();
    Fixture {
        packed: fs::read(&path).unwrap(),
        module: unxz(&path),
        relinked,
        symvers,
        options: options("new=target_core_mod", "whole"),
    }
});

/// Damage: the part of the file, as [`damaged`] counts them, the place in it, and the new byte.
type Damage = (usize, Index, u8);

fn damage() -> impl Strategy<Value = Vec<Damage>> {
    proptest::collection::vec((0..4_usize, any::<Index>(), byte()), 1..8)
}

/// Makes bytes. A changed bit or an extreme value finds more than a random byte.
fn byte() -> impl Strategy<Value = u8> {
    prop_oneof![Just(0), Just(1), Just(0x7f), Just(0xff), any::<u8>()]
}

fn number(bytes: &[u8], at: usize, size: usize) -> usize {
    let bytes = bytes.get(at..at + size).unwrap_or_default();
    bytes
        .iter()
        .rev()
        .fold(0, |number, &byte| (number << 8) | usize::from(byte))
}

fn section_headers(module: &[u8]) -> Range<usize> {
    let table = number(module, 0x28, 8);
    table..table + 64 * number(module, 0x3c, 2)
}

fn symbols(module: &[u8]) -> Range<usize> {
    let symtab = section_headers(module)
        .step_by(64)
        .find(|&header| number(module, header + 4, 4) == 2)
        .unwrap();
    let start = number(module, symtab + 0x18, 8);
    start..start + number(module, symtab + 0x20, 8)
}

fn damaged(module: &[u8], damage: &[Damage]) -> Vec<u8> {
    let mut bytes = module.to_vec();
    // Anywhere, or in tables that matter most.
    let (headers, symbols) = (section_headers(module), symbols(module));
    let parts = [0..bytes.len(), 0..64, headers, symbols];
    for (part, index, byte) in damage {
        let part = &parts[*part];
        bytes[part.start + index.index(part.len())] = *byte;
    }
    bytes
}

fn try_everything(bytes: Vec<u8>) {
    let fixture = &*FIXTURE;
    let Ok(file) = ModuleFile::from_bytes(bytes) else {
        return;
    };
    if let Ok(listing) = Listing::new(&file, Some(&fixture.symvers)) {
        let _ = listing.text(Some(40));
        try_to_fill(&file, &listing);
    }
    if let Ok((output, report)) = relink(&file, Some(&fixture.symvers), None, &fixture.options) {
        let _ = report.text();
        let again = ModuleFile::from_bytes(output).unwrap();
        let (_, report) = relink(&again, Some(&fixture.symvers), None, &fixture.options).unwrap();
        assert!(!report.changed);
    }
}

/// Writes addresses for all undefined symbols, or for none.
fn try_to_fill(file: &ModuleFile, listing: &Listing) {
    let undefined = listing.undefined.iter();
    let symbols = undefined.map(|symbol| filled(&symbol.name, 0xffff_ffff_8112_3450));
    if let Ok(written) = fill(file.elf(), &symbols.collect::<Vec<_>>()) {
        assert_eq!(written.len(), file.elf().len());
        let written = ModuleFile::from_bytes(written).unwrap();
        assert_eq!(Listing::new(&written, None).unwrap().undefined, []);
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 400,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[stock_test]
    fn damaged_modules(damage in damage()) {
        try_everything(damaged(&FIXTURE.module, &damage));
    }

    #[stock_test]
    fn damaged_relinked_modules(damage in damage()) {
        try_everything(damaged(&FIXTURE.relinked, &damage));
    }

    #[stock_test]
    fn cut_modules(keep in any::<Index>()) {
        let module = &FIXTURE.relinked;
        try_everything(module[..keep.index(module.len())].to_vec());
    }

    #[stock_test]
    fn damaged_compression(at in any::<Index>(), byte in any::<u8>(), keep in any::<Index>()) {
        let mut packed = FIXTURE.packed.clone();
        let at = at.index(packed.len());
        packed[at] = byte;
        packed.truncate(keep.index(packed.len()) + 1);
        let _ = unpack(packed);
    }
}

/// A provider with types of its own base, and an importing module to check against it.
struct Provider {
    directory: TempDir,
    module: Vec<u8>,
    base: Range<usize>,
    listing: Listing,
}

static PROVIDER: LazyLock<Provider> = LazyLock::new(|| {
    let directory = TempDir::new().unwrap();
    let module = fs::read(OUT_OF_TREE.provider()).unwrap();
    let base = Module::read(&module).section(".BTF.base").data.clone();
    let at = position(&module, &base);
    write(&directory, "System.map", "ffffffff81000000 T _stext\n");
    write(&directory, "vmlinux.btf", &base);
    let device = Encoding::named("block_device", None).pointer(false);
    let (unit, sector) = (Encoding::integer(4, false), Encoding::integer(8, false));
    let table = function(0, "provider", "provider_size", &[device, unit], sector);
    let importing = with_table(&directory, &table);
    let file = ModuleFile::read(importing.as_ref()).unwrap();
    Provider {
        base: at..at + base.len(),
        listing: Listing::new(&file, None).unwrap(),
        module,
        directory,
    }
});

impl Provider {
    /// Checks the importing module against a kernel in which `module` is the provider's file.
    fn check(&self, module: &[u8]) -> CheckReport {
        write(&self.directory, "provider.ko", module);
        let files = ["System.map", "vmlinux.btf", "provider.ko"];
        let files = files.map(|name| path(&self.directory, name));
        let kernel = Kernel::read(&files.join(",").parse().unwrap()).unwrap();
        let report = CheckReport::new(&self.listing, &kernel);
        assert!(!report.text().is_empty());
        report
    }
}

#[stock_test]
fn damaged_bases_of_types() {
    let provider = &*PROVIDER;
    assert_eq!(provider.check(&provider.module).verified, 1);
    let damage = proptest::collection::vec((any::<Index>(), any::<bool>(), byte()), 1..8);
    let mut runner = TestRunner::new(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let unverified = Cell::new(0);
    let result = runner.run(&damage, |damage| {
        let mut module = provider.module.clone();
        let base = &mut module[provider.base.clone()];
        for (at, in_header, byte) in damage {
            let end = if in_header { 24 } else { base.len() };
            base[at.index(end)] = byte;
        }
        let report = provider.check(&module);
        unverified.set(unverified.get() + report.unverified.len());
        Ok(())
    });
    result.unwrap();
    // Most damage is to the header, without which nothing can be read.
    assert!(unverified.get() > 0);
}

/// Sections that share bytes would be multiplied in the output.
#[stock_test]
fn overlapping_sections_are_refused() {
    let mut module = FIXTURE.module.clone();
    let table = number(&module, 0x28, 8);
    for header in (0..number(&module, 0x3c, 2)).map(|index| table + 64 * index) {
        // Only change plain data, so that nothing else is wrong with the file.
        if number(&module, header + 4, 4) == 1 {
            module[header + 0x18..header + 0x20].fill(0);
            let size = table as u64;
            module[header + 0x20..header + 0x28].copy_from_slice(&size.to_le_bytes());
        }
    }
    let file = ModuleFile::from_bytes(module).unwrap();
    let error = Listing::new(&file, None).unwrap_err();
    assert!(error.to_string().contains("overlap"), "{error}");
}

/// A name that occurs twice must not make up for another one that is missing.
#[stock_test]
fn addresses_for_a_name_twice_and_for_none_are_refused() {
    let mut module = FIXTURE.module.clone();
    let before = Module::read(&module);
    let undefined = before.undefined();
    let [first, second, ..] = undefined[..] else {
        panic!("{undefined:?}");
    };
    let mut places = symbols(&module).skip(24).step_by(24);
    let mut next =
        || places.find(|&at| number(&module, at + 6, 2) == 0 && number(&module, at, 4) != 0);
    let (one, other) = (next().unwrap(), next().unwrap());
    module.copy_within(one..one + 4, other);
    let symbols = [first, second].map(|name| filled(name, 1));
    assert!(fill(&module, &symbols).is_err());
}

#[stock_test]
fn the_undamaged_modules_are_fine() {
    let fixture = &*FIXTURE;
    for module in [&fixture.module, &fixture.relinked] {
        let file = ModuleFile::from_bytes(module.clone()).unwrap();
        let (_, report) = relink(&file, Some(&fixture.symvers), None, &fixture.options).unwrap();
        assert!(report.changed);
    }
}
