// SPDX-License-Identifier: GPL-2.0

//! Which of several symbols of one name a position means. `relink_rust` in `tests/relink` has the kernel itself say so of a
//! module of the same kind.

mod common;

use common::*;
use kimport::{
    kernel::{
        symbols::{Linkage, Symbol},
        Kernel,
    },
    resolve::{resolve, Cause, Position, Wanted},
};
use std::fs;
use tempfile::TempDir;

/// Of four functions of one name the global one comes first in memory, but as such last in the symbol table. One is gone when
/// the module is loaded.
const PARTS: [&str; 4] = [
    "int same(void) { return 1; }
     static const char licence[] __attribute__((used, section(\".modinfo\"))) = \"license=GPL\";",
    "static __attribute__((used, section(\".init.text\"))) int same(void) { return 2; }",
    "static __attribute__((used)) int same(void) { return 3; }",
    "static __attribute__((used)) int same(void) { return 4; }",
];

fn kernel(directory: &TempDir) -> Kernel {
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let map = path("System.map");
    fs::write(&map, "ffffffff81000000 T _stext\n").unwrap();
    let module = path("provider.ko");
    let mut link = vec!["-r".to_owned(), "-o".to_owned(), module.clone()];
    for (number, source) in PARTS.iter().enumerate() {
        let (input, output) = (path("part.c"), path(&format!("part{number}.o")));
        fs::write(&input, source).unwrap();
        tool("gcc", &["-O2", "-c", "-o", &output, &input]);
        link.push(output);
    }
    tool("ld", &link.iter().map(String::as_str).collect::<Vec<_>>());
    Kernel::read(&format!("{map},{module}").parse().unwrap()).unwrap()
}

fn same(kernel: &Kernel, position: Position) -> Result<Symbol, Cause> {
    let wanted = Wanted {
        name: "same",
        provider: Some("provider"),
        position: Some(position),
        kind: None,
    };
    resolve(kernel, &wanted)
}

#[test]
fn in_a_module_memory_and_table_are_in_different_orders() {
    let directory = TempDir::new().unwrap();
    let kernel = kernel(&directory);
    let linkage = |position| same(&kernel, position).map(|symbol| symbol.linkage);
    let (local, global) = (Linkage::Static, Linkage::Global);
    for (number, in_memory, in_table) in [(1, global, local), (2, local, local), (3, local, global)]
    {
        assert_eq!(linkage(Position::InMemory(number)), Ok(in_memory));
        assert_eq!(linkage(Position::InTable(number)), Ok(in_table));
    }
    for number in [0, 4] {
        let none = Err(Cause::Position { count: 3 });
        assert_eq!(linkage(Position::InTable(number)), none);
    }
}
