// SPDX-License-Identifier: GPL-2.0

//! `Module.symvers`.

#![no_main]

use kimport_cli::symvers::Symvers;
use kimport_fuzz::{module::SYMVERS, stock};
use libfuzzer_sys::fuzz_target;

fn seeds() -> Vec<Vec<u8>> {
    let stock = stock::head_of_tree("Module.symvers", 20);
    stock
        .into_iter()
        .chain([SYMVERS.as_bytes().to_vec()])
        .collect()
}

fuzz_target!(init: kimport_fuzz::seeds(seeds), |bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    match Symvers::parse(&*text) {
        Ok(symvers) => {
            for symbol in text.lines().filter_map(|line| line.split('\t').nth(1)) {
                let exporter = symvers.exporter(symbol).expect("it was read");
                assert!(symvers.exports_from(exporter));
                assert!(!exporter.contains('/'), "{exporter}");
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
