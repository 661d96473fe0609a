// SPDX-License-Identifier: GPL-2.0

//! The layouts that the prototypes of a matrix reach, from kernel to kernel.

use super::{Cell, Row};
use crate::{
    kernel::{btf::Types, Kernel},
    layouts::Layouts,
};
use kimport_types::pair_of;
use std::collections::BTreeMap;

/// Compares the layouts on the kernel `now` with those on the kernel before that has the function.
pub(super) fn compare(rows: &mut [Row], kernels: &[Kernel], now: usize) {
    // Functions that are in the same places share the reading of types, and most comparisons.
    let mut groups = BTreeMap::<_, Vec<&mut Row>>::new();
    for row in rows {
        let (before, cells) = row.cells.split_at(now);
        let last = before.iter().enumerate().rev();
        let last = last.filter_map(|(index, cell)| Some((index, cell.place()?)));
        if let (Some((index, before)), Some(place)) = ({ last }.next(), cells[0].place()) {
            let group = (index, before.to_owned(), place.to_owned());
            groups.entry(group).or_default().push(row);
        }
    }
    for ((before, place_before, place), rows) in groups {
        let (before, kernel) = (&kernels[before], &kernels[now]);
        // Layouts whose types cannot be read stay unknown.
        let _ = before.with_types_of(&place_before, |ours| {
            kernel.with_types_of(&place, |theirs| {
                let labels = [before.name.as_str(), &kernel.name];
                compare_types(rows, now, (ours, theirs), labels)
            })
        });
    }
}

fn compare_types(
    rows: Vec<&mut Row>,
    now: usize,
    (ours, theirs): (&Types<'_>, &Types<'_>),
    labels: [&str; 2],
) -> Option<()> {
    ours.with_btf(|our_btf| {
        theirs.with_btf(|their_btf| {
            let mut layouts = Layouts::new(our_btf, their_btf, labels);
            for row in rows {
                let name = &row.subject.name;
                let ids = ours.functions(name).zip(theirs.functions(name)).next();
                let pair = ids.and_then(|(our, their)| pair_of(our_btf, our, their_btf, their));
                row.cells[now].layouts = Some(layouts.differences(pair));
            }
        })
    })?
}

impl Cell {
    /// Returns the place of the function if there is one place and one prototype.
    fn place(&self) -> Option<&str> {
        match (&self.places[..], self.prototypes.as_deref()) {
            ([place], Some([_])) => Some(place),
            _ => None,
        }
    }
}
