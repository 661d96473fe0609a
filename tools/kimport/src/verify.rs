// SPDX-License-Identifier: GPL-2.0

//! The comparison of declared types with a kernel's types, by the rules of the kernel-side crate.

use crate::{
    import_table::{Import, Policy},
    kernel::{btf::fits, Kernel, Module},
};
pub use kimport_types::Unverified as Reason;
use kimport_types::{find, judge, Btf, Finding, Judgement, Wanted};
use std::collections::BTreeMap;

/// The outcome of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The types are the same.
    Same,
    /// The types differ, and the kernel-side crate would log this warning.
    Warn(String),
    /// The types differ, and the kernel-side crate would refuse the import for this reason.
    Refuse(String),
    /// The types cannot be compared.
    Unverified(Reason),
}

/// Compares the type of each of `imports` that declares one to be checked.
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

/// Compares imports with the types of a module, if it has types that can be read.
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
    let mut difference = String::new();
    let judgement = judge(
        &import.name,
        &import.description,
        import.verify,
        types,
        finding,
        |report, _| difference = report.to_string(),
    );
    match judgement {
        Judgement::Verified => Verdict::Same,
        Judgement::Accepted => Verdict::Warn(difference),
        Judgement::Refused => Verdict::Refuse(difference),
        Judgement::Unverified(reason) => Verdict::Unverified(reason),
    }
}
