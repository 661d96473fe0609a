// SPDX-License-Identifier: GPL-2.0

//! The matrix as an HTML page.

use super::{text::INTERNAL, Cell, Matrix, Row, State};
use crate::{
    error::count,
    html::{self, escape, Sign},
    resolve::Cause,
};

impl Matrix {
    /// Returns the matrix as an HTML page.
    pub fn html(&self) -> String {
        let mut body = format!("<p>{}</p>\n{LEGEND}", self.summary());
        body += &self.table(self.own());
        let internal: Vec<&Row> = self
            .symbols
            .iter()
            .filter(|row| row.subject.internal)
            .collect();
        if !internal.is_empty() {
            let is_open = !internal.iter().all(|row| row.is_folded());
            let summary = format!("{INTERNAL} {}", count(internal.len(), "symbol"));
            body += &html::fold(&summary, &self.table(internal.into_iter()), is_open);
        }
        body += "<h2>Kernels</h2>\n<dl>\n";
        for column in &self.kernels {
            let (sources, unknown) = (&column.sources, &column.unknown);
            body += &html::kernel(&column.kernel, sources, unknown, &column.notes);
        }
        body += "</dl>\n";
        html::page("Symbols from kernel to kernel", &body, FOOTER)
    }

    fn table<'a>(&self, rows: impl Iterator<Item = &'a Row>) -> String {
        let rows = rows.map(|row| {
            let missing = |cell: &Cell| matches!(cell.obstacle, Some(Cause::Missing));
            let known = !row.cells.iter().all(missing);
            let cells = row.cells_with_prototypes().map(|(cell, prototypes)| {
                let mut more = String::new();
                for prototype in prototypes {
                    more += &format!("<br><code>{}</code>", escape(prototype));
                }
                // If another kernel has the symbol, its name is spelled right.
                if let Some(obstacle) = cell.obstacle.as_ref().filter(|_| !(known && missing(cell)))
                {
                    more += &format!("<br><small>{}</small>", escape(&obstacle.to_string()));
                }
                cell.state().shown().cell(&cell.words().join(", "), &more)
            });
            html::row(&row.subject.label(), &cells.collect::<String>())
        });
        let kernels = self.kernels.iter().map(|column| column.kernel.as_str());
        let columns = std::iter::once("Symbol").chain(kernels);
        html::table(columns, &rows.collect::<String>())
    }

    /// Returns a sentence that counts the symbols by their worst state.
    fn summary(&self) -> String {
        let worst = |row: &Row| row.cells.iter().map(Cell::state).max();
        let number = |state| {
            let rows = self.own();
            rows.filter(|row| worst(row) == Some(state)).count()
        };
        let signed = |state: State, words: &str| {
            format!("{} {words}", state.shown().key(&number(state).to_string()))
        };
        format!(
            "{} on {}: {}, {}, {}.",
            count(self.own().count(), "symbol"),
            count(self.kernels.len(), "kernel"),
            signed(State::Fine, "importable on all alike"),
            signed(
                State::Changed,
                "importable on all, but moved or with another prototype"
            ),
            signed(State::Unusable, "that cannot be imported everywhere")
        )
    }
}

impl State {
    fn shown(self) -> Sign {
        match self {
            Self::Fine => html::GOOD,
            Self::Changed => html::CHANGED,
            Self::Unusable => html::BAD,
        }
    }
}

const LEGEND: &str = "<p>A cell says where that kernel has the symbol (<code>vmlinux</code>: the kernel image), whether \
other files of the source see it (<i>global</i>) or not (<i>static</i>), and whether it is exported. \
<b>\u{2713}</b> it can be imported, and neither place nor known prototype changed; \
<b>\u{25b3}</b> it can be, but is not where it was expected, or its prototype is not that of the kernel before; \
<b>\u{2717}</b> it cannot be imported.</p>
";

const FOOTER: &str = "<p>A prototype is shown where it first appears or differs from the kernel before. Prototypes \
are compared by the names of types. Layouts are those of all structs, unions and enums that a prototype \
reaches, against the kernel before.</p>\n";
