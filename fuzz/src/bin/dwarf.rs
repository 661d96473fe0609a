// SPDX-License-Identifier: GPL-2.0

//! Debug information of an image, and of a module, which is not linked.

#![no_main]

use kimport_cli::kernel::dwarf;
use libfuzzer_sys::fuzz_target;
use std::{fs, process::Command};

const SOURCE: &str = "int declared(int a);\n\
    static int inlined(int a) { return a * 3; }\n\
    int kept(int a) { return inlined(a) + declared(a); }\n\
    void _start(void) {}\n";

/// Returns the output of the build root's compiler for the source.
fn compiled(options: &[&str]) -> Option<Vec<u8>> {
    let directory = tempfile::tempdir().ok()?;
    fs::write(directory.path().join("a.c"), SOURCE).ok()?;
    let mut gcc = Command::new("gcc");
    gcc.current_dir(&directory).args(["-O2", "-o", "a", "a.c"]);
    let built = gcc.args(options).status().ok()?.success();
    built.then(|| fs::read(directory.path().join("a")).ok())?
}

fn seeds() -> Vec<Vec<u8>> {
    let linked = ["-nostdlib", "-static", "-Ddeclared=kept"];
    let module = ["-c"];
    let mut seeds = Vec::new();
    for format in ["-gdwarf-5", "-gdwarf-4", "-gz=zlib"] {
        for how in [&linked[..], &module] {
            seeds.extend(compiled(&[how, &["-g", format]].concat()));
        }
    }
    for seed in &seeds {
        let names = dwarf::inlined(seed.as_slice()).expect("the compiler makes no mistakes");
        assert!(names.len() == 1 && names.contains("inlined"), "{names:?}");
    }
    seeds
}

fuzz_target!(init: kimport_fuzz::seeds(seeds), |bytes: &[u8]| {
    match dwarf::inlined(bytes) {
        Ok(names) => assert!(names.len() <= bytes.len()),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
