// SPDX-License-Identifier: GPL-2.0

//! The layouts that the macro and the compiler find in the output of bindgen: a module declares
//! functions of the stock kernel that lead to hundreds of its structs, unions and enums. All are
//! equal to those in the kernel's BTF, and a change of one is found by its rule.

mod common;

use common::*;
use kimport_cli::layout_tables::{LayoutTables, NAMES, SECTION};
use kimport_testing::layouts::{changes, Editable, Others};
use kimport_testing::prototypes::{rng, seed, Bindgen, Prototype, Ty};
use kimport_testing::{bindgen_structs, exports, stock_btf};
use kimport_types::{
    name_hash, BtfKind, Keyword, LayoutCheck, LayoutRule, LayoutSlot, LayoutTable, TableMismatch,
    TableReport, TypeSource,
};
use proptest::prelude::Rng;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::{fmt::Write, fs, path::Path};
use tempfile::TempDir;

/// The number of blocks, and of functions of each that lead to structs of which no other one does.
const BLOCKS: usize = 24;
const EACH: usize = 12;

/// The number of different types that the module knows at least.
const KNOWN: usize = 200;

/// A function to import: the id of its type, its name, and its type in Rust.
type Function = (u32, String, String);

/// Returns `ty` in Rust, if it can be passed. Adds the structs that pointers lead to.
fn rust(ty: &Ty, structs: &HashSet<String>, named: &mut BTreeSet<String>) -> Option<String> {
    Some(match ty {
        Ty::Bool => "bool".to_owned(),
        Ty::Integer(width, signed, _) => {
            format!("{}{}", if *signed { 'i' } else { 'u' }, width * 8)
        }
        Ty::FunctionPointer => "Option<unsafe extern \"C\" fn()>".to_owned(),
        Ty::Pointer(to_const, to) => {
            let qualifier = if *to_const { "const" } else { "mut" };
            let to = match &**to {
                Ty::Void => "kernel::ffi::c_void".to_owned(),
                Ty::Named(name, _) => {
                    let name = structs.get(name)?;
                    named.insert(name.clone());
                    format!("kernel::bindings::r#{name}")
                }
                to => rust(to, structs, named)?,
            };
            format!("*{qualifier} {to}")
        }
        _ => return None,
    })
}

/// Returns the type of a function in Rust, and the structs that it names.
fn declaration(
    prototype: &Prototype,
    structs: &HashSet<String>,
) -> Option<(String, BTreeSet<String>)> {
    let mut named = BTreeSet::new();
    let mut ty = |ty| rust(ty, structs, &mut named);
    let arguments: Option<Vec<_>> = prototype.arguments.iter().map(&mut ty).collect();
    let returned = match &prototype.returned {
        Ty::Void => String::new(),
        returned => format!(" -> {}", ty(returned)?),
    };
    let text = format!("fn({}){returned}", arguments?.join(", "));
    (!prototype.variadic).then_some((text, named))
}

/// Returns functions that each lead to a struct to which none before does.
fn functions(bytes: &[u8]) -> Vec<Function> {
    let (structs, exports) = (bindgen_structs(), exports());
    let bindgen = Bindgen::new(bytes);
    let all = bindgen.functions(1);
    let mut times = HashMap::new();
    for (_, name, _) in &all {
        *times.entry(name).or_insert(0) += 1;
    }
    let mut seen = BTreeSet::new();
    let mut functions = Vec::new();
    for (id, name, function) in &all {
        if times[name] == 1 && exports.contains(name) {
            let declaration = declaration(&bindgen.prototype(function), &structs);
            if let Some((text, named)) = declaration.filter(|(_, named)| !named.is_subset(&seen)) {
                seen.extend(named);
                functions.push((*id, name.clone(), text));
            }
        }
    }
    functions
}

/// Builds a module of these blocks. Returns its path.
fn build(directory: &TempDir, blocks: &[&[Function]]) -> String {
    let mut source = "// SPDX-License-Identifier: GPL-2.0\n\
        //! Declares functions.\n\
        use kernel::prelude::*;\n\
        module! {\n    type: Declares,\n    name: \"declares\",\n    authors: [\"kimport\"],\n    \
        description: \"Declares\",\n    license: \"GPL\",\n}\n\
        struct Declares;\n\
        impl kernel::Module for Declares {\n    \
        fn init(_: &'static ThisModule) -> Result<Self> {\n        Ok(Self)\n    }\n}\n\
        kimport::import_symbols! {\n"
        .to_owned();
    for (number, functions) in blocks.iter().enumerate() {
        writeln!(source, "#[verify(require)]\npub mod block_{number} {{").unwrap();
        for (_, name, declaration) in *functions {
            writeln!(source, "    r#{name}: {declaration},").unwrap();
        }
        source += "}\n";
    }
    source += "}\n";
    write(directory, "declares.rs", source);
    let hook = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/Makefile.kimport");
    let hook = fs::canonicalize(hook).unwrap();
    let kbuild = format!("obj-m := declares.o\ninclude {}\n", hook.display());
    write(directory, "Kbuild", kbuild);
    let (success, log) = kernel_build(directory, &[]);
    assert!(success, "{log}");
    path(directory, "declares.ko")
}

/// Returns the differences between `table` and the types that `functions` lead to.
fn differences(
    table: LayoutTable<'_>,
    functions: &[Function],
    source: &impl TypeSource,
) -> Vec<TableMismatch> {
    let mut check = LayoutCheck::new(table, vec![LayoutSlot::default(); table.count()]);
    let mut found = Vec::new();
    for (id, _, _) in functions {
        check.symbol(source, *id, |mismatch, is_new| {
            if is_new {
                found.push(mismatch);
            }
        });
    }
    found
}

#[stock_test]
fn structs_of_the_stock_kernel() {
    let bytes = stock_btf();
    let functions = functions(&bytes);
    assert!(
        functions.len() >= BLOCKS * EACH,
        "only {} functions",
        functions.len()
    );
    // Some of them all, not only the first.
    let step = functions.len() / (BLOCKS * EACH);
    let functions: Vec<_> = functions
        .into_iter()
        .step_by(step)
        .take(BLOCKS * EACH)
        .collect();
    let blocks: Vec<&[Function]> = functions.chunks(EACH).collect();

    let directory = TempDir::new().unwrap();
    let path = build(&directory, &blocks);
    let module = Module::open(&path);
    let tables = LayoutTables::decode(&module.section(SECTION).data, &module.section(NAMES).data);
    let tables = tables.unwrap();
    let tables: Vec<_> = tables.iter().collect();
    assert_eq!(tables.len(), BLOCKS);

    let mut edited = Editable::new(bytes);
    let mut by_hash = HashMap::<u32, Vec<(u32, String)>>::new();
    let others = {
        let btf = edited.btf();
        for (id, ty) in (1..).map_while(|id| Some((id, btf.type_by_id(id)?))) {
            let name = btf.name(ty.name_offset()).unwrap();
            let has_layout = matches!(
                ty.kind(),
                BtfKind::Struct { .. } | BtfKind::Union { .. } | BtfKind::Enum { .. }
            );
            if has_layout && !name.is_empty() {
                let name = String::from_utf8(name.to_vec()).unwrap();
                by_hash
                    .entry(name_hash(name.as_bytes()))
                    .or_default()
                    .push((id, name));
            }
        }
        // The stock kernel itself is the same.
        let mut said = String::new();
        for (table, functions) in tables.iter().zip(&blocks) {
            for mismatch in differences(*table, functions, &btf) {
                let report = TableReport {
                    mismatch,
                    source: &btf,
                    labels: ["the module", "the kernel"],
                    name: None,
                };
                writeln!(said, "{}: {report}", table.block).unwrap();
            }
        }
        assert_eq!(said, "");
        Others::of(&btf)
    };
    let (out, _) = fine(format!("check {path} --kernel {}", stock_kernel()));
    has(&out, " types as declared\n");
    assert!(!out.contains("struct "), "{out}");

    let mut rng = rng(seed());
    let mut known = BTreeMap::new();
    let mut tried = BTreeMap::<&str, usize>::new();
    for (table, functions) in tables.iter().zip(&blocks) {
        for ty in table.types().filter_map(|(_, ty)| ty) {
            let Some([(id, name)]) = by_hash.get(&ty.name).map(Vec::as_slice) else {
                // It has no name of its own, or several have it.
                continue;
            };
            if known.insert(name.clone(), ty.keyword as u8).is_some() {
                continue;
            }
            let mut changes = changes(&edited.btf(), *id, &others);
            // The type to which a pointer leads counts if the table has it.
            let leads_on = ty.members().last().is_some_and(|member| {
                let number = member.leads_to.map(usize::from);
                number.is_some_and(|number| table.types().nth(number).unwrap().1.is_some())
            });
            changes.retain(|(kind, _)| *kind != "redirect" || leads_on);
            // The rarest kind so far, so that all are tried.
            let fewest = changes
                .iter()
                .map(|(kind, _)| tried.get(kind).copied().unwrap_or(0))
                .min();
            changes.retain(|(kind, _)| tried.get(kind).copied().unwrap_or(0) == fewest.unwrap());
            if changes.is_empty() {
                continue;
            }
            let (kind, (rule, words)) = changes.swap_remove(rng.random_range(0..changes.len()));
            *tried.entry(kind).or_default() += 1;
            let before = edited.change(*id, &words);
            let found = differences(*table, functions, &edited.btf());
            // A struct with another size has it in each one that it is inside of, which is compared
            // first.
            let is_meant = |found: &TableMismatch| {
                (found.theirs, found.rule) == (*id, rule)
                    || (kind, found.rule) == ("resize", LayoutRule::MemberSize)
            };
            assert!(
                !found.is_empty() && found.iter().all(is_meant),
                "{}: {name}: {kind}: {found:?}",
                table.block
            );
            edited.change(*id, &before);
        }
    }
    let count = |keyword| {
        known
            .values()
            .filter(|&&known| known == keyword as u8)
            .count()
    };
    println!(
        "{} structs, {} unions, {} enums; {tried:?}",
        count(Keyword::Struct),
        count(Keyword::Union),
        count(Keyword::Enum)
    );
    assert!(known.len() >= KNOWN, "only {} types are known", known.len());
    assert_eq!(tried.len(), 10, "{tried:?}");
}
