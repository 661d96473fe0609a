// SPDX-License-Identifier: GPL-2.0

//! `kimport compare`: shows how symbols change from kernel to kernel.

use crate::{
    error::{count, printable, Error, Outcome, Result},
    kernel::{
        symbols::{Linkage, Symbol, Table},
        Kernel,
    },
    list::Listing,
    resolve::{resolve, Cause, Finder, Wanted},
    symvers::VMLINUX,
    table::table,
};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    str::FromStr,
};

/// The number of modules that a cell names at most.
const MAX_PLACES: usize = 3;

/// A symbol to compare: `NAME` or `MODULE:NAME`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, JsonSchema, Serialize)]
pub struct Subject {
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
            finder: Finder::Crate,
        })
    }
}

/// Returns the imports that a module makes with kimport or as livepatch symbols.
pub fn subjects(listing: &Listing) -> BTreeSet<Subject> {
    let livepatch = listing.livepatch.iter().map(|symbol| Subject {
        provider: (symbol.provider != VMLINUX).then(|| symbol.provider.clone()),
        name: symbol.name.clone(),
        finder: Finder::Livepatch,
    });
    let mut subjects: BTreeSet<Subject> = livepatch.collect();
    // The imports of a `#[livepatch]` block are listed as both kinds.
    for import in &listing.imports {
        let [livepatch, subject] = [Finder::Livepatch, Finder::Crate].map(|finder| Subject {
            provider: import.provider.clone(),
            name: import.name.clone(),
            finder,
        });
        subjects.remove(&livepatch);
        subjects.insert(subject);
    }
    subjects
}

/// The state of a symbol on one kernel.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
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
        if self.symbols.iter().any(differs) {
            Outcome::Findings
        } else {
            Outcome::Fine
        }
    }

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
        let mut text = table(rows.clone(), None);
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

    /// Returns the matrix as an HTML page that refers to no other file.
    pub fn html(&self) -> String {
        let mut page = String::from(HTML_HEAD);
        page += &format!("<p>{}</p>\n", self.summary());
        page += HTML_LEGEND;
        page += "<div class=\"scroll\"><table>\n<thead><tr><th scope=\"col\">Symbol</th>";
        for column in &self.kernels {
            page += &format!("<th scope=\"col\">{}</th>", escape(&column.kernel));
        }
        page += "</tr></thead>\n<tbody>\n";
        for row in &self.symbols {
            page += &format!(
                "<tr><th scope=\"row\">{}</th>",
                escape(&row.subject.label())
            );
            let missing = |cell: &Cell| matches!(cell.obstacle, Some(Cause::Missing));
            let known = !row.cells.iter().all(missing);
            let mut shown: Option<&Vec<String>> = None;
            for cell in &row.cells {
                let state = cell.state();
                let (class, sign) = state.shown();
                page += &format!(
                    "<td class=\"{class}\"><span class=\"sign\">{sign}</span> {}",
                    escape(&cell.words().join(", "))
                );
                let prototypes = cell.prototypes.as_ref().filter(|now| !now.is_empty());
                if let Some(prototypes) = prototypes.filter(|&now| shown != Some(now)) {
                    for prototype in prototypes {
                        page += &format!("<br><code>{}</code>", escape(prototype));
                    }
                    shown = Some(prototypes);
                }
                // If another kernel has the symbol, its name is spelled right.
                if let Some(obstacle) = cell.obstacle.as_ref().filter(|_| !(known && missing(cell)))
                {
                    page += &format!("<br><small>{}</small>", escape(&obstacle.to_string()));
                }
                page += "</td>";
            }
            page += "</tr>\n";
        }
        page += "</tbody>\n</table></div>\n<h2>Kernels</h2>\n<dl>\n";
        for column in &self.kernels {
            page += &format!("<dt>{}</dt>\n", escape(&column.kernel));
            for source in &column.sources {
                page += &format!("<dd>{}</dd>\n", escape(source));
            }
            for unknown in &column.unknown {
                page += &format!("<dd>not known: {}</dd>\n", escape(unknown));
            }
            for note in &column.notes {
                page += &format!("<dd>note: {}</dd>\n", escape(note));
            }
        }
        page += &format!(
            "</dl>\n<footer><p>A prototype is shown where it first appears or differs from the kernel \
             before. Prototypes are compared by the names of types, not by their layout.</p>\n\
             <p>kimport {}</p></footer>\n</body>\n</html>\n",
            env!("CARGO_PKG_VERSION")
        );
        page
    }

    /// Returns a sentence that counts the symbols by their worst state.
    fn summary(&self) -> String {
        let worst = |row: &Row| row.cells.iter().map(Cell::state).max();
        let number = |state| {
            let rows = self.symbols.iter();
            rows.filter(|row| worst(row) == Some(state)).count()
        };
        let signed = |state: State, words: &str| {
            let (class, sign) = state.shown();
            let number = number(state);
            format!(
                "<span class=\"key {class}\"><span class=\"sign\">{sign}</span> {number}</span> {words}"
            )
        };
        format!(
            "{} on {}: {}, {}, {}.",
            count(self.symbols.len(), "symbol"),
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

/// The state of a cell, from good to bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Fine,
    Changed,
    Unusable,
}

impl State {
    /// Returns its CSS class and its sign: not every reader sees colors, and not every printer
    /// prints them.
    fn shown(self) -> (&'static str, &'static str) {
        match self {
            Self::Fine => ("yes", "\u{2713}"),
            Self::Changed => ("changed", "\u{25b3}"),
            Self::Unusable => ("no", "\u{2717}"),
        }
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

const HTML_LEGEND: &str = "<p>A cell says where that kernel has the symbol (<code>vmlinux</code>: the kernel image), whether \
other files of the source see it (<i>global</i>) or not (<i>static</i>), and whether it is exported. \
<b>\u{2713}</b> it can be imported, and neither place nor known prototype changed; \
<b>\u{25b3}</b> it can be, but is not where it was expected, or its prototype is not that of the kernel before; \
<b>\u{2717}</b> it cannot be imported.</p>
";

const HTML_HEAD: &str = "<!DOCTYPE html>
<html lang=\"en\">
<head>
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width\">
<title>Symbols from kernel to kernel</title>
<style>
:root { color-scheme: light; }
body { font: 1rem/1.4 sans-serif; color: #1a1a1a; background: #fff; margin: 1rem; }
.scroll { overflow: auto; max-height: 90vh; }
table { border-collapse: separate; border-spacing: 0; border-top: 1px solid #777; border-left: 1px solid #777; }
th, td { border: 0 solid #777; border-width: 0 1px 1px 0; padding: .3em .6em; text-align: left; vertical-align: top; }
thead th { position: sticky; top: 0; z-index: 1; background: #e4e4e4; white-space: nowrap; }
tbody th { position: sticky; left: 0; background: #f2f2f2; font-family: monospace; font-weight: normal; }
code { font-size: .9em; overflow-wrap: anywhere; }
.sign { font-weight: bold; }
.key { padding: 0 .3em; }
.yes { background: #e3f1e3; }
.changed { background: #fdf0c4; }
.no { background: #f8d9d9; }
dt { font-weight: bold; }
@media print {
  @page { size: landscape; }
  body { font-size: 8pt; margin: 0; }
  .scroll { overflow: visible; max-height: none; }
  thead th, tbody th { position: static; }
  tr { break-inside: avoid; }
  td, th, .key { print-color-adjust: exact; }
}
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
    fn state(&self) -> State {
        if self.obstacle.is_some() {
            State::Unusable
        } else if self.moved || self.same_prototype == Some(false) {
            State::Changed
        } else {
            State::Fine
        }
    }

    /// Describes the cell in a few words.
    fn words(&self) -> Vec<String> {
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

/// Looks up all subjects on one kernel. Only reads all modules if a symbol is not where it should
/// be.
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
                    finder: subject.finder,
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
        let wanted = Wanted {
            name: &subject.name,
            provider: (place != VMLINUX).then_some(place.as_str()),
            position: None,
            kind: None,
            finder: subject.finder,
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
            Cause::Ambiguous { .. }
            | Cause::OnlyClone { .. }
            | Cause::Renamed { .. }
            | Cause::SeveralRenames { .. } => kernel.prototypes(module.as_deref(), &subject.name),
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

    #[test]
    fn pages_cannot_be_broken_out_of() {
        assert_eq!(
            escape("<b a=\"1\">&\n"),
            "&lt;b a=&quot;1&quot;&gt;&amp;\\n"
        );
    }
}
