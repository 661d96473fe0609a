// SPDX-License-Identifier: GPL-2.0

//! The reader of import tables accepts what the macro and an independent encoder write, and nothing
//! else.

use kimport_cli::import_table::{decode, Import, ImportKind, Policy, RecordFault};
use kimport_testing::encode;
use kimport_types::ImportRecord;
use proptest::{prelude::*, sample::select};
use std::num::NonZeroU32;

/// The size of a record's header.
const HEADER: usize = 16;

fn sample() -> Import {
    Import {
        kind: ImportKind::Function,
        optional: true,
        unverified: false,
        internal: false,
        verify: Policy::Strict,
        position: None,
        block: Some("lio".into()),
        provider: Some("target_core_mod_new".into()),
        name: "target_complete_cmd".into(),
        rust_name: "complete".into(),
        description: vec![1, 0, 0, 0, 0],
    }
}

fn fault_of(section: &[u8]) -> RecordFault {
    decode(section).unwrap_err().fault
}

#[test]
fn known_bytes() {
    let section = b"\x02\x01\x06\0\x02\0\0\0\x20\0\0\0\x0c\0\x03\0\0\0jiffies\0j\0\x01\x02\x03\0";
    assert_eq!(
        decode(section).unwrap(),
        [Import {
            kind: ImportKind::Data,
            optional: false,
            unverified: true,
            internal: false,
            verify: Policy::Warn,
            position: NonZeroU32::new(2),
            block: None,
            provider: None,
            name: "jiffies".into(),
            rust_name: "j".into(),
            description: vec![1, 2, 3],
        }]
    );
    assert_eq!(decode(b"").unwrap(), []);
}

/// Only paths in the crate itself are internal, and old modules have no such flag.
#[test]
fn imports_of_kimport_itself() {
    for (path, expected) in [
        ("kimport", true),
        ("kimport::resolver::imported::first", true),
        ("kimport_guard::image", false),
        ("kimpor", false),
        ("rust_iblock::kimport", false),
        ("", false),
    ] {
        assert_eq!(kimport_types::is_internal(path), expected, "{path}");
    }
    let old = encode(&sample());
    assert!(!decode(&old).unwrap()[0].internal);
    let new = encode(&Import {
        internal: true,
        ..sample()
    });
    assert_eq!(new[2], old[2] | 0x10);
    assert!(decode(&new).unwrap()[0].internal);
}

#[test]
fn each_fault_is_told_apart() {
    let good = encode(&sample());
    let with = |at: usize, byte: u8| {
        let mut record = good.clone();
        record[at] = byte;
        record
    };
    assert_eq!(fault_of(&good[..7]), RecordFault::Truncated);
    assert_eq!(fault_of(&with(0, 1)), RecordFault::Version(1));
    assert_eq!(fault_of(&with(1, 2)), RecordFault::Kind(2));
    assert_eq!(fault_of(&with(2, 32)), RecordFault::Flags(32));
    assert_eq!(fault_of(&with(3, 1)), RecordFault::Reserved);
    assert_eq!(fault_of(&with(good.len() - 1, 1)), RecordFault::Reserved);
    let short = good[..good.len() - 8].to_vec();
    for record in [with(8, 0), with(11, 0xff), with(15, 0xff), short] {
        let fault = fault_of(&record);
        assert!(matches!(fault, RecordFault::Size { .. }), "{record:?}");
    }
    assert_eq!(fault_of(&with(HEADER, 0xff)), RecordFault::Utf8);
    assert_eq!(fault_of(&with(HEADER + 3, b'x')), RecordFault::Strings);
    let nameless = Import {
        name: String::new(),
        ..sample()
    };
    assert_eq!(fault_of(&encode(&nameless)), RecordFault::Nameless);
}

#[test]
fn the_error_tells_where() {
    let first = encode(&sample());
    let section = [first.as_slice(), &[9; 16]].concat();
    let error = decode(&section).unwrap_err();
    assert_eq!(error.offset, first.len());
    assert_eq!(error.fault, RecordFault::Version(9));
}

#[test]
fn the_macro_writes_what_is_read() {
    const IMPORT: ImportRecord<'_> = ImportRecord {
        kind: ImportKind::Data,
        optional: true,
        unverified: false,
        internal: true,
        policy: Policy::Require,
        position: 3,
        block: "lio",
        provider: "",
        name: "jiffies",
        rust_name: "j",
        description: &[1, 2, 3],
    };
    let record = IMPORT.record::<{ IMPORT.record_size() }>();
    let import = Import::from(IMPORT);
    assert_eq!(record.0[..], encode(&import));
    assert_eq!(decode(&record.0).unwrap(), [import]);
}

fn any_import() -> impl Strategy<Value = Import> {
    let name = "[a-z_][a-z0-9_.]{0,40}";
    let maybe = || proptest::option::of(name);
    (
        select(&[ImportKind::Function, ImportKind::Data][..]),
        select(&Policy::ALL[..]),
        any::<([bool; 3], u32)>(),
        (maybe(), maybe(), name, name),
        proptest::collection::vec(any::<u8>(), 0..40),
    )
        .prop_map(
            |(kind, verify, ([optional, unverified, internal], position), names, description)| {
                let (block, provider, name, rust_name) = names;
                Import {
                    kind,
                    optional,
                    unverified,
                    internal,
                    verify,
                    position: NonZeroU32::new(position),
                    block,
                    provider,
                    name,
                    rust_name,
                    description,
                }
            },
        )
}

proptest! {
    #[test]
    fn what_is_written_is_read(imports in proptest::collection::vec(any_import(), 0..8)) {
        let section: Vec<u8> = imports.iter().flat_map(encode).collect();
        prop_assert_eq!(decode(&section).unwrap(), imports);
    }

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
        let _ = decode(&bytes);
    }

    #[test]
    fn damaged_records_never_panic(
        imports in proptest::collection::vec(any_import(), 1..4),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        keep in any::<prop::sample::Index>(),
    ) {
        let mut section: Vec<u8> = imports.iter().flat_map(encode).collect();
        for (at, byte) in damage {
            let at = at.index(section.len());
            section[at] = byte;
        }
        let keep = keep.index(section.len() + 1);
        section.truncate(keep);
        if let Ok(imports) = decode(&section) {
            // Only canonical encodings are accepted.
            prop_assert_eq!(imports.iter().flat_map(encode).collect::<Vec<_>>(), section);
        }
    }
}
