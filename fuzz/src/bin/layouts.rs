// SPDX-License-Identifier: GPL-2.0

//! Tables of layouts: the reader accepts exactly the bytes that the builder writes, and any table
//! can be compared with any types. The input begins with the length of the tables and the tables;
//! the rest is BTF.

#![no_main]

use kimport_cli::layout_tables::LayoutTables;
use kimport_fuzz::kernel;
use kimport_testing::layouts::{check_all, read_again};
use kimport_testing::Maker;
use kimport_types::{Btf, LayoutTable, LayoutTableBuilder};
use libfuzzer_sys::fuzz_target;

/// The number of types whose layouts are put into a table.
const TYPES: u32 = 64;

fn input(tables: &[u8], btf: &[u8]) -> Vec<u8> {
    let length = (tables.len() as u16).to_be_bytes();
    [&length, tables, btf].concat()
}

/// Returns types with members of every form.
fn types() -> Maker {
    let types = kernel::types();
    let (int, wide) = (types.unsigned(4), types.unsigned(8));
    let inner = types.members(5, "", 8, &[("x", int, 0), ("y", wide, 0)]);
    let list = types.structure("list", 8);
    let array = types.array(types.pointer(list), 3);
    let state = types.enumerators("state", &[("NONE", -1), ("RUNNING", 0), ("DEAD", 7)]);
    let mask = types.wide_enumerators("mask", &[("LOW", 1), ("HIGH", i64::MIN)]);
    let members = [
        ("a", int, 0),
        ("", inner, 64),
        ("l", array, 128),
        ("s", state, 320),
    ];
    let all = types.members(4, "all", 48, &members);
    let bits = [
        ("low", int, 3 << 24),
        ("high", int, (29 << 24) | 3),
        ("m", mask, 64),
    ];
    let bits = types.bit_fields(4, "bits", 16, &bits);
    types.function("g", &[types.pointer(all), bits], int);
    types
}

fn seeds() -> Vec<Vec<u8>> {
    let of = |types: &Maker| with_btf(&types.bytes(), table).expect("the maker makes BTF");
    let (all, few) = (of(&types()), of(&kernel::types()));
    let both = [all.as_bytes(), few.as_bytes()].concat();
    vec![
        input(all.as_bytes(), &types().bytes()),
        input(few.as_bytes(), &types().bytes()),
        input(&both, &kernel::types().bytes()),
    ]
}

fuzz_target!(init: kimport_fuzz::seeds(seeds), |data: &[u8]| {
    let Some((&length, rest)) = data.split_first_chunk() else {
        return;
    };
    let length = usize::from(u16::from_be_bytes(length));
    let (section, btf) = rest.split_at(length.min(rest.len()));
    let mut tables = Vec::new();
    let mut left = section;
    while let Some((table, size)) = read_again(left) {
        tables.push(table);
        left = &left[size..];
    }
    match LayoutTables::decode(section, btf) {
        Ok(decoded) => assert!(left.is_empty() && decoded.iter().eq(tables.iter().copied())),
        Err(error) => assert_eq!(error.offset, section.len() - left.len()),
    }
    if with_btf(btf, |types| compare(&tables, types)).is_none() {
        with_btf(&types().bytes(), |types| compare(&tables, types)).expect("the maker makes BTF");
    }
});

/// Compares tables, and the one of `types`, with these types.
fn compare(tables: &[LayoutTable<'_>], types: &Btf<'_>) {
    for &table in tables {
        check_all(table, types);
    }
    let made = table(types);
    let (table, size) = read_again(made.as_bytes()).expect("the builder makes tables");
    assert_eq!(size, made.len());
    check_all(table, types);
}

/// Returns the table of the first types.
fn table(types: &Btf<'_>) -> LayoutTableBuilder {
    LayoutTableBuilder::of_symbols("block", "provider", types, 0..TYPES)
}

fn with_btf<R>(bytes: &[u8], run: impl FnOnce(&Btf<'_>) -> R) -> Option<R> {
    let mut index = vec![0; Btf::count(bytes).ok()?];
    Some(run(&Btf::new(bytes, None, &mut index).ok()?))
}
