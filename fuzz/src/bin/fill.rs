// SPDX-License-Identifier: GPL-2.0

//! Addresses are written into a module: into the requested undefined symbols, and nowhere else.

#![no_main]

use arbitrary::Arbitrary;
use kimport_cli::module_file::ModuleFile;
use kimport_cli::{
    list::Listing,
    load::{plan::FilledSymbol, rewrite::fill},
};
use kimport_fuzz::module::Spec;
use kimport_testing::filled;
use libfuzzer_sys::fuzz_target;
use std::collections::BTreeMap;

#[derive(Arbitrary, Debug)]
struct Input {
    module: Spec,
    /// The undefined symbols that get an address, with the address.
    filled: Vec<(u8, u64)>,
    absent: bool,
}

fuzz_target!(init: kimport_fuzz::seeds(kimport_fuzz::noise), |input: Input| {
    let file = ModuleFile::from_bytes(input.module.bytes()).expect("it has no signature");
    let undefined: Vec<String> = Listing::new(&file, None)
        .map(|listing| listing.undefined.into_iter().map(|symbol| symbol.name).collect())
        .unwrap_or_default();
    let mut addresses: BTreeMap<String, u64> = BTreeMap::new();
    for &(number, address) in &input.filled {
        if let Some(name) = undefined.get(usize::from(number) % undefined.len().max(1)) {
            addresses.insert(name.clone(), address);
        }
    }
    if input.absent {
        addresses.insert("absent".to_owned(), 1);
    }
    let symbols: Vec<FilledSymbol> = addresses
        .iter()
        .map(|(name, &address)| filled(name, address))
        .collect();
    let written = match fill(file.elf(), &symbols) {
        Ok(written) => written,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    assert!(!input.absent);
    assert_eq!(written.len(), file.elf().len());
    let changed = written.iter().zip(file.elf()).filter(|(new, old)| new != old);
    // The section's number and the value changed.
    assert!(changed.count() <= 10 * symbols.len());
    if undefined.is_empty() {
        return;
    }
    let file = ModuleFile::from_bytes(written).expect("it has no signature");
    let listing = Listing::new(&file, None).expect("it still is a module");
    for symbol in listing.undefined {
        assert!(!addresses.contains_key(&symbol.name), "{}", symbol.name);
    }
    assert!(symbols.is_empty() || fill(file.elf(), &symbols).is_err());
});
