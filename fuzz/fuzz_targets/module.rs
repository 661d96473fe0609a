// SPDX-License-Identifier: GPL-2.0

//! A module, as the bytes of its file: all questions that the command asks about one.

#![no_main]

use kimport_cli::{
    compression::unpack,
    kernel::symbols::Table,
    list::Listing,
    load::{plan::Filled, rewrite::fill, Facts},
    module_file::ModuleFile,
    relink::{relink, Wish},
    symvers::Symvers,
};
use kimport_fuzz::{module::SYMVERS, stock};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static RELINKING: LazyLock<(Symvers, Wish)> = LazyLock::new(|| {
    let symvers = Symvers::parse(SYMVERS).expect("it is right");
    let request = "vmlinux".parse().expect("it is right");
    let wish = Wish {
        requests: vec![request],
        name: Some("whole".to_owned()),
        no_exports: true,
    };
    (symvers, wish)
});

fn seeds() -> Vec<Vec<u8>> {
    let (symvers, wish) = &*RELINKING;
    let mut seeds = stock::packed_modules();
    for module in stock::modules() {
        let file = ModuleFile::from_bytes(module.clone());
        let relinked = file.and_then(|file| relink(&file, Some(symvers), wish));
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
    let (symvers, wish) = &*RELINKING;
    let _ = Table::of_module(&file);
    let _ = Facts::new(&file);
    if let Ok(listing) = Listing::new(&file, Some(symvers)) {
        assert!(!listing.text(Some(40)).is_empty());
        let mut filled: Vec<Filled> = Vec::new();
        for symbol in listing.undefined {
            filled.push(Filled {
                name: symbol.name,
                provider: "vmlinux".to_owned(),
                address: 0xffff_ffff_8100_0000,
            });
        }
        let _ = fill(file.elf(), &filled);
    }
    if let Ok((output, report)) = relink(&file, Some(symvers), wish) {
        let (_, _) = (report.text(), report.notices());
        let again = ModuleFile::from_bytes(output).expect("the output is a file");
        let (_, report) = relink(&again, Some(symvers), wish).expect("the output is a module");
        assert!(!report.changed);
    }
});
