// SPDX-License-Identifier: GPL-2.0

//! Writes the declarations that tests/modules/typed imports: `typed_module DIRECTORY`.
//!
//! It chooses functions of the stock kernel at random, as many exported ones as others. One block
//! of `prototypes.rs` declares them correctly, and the other one with one mistake each.
//! `wrong.expected` has the lines that the kernel has to log for the latter; this program checks
//! that the rule of the mutation finds each mistake. `bench.rs` is for tests/modules/bench: blocks
//! of some and of all of the correct declarations. `KIMPORT_SEED` repeats a run.

use kimport_cli::kernel::symbols::SymbolTable;
use kimport_cli::kernel::{image, kallsyms};
use kimport_testing::prototypes::{
    callable, choose, mistake, mutations, rng, seed, Bindgen, Function, Mutation, Prototype, Ty,
};
use kimport_testing::{bindgen_structs, exports_to_all, index, stock_btf, stock_release};
use kimport_types::{Btf, BtfKind, MismatchPlace, Rule, Severity, TypeSource, IMPLEMENTATION};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;

/// The number of exported functions, and of others.
const EACH: usize = 64;

/// The number of the others that tests/modules/bench imports in one block.
const FEW: usize = 45;
/// The number of these that are missing in another block.
const MISSING: usize = 20;

/// The structs and unions that declarations name, each with its size.
///
/// Each is in a module that is named after the size, as a mutation may need a second one of the
/// same name.
#[derive(Default)]
struct Structs {
    own: BTreeMap<usize, BTreeSet<String>>,
    /// The structs and unions in `kernel::bindings` whose members bindgen knows, with their sizes.
    bindings: BTreeMap<String, usize>,
    /// Set if the last entry named a type of `own`.
    named_own: bool,
}

impl Structs {
    fn path(&mut self, name: &str, size: usize) -> String {
        if self.bindings.get(name) == Some(&size) {
            return format!("kernel::bindings::{name}");
        }
        self.named_own = true;
        self.own.entry(size).or_default().insert(name.into());
        format!("bytes_{size}::r#{name}")
    }

    fn rust(&self) -> String {
        let mut rust = String::new();
        for (size, names) in &self.own {
            rust += &format!("mod bytes_{size} {{\n");
            for name in names {
                rust += &format!("    #[repr(C)]\n    pub(crate) struct r#{name}([u8; {size}]);\n");
            }
            rust += "}\n\n";
        }
        rust
    }

    /// Returns `ty` in Rust.
    fn ty(&mut self, ty: &Ty) -> String {
        match ty {
            Ty::Void => "c_void".into(),
            Ty::Bool => "bool".into(),
            Ty::Integer(width, signed, _) => {
                format!("{}{}", if *signed { 'i' } else { 'u' }, width * 8)
            }
            Ty::Float(width) => format!("f{}", width * 8),
            Ty::Named(name, size) => self.path(name, *size),
            // bindgen gives them such names.
            Ty::Anonymous(size) => self.path("outer__bindgen_ty_1", *size),
            Ty::Pointer(to_const, to) => {
                let qualifier = if *to_const { "const" } else { "mut" };
                format!("*{qualifier} {}", self.ty(to))
            }
            Ty::FunctionPointer => "Option<unsafe extern \"C\" fn()>".into(),
            Ty::Array(length, element) => format!("[{}; {length}]", self.ty(element)),
        }
    }

    /// Returns an entry of `import_symbols!`.
    fn entry(&mut self, name: &str, prototype: &Prototype) -> String {
        self.named_own = false;
        let arguments: Vec<_> = prototype.arguments.iter().map(|ty| self.ty(ty)).collect();
        let returned = match &prototype.returned {
            Ty::Void => String::new(),
            ty => format!(" -> {}", self.ty(ty)),
        };
        format!("r#{name}: fn({}){returned},\n", arguments.join(", "))
    }
}

/// Returns the symbols of the stock kernel's image.
fn stock_symbols() -> SymbolTable {
    let vmlinuz = std::fs::read(stock_release().join("vmlinuz")).expect("vmlinuz is there");
    let (kernel, _) = image::unpack(vmlinuz).expect("vmlinuz can be unpacked");
    SymbolTable::of_image(kallsyms::find(&kernel).expect("it has kallsyms"))
}

/// Returns the structs and unions of `btf` that `kernel::bindings` has with their members.
fn in_bindings(btf: &Btf<'_>) -> BTreeMap<String, usize> {
    let known = bindgen_structs();
    let types = (1..).map_while(|id| btf.type_by_id(id));
    types
        .filter_map(|ty| match ty.kind() {
            BtfKind::Struct { size } | BtfKind::Union { size } => {
                let name = std::str::from_utf8(btf.name(ty.name_offset())?).ok()?;
                known
                    .contains(name)
                    .then(|| (name.to_owned(), size as usize))
            }
            _ => None,
        })
        .collect()
}

/// Returns a block of `entries`, and a static for which one call site of each function is compiled.
fn block(name: &str, entries: &[(&str, String)]) -> String {
    let mut block = format!("import_symbols! {{\nmod {name} {{\n");
    for (_, entry) in entries {
        block += entry;
    }
    let (used, count) = (name.to_uppercase() + "_USED", entries.len());
    block += &format!("}}\n}}\n\n#[used]\nstatic {used}: Used<{count}> = Used([\n");
    for (function, _) in entries {
        block += &format!("    {name}::r#{function} as *const (),\n");
    }
    block + "]);\n\n"
}

/// Returns declarations of exported functions, and a static that refers to them.
fn exported_block(names: &[&str]) -> String {
    let count = names.len();
    let (mut declared, mut used) = (String::new(), String::new());
    for name in names {
        declared += &format!("    fn r#{name}();\n");
        used += &format!("    r#{name},\n");
    }
    format!("extern \"C\" {{\n{declared}}}\n\n#[used]\nstatic USED: Used<{count}> = Used([\n{used}]);\n")
}

/// Returns the entries as optional ones, of which [`MISSING`] are for symbols that do not exist.
fn with_missing<'a>(entries: &[(&'a str, String)]) -> Vec<(&'a str, String)> {
    let numbered = entries.iter().enumerate();
    let optional = numbered.map(|(number, (name, entry))| {
        let missing = format!("#[name = \"kimport_bench_missing_{number}\"]\n");
        let renamed = if number < MISSING { &missing } else { "" };
        (*name, format!("#[optional]\n{renamed}{entry}"))
    });
    optional.collect()
}

fn main() {
    let directory = std::env::args_os().nth(1);
    let directory = PathBuf::from(directory.expect("usage: typed_module DIRECTORY"));
    let seed = seed();
    let mut rng = rng(seed);

    let bytes = stock_btf();
    let bindgen = Bindgen(btf_rs::Btf::from_bytes(&bytes).expect("btf-rs reads it"));
    let mut index = index(&bytes);
    let btf = Btf::new(&bytes, None, &mut index).expect("the BTF is valid");

    let symbols = stock_symbols();
    let functions = bindgen.functions(1);
    let mut by_name = HashMap::new();
    for function @ (_, name, _) in &functions {
        by_name.insert(name.as_str(), function);
    }
    // The prototype of a kfunc lacks the implicit arguments. No symbol has the name of the function
    // with the whole prototype.
    let implementation = |name: &str| {
        let name = format!("{name}{IMPLEMENTATION}");
        let function = by_name.get(name.as_str()).copied();
        function.filter(|_| symbols.named(&name).is_empty())
    };
    let (kfuncs, functions): (Vec<Function>, Vec<Function>) =
        callable(&bindgen, functions.clone(), &symbols)
            .into_iter()
            .partition(|(_, name, _)| implementation(name).is_some());
    println!(
        "{} functions to choose from, {} kfuncs with implicit arguments",
        functions.len(),
        kfuncs.len()
    );

    let chosen = choose(&mut rng, &functions, EACH);
    let chosen = chosen.into_iter().map(|(id, name, function)| {
        let prototype = bindgen.prototype(function);
        let mut mutations = mutations(&prototype);
        mutations.retain(|mutation| mutation.rule != Rule::Variadic);
        (*id, name.as_str(), prototype, mutations)
    });
    let kfuncs = kfuncs.iter().map(|(_, name, function)| {
        let (id, _, implementation) = implementation(name).expect("it has one");
        let mutation = Mutation {
            rule: Rule::ArgumentCount,
            place: MismatchPlace::Arguments,
            declared: bindgen.prototype(function),
        };
        let prototype = bindgen.prototype(implementation);
        (*id, name.as_str(), prototype, vec![mutation])
    });

    let mut structs = Structs {
        bindings: in_bindings(&btf),
        ..Structs::default()
    };
    let mut entries = Vec::new();
    let [mut right, mut opaque, mut wrong, mut expected] = [const { String::new() }; 4];
    let mut tried = BTreeMap::new();
    for (id, name, prototype, mutations) in chosen.chain(kfuncs) {
        let entry = structs.entry(name, &prototype);
        // With `require`, the members of all structs must be known.
        match structs.named_own {
            true => opaque += &entry,
            false => right += &entry,
        }
        entries.push((name, entry));

        let (mutation, report) = mistake(&mut rng, mutations, name, &btf, id);
        wrong += &structs.entry(name, &mutation.declared);
        *tried.entry(mutation.rule).or_insert(0) += 1;
        let begin = match mutation.rule.severity() {
            Severity::Refuse => "cannot import ",
            Severity::Warn => "",
        };
        expected += &format!("{begin}{name} from the kernel image: {report}\n");
    }
    println!("{tried:?}");

    let rust = format!(
        "const SEED: u64 = {seed};\n\n{}import_symbols! {{\n#[verify(require)]\nmod right {{\n{right}}}\nmod opaque {{\n{opaque}}}\nmod wrong {{\n{wrong}}}\n}}\n",
        structs.rust()
    );
    std::fs::write(directory.join("prototypes.rs"), rust).expect("prototypes.rs is written");
    let mut bench = structs.rust();
    let few = &entries[EACH..EACH + FEW];
    bench += &block("few", few);
    bench += &block("optional", &with_missing(few));
    bench += &block("many", &entries[..2 * EACH]);
    std::fs::write(directory.join("bench.rs"), bench).expect("bench.rs is written");
    for (name, count) in [("three", 3), ("many", FEW)] {
        let rust = structs.rust() + &block("few", &few[..count]);
        let names = few[..count]
            .iter()
            .map(|(name, _)| format!("NAME({name})\n"));
        for (end, text) in [("rs", rust), ("h", names.collect())] {
            let path = directory.join(name).with_extension(end);
            std::fs::write(path, text).expect("the modules of tests/modules/cost are written");
        }
    }
    let to_all = exports_to_all();
    let exported = entries[..EACH].iter().map(|(name, _)| *name);
    let exported: Vec<_> = exported
        .filter(|name| to_all.contains(*name))
        .take(FEW)
        .collect();
    assert_eq!(
        exported.len(),
        FEW,
        "too few of the chosen ones are exported to all modules"
    );
    let exported = exported_block(&exported);
    std::fs::write(directory.join("exported.rs"), exported).expect("exported.rs is written");
    std::fs::write(directory.join("wrong.expected"), expected).expect("the rest is written");
}
