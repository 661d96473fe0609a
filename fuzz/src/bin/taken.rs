// SPDX-License-Identifier: GPL-2.0

//! The records of a relinked module: the reader accepts exactly the bytes that the writer makes.

#![no_main]

use kimport_types::{Description, ImportKind, ImportRecord, Policy, TakenRecord, TakenRecords};
use libfuzzer_sys::fuzz_target;

fn written(record: &TakenRecord<'_>) -> Vec<u8> {
    let mut bytes = vec![0; record.record_size()];
    record.write(&mut bytes);
    bytes
}

fn seeds() -> Vec<Vec<u8>> {
    let record = |provider, description| TakenRecord {
        address: 0,
        import: ImportRecord {
            kind: ImportKind::Function,
            optional: false,
            unverified: false,
            internal: false,
            policy: Policy::Strict,
            position: 1,
            block: "",
            provider,
            name: "name",
            rust_name: "name",
            description,
        },
        layouts: description,
    };
    let function = written(&record("provider", &[1, 0, 0, 0, 0]));
    let data = written(&record("", &[]));
    vec![[&[0; 8], function.as_slice(), &data].concat(), vec![0; 8]]
}

fuzz_target!(init: kimport_fuzz::seeds(seeds), |section: &[u8]| {
    let Ok(records) = TakenRecords::new(section) else {
        return assert!(section.len() < 8);
    };
    let address = records.address.to_ne_bytes();
    match records.collect::<Result<Vec<_>, _>>() {
        Ok(records) => {
            let again: Vec<u8> = address.into_iter().chain(records.iter().flat_map(written)).collect();
            assert!(again == section, "{records:?}");
            for record in records {
                let _ = Description::new(record.import.description);
            }
        }
        Err(fault) => assert!(!fault.to_string().is_empty()),
    }
});
