// SPDX-License-Identifier: GPL-2.0

//! The records of relinked modules: what is written is read, and nothing else.

use kimport_types::{
    ImportKind, ImportRecord, Policy, RecordFault, TakenRecord, TakenRecords, TAKEN_HEADER,
};
use proptest::prelude::*;

const IMPORT: ImportRecord<'_> = ImportRecord {
    kind: ImportKind::Function,
    optional: false,
    unverified: false,
    internal: false,
    policy: Policy::Strict,
    position: 2,
    block: "",
    provider: "core",
    name: "submit",
    rust_name: "submit",
    description: &[1, 0, 0, 0, 0],
};

fn written(record: &TakenRecord<'_>) -> Vec<u8> {
    let mut bytes = vec![0xff; record.record_size()];
    record.write(&mut bytes);
    bytes
}

/// Returns a section with these records.
fn section(address: u64, records: &[Vec<u8>]) -> Vec<u8> {
    [address.to_ne_bytes().to_vec(), records.concat()].concat()
}

fn read(section: &[u8]) -> Result<Vec<TakenRecord<'_>>, RecordFault> {
    TakenRecords::new(section)?.collect()
}

#[test]
fn known_bytes() {
    let record = TakenRecord {
        address: 0,
        import: IMPORT,
        layouts: &[7; 3],
    };
    let import = b"\x02\0\0\0\x02\0\0\0\x30\0\0\0\x14\0\x05\0\0core\0submit\0submit\0\x01\0\0\0\0\0\0\0\0\0\0\0";
    let bytes = [
        b"\0\0\0\0\0\0\0\0\x48\0\0\0\x02\0\0\0".as_slice(),
        import,
        b"\x07\x07\x07\0\0\0\0\0",
    ];
    assert_eq!(written(&record), bytes.concat());
}

#[test]
fn each_fault_is_told_apart() {
    let good = section(
        9,
        &[written(&TakenRecord {
            address: 8,
            import: IMPORT,
            layouts: &[],
        })],
    );
    assert_eq!(read(&good).unwrap().len(), 1);
    assert_eq!(TakenRecords::new(&good).unwrap().address, 9);
    assert_eq!(read(&good[..TAKEN_HEADER]).unwrap(), []);
    let with = |at: usize, byte: u8| {
        let mut section = good.clone();
        section[TAKEN_HEADER + at] = byte;
        read(&section).unwrap_err()
    };
    assert_eq!(with(12, 3), RecordFault::Version(3));
    assert_eq!(with(13, 1), RecordFault::Reserved);
    assert_eq!(with(16, 3), RecordFault::Version(3));
    for size in [0, 15, 17, 0xff] {
        let fault = with(8, size);
        assert!(
            matches!(fault, RecordFault::Size { .. } | RecordFault::Truncated),
            "{size}"
        );
    }
    for len in [0, 7, 9, 23] {
        assert_eq!(read(&good[..len]), Err(RecordFault::Truncated));
    }
    // Nothing follows a fault.
    let mut records = TakenRecords::new(&good[..TAKEN_HEADER + 9]).unwrap();
    assert!(records.next().is_some_and(|record| record.is_err()));
    assert!(records.next().is_none());
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        records in prop::collection::vec(
            (any::<u64>(), "[a-z_]{0,9}", "[a-z_.]{1,9}", any::<u32>(), any::<Vec<u8>>(), 0..5_usize),
            0..4,
        ),
    ) {
        let layouts = [3; 40];
        let records: Vec<_> = records
            .iter()
            .map(|(address, provider, name, position, description, layout)| TakenRecord {
                address: *address,
                import: ImportRecord {
                    provider,
                    name,
                    position: *position,
                    description,
                    ..IMPORT
                },
                layouts: &layouts[..8 * layout],
            })
            .collect();
        let bytes: Vec<_> = records.iter().map(written).collect();
        let section = section(0, &bytes);
        prop_assert_eq!(read(&section), Ok(records));
    }

    /// The only encoding of a record is the one that is written.
    #[test]
    fn what_is_read_is_written(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let record = TakenRecord { address: 1, import: IMPORT, layouts: &[7; 8] };
        let mut damaged = section(2, &[written(&record), written(&record)]);
        for (at, byte) in damage {
            let at = at.index(damaged.len());
            damaged[at] = byte;
        }
        if let Ok(records) = read(&damaged) {
            let bytes: Vec<_> = records.iter().map(written).collect();
            let address = TakenRecords::new(&damaged).unwrap().address;
            prop_assert_eq!(section(address, &bytes), damaged);
        }
    }
}
