// SPDX-License-Identifier: GPL-2.0

//! Whether imports are declared as the kernel has them, by the comparison that the kernel-side crate
//! makes.

use crate::{import_table::Import, kernel::Kernel};
use kimport_types::{compare, find, Btf, Description, Finding, Report, Wanted};
use std::collections::BTreeMap;

/// What came of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The types are the same.
    Same,
    /// They differ, and the kernel-side crate would warn of it.
    Warn(String),
    /// They differ, and it would refuse the import.
    Refuse(String),
    /// There is nothing to compare with, or more than one thing.
    Unknown,
}

/// Compares each of `imports` that declares a type to be checked.
pub fn verify<'a>(imports: &[&'a Import], kernel: &Kernel) -> Vec<(&'a Import, Verdict)> {
    let mut by_provider = BTreeMap::<Option<&str>, Vec<&'a Import>>::new();
    for &import in imports {
        if !import.unverified && !import.description.is_empty() {
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
        let module = provider.map(|provider| kernel.module(provider).ok().flatten());
        let mut index = Vec::new();
        let types = match (&image, &module) {
            (Some(image), None) => Some(*image),
            (Some(image), Some(Some(module))) => {
                let bytes = module.btf();
                bytes.and_then(|bytes| read(bytes, Some(image), &mut index))
            }
            _ => None,
        };
        match types {
            Some(types) => verdicts.extend(compare_all(&imports, &types)),
            None => verdicts.extend(imports.into_iter().map(|import| (import, Verdict::Unknown))),
        }
    }
    verdicts
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
        return Verdict::Unknown;
    };
    let Ok(declared) = Description::new(&import.description) else {
        return Verdict::Unknown;
    };
    let Ok(comparison) = compare(&declared, types, id) else {
        return Verdict::Unknown;
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
        Some(_) => Verdict::Refuse(report.to_string()),
        None => Verdict::Warn(report.to_string()),
    }
}
