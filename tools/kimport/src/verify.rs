// SPDX-License-Identifier: GPL-2.0

//! The comparison of declared types with a kernel's types, by the rules of the kernel-side crate.

use crate::{
    import_table::{Import, Policy},
    kernel::{btf::fits, Kernel, Module},
    layout_tables::{LayoutChecks, LayoutTables},
};
use kimport_types::{
    find, is_kfunc, judge, Btf, ImportKind, Judgement, TypeMatch, TypeQuery, Unverified,
    IMPLEMENTATION,
};
use std::collections::BTreeMap;

/// The outcome of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TypeVerdict {
    /// The types are the same.
    Same,
    /// The types differ, and the kernel-side crate would log this warning.
    Warn(String),
    /// The types differ, and the kernel-side crate would refuse the import for this reason.
    Refuse(String),
    /// The types cannot be compared.
    Unverified(Unverified),
}

/// Compares the type of each of `imports` that declares one to be checked, and the layouts that it
/// leads to.
///
/// `layouts` are those that the module, which is called `module`, was compiled with.
pub fn verify<'a>(
    imports: &[&'a Import],
    module: &str,
    layouts: &LayoutTables,
    kernel: &Kernel,
) -> Vec<(&'a Import, TypeVerdict)> {
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
        None => Err(Unverified::NoBtf),
    };
    for (provider, imports) in by_provider {
        let checks = || layouts.checks(module, provider.unwrap_or("the kernel image"));
        let compared = match provider {
            None => image.map(|image| compare_all(&imports, &image, None, &checks)),
            Some(provider) => match kernel.module(provider) {
                Ok(Some(module)) => compare_module(&imports, &module, image.as_ref(), &checks),
                _ => Err(Unverified::NoBtf),
            },
        };
        match compared {
            Ok(compared) => verdicts.extend(compared),
            Err(reason) => {
                let unverified = imports.into_iter();
                verdicts.extend(unverified.map(|import| (import, TypeVerdict::Unverified(reason))));
            }
        }
    }
    verdicts
}

/// Compares imports with the types of a module, if it has types that can be read.
fn compare_module<'a, 'l>(
    imports: &[&'a Import],
    module: &Module,
    image: Result<&Btf<'_>, &Unverified>,
    checks: &dyn Fn() -> LayoutChecks<'l>,
) -> Result<Vec<(&'a Import, TypeVerdict)>, Unverified> {
    let types = module.types.as_ref().ok_or(Unverified::NoBtf)?;
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
        return Err(Unverified::OtherBase);
    }
    Ok(compare_all(imports, &types, image.ok(), checks))
}

fn read<'a>(
    bytes: &'a [u8],
    base: Option<&'a Btf<'a>>,
    index: &'a mut Vec<u32>,
) -> Result<Btf<'a>, Unverified> {
    let count = Btf::count(bytes).map_err(|_| Unverified::Unreadable)?;
    index.resize(count, 0);
    Btf::new(bytes, base, index).map_err(|_| Unverified::Unreadable)
}

/// Compares imports with `types`. Functions that the types of a module lack are compared with those
/// of the `image`: pahole leaves out a function that the image has with the same prototype.
fn compare_all<'a, 'l>(
    imports: &[&'a Import],
    types: &Btf<'_>,
    image: Option<&Btf<'_>>,
    checks: &dyn Fn() -> LayoutChecks<'l>,
) -> Vec<(&'a Import, TypeVerdict)> {
    let found = symbols(imports, types);
    let mut checks_of_types = checks();
    let mut verdicts = Vec::new();
    let mut left_out = Vec::new();
    for (&import, found) in imports.iter().zip(found) {
        if found == TypeMatch::Missing && import.kind == ImportKind::Function && image.is_some() {
            left_out.push(import);
        } else {
            let verdict = compare_one(import, types, found, &mut checks_of_types);
            verdicts.push((import, verdict));
        }
    }
    if let Some(image) = image.filter(|_| !left_out.is_empty()) {
        verdicts.extend(compare_all(&left_out, image, None, checks));
    }
    verdicts
}

/// Looks up the types of imports; that of a kfunc is the one with its implicit arguments.
fn symbols(imports: &[&Import], types: &Btf<'_>) -> Vec<TypeMatch> {
    let names = imports.iter().map(|import| import.name.as_bytes());
    let implementations: Vec<_> = imports
        .iter()
        .map(|import| format!("{}{IMPLEMENTATION}", import.name))
        .collect();
    let mut wanted: Vec<_> = names
        .chain(implementations.iter().map(String::as_bytes))
        .map(TypeQuery::new)
        .collect();
    find(types, types.first_id(), &mut wanted);
    let (symbols, implementations) = wanted.split_at(imports.len());
    symbols
        .iter()
        .zip(implementations)
        .map(
            |(symbol, implementation)| match (symbol.found(), implementation.found()) {
                (TypeMatch::Id(id), found @ TypeMatch::Id(_)) if is_kfunc(types, id) => found,
                (found, _) => found,
            },
        )
        .collect()
}

fn compare_one(
    import: &Import,
    types: &Btf<'_>,
    found: TypeMatch,
    checks: &mut LayoutChecks<'_>,
) -> TypeVerdict {
    let mut difference = String::new();
    let mut judgement = judge(
        &import.name,
        &import.description,
        import.verify,
        types,
        found,
        |report, _| difference = report.to_string(),
    );
    if let (Judgement::Verified | Judgement::Accepted, TypeMatch::Id(id)) = (judgement, found) {
        let (layouts, other) = checks.judge(import, types, id);
        judgement = judgement.and(layouts);
        // The worse of the two is told.
        if difference.is_empty() || layouts == Judgement::Refused {
            difference = other;
        }
    }
    match judgement {
        Judgement::Verified => TypeVerdict::Same,
        Judgement::Accepted => TypeVerdict::Warn(difference),
        Judgement::Refused => TypeVerdict::Refuse(difference),
        Judgement::Unverified(reason) => TypeVerdict::Unverified(reason),
    }
}
