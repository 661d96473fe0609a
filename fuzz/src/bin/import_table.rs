// SPDX-License-Identifier: GPL-2.0

//! The import table of a module: the reader accepts exactly the bytes that an encoder writes.

#![no_main]

use kimport_cli::import_table::{decode, Import, ImportKind, Policy};
use kimport_testing::encode;
use kimport_types::Description;
use libfuzzer_sys::fuzz_target;

fn seeds() -> Vec<Vec<u8>> {
    let import = |kind, provider: Option<&str>, description: &[u8]| Import {
        kind,
        optional: provider.is_some(),
        unverified: description.is_empty(),
        internal: provider.is_none(),
        verify: Policy::Strict,
        position: None,
        block: provider.map(|_| "block".to_owned()),
        provider: provider.map(str::to_owned),
        name: "name".to_owned(),
        rust_name: "rust".to_owned(),
        description: description.to_owned(),
    };
    let function = encode(&import(ImportKind::Function, None, &[1, 0, 0, 0, 0]));
    let data = encode(&import(ImportKind::Data, Some("provider"), &[]));
    vec![[function.as_slice(), &data].concat(), function, data]
}

fuzz_target!(init: kimport_fuzz::seeds(seeds), |section: &[u8]| {
    match decode(section) {
        Ok(imports) => {
            let again: Vec<u8> = imports.iter().flat_map(encode).collect();
            assert!(again == section, "{imports:?}");
            for import in imports {
                let _ = Description::new(&import.description);
            }
        }
        Err(error) => {
            assert!(error.offset < section.len());
            let _ = error.to_string();
        }
    }
});
