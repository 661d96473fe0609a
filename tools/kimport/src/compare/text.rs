// SPDX-License-Identifier: GPL-2.0

//! The matrix as text.

use super::{Cell, Matrix, Subject};
use crate::{
    error::{count, printable},
    kernel::symbols::Linkage,
    resolve::Cause,
    text_table::text_table,
};
use std::iter;

/// The number of modules that a cell names at most.
const MAX_PLACES: usize = 3;

/// The number of layouts that the text shows at most.
const MAX_LAYOUTS: usize = 20;

/// The words for the imports of kimport itself.
pub(super) const INTERNAL: &str = "kimport itself imports";

impl Matrix {
    /// Returns the matrix as text for people: a table, or a list if the table were wider than
    /// `width` columns.
    pub fn text(&self, width: Option<usize>) -> String {
        let kernels = self.kernels.iter();
        let names: Vec<String> = kernels.map(|one| printable(&one.kernel)).collect();
        let mut rows = vec![[&["SYMBOL".to_owned()][..], &names].concat()];
        let (folded, shown): (Vec<_>, Vec<_>) =
            self.symbols.iter().partition(|row| row.is_folded());
        for row in &shown {
            let cells = row.cells.iter();
            let cells = cells.map(|cell| printable(cell.words().join(", ")));
            rows.push(iter::once(row.subject.label()).chain(cells).collect());
        }
        let mut text = text_table(rows.clone(), None);
        if text.lines().map(|line| line.chars().count()).max() > width.or(Some(usize::MAX)) {
            text = list(&rows);
        }
        if !folded.is_empty() {
            let labels: Vec<_> = folded.iter().map(|row| row.subject.label()).collect();
            text += &format!("{INTERNAL}, alike on all kernels: {}\n", labels.join(" "));
        }
        let changed = shown.iter().filter(|row| row.changed());
        for (number, row) in changed.enumerate() {
            if number == 0 {
                text += "\nPrototypes that differ, by the names of types:\n";
            }
            text += &format!("  {}\n", row.subject.label());
            for (name, (_, prototypes)) in names.iter().zip(row.cells_with_prototypes()) {
                if !prototypes.is_empty() {
                    text += &format!("    {name}: {}\n", printable(prototypes.join(" and ")));
                }
            }
        }
        let differences = self.layout_differences();
        if !differences.is_empty() {
            text += "\nLayouts that differ from the kernel before, the nearest first:\n";
        }
        for difference in differences.iter().take(MAX_LAYOUTS) {
            text += &format!("  {}\n", printable(difference));
        }
        if let more @ 1.. = differences.len().saturating_sub(MAX_LAYOUTS) {
            text += &format!("  and {more} more, which --json lists\n");
        }
        for column in &self.kernels {
            for unknown in &column.unknown {
                let (kernel, unknown) = (printable(&column.kernel), printable(unknown));
                text += &format!("{kernel}: not known: {unknown}\n");
            }
        }
        text
    }
}

/// Formats rows as a list with a line for each cell.
fn list(rows: &[Vec<String>]) -> String {
    let Some((head, rows)) = rows.split_first() else {
        return String::new();
    };
    let width = head.iter().skip(1).map(|name| name.chars().count()).max();
    let width = width.unwrap_or(0);
    let mut text = String::new();
    for row in rows {
        text += &format!("{}\n", row[0]);
        for (name, cell) in head.iter().zip(row).skip(1) {
            text += &format!("  {name:width$}  {cell}\n");
        }
    }
    text
}

impl Subject {
    pub(super) fn label(&self) -> String {
        printable(match &self.provider {
            Some(provider) => format!("{provider}:{}", self.name),
            None => self.name.clone(),
        })
    }
}

impl Cell {
    /// Describes the cell in a few words.
    pub(super) fn words(&self) -> Vec<String> {
        let obstacle = self.obstacle.as_ref().map(|obstacle| match obstacle {
            Cause::Missing => "missing".to_owned(),
            Cause::NoData { .. } => "missing, or data, which kallsyms lacks".to_owned(),
            Cause::Inlined { .. } => "inlined".to_owned(),
            Cause::OnlyClone { clones: names } | Cause::SeveralRenames { names } => {
                format!("only {}", names.join(" "))
            }
            Cause::Renamed { name } => format!("only {name}"),
            Cause::Ambiguous { count } => format!("{count} of that name"),
            Cause::InInit => "__init".to_owned(),
            Cause::PerCpu => "per-CPU".to_owned(),
            Cause::NoProvider => "no such module".to_owned(),
            Cause::ProviderBuiltin => "module built in, symbol missing".to_owned(),
            Cause::Unknown { .. } => "not known".to_owned(),
            other => other.to_string(),
        });
        let mut words = Vec::from_iter(obstacle);
        if !self.places.is_empty() {
            let moved = if self.moved { "in " } else { "" };
            let shown = self.places.iter().take(MAX_PLACES);
            let mut places = shown.cloned().collect::<Vec<_>>().join(" ");
            if self.places.len() > MAX_PLACES {
                places += &format!(" and {} more", self.places.len() - MAX_PLACES);
            }
            words.push(format!("{moved}{places}"));
        }
        match self.linkage {
            Some(Linkage::Static) => words.push("static".to_owned()),
            Some(Linkage::Global) => words.push("global".to_owned()),
            _ => {}
        }
        if self.exported {
            words.push("exported".to_owned());
        }
        match self.same_prototype {
            Some(true) => words.push("same prototype".to_owned()),
            Some(false) => words.push("prototype differs".to_owned()),
            None => {}
        }
        match self.layouts.as_ref().map(Vec::len) {
            Some(0) => words.push("same layouts".to_owned()),
            Some(differing) => words.push(count(differing, "other layout")),
            None => {}
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::{Column, Row};

    #[test]
    fn what_is_too_wide_for_the_terminal_is_a_list() {
        let cell = |place: &str| Cell {
            places: vec![place.to_owned()],
            linkage: Some(Linkage::Global),
            ..Cell::default()
        };
        let column = |kernel: &str| Column {
            kernel: kernel.to_owned(),
            ..Column::default()
        };
        let matrix = Matrix {
            kernels: vec![column("6.1"), column("6.12")],
            symbols: vec![Row {
                subject: "f".parse().unwrap(),
                cells: vec![cell("vmlinux"), cell("scsi_mod")],
            }],
        };
        let table = "SYMBOL  6.1              6.12\nf       vmlinux, global  scsi_mod, global\n";
        assert_eq!(matrix.text(None), table);
        assert_eq!(matrix.text(Some(41)), table);
        let list = "f\n  6.1   vmlinux, global\n  6.12  scsi_mod, global\n";
        assert_eq!(matrix.text(Some(40)), list);
    }
}
