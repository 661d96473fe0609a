// SPDX-License-Identifier: GPL-2.0

//! A module, as the bytes of its file: all questions that the command asks about one.

#![no_main]

use kimport_cli::{
    compression::unpack,
    kernel::symbols::SymbolTable,
    list::Listing,
    load::{rewrite::fill, Facts},
    module_file::ModuleFile,
    relink::{relink, RelinkOptions},
    symvers::Symvers,
};
use kimport_fuzz::{module::SYMVERS, stock};
use kimport_testing::filled;
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static RELINKING: LazyLock<(Symvers, RelinkOptions)> = LazyLock::new(|| {
    let symvers = Symvers::parse(SYMVERS).expect("it is right");
    let request = "vmlinux".parse().expect("it is right");
    let options = RelinkOptions {
        requests: vec![request],
        name: Some("whole".to_owned()),
        no_exports: true,
        no_guard: false,
    };
    (symvers, options)
});

fn seeds() -> Vec<Vec<u8>> {
    let (symvers, options) = &*RELINKING;
    let mut seeds = stock::packed_modules();
    for module in stock::modules() {
        let file = ModuleFile::from_bytes(module.clone());
        let relinked = file.and_then(|file| relink(&file, Some(symvers), None, options));
        seeds.extend(relinked.map(|(bytes, _)| bytes));
        seeds.push(module);
    }
    seeds
}

fuzz_target!(init: kimport_fuzz::seeds(seeds), |bytes: &[u8]| {
    let Ok(bytes) = unpack(bytes.to_vec()) else {
        return;
    };
    let Ok(file) = ModuleFile::from_bytes(bytes) else {
        return;
    };
    let (symvers, options) = &*RELINKING;
    let _ = SymbolTable::of_module(&file);
    let _ = Facts::new(&file);
    if let Ok(listing) = Listing::new(&file, Some(symvers)) {
        assert!(!listing.text(Some(40)).is_empty());
        let undefined = listing.undefined.into_iter();
        let symbols = undefined.map(|symbol| filled(&symbol.name, 0xffff_ffff_8100_0000));
        let _ = fill(file.elf(), &symbols.collect::<Vec<_>>());
    }
    if let Ok((output, report)) = relink(&file, Some(symvers), None, options) {
        let (_, _) = (report.text(), report.notices());
        let again = ModuleFile::from_bytes(output).expect("the output is a file");
        let (_, report) = relink(&again, Some(symvers), None, options).expect("the output is a module");
        assert!(!report.changed);
    }
});
