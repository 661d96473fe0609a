// SPDX-License-Identifier: GPL-2.0

//! Writes the declarations that tests/modules/declared imports: `declared_module DIRECTORY`.
//!
//! It chooses functions, structs and unions of the stock kernel and of its LIO core at random, and
//! has `kimport declare` declare them, in `declared.rs`. The same file has the sizes and offsets
//! that another reader of BTF, btf-rs, finds for the structs and unions, beside the compiler's.
//! `KIMPORT_SEED` repeats a run.

use btf_rs::Type;
use kimport_cli::declare::{
    bindings::{Bindings, BindingsFile},
    Declarations, Wanted,
};
use kimport_cli::error::Outcome;
use kimport_cli::kernel::{symbols::SymbolTable, Kernel, Spec};
use kimport_testing::prototypes::{callable, rng, sample, seed, Bindgen};
use kimport_testing::{kdir, stock_btf, stock_directory, stock_module_btf};
use proptest::test_runner::TestRng;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

const PROVIDER: &str = "target_core_mod";
/// The number of functions of the image and of the provider.
const FUNCTIONS: [usize; 2] = [240, 60];
/// The number of structs and unions of the image, and of those that the provider adds.
const AGGREGATES: [usize; 2] = [40, 10];

/// A struct or union: its size and the offsets of its members in bytes.
struct Aggregate {
    name: String,
    size: usize,
    offsets: Vec<(String, u32)>,
}

/// Returns the structs and unions of the types from `first` on that have a name of their own.
fn aggregates(bindgen: &Bindgen, first: u32) -> Vec<Aggregate> {
    let mut found = BTreeMap::<String, Vec<Aggregate>>::new();
    for ty in (first..).map_while(|id| bindgen.0.resolve_type_by_id(id).ok()) {
        let (Type::Struct(ty) | Type::Union(ty)) = ty else {
            continue;
        };
        let Ok(name) = bindgen.0.resolve_name(&ty) else {
            continue;
        };
        let members = ty
            .members
            .iter()
            .filter(|member| member.bitfield_size().is_none_or(|bits| bits == 0));
        let offsets = members.filter_map(|member| {
            let name = bindgen
                .0
                .resolve_name(member)
                .ok()
                .filter(|name| !name.is_empty())?;
            Some((name, member.bit_offset() / 8))
        });
        let aggregate = Aggregate {
            name: name.clone(),
            size: ty.size(),
            offsets: offsets.collect(),
        };
        found.entry(name).or_default().push(aggregate);
    }
    let named = found
        .into_iter()
        .filter(|(name, all)| !name.is_empty() && all.len() == 1);
    named.flat_map(|(_, all)| all).collect()
}

/// Returns the names of functions, chosen at random, as arguments of `kimport declare`. `declare`
/// declares a function. The few for which it has a problem are left out.
fn functions(
    rng: &mut TestRng,
    bindgen: &Bindgen,
    first: u32,
    symbols: &SymbolTable,
    count: usize,
    declare: impl Fn(&str) -> Declarations,
) -> String {
    let functions = callable(bindgen, bindgen.functions(first), symbols);
    println!("{} functions to choose from", functions.len());
    let all = sample(rng, functions.iter().collect(), functions.len());
    let mut all = all.iter().map(|(_, name, _)| name.as_str());
    let (mut chosen, mut left_out) = (Vec::new(), Vec::new());
    while chosen.len() < count {
        let name = all.next().expect("there are enough functions");
        let declared = declare(name);
        match declared.outcome() {
            Outcome::Fine => chosen.push(name),
            _ => left_out.push(declared.text()),
        }
    }
    println!("left out: {left_out:?}");
    assert!(left_out.len() * 10 <= count, "these are too many");
    chosen.join(",")
}

/// Chooses structs and unions at random. The few that cannot be defined are left out.
fn definable<'a>(
    rng: &mut TestRng,
    all: &'a [Aggregate],
    count: usize,
    can_be_defined: impl Fn(&Aggregate) -> bool,
) -> Vec<&'a Aggregate> {
    let (mut chosen, mut left_out) = (Vec::new(), Vec::new());
    for one in sample(rng, all.iter().collect(), all.len()) {
        match can_be_defined(one) {
            true => chosen.push(one),
            false => left_out.push(&one.name),
        }
        if chosen.len() == count {
            break;
        }
    }
    println!("left out: {left_out:?}");
    assert_eq!(chosen.len(), count, "there are not enough");
    assert!(left_out.len() * 10 <= count, "these are too many");
    chosen
}

fn main() {
    let directory = std::env::args_os().nth(1);
    let directory = PathBuf::from(directory.expect("usage: declared_module DIRECTORY"));
    let seed = seed();
    let mut rng = rng(seed);

    let spec: Spec = stock_directory()
        .display()
        .to_string()
        .parse()
        .expect("it is a kernel");
    let kernel = Kernel::read(&spec).expect("the stock kernel can be read");
    let module = kernel
        .module(PROVIDER)
        .expect("modules can be read")
        .expect("it is there");
    let image = Bindgen::new(&stock_btf());
    let own = stock_module_btf("drivers/target/target_core_mod.ko.xz");
    let own = btf_rs::Btf::from_split_bytes(&own, &image.0).expect("btf-rs reads it");
    let (first, _) = own.split().expect("it is split").type_id_range();
    let provider = Bindgen(own);

    let tree = BindingsFile::of_tree(&kdir());
    let bindings = Bindings::read(tree.as_slice()).expect("bindgen wrote it");
    let declare = |symbol: &str| {
        let wanted: Wanted = symbol.parse().expect("it names a symbol");
        Declarations::new(&[wanted], &[], false, &bindings, &[&kernel]).expect("it needs no types")
    };
    let own = |symbol: &str| declare(&format!("{PROVIDER}:{symbol}"));
    let [of_image, of_provider] = FUNCTIONS;
    let of_image = functions(&mut rng, &image, 1, &kernel.image, of_image, declare);
    let symbols = &module.symbols;
    let of_provider = functions(&mut rng, &provider, first, symbols, of_provider, own);
    let wanted = [of_image, format!("{PROVIDER}:{of_provider}")];
    let wanted = wanted.map(|text| text.parse::<Wanted>().expect("it names symbols"));
    let (of_image, added) = (aggregates(&image, 1), aggregates(&provider, first));
    let can_be_defined = |of: &str, one: &Aggregate| {
        let wanted: Wanted = format!("{of}:{}", one.name).parse().expect("it is a name");
        Declarations::new(&[], &[wanted], false, &bindings, &[&kernel]).is_ok()
    };
    let mut chosen = definable(&mut rng, &of_image, AGGREGATES[0], |one| {
        can_be_defined("vmlinux", one)
    });
    let names = |chosen: &[&Aggregate]| {
        let names: Vec<&str> = chosen.iter().map(|one| one.name.as_str()).collect();
        names.join(",")
    };
    let defined = names(&chosen);
    let added = definable(&mut rng, &added, AGGREGATES[1], |one| {
        can_be_defined(PROVIDER, one)
    });
    let defined = [defined, format!("{PROVIDER}:{}", names(&added))];
    let defined = defined.map(|text| text.parse::<Wanted>().expect("it names types"));
    chosen.extend(added);

    // The structs and unions of the functions are defined, too, but for those of bindgen.
    let declared = Declarations::new(&wanted, &defined, true, &bindings, &[&kernel]);
    let declared = declared.expect("the types are there");
    assert_eq!(declared.outcome(), Outcome::Fine, "{}", declared.text());

    let mut rust = declared.text();
    let _ = writeln!(
        rust,
        "\nconst SEED: u64 = {seed};\nconst IMPORTS: usize = {};",
        FUNCTIONS.iter().sum::<usize>()
    );
    rust += "/// The compiler's sizes and offsets, and those of BTF.\n";
    rust += "const LAYOUTS: &[(&str, usize, usize)] = &[\n";
    for Aggregate {
        name,
        size,
        offsets,
    } in chosen
    {
        let _ = writeln!(
            rust,
            "    (\"{name}\", size_of::<types::r#{name}>(), {size}),"
        );
        for (member, offset) in offsets {
            let _ = writeln!(
                rust,
                "    (\"{name}.{member}\", offset_of!(types::r#{name}, r#{member}), {offset}),"
            );
        }
    }
    rust += "];\n";
    std::fs::write(directory.join("declared.rs"), rust).expect("declared.rs is written");
}
