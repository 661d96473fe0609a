// SPDX-License-Identifier: GPL-2.0

//! `kimport compare`: what becomes of symbols from kernel to kernel.

use crate::{
    error::{count, printable, Error, Outcome, Result},
    kernel::{
        symbols::{Linkage, Symbol, Table},
        Kernel,
    },
    list::Listing,
    resolve::{resolve, Cause, Wanted},
    symvers::VMLINUX,
};
use rayon::prelude::*;
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    str::FromStr,
};

/// How many modules a cell names.
const MAX_PLACES: usize = 3;

/// A symbol to compare: `NAME` or `MODULE:NAME`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Subject {
    /// Where it is expected; `None`: in the kernel image or, failing that, anywhere.
    pub provider: Option<String>,
    /// The symbol.
    pub name: String,
}

impl FromStr for Subject {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (provider, name) = match text.split_once(':') {
            Some((VMLINUX, name)) => (None, name),
            Some((provider, name)) => (Some(provider), name),
            None => (None, text),
        };
        let empty = |text: &str| text.is_empty();
        if empty(name) || provider.is_some_and(empty) {
            return Err(
                Error::unusable(format_args!("'{text}' is not a symbol name"))
                    .help("give NAME or MODULE:NAME"),
            );
        }
        Ok(Self {
            provider: provider.map(|provider| provider.replace('-', "_")),
            name: name.to_owned(),
        })
    }
}

/// Everything a module imports, but for what is exported to everybody.
pub fn subjects(listing: &Listing) -> BTreeSet<Subject> {
    let imports = listing.imports.iter().map(|import| Subject {
        provider: import.provider.clone(),
        name: import.name.clone(),
    });
    let livepatch = listing.livepatch.iter().map(|symbol| Subject {
        provider: (symbol.provider != VMLINUX).then(|| symbol.provider.clone()),
        name: symbol.name.clone(),
    });
    imports.chain(livepatch).collect()
}

/// What became of a symbol on one kernel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cell {
    /// Where it is, `vmlinux` for the kernel image; several when it is not where it was expected.
    pub places: Vec<String>,
    /// Not where it was expected.
    pub moved: bool,
    /// Static or global, where that is known.
    pub linkage: Option<Linkage>,
    /// Whether it is exported.
    pub exported: bool,
    /// Why it could not be imported, if so.
    pub obstacle: Option<Cause>,
    /// Its prototypes, where types are known.
    pub prototypes: Option<Vec<String>>,
    /// Whether the prototypes are those of the kernel before; `None`: one of both is not known.
    pub same_prototype: Option<bool>,
}

/// A symbol on all kernels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The symbol.
    #[serde(flatten)]
    pub subject: Subject,
    /// In the order of the kernels.
    pub cells: Vec<Cell>,
}

/// A kernel, as the report names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Column {
    /// The kernel.
    pub kernel: String,
    /// Where its facts are from.
    pub sources: Vec<String>,
    /// What is not known of it.
    pub unknown: Vec<String>,
}

/// The matrix of symbols and kernels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Matrix {
    /// The kernels.
    pub kernels: Vec<Column>,
    /// The symbols.
    pub symbols: Vec<Row>,
}

impl Matrix {
    /// Looks every subject up on every kernel.
    pub fn new(subjects: &BTreeSet<Subject>, kernels: &[Kernel]) -> Self {
        let columns: Vec<Vec<Cell>> = kernels
            .par_iter()
            .map(|kernel| column(subjects, kernel))
            .collect();
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
        Self {
            kernels: kernels
                .iter()
                .map(|kernel| Column {
                    kernel: kernel.name.clone(),
                    sources: kernel.sources.clone(),
                    unknown: kernel.unknown.clone(),
                })
                .collect(),
            symbols,
        }
    }

    /// Findings are symbols that cannot be imported everywhere, moved, or changed their prototype.
    pub fn outcome(&self) -> Outcome {
        let differs = |row: &Row| {
            row.cells.iter().any(|cell| {
                cell.obstacle.is_some() || cell.moved || cell.same_prototype == Some(false)
            })
        };
        if self.symbols.iter().any(differs) {
            Outcome::Findings
        } else {
            Outcome::Fine
        }
    }

    /// The matrix for people.
    pub fn text(&self) -> String {
        let mut rows = vec![std::iter::once("SYMBOL".to_owned())
            .chain(self.kernels.iter().map(|column| clean(&column.kernel)))
            .collect::<Vec<_>>()];
        for row in &self.symbols {
            rows.push(
                std::iter::once(row.subject.label())
                    .chain(row.cells.iter().map(|cell| clean(&cell.words().join(", "))))
                    .collect(),
            );
        }
        let widths: Vec<usize> = (0..=self.kernels.len())
            .map(|column| {
                let width = |row: &Vec<String>| row[column].chars().count();
                rows.iter().map(width).max().unwrap_or(0)
            })
            .collect();
        let mut text = String::new();
        for row in &rows {
            let cells = row.iter().zip(&widths);
            let line: Vec<String> = cells
                .map(|(cell, &width)| format!("{cell:width$}"))
                .collect();
            text += line.join("  ").trim_end();
            text.push('\n');
        }
        let changed = self.symbols.iter().filter(|row| row.changed());
        for (number, row) in changed.enumerate() {
            if number == 0 {
                text += "\nPrototypes that differ (by the names of types, not by their layout):\n";
            }
            text += &format!("  {}\n", row.subject.label());
            for (column, cell) in self.kernels.iter().zip(&row.cells) {
                if let Some(prototypes) = &cell.prototypes {
                    text += &format!(
                        "    {}: {}\n",
                        clean(&column.kernel),
                        clean(&prototypes.join(" and "))
                    );
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

    /// The matrix as a page of its own.
    pub fn html(&self) -> String {
        let mut page = String::from(HTML_HEAD);
        page += "<table>\n<thead><tr><th>symbol</th>";
        for column in &self.kernels {
            page += &format!(
                "<th title=\"{}\">{}</th>",
                escape(&column.sources.join("\n")),
                escape(&column.kernel)
            );
        }
        page += "</tr></thead>\n<tbody>\n";
        for row in &self.symbols {
            page += &format!("<tr><th>{}</th>", escape(&row.subject.label()));
            for cell in &row.cells {
                let class = match cell {
                    Cell {
                        obstacle: Some(_), ..
                    } => "no",
                    Cell { moved: true, .. }
                    | Cell {
                        same_prototype: Some(false),
                        ..
                    } => "changed",
                    _ => "yes",
                };
                let mut inside = escape(&cell.words().join(", "));
                for prototype in cell.prototypes.iter().flatten() {
                    inside += &format!("<br><code>{}</code>", escape(prototype));
                }
                if let Some(obstacle) = &cell.obstacle {
                    inside += &format!("<br><small>{}</small>", escape(&obstacle.to_string()));
                }
                page += &format!("<td class=\"{class}\">{inside}</td>");
            }
            page += "</tr>\n";
        }
        page += "</tbody>\n</table>\n";
        for column in &self.kernels {
            for unknown in &column.unknown {
                page += &format!(
                    "<p>{}: not known: {}</p>\n",
                    escape(&column.kernel),
                    escape(unknown)
                );
            }
        }
        page += &format!(
            "<p>{} on {}. Prototypes are compared by the names of types, not by their layout.</p>\n\
             </body>\n</html>\n",
            count(self.symbols.len(), "symbol"),
            count(self.kernels.len(), "kernel")
        );
        page
    }
}

const HTML_HEAD: &str = "<!DOCTYPE html>
<html lang=\"en\">
<head>
<meta charset=\"utf-8\">
<title>Symbols from kernel to kernel</title>
<style>
body { font-family: sans-serif; }
table { border-collapse: collapse; }
th, td { border: 1px solid #999; padding: 0.3em 0.6em; text-align: left; vertical-align: top; }
thead th { position: sticky; top: 0; background: #eee; }
td.yes { background: #e6f4e6; }
td.changed { background: #fdf3cf; }
td.no { background: #f9dcdc; }
</style>
</head>
<body>
<h1>Symbols from kernel to kernel</h1>
";

fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for character in clean(text).chars() {
        match character {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            other => escaped.push(other),
        }
    }
    escaped
}

fn clean(text: &str) -> String {
    printable(text.as_bytes())
}

impl Subject {
    fn label(&self) -> String {
        clean(&match &self.provider {
            Some(provider) => format!("{provider}:{}", self.name),
            None => self.name.clone(),
        })
    }
}

impl Row {
    fn changed(&self) -> bool {
        self.cells
            .iter()
            .any(|cell| cell.same_prototype == Some(false))
    }
}

impl Cell {
    /// The cell in a few words.
    fn words(&self) -> Vec<String> {
        let mut words = Vec::new();
        match &self.obstacle {
            Some(Cause::Missing) => words.push("missing".to_owned()),
            Some(Cause::Inlined { .. }) => words.push("inlined".to_owned()),
            Some(Cause::OnlyClone { clones }) => words.push(format!("only {}", clones.join(" "))),
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

/// All subjects on one kernel. Modules are all read only if something is not where it should be.
fn column(subjects: &BTreeSet<Subject>, kernel: &Kernel) -> Vec<Cell> {
    let found: Vec<_> = subjects
        .iter()
        .map(|subject| {
            resolve(
                kernel,
                &Wanted {
                    name: &subject.name,
                    provider: subject.provider.as_deref(),
                    position: None,
                    kind: None,
                },
            )
        })
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
        if !kernel.image().named(&name).is_empty() {
            elsewhere
                .entry(name)
                .or_default()
                .insert(VMLINUX.to_owned());
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
                let place = subject
                    .provider
                    .clone()
                    .unwrap_or_else(|| VMLINUX.to_owned());
                Cell::at(kernel, &subject.name, vec![place], false, &symbol)
            }
        })
        .collect()
}

/// Whether the symbol may be somewhere else.
fn is_astray(cause: &Cause) -> bool {
    matches!(
        cause,
        Cause::Missing
            | Cause::Inlined { .. }
            | Cause::InImage
            | Cause::NoProvider
            | Cause::ProviderBuiltin
    )
}

fn astray_cell(kernel: &Kernel, subject: &Subject, places: &BTreeSet<String>) -> Cell {
    // Whoever names no module asks for the symbol wherever it is.
    let moved = subject.provider.is_some();
    let names: Vec<String> = places.iter().cloned().collect();
    if let [place] = names.as_slice() {
        let wanted = Wanted {
            name: &subject.name,
            provider: (place != VMLINUX).then_some(place.as_str()),
            position: None,
            kind: None,
        };
        return match resolve(kernel, &wanted) {
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
    fn at(kernel: &Kernel, name: &str, places: Vec<String>, moved: bool, symbol: &Symbol) -> Self {
        let place = places.first().filter(|place| *place != VMLINUX);
        let module = place.and_then(|place| kernel.module(place).ok().flatten());
        let table: &Table = module
            .as_ref()
            .map_or(kernel.image(), |module| &module.symbols);
        Self {
            moved,
            linkage: Some(symbol.linkage).filter(|linkage| *linkage != Linkage::Unknown),
            exported: kernel.exporter(name).is_some() || table.exports(name),
            obstacle: None,
            prototypes: kernel.prototypes(module.as_deref(), name),
            same_prototype: None,
            places,
        }
    }

    fn without(kernel: &Kernel, subject: &Subject, cause: Cause) -> Self {
        let module = subject.provider.as_ref();
        let module = module.and_then(|module| kernel.module(module).ok().flatten());
        let prototypes = match &cause {
            Cause::Inlined { prototypes } => Some(prototypes.clone()),
            Cause::Ambiguous { .. } | Cause::OnlyClone { .. } => {
                kernel.prototypes(module.as_deref(), &subject.name)
            }
            _ => None,
        };
        Self {
            places: Vec::new(),
            moved: false,
            linkage: None,
            exported: false,
            obstacle: Some(cause),
            prototypes,
            same_prototype: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_parsed() {
        let subject = |text: &str| text.parse::<Subject>();
        assert_eq!(subject("vmlinux:f").unwrap(), subject("f").unwrap());
        assert_eq!(
            subject("scsi-mod:f").unwrap().provider.as_deref(),
            Some("scsi_mod")
        );
        for wrong in ["", ":", "m:", ":f"] {
            assert!(subject(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn pages_cannot_be_broken_out_of() {
        assert_eq!(
            escape("<b a=\"1\">&\n"),
            "&lt;b a=&quot;1&quot;&gt;&amp;\\n"
        );
    }
}
