// SPDX-License-Identifier: GPL-2.0

//! The symbols that a name can mean, and the choice between several. In `tests/modules/relink`,
//! `relink_rust` makes the kernel itself choose in a module of the same kind.

mod common;

use common::*;
use kimport_cli::{
    import_table::ImportKind,
    kernel::{
        symbols::{KernelSymbol, Linkage},
        Kernel,
    },
    resolve::{resolve, Cause, Finder, SymbolQuery},
};
use kimport_types::name_cases::{Answer, CASES};
use tempfile::TempDir;

/// The parts of a module with four functions called `same`. The global one comes first in memory,
/// but last in the symbol table because it is global. One is freed when the module has loaded,
/// unless the module is a livepatch. There are two functions called `both` and one called `gone`
/// until then.
const PARTS: [&str; 4] = [
    "int same(void) { return 1; } int both(void) { return 1; }
     static const char license[] __attribute__((used, section(\".modinfo\"))) = \"license=GPL\";",
    "static __attribute__((used, section(\".init.text\"))) int same(void) { return 2; }
     static __attribute__((used, section(\".init.text\"))) int both(void) { return 2; }
     static __attribute__((used, section(\".init.text\"))) int gone(void) { return 2; }",
    "static __attribute__((used)) int same(void) { return 3; }",
    "static __attribute__((used)) int same(void) { return 4; }",
];
const LIVEPATCH: &str =
    "static const char mark[] __attribute__((used, section(\".modinfo\"))) = \"livepatch=Y\";";
/// The symbols of a kernel image, which lists its `__init` symbols for ever.
const IMAGE: [&str; 12] = [
    "ffffffff81000000 T _stext",
    "ffffffff81000010 t same",
    "ffffffff81000020 t both",
    "ffffffff81000028 t moved.llvm.7",
    "ffffffff81000030 T _etext",
    "ffffffff82000000 D __init_begin",
    "ffffffff82000010 t same",
    "ffffffff82000020 t both",
    "ffffffff82000030 t gone",
    "ffffffff82000034 t moved",
    "ffffffff82000038 t made.llvm.7",
    "ffffffff82000040 D __init_end",
];

/// Makes a kernel with these symbols in its image, and a module of each name with the parts.
fn kernel(directory: &TempDir, image: &str, modules: &[(&str, &[&str])]) -> Kernel {
    let mut spec = write(directory, "System.map", image);
    for (name, parts) in modules {
        let module = path(directory, &format!("{name}.ko"));
        let mut link = vec!["-r".to_owned(), "-o".to_owned(), module.clone()];
        for (number, source) in parts.iter().enumerate() {
            let input = write(directory, "part.c", source);
            let output = path(directory, &format!("part{number}.o"));
            tool("gcc", &["-O2", "-c", "-o", &output, &input]);
            link.push(output);
        }
        tool("ld", &link.iter().map(String::as_str).collect::<Vec<_>>());
        spec += &format!(",{module}");
    }
    Kernel::read(&spec.parse().unwrap()).unwrap()
}

/// Finds the symbol that `name` means; `provider` is `None` for the image.
fn find(
    kernel: &Kernel,
    provider: Option<&str>,
    finder: Finder,
    name: &str,
    position: Option<u32>,
) -> Result<KernelSymbol, Cause> {
    let wanted = SymbolQuery {
        name,
        provider,
        position,
        kind: Some(ImportKind::Function),
        finder,
    };
    resolve(kernel, &wanted)
}

#[test]
fn in_a_module_what_stays_is_counted_in_the_order_of_the_symbol_table() {
    let directory = TempDir::new().unwrap();
    let marked = [&PARTS[..], &[LIVEPATCH]].concat();
    let modules = [("provider", &PARTS[..]), ("livepatch", &marked)];
    let kernel = kernel(&directory, IMAGE[0], &modules);
    let (local, global) = (Linkage::Static, Linkage::Global);
    let linkage = |provider, finder, name, position| {
        find(&kernel, Some(provider), finder, name, position).map(|symbol| symbol.linkage)
    };
    // These combinations do not see symbols that were freed.
    for (provider, finder) in [
        ("provider", Finder::Crate),
        ("provider", Finder::Livepatch),
        ("livepatch", Finder::Crate),
    ] {
        let same = |position| linkage(provider, finder, "same", position);
        assert_eq!(same(Some(1)), Ok(local));
        assert_eq!(same(Some(2)), Ok(local));
        assert_eq!(same(Some(3)), Ok(global));
        for number in [0, 4] {
            assert_eq!(same(Some(number)), Err(Cause::Position { count: 3 }));
        }
        assert_eq!(same(None), Err(Cause::Ambiguous { count: 3 }));
        assert_eq!(linkage(provider, finder, "both", None), Ok(global));
        assert_eq!(linkage(provider, finder, "both", Some(1)), Ok(global));
        for position in [None, Some(1)] {
            let gone = linkage(provider, finder, "gone", position);
            assert_eq!(gone, Err(Cause::InInit));
        }
    }
    let all = |name, position| linkage("livepatch", Finder::Livepatch, name, position);
    assert_eq!(all("same", None), Err(Cause::Ambiguous { count: 4 }));
    assert_eq!(all("same", Some(1)), Err(Cause::InInit));
    assert_eq!(all("same", Some(4)), Ok(global));
    assert_eq!(all("both", None), Err(Cause::Ambiguous { count: 2 }));
    assert_eq!(all("gone", None), Err(Cause::InInit));
}

#[test]
fn in_the_image_positions_count_all() {
    let directory = TempDir::new().unwrap();
    let kernel = kernel(&directory, &IMAGE.join("\n"), &[]);
    let of_name = |name, finder, position| {
        find(&kernel, None, finder, name, position).map(|symbol| symbol.address)
    };
    let same = |finder, position| of_name("same", finder, position);
    for finder in [Finder::Crate, Finder::Livepatch] {
        assert_eq!(same(finder, Some(1)), Ok(0xffff_ffff_8100_0010));
        assert_eq!(same(finder, Some(2)), Err(Cause::InInit));
        assert_eq!(same(finder, Some(3)), Err(Cause::Position { count: 2 }));
        assert_eq!(of_name("gone", finder, None), Err(Cause::InInit));
    }
    // Nothing of the name is left, at whichever position.
    let gone = of_name("gone", Finder::Crate, Some(2));
    assert_eq!(gone, Err(Cause::InInit));
    // A rename that stays goes before an `__init` namesake. Livepatch compares whole names.
    let moved = |finder| of_name("moved", finder, None);
    assert_eq!(moved(Finder::Crate), Ok(0xffff_ffff_8100_0028));
    assert_eq!(moved(Finder::Livepatch), Err(Cause::InInit));
    assert_eq!(same(Finder::Crate, None), Ok(0xffff_ffff_8100_0010));
    // Nor is what the compiler renamed.
    let renamed = of_name("made", Finder::Crate, None);
    assert_eq!(renamed, Err(Cause::InInit));
    let ambiguous = Err(Cause::Ambiguous { count: 2 });
    assert_eq!(same(Finder::Livepatch, None), ambiguous);
}

/// The cases are those that the kernel-side crate is tested with as well.
#[test]
fn names_that_compilers_made_are_judged_as_the_crate_judges_them() {
    for case in CASES {
        let directory = TempDir::new().unwrap();
        let line = |(number, name)| format!("{:016x} t {name}\n", 0x1000 + 0x10 * number);
        let symbols = case.symbols.iter().enumerate().map(line);
        let image = "0000000000000800 T _stext\n".to_owned() + &symbols.collect::<String>();
        let kernel = kernel(&directory, &image, &[]);
        let answer = |finder| find(&kernel, None, finder, "f", None);
        let place = |found: KernelSymbol| (found.address as usize - 0x1000) / 0x10;
        let by_crate = match answer(Finder::Crate).map(place) {
            Ok(place) => Answer::Found(place),
            Err(Cause::SeveralRenames { names }) => Answer::SeveralRenames(names.len() as u32),
            Err(Cause::OnlyClone { .. }) => Answer::OnlyClone,
            Err(Cause::Missing) => Answer::Missing,
            Err(other) => panic!("{other}"),
        };
        assert_eq!(by_crate, case.answer, "{:?}", case.symbols);
        // Livepatch compares whole names.
        match (case.answer, answer(Finder::Livepatch).map(place)) {
            (Answer::Found(there), Ok(place)) => {
                assert_eq!((there, case.symbols[there]), (place, "f"));
            }
            (Answer::Found(there), Err(Cause::Renamed { name })) => {
                assert_eq!(case.symbols[there], name);
            }
            (_, found) => assert_eq!(found.map(|_| ()), answer(Finder::Crate).map(|_| ())),
        }
    }
}
