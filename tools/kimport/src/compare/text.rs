// SPDX-License-Identifier: GPL-2.0

//! The matrix as text.

use super::{Cell, Matrix, Subject};
use crate::{error::printable, kernel::symbols::Linkage, resolve::Cause, text_table::text_table};

/// The number of modules that a cell names at most.
const MAX_PLACES: usize = 3;

impl Matrix {
    /// Returns the matrix as text for people: a table, or a list if the table were wider than
    /// `width` columns.
    pub fn text(&self, width: Option<usize>) -> String {
        let names: Vec<String> = self.kernels.iter().map(|one| clean(&one.kernel)).collect();
        let mut rows = vec![std::iter::once("SYMBOL".to_owned())
            .chain(names.iter().cloned())
            .collect::<Vec<_>>()];
        for row in &self.symbols {
            rows.push(
                std::iter::once(row.subject.label())
                    .chain(row.cells.iter().map(|cell| clean(&cell.words().join(", "))))
                    .collect(),
            );
        }
        let mut text = text_table(rows.clone(), None);
        if text.lines().map(|line| line.chars().count()).max() > width.or(Some(usize::MAX)) {
            text = list(&rows);
        }
        let changed = self.symbols.iter().filter(|row| row.changed());
        for (number, row) in changed.enumerate() {
            if number == 0 {
                text += "\nPrototypes that differ (by the names of types, not by their layout):\n";
            }
            text += &format!("  {}\n", row.subject.label());
            let mut shown: Option<&Vec<String>> = None;
            for (name, cell) in names.iter().zip(&row.cells) {
                // Only print prototypes that differ from the previous ones.
                if let Some(prototypes) = cell
                    .prototypes
                    .as_ref()
                    .filter(|&now| !now.is_empty() && shown != Some(now))
                {
                    text += &format!("    {name}: {}\n", clean(&prototypes.join(" and ")));
                    shown = Some(prototypes);
                }
            }
        }
        for column in &self.kernels {
            for unknown in &column.unknown {
                text += &format!("{}: not known: {}\n", clean(&column.kernel), clean(unknown));
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
        clean(&match &self.provider {
            Some(provider) => format!("{provider}:{}", self.name),
            None => self.name.clone(),
        })
    }
}

impl Cell {
    /// Describes the cell in a few words.
    pub(super) fn words(&self) -> Vec<String> {
        let mut words = Vec::new();
        match &self.obstacle {
            Some(Cause::Missing) => words.push("missing".to_owned()),
            Some(Cause::NoData { .. }) => {
                words.push("missing, or data, which kallsyms lacks".to_owned())
            }
            Some(Cause::Inlined { .. }) => words.push("inlined".to_owned()),
            Some(Cause::OnlyClone { clones }) => words.push(format!("only {}", clones.join(" "))),
            Some(Cause::Renamed { name }) => words.push(format!("only {name}")),
            Some(Cause::SeveralRenames { names }) => {
                words.push(format!("only {}", names.join(" ")))
            }
            Some(Cause::Ambiguous { count }) => words.push(format!("{count} of that name")),
            Some(Cause::InInit) => words.push("__init".to_owned()),
            Some(Cause::PerCpu) => words.push("per-CPU".to_owned()),
            Some(Cause::NoProvider) => words.push("no such module".to_owned()),
            Some(Cause::ProviderBuiltin) => {
                words.push("module built in, symbol missing".to_owned())
            }
            Some(Cause::Unknown { .. }) => words.push("not known".to_owned()),
            Some(other) => words.push(other.to_string()),
            None => {}
        }
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
        words
    }
}

/// Makes text printable on a terminal.
pub(super) fn clean(text: &str) -> String {
    printable(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::{Column, Row};

    #[test]
    fn what_is_too_wide_for_the_terminal_is_a_list() {
        let cell = |place: &str| Cell {
            places: vec![place.to_owned()],
            moved: false,
            linkage: Some(Linkage::Global),
            exported: false,
            obstacle: None,
            prototypes: None,
            same_prototype: None,
        };
        let column = |kernel: &str| Column {
            kernel: kernel.to_owned(),
            sources: Vec::new(),
            unknown: Vec::new(),
            notes: Vec::new(),
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
