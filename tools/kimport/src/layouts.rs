// SPDX-License-Identifier: GPL-2.0

//! The comparison of all layouts that symbols reach, in two sources of types.
//!
//! The types of a kernel are connected: a function that takes a `struct bio *` reaches thousands of
//! structs. Each pair of types is compared once, whichever symbol leads to it first.

use kimport_types::{compare_pair, Btf, LayoutMismatch, LayoutReport, Pair, Severity};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{HashMap, HashSet, VecDeque};

/// A struct, union or enum that differs.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct LayoutDifference {
    /// The first difference, in words.
    pub difference: String,
    /// True if code that was compiled with the one layout must not use the other.
    pub refused: bool,
}

/// The layouts of two sources of types.
pub struct Layouts<'a> {
    ours: &'a Btf<'a>,
    theirs: &'a Btf<'a>,
    labels: [&'a str; 2],
    /// The pairs that were compared: the difference, and the pairs that each leads to.
    compared: HashMap<Pair, (Option<LayoutMismatch>, Vec<Pair>)>,
}

impl<'a> Layouts<'a> {
    /// Prepares the comparison of `ours` with `theirs`, which `labels` name in sentences.
    pub fn new(ours: &'a Btf<'a>, theirs: &'a Btf<'a>, labels: [&'a str; 2]) -> Self {
        let compared = HashMap::new();
        Self {
            ours,
            theirs,
            labels,
            compared,
        }
    }

    /// Returns the differences of all layouts that `first` reaches, the nearest first.
    pub fn differences(&mut self, first: impl IntoIterator<Item = Pair>) -> Vec<LayoutDifference> {
        let mut waiting: VecDeque<Pair> = first.into_iter().collect();
        let mut seen: HashSet<Pair> = waiting.iter().copied().collect();
        let mut differences: Vec<LayoutDifference> = Vec::new();
        while let Some(pair) = waiting.pop_front() {
            let (ours, theirs) = (self.ours, self.theirs);
            let (mismatch, reached) = self.compared.entry(pair).or_insert_with(|| {
                let mut reached = Vec::new();
                let mismatch = compare_pair(ours, theirs, pair, |pair| reached.push(pair));
                (mismatch, reached)
            });
            waiting.extend(reached.iter().filter(|pair| seen.insert(**pair)));
            if let Some(mismatch) = *mismatch {
                let labels = self.labels;
                let report = LayoutReport {
                    mismatch,
                    ours,
                    theirs,
                    labels,
                };
                let difference = report.to_string();
                // BTF may have a struct more than once.
                if differences
                    .iter()
                    .all(|known| known.difference != difference)
                {
                    let refused = mismatch.rule.severity() == Severity::Refuse;
                    differences.push(LayoutDifference {
                        difference,
                        refused,
                    });
                }
            }
        }
        differences
    }
}
