// SPDX-License-Identifier: GPL-2.0

//! `kimport compare`: shows how symbols change from kernel to kernel.
//!
//! A [`Matrix`] has a row for each symbol and a column for each kernel. [`look_up`] fills it, and
//! [`text`] and [`html`] show it.

mod html;
mod layouts;
mod look_up;
mod text;

use crate::{
    error::{Error, Outcome, Result},
    kernel::{symbols::Linkage, Kernel},
    layouts::LayoutDifference,
    list::Listing,
    resolve::{Cause, Finder},
    symvers::VMLINUX,
};
use look_up::column;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;
use std::{
    collections::{BTreeSet, HashSet},
    str::FromStr,
};

/// A symbol to compare: `NAME` or `MODULE:NAME`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, JsonSchema, Serialize)]
pub struct Subject {
    /// Set if only kimport itself imports it. These come last.
    pub internal: bool,
    /// The module that should have it; `None`: the kernel image, or else any module.
    pub provider: Option<String>,
    /// The symbol.
    pub name: String,
    /// The code that looks for the symbol when the module is loaded.
    #[serde(skip)]
    pub finder: Finder,
}

impl FromStr for Subject {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (provider, name) = match text.split_once(':') {
            Some((VMLINUX, name)) => (None, name),
            Some((provider, name)) => (Some(provider), name),
            None => (None, text),
        };
        if name.is_empty() || provider.is_some_and(str::is_empty) {
            let error = Error::unusable(format_args!("'{text}' is not a symbol name"));
            return Err(error.help("give NAME or MODULE:NAME"));
        }
        Ok(Self {
            internal: false,
            provider: provider.map(|provider| provider.replace('-', "_")),
            name: name.to_owned(),
            finder: Finder::Crate,
        })
    }
}

/// Returns the imports that a module makes with kimport or as livepatch symbols.
pub fn subjects(listing: &Listing) -> BTreeSet<Subject> {
    let livepatch = listing.livepatch.iter().map(|symbol| Subject {
        internal: false,
        provider: (symbol.provider != VMLINUX).then(|| symbol.provider.clone()),
        name: symbol.name.clone(),
        finder: Finder::Livepatch,
    });
    let mut subjects: BTreeSet<Subject> = livepatch.collect();
    // The imports of a `#[livepatch]` block are listed as both kinds.
    for import in &listing.imports {
        let [livepatch, subject] = [Finder::Livepatch, Finder::Crate].map(|finder| Subject {
            internal: false,
            provider: import.provider.clone(),
            name: import.name.clone(),
            finder,
        });
        subjects.remove(&livepatch);
        // The imports of kimport itself are the last ones of the list.
        if !import.internal || !subjects.contains(&subject) {
            subjects.insert(Subject {
                internal: import.internal,
                ..subject
            });
        }
    }
    subjects
}

/// The state of a symbol on one kernel.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Cell {
    /// The module that has it, or `vmlinux`; several if it is not where it was expected.
    pub places: Vec<String>,
    /// True if it is not where it was expected.
    pub moved: bool,
    /// Its linkage, if that is known: static or global.
    pub linkage: Option<Linkage>,
    /// True if it is exported.
    pub exported: bool,
    /// The cause for which it cannot be imported, if there is one.
    pub obstacle: Option<Cause>,
    /// Its prototypes, if the types are known.
    pub prototypes: Option<Vec<String>>,
    /// True if the prototypes are the same as on the kernel before; `None`: those of one of the two
    /// kernels are not known.
    pub same_prototype: Option<bool>,
    /// The structs, unions and enums that the prototype reaches and whose layout differs from the
    /// kernel before, the nearest first; `None`: those of one of the two kernels are not known.
    pub layouts: Option<Vec<LayoutDifference>>,
}

/// A symbol on all kernels.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Row {
    /// The symbol.
    #[serde(flatten)]
    pub subject: Subject,
    /// The state of the symbol on each kernel, in the order of the kernels.
    pub cells: Vec<Cell>,
}

/// A kernel of the report.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Column {
    /// The kernel.
    pub kernel: String,
    /// The sources of the facts about it.
    pub sources: Vec<String>,
    /// The facts about it that the given files do not tell.
    pub unknown: Vec<String>,
    /// Differences between two of its sources, and which of the two counts.
    pub notes: Vec<String>,
}

/// The matrix of symbols and kernels.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Matrix {
    /// The kernels.
    pub kernels: Vec<Column>,
    /// The symbols.
    pub symbols: Vec<Row>,
}

impl Matrix {
    /// Looks up every subject on every kernel.
    pub fn new(subjects: &BTreeSet<Subject>, kernels: &[Kernel]) -> Self {
        let columns = kernels.par_iter().map(|kernel| column(subjects, kernel));
        let columns: Vec<Vec<Cell>> = columns.collect();
        let mut symbols: Vec<Row> = subjects
            .iter()
            .enumerate()
            .map(|(index, subject)| Row {
                subject: subject.clone(),
                cells: columns.iter().map(|cells| cells[index].clone()).collect(),
            })
            .collect();
        for row in &mut symbols {
            for index in 1..row.cells.len() {
                let (before, cell) = row.cells.split_at_mut(index);
                let known = |cell: &Cell| cell.prototypes.clone().filter(|known| !known.is_empty());
                let before = before.iter().rev().find_map(known);
                cell[0].same_prototype = match (before, known(&cell[0])) {
                    (Some(before), Some(now)) => Some(before == now),
                    _ => None,
                };
            }
        }
        for now in 1..kernels.len() {
            layouts::compare(&mut symbols, kernels, now);
        }
        Self {
            kernels: kernels
                .iter()
                .map(|kernel| Column {
                    kernel: kernel.name.clone(),
                    sources: kernel.sources.clone(),
                    unknown: kernel.unknown.clone(),
                    notes: kernel.notes.clone(),
                })
                .collect(),
            symbols,
        }
    }

    /// Returns whether there are findings: symbols that cannot be imported on every kernel, have
    /// moved, or have another prototype.
    pub fn outcome(&self) -> Outcome {
        let differs = |row: &Row| row.cells.iter().any(|cell| cell.state() != State::Fine);
        Outcome::of(self.symbols.iter().any(differs))
    }
}

impl Matrix {
    /// Returns the symbols that are not only imports of kimport itself.
    fn own(&self) -> impl Iterator<Item = &Row> {
        self.symbols.iter().filter(|row| !row.subject.internal)
    }

    /// Returns the differences of all layouts, each once, the nearest to a symbol first.
    fn layout_differences(&self) -> Vec<&str> {
        let cells = self.own().flat_map(|row| &row.cells);
        let lists: Vec<_> = cells.filter_map(|cell| cell.layouts.as_deref()).collect();
        let longest = lists.iter().map(|list| list.len()).max().unwrap_or(0);
        let mut seen = HashSet::new();
        let by_distance =
            (0..longest).flat_map(|at| lists.iter().filter_map(move |list| list.get(at)));
        let differences = by_distance.map(|difference| difference.difference.as_str());
        differences
            .filter(|difference| seen.insert(*difference))
            .collect()
    }
}

impl Row {
    /// Returns whether nobody needs to see it: it is an import of kimport itself, and there is
    /// nothing to say about it.
    fn is_folded(&self) -> bool {
        let mut cells = self.cells.iter();
        self.subject.internal && cells.all(|cell| cell.state() == State::Fine)
    }

    fn changed(&self) -> bool {
        let mut cells = self.cells.iter();
        cells.any(|cell| cell.same_prototype == Some(false))
    }

    /// Returns the cells, each with its prototypes unless they are the same as those before.
    fn cells_with_prototypes(&self) -> impl Iterator<Item = (&Cell, &[String])> {
        let mut shown: &[String] = &[];
        self.cells.iter().map(move |cell| {
            let now = cell.prototypes.as_deref();
            let now = now.filter(|now| !now.is_empty() && *now != shown);
            shown = now.unwrap_or(shown);
            (cell, now.unwrap_or_default())
        })
    }
}

impl Cell {
    fn state(&self) -> State {
        if self.obstacle.is_some() {
            State::Unusable
        } else if self.moved || self.same_prototype == Some(false) {
            State::Changed
        } else {
            State::Fine
        }
    }
}

/// The state of a cell, from good to bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Fine,
    Changed,
    Unusable,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_parsed() {
        let subject = |text: &str| text.parse::<Subject>();
        assert_eq!(subject("vmlinux:f").unwrap(), subject("f").unwrap());
        let provider = subject("scsi-mod:f").unwrap().provider;
        assert_eq!(provider.as_deref(), Some("scsi_mod"));
        for wrong in ["", ":", "m:", ":f"] {
            assert!(subject(wrong).is_err(), "{wrong}");
        }
    }
}
