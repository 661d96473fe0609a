// SPDX-License-Identifier: GPL-2.0

//! Whether imports are declared as the kernel has them, by the comparison that the kernel-side crate
//! makes.

use crate::{
    import_table::{Import, Policy},
    kernel::{btf::fits, Kernel, Module},
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
    /// There is BTF of its provider, or of the kernel that it continues, that cannot be read: cut
    /// off, or damaged.
    Unreadable,
    /// The BTF of its provider continues that of another build of the kernel.
    OtherBase,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoBtf => "no BTF",
            Self::Ambiguous => "several of that name in BTF",
            Self::Uncomparable => "its BTF is malformed",
            Self::Unreadable => "the BTF is cut off or damaged",
            Self::OtherBase => "the module's BTF does not fit the kernel's, it is of another build",
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
    let image = match kernel.btf() {
        Some(bytes) => read(bytes, None, &mut index),
        None => Err(Reason::NoBtf),
    };
    for (provider, imports) in by_provider {
        let compared = match provider {
            None => image.map(|image| compare_all(&imports, &image)),
            Some(provider) => match kernel.module(provider) {
                Ok(Some(module)) => compare_module(&imports, &module, image.as_ref()),
                _ => Err(Reason::NoBtf),
            },
        };
        match compared {
            Ok(compared) => verdicts.extend(compared),
            Err(reason) => {
                let unverified = imports.into_iter();
                verdicts.extend(unverified.map(|import| (import, Verdict::Unverified(reason))));
            }
        }
    }
    verdicts
}

/// Compares imports with the types of a module, if it has some that can be read.
fn compare_module<'a>(
    imports: &[&'a Import],
    module: &Module,
    image: Result<&Btf<'_>, &Reason>,
) -> Result<Vec<(&'a Import, Verdict)>, Reason> {
    let types = module.types.as_ref().ok_or(Reason::NoBtf)?;
    let (mut index, mut base_index) = (Vec::new(), Vec::new());
    let own_base;
    let base = match &types.base {
        Some(base) => {
            own_base = read(base, None, &mut base_index)?;
            &own_base
        }
        None => image.map_err(|reason| *reason)?,
    };
    let types = read(&types.btf, Some(base), &mut index)?;
    if !fits(&types) {
        return Err(Reason::OtherBase);
    }
    Ok(compare_all(imports, &types))
}

/// Reads type information.
fn read<'a>(
    bytes: &'a [u8],
    base: Option<&'a Btf<'a>>,
    index: &'a mut Vec<u32>,
) -> Result<Btf<'a>, Reason> {
    let count = Btf::count(bytes).map_err(|_| Reason::Unreadable)?;
    index.resize(count, 0);
    Btf::new(bytes, base, index).map_err(|_| Reason::Unreadable)
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
