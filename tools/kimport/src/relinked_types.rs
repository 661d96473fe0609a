// SPDX-License-Identifier: GPL-2.0

//! The comparison of the types that a module was built with, and those of the providers that it is
//! given: for modules whose source does not declare its imports with kimport's macro.
//!
//! The BTF of a module does not have the functions that the module only calls. But it has the
//! structs, unions and enums that it uses, and the module that exported a function until now has
//! its prototype. So a symbol is compared in two ways: the prototype in its new provider with that
//! in its exporter, and the layouts that the new prototype reaches with those of the module's own
//! BTF.

use crate::{
    kernel::{
        btf::{fits, Types},
        image::section,
        Kernel, ModuleTypes,
    },
    layouts::Layouts,
    module_file::ModuleFile,
    symvers::VMLINUX,
};
use kimport_types::{pair_of, Btf, BtfKind, LayoutTableBuilder, Pair, TypeSource};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A function that a module takes from a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TakenFunction<'a> {
    /// The module that it comes from now, or `vmlinux`.
    pub provider: &'a str,
    /// Its name.
    pub name: &'a str,
    /// The module that exports it, or `vmlinux`, if one does.
    pub exported_by: Option<&'a str>,
}

/// A symbol whose type is not the one that the module was built with.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct TypeMismatch {
    /// The symbol.
    pub symbol: String,
    /// The module that it comes from, or `vmlinux`.
    pub provider: String,
    /// The first difference.
    pub difference: String,
    /// The number of other symbols of the provider with the same difference.
    pub others: usize,
}

impl TypeMismatch {
    /// Returns the difference, and the number of other symbols that have it.
    pub fn difference_with_others(&self) -> String {
        let difference = &self.difference;
        match self.others {
            0 => difference.clone(),
            1 => format!("{difference} (1 other symbol, too)"),
            others => format!("{difference} ({others} other symbols, too)"),
        }
    }

    /// Returns the line that says so.
    pub fn line(&self) -> String {
        let (symbol, provider) = (&self.symbol, &self.provider);
        format!(
            "{symbol} from {provider}: {}",
            self.difference_with_others()
        )
    }
}

/// Returns the functions whose types differ from those that the module in `file` was built with, as
/// far as the types of both are known. Each difference is told once, with the first function that
/// reaches it.
pub fn mismatches(
    file: &ModuleFile,
    taken: &[TakenFunction<'_>],
    kernel: &Kernel,
) -> Vec<TypeMismatch> {
    let own = own_types(file);
    let mut by_provider = BTreeMap::<&str, BTreeSet<TakenFunction<'_>>>::new();
    for function in taken {
        by_provider
            .entry(function.provider)
            .or_default()
            .insert(*function);
    }
    let mut mismatches: Vec<TypeMismatch> = Vec::new();
    for (provider, functions) in by_provider {
        let mut differs = |symbol: &str, difference: String| {
            let mut known = mismatches.iter_mut();
            let is_same = |known: &&mut TypeMismatch| {
                known.provider == provider && known.difference == difference
            };
            match known.find(is_same) {
                Some(known) => known.others += 1,
                None => mismatches.push(TypeMismatch {
                    symbol: symbol.to_owned(),
                    provider: provider.to_owned(),
                    difference,
                    others: 0,
                }),
            }
        };
        kernel.with_types_of(provider, |theirs| {
            for function in &functions {
                if let Some(difference) = prototype_difference(function, theirs, kernel) {
                    differs(function.name, difference);
                }
            }
            let own = own.as_ref()?;
            kernel.with_types(Some(own), |ours| {
                compare_layouts(&functions, provider, ours, theirs, &mut differs)
            })
        });
    }
    mismatches
}

/// Returns the types that the module has of its own.
fn own_types(file: &ModuleFile) -> Option<ModuleTypes> {
    section(file.elf(), ".BTF").map(|btf| ModuleTypes {
        btf: btf.to_vec(),
        base: section(file.elf(), ".BTF.base").map(<[u8]>::to_vec),
    })
}

/// Returns for each provider the table of the layouts that the functions taken from it lead to, as
/// the module in `file` was built with them.
pub fn tables(
    file: &ModuleFile,
    taken: &[TakenFunction<'_>],
    kernel: &Kernel,
) -> BTreeMap<String, Vec<u8>> {
    let mut named = BTreeMap::<&str, BTreeSet<(u8, Vec<u8>)>>::new();
    for function in taken {
        // The module was built with the prototype that the exporter declares to all.
        let exporter = function.exported_by.unwrap_or(function.provider);
        kernel.with_types_of(exporter, |types| {
            let mut ids = types.functions(function.name);
            let (Some(id), None) = (ids.next(), ids.next()) else {
                return;
            };
            types.with_btf(|btf| {
                let ids = signature(btf, id).into_iter();
                let names = named.entry(function.provider).or_default();
                names.extend(ids.filter_map(|id| aggregate(btf, id)));
            });
        });
    }
    let mut tables = BTreeMap::new();
    let Some(own) = own_types(file) else {
        return tables;
    };
    kernel.with_types(Some(&own), |types| {
        types.with_btf(|btf| {
            if !fits(btf) {
                return;
            }
            let own = aggregates(btf);
            for (provider, names) in named {
                let ids: Vec<u32> = names
                    .iter()
                    .filter_map(|name| own.get(name).copied())
                    .collect();
                if !ids.is_empty() {
                    let name = if provider == VMLINUX { "" } else { provider };
                    let table = LayoutTableBuilder::of_symbols("", name, btf, ids);
                    tables.insert(provider.to_owned(), table.as_bytes().to_vec());
                }
            }
        })
    });
    tables
}

/// Compares the prototype that the exporter of a function has with that of its new provider.
fn prototype_difference(
    function: &TakenFunction<'_>,
    theirs: &Types<'_>,
    kernel: &Kernel,
) -> Option<String> {
    let name = function.name;
    let exporter = function
        .exported_by
        .filter(|exporter| *exporter != function.provider)?;
    let before = kernel.with_types_of(exporter, |types| types.prototypes(name))?;
    match (&before[..], &theirs.prototypes(name)[..]) {
        ([before], [now]) if before != now => Some(format!(
            "its prototype is '{now}', that in {exporter} is '{before}'"
        )),
        _ => None,
    }
}

/// Compares the layouts that functions reach in their provider with those of the module.
fn compare_layouts(
    functions: &BTreeSet<TakenFunction<'_>>,
    provider: &str,
    ours: &Types<'_>,
    theirs: &Types<'_>,
    differs: &mut impl FnMut(&str, String),
) -> Option<()> {
    ours.with_btf(|our_btf| {
        theirs.with_btf(|their_btf| {
            // BTF that does not continue that of this kernel says nothing.
            if !fits(our_btf) || !fits(their_btf) {
                return;
            }
            let named = aggregates(our_btf);
            let mut layouts = Layouts::new(our_btf, their_btf, ["the module", provider]);
            for function in functions {
                let mut ids = theirs.functions(function.name);
                let (Some(id), None) = (ids.next(), ids.next()) else {
                    continue;
                };
                let pairs = signature(their_btf, id).into_iter().filter_map(|their| {
                    let our = named.get(&aggregate(their_btf, their)?)?;
                    pair_of(our_btf, *our, their_btf, their)
                });
                let differences = layouts.differences(pairs.collect::<Vec<Pair>>());
                let refused = differences
                    .into_iter()
                    .filter(|difference| difference.refused);
                refused.for_each(|refused| differs(function.name, refused.difference));
            }
        })
    })?
}

/// Returns the types that the function `id` takes and returns, without pointers.
fn signature(btf: &Btf<'_>, id: u32) -> Vec<u32> {
    let prototype = match btf.type_by_id(id).map(|ty| ty.kind()) {
        Some(BtfKind::Function(prototype)) => btf.type_by_id(prototype),
        _ => None,
    };
    let types = match prototype.map(|ty| ty.kind()) {
        Some(BtfKind::Prototype {
            returned,
            parameters,
        }) => parameters.chain([returned]).collect(),
        _ => Vec::new(),
    };
    let behind_pointers = |id: u32| pair_of(btf, id, btf, id).map(|pair| pair.ours);
    types.into_iter().filter_map(behind_pointers).collect()
}

/// Returns the keyword and name of a struct, union or enum that has a name.
fn aggregate(btf: &Btf<'_>, id: u32) -> Option<(u8, Vec<u8>)> {
    let ty = btf.type_by_id(id)?;
    let keyword = match ty.kind() {
        BtfKind::Struct { .. } => 0,
        BtfKind::Union { .. } => 1,
        BtfKind::Enum { .. } => 2,
        _ => return None,
    };
    let name = btf.name(ty.name_offset()).filter(|name| !name.is_empty())?;
    Some((keyword, name.to_vec()))
}

/// Returns the structs, unions and enums of a module by name. One of the module's own BTF goes
/// before one of the image.
fn aggregates(btf: &Btf<'_>) -> HashMap<(u8, Vec<u8>), u32> {
    let ids = (1..).take_while(|&id| btf.type_by_id(id).is_some());
    ids.filter_map(|id| Some((aggregate(btf, id)?, id)))
        .collect()
}
