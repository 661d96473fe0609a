// SPDX-License-Identifier: GPL-2.0

//! Whether imports are declared as the kernel has them, by the comparison that the kernel-side crate
//! makes.

use crate::{
    import_table::{Import, Policy},
    kernel::{Kernel, Module},
};
use kimport_types::{compare, find, Btf, Description, Finding, Report, Wanted};
use schemars::JsonSchema;
use serde::Serialize;
use std::{collections::BTreeMap, fmt};

/// What came of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The types are the same.
    Same,
    /// They differ, and the kernel-side crate would warn of it.
    Warn(String),
    /// They differ, and it would refuse the import.
    Refuse(String),
    /// They cannot be compared.
    Unverified(Reason),
}

/// Why a type cannot be compared with the kernel's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, JsonSchema, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// BTF does not have the symbol: there is none of its provider, or it is in assembly or in Rust.
    NoBtf,
    /// BTF has several of the name.
    Ambiguous,
    /// What BTF has of it, or the description in the module, cannot be read.
    Uncomparable,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoBtf => "no BTF",
            Self::Ambiguous => "several of that name in BTF",
            Self::Uncomparable => "its BTF is malformed",
        })
    }
}

/// Compares each of `imports` that declares a type to be checked.
pub fn verify<'a>(imports: &[&'a Import], kernel: &Kernel) -> Vec<(&'a Import, Verdict)> {
    let mut by_provider = BTreeMap::<Option<&str>, Vec<&'a Import>>::new();
    for &import in imports {
        let is_checked = !import.unverified && import.verify != Policy::Off;
        if is_checked && !import.description.is_empty() {
            let provider = import.provider.as_deref();
            by_provider.entry(provider).or_default().push(import);
        }
    }
    let mut verdicts = Vec::new();
    if by_provider.is_empty() {
        return verdicts;
    }
    let mut index = Vec::new();
    let image = kernel.btf().and_then(|bytes| read(bytes, None, &mut index));
    for (provider, imports) in by_provider {
        let compared = match provider {
            None => image.map(|image| compare_all(&imports, &image)),
            Some(provider) => {
                let module = kernel.module(provider).ok().flatten();
                module.and_then(|module| compare_module(&imports, &module, image.as_ref()))
            }
        };
        match compared {
            Some(compared) => verdicts.extend(compared),
            None => {
                let unverified = Verdict::Unverified(Reason::NoBtf);
                verdicts.extend(
                    imports
                        .into_iter()
                        .map(|import| (import, unverified.clone())),
                );
            }
        }
    }
    verdicts
}

/// Compares imports with the types of a module; `None` if it has none that can be read.
fn compare_module<'a>(
    imports: &[&'a Import],
    module: &Module,
    image: Option<&Btf<'_>>,
) -> Option<Vec<(&'a Import, Verdict)>> {
    let types = module.types.as_ref()?;
    let (mut index, mut base_index) = (Vec::new(), Vec::new());
    let own_base = match &types.base {
        Some(base) => Some(read(base, None, &mut base_index)?),
        None => None,
    };
    let base = own_base.as_ref().or(image)?;
    Some(compare_all(
        imports,
        &read(&types.btf, Some(base), &mut index)?,
    ))
}

/// Reads type information; none if it is damaged.
fn read<'a>(
    bytes: &'a [u8],
    base: Option<&'a Btf<'a>>,
    index: &'a mut Vec<u32>,
) -> Option<Btf<'a>> {
    index.resize(Btf::count(bytes).ok()?, 0);
    Btf::new(bytes, base, index).ok()
}

fn compare_all<'a>(imports: &[&'a Import], types: &Btf<'_>) -> Vec<(&'a Import, Verdict)> {
    let names = imports.iter().map(|import| import.name.as_bytes());
    let mut wanted: Vec<Wanted<'_>> = names.map(Wanted::new).collect();
    find(types, types.first_id(), &mut wanted);
    imports
        .iter()
        .zip(&wanted)
        .map(|(&import, wanted)| (import, compare_one(import, types, wanted.finding())))
        .collect()
}

fn compare_one(import: &Import, types: &Btf<'_>, finding: Finding) -> Verdict {
    let Finding::Id(id) = finding else {
        return Verdict::Unverified(match finding {
            Finding::Ambiguous => Reason::Ambiguous,
            _ => Reason::NoBtf,
        });
    };
    let Ok(declared) = Description::new(&import.description) else {
        return Verdict::Unverified(Reason::Uncomparable);
    };
    let Ok(comparison) = compare(&declared, types, id) else {
        return Verdict::Unverified(Reason::Uncomparable);
    };
    let Some(mismatch) = comparison.worst() else {
        return Verdict::Same;
    };
    let report = Report {
        name: &import.name,
        declared: &declared,
        source: types,
        id,
        mismatch,
    };
    match comparison.refuse {
        Some(_) if import.verify != Policy::Warn => Verdict::Refuse(report.to_string()),
        _ => Verdict::Warn(report.to_string()),
    }
}
