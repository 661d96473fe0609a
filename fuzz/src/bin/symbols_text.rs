// SPDX-License-Identifier: GPL-2.0

//! `System.map` and saved `/proc/kallsyms`: the symbols are the same after they are written and
//! read again.

#![no_main]

use kimport_cli::kernel::{
    kallsyms::KallsymsEntry,
    symbols::SymbolTable,
    text::{is_placeholder, is_text, parse, Text},
};
use libfuzzer_sys::fuzz_target;

fn seeds() -> Vec<&'static str> {
    vec![
        "ffffffff81000000 T _stext\nffffffff81000010 t f\nffffffff81000010 W g.isra.0\n\
         ffffffff81000020 T _etext\n0000000000000000 A __per_cpu_start\n",
        "0000000000000000 T f\nffffffffc0000000 t helper\t[loop]\nffffffffc0000010 d x\t[loop]\n",
        "ffffffffffffffff B The real System.map is in the linux-image-x-dbg package\n",
    ]
}

fn write(text: &Text) -> String {
    let line = |entry: KallsymsEntry<'_>, module: Option<&String>| {
        let module = module.map_or(String::new(), |module| format!("\t[{module}]"));
        format!(
            "{:016x} {} {}{module}\n",
            entry.address, entry.letter, entry.name
        )
    };
    let image = text.image.iter().map(|entry| line(entry, None));
    let modules = text
        .modules
        .iter()
        .flat_map(|(module, entries)| entries.iter().map(move |entry| line(entry, Some(module))));
    image.chain(modules).collect()
}

fuzz_target!(init: kimport_fuzz::seeds(seeds), |bytes: &[u8]| {
    let (_, text) = (is_placeholder(bytes), String::from_utf8_lossy(bytes));
    let symbols = match parse(&text) {
        Ok(symbols) => symbols,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    assert!(text.starts_with(['\n', '\r']) || is_text(text.as_bytes()));
    assert_eq!(parse(&write(&symbols)).as_ref(), Ok(&symbols));
    let count = symbols.image.len();
    let names: Vec<String> = symbols.image.iter().map(|entry| entry.name.to_owned()).collect();
    let table = SymbolTable::of_image(symbols.image);
    assert_eq!(table.len(), count);
    for name in names.iter().take(8) {
        assert!(!table.named(name).is_empty());
        let near = table.near(name);
        assert!(near.iter().all(|other| other != name && !table.named(other).is_empty()));
        assert!(table.made_of(name).iter().all(|made| made.name.starts_with(name.as_str())));
        let _ = table.exports(name);
    }
    for (_, entries) in symbols.modules {
        assert!(!SymbolTable::of_loaded(entries).is_empty());
    }
});
