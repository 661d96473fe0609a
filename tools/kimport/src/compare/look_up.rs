// SPDX-License-Identifier: GPL-2.0

//! The state of symbols on one kernel.

use super::{Cell, Subject};
use crate::{
    kernel::{
        symbols::{KernelSymbol, Linkage},
        Kernel,
    },
    resolve::{resolve, Cause, SymbolQuery},
    symvers::VMLINUX,
};
use std::collections::{BTreeMap, BTreeSet};

/// Looks up all subjects on one kernel. Only reads all modules if a symbol is not where it should
/// be.
pub(super) fn column(subjects: &BTreeSet<Subject>, kernel: &Kernel) -> Vec<Cell> {
    let found = subjects.iter();
    let found: Vec<_> = found
        .map(|subject| in_place(kernel, subject, subject.provider.as_deref()))
        .collect();
    let astray: BTreeSet<String> = subjects
        .iter()
        .zip(&found)
        .filter(|(_, found)| matches!(found, Err(cause) if is_astray(cause)))
        .map(|(subject, _)| subject.name.clone())
        .collect();
    let mut elsewhere = if astray.is_empty() {
        BTreeMap::new()
    } else {
        kernel.modules_with(&astray)
    };
    for name in astray {
        if !kernel.image.named(&name).is_empty() {
            let places = elsewhere.entry(name).or_default();
            places.insert(VMLINUX.to_owned());
        }
    }
    subjects
        .iter()
        .zip(found)
        .map(|(subject, found)| match found {
            Err(cause) if is_astray(&cause) => match elsewhere.get(&subject.name) {
                Some(places) => astray_cell(kernel, subject, places),
                None => Cell::without(kernel, subject, cause),
            },
            Err(cause) => Cell::without(kernel, subject, cause),
            Ok(symbol) => {
                let place = subject.provider.as_deref().unwrap_or(VMLINUX).to_owned();
                Cell::at(kernel, &subject.name, vec![place], false, &symbol)
            }
        })
        .collect()
}

/// Finds the symbol of `subject` in a module, or `None` for the kernel image.
fn in_place(
    kernel: &Kernel,
    subject: &Subject,
    provider: Option<&str>,
) -> Result<KernelSymbol, Cause> {
    let wanted = SymbolQuery {
        name: &subject.name,
        provider,
        position: None,
        kind: None,
        finder: subject.finder,
    };
    resolve(kernel, &wanted)
}

/// Returns whether the symbol may be somewhere else.
fn is_astray(cause: &Cause) -> bool {
    matches!(
        cause,
        Cause::Missing
            | Cause::NoData { .. }
            | Cause::Inlined { .. }
            | Cause::InImage
            | Cause::NoProvider
            | Cause::ProviderBuiltin
    )
}

fn astray_cell(kernel: &Kernel, subject: &Subject, places: &BTreeSet<String>) -> Cell {
    // A subject without a module means the symbol wherever it is.
    let moved = subject.provider.is_some();
    let names: Vec<String> = places.iter().cloned().collect();
    if let [place] = names.as_slice() {
        let provider = Some(place.as_str()).filter(|place| *place != VMLINUX);
        return match in_place(kernel, subject, provider) {
            Ok(symbol) => Cell::at(kernel, &subject.name, names, moved, &symbol),
            Err(cause) => Cell {
                places: names,
                moved,
                ..Cell::without(kernel, subject, cause)
            },
        };
    }
    let count = names.len();
    Cell {
        places: names,
        moved,
        ..Cell::without(kernel, subject, Cause::Ambiguous { count })
    }
}

impl Cell {
    fn at(
        kernel: &Kernel,
        name: &str,
        places: Vec<String>,
        moved: bool,
        symbol: &KernelSymbol,
    ) -> Self {
        let place = places.first().filter(|place| *place != VMLINUX);
        let module = place.and_then(|place| kernel.module(place).ok().flatten());
        let table = module.as_ref();
        let table = table.map_or(&kernel.image, |module| &module.symbols);
        Self {
            moved,
            linkage: Some(symbol.linkage).filter(|linkage| *linkage != Linkage::Unknown),
            exported: kernel.exporter(name).is_some() || table.exports(name),
            prototypes: kernel.prototypes(module.as_deref(), name),
            places,
            ..Self::default()
        }
    }

    fn without(kernel: &Kernel, subject: &Subject, cause: Cause) -> Self {
        let module = subject.provider.as_ref();
        let module = module.and_then(|module| kernel.module(module).ok().flatten());
        let prototypes = match &cause {
            Cause::Inlined { prototypes } => Some(prototypes.clone()),
            Cause::Ambiguous { .. }
            | Cause::OnlyClone { .. }
            | Cause::Renamed { .. }
            | Cause::SeveralRenames { .. } => kernel.prototypes(module.as_deref(), &subject.name),
            _ => None,
        };
        Self {
            obstacle: Some(cause),
            prototypes,
            ..Self::default()
        }
    }
}
