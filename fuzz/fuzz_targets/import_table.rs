// SPDX-License-Identifier: GPL-2.0

//! The import table of a module: the reader accepts exactly the bytes that an encoder writes.

#![no_main]

use kimport_cli::import_table::{decode, Import, ImportKind, Policy};
use kimport_types::Description;
use libfuzzer_sys::fuzz_target;

/// Encodes a record, from the description of the format alone.
fn encode(import: &Import) -> Vec<u8> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let strings = format!(
        "{}\0{}\0{}\0{}\0",
        text(&import.block),
        text(&import.provider),
        import.name,
        import.rust_name
    );
    let kind = u8::from(import.kind == ImportKind::Data);
    let flags = u8::from(import.optional)
        | (u8::from(import.unverified) << 1)
        | ((import.verify as u8) << 2);
    let size = (16 + strings.len() + import.description.len()).next_multiple_of(8);
    let mut record = vec![2, kind, flags, 0];
    record.extend(import.position.map_or(0, |it| it.get()).to_le_bytes());
    record.extend((size as u32).to_le_bytes());
    record.extend((strings.len() as u16).to_le_bytes());
    record.extend((import.description.len() as u16).to_le_bytes());
    record.extend(strings.as_bytes());
    record.extend(&import.description);
    record.resize(size, 0);
    record
}

fn seeds() -> Vec<Vec<u8>> {
    let import = |kind, provider: Option<&str>, description: &[u8]| Import {
        kind,
        optional: provider.is_some(),
        unverified: description.is_empty(),
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
