// SPDX-License-Identifier: GPL-2.0

//! The matrix as an HTML page.

use super::{text::INTERNAL, Cell, Matrix, Row, State};
use crate::{
    error::{count, printable},
    resolve::Cause,
};

impl Matrix {
    /// Returns the matrix as an HTML page that refers to no other file.
    pub fn html(&self) -> String {
        let mut page = String::from(HTML_HEAD);
        page += &format!("<p>{}</p>\n", self.summary());
        page += HTML_LEGEND;
        self.table(&mut page, self.own());
        let internal: Vec<&Row> = self
            .symbols
            .iter()
            .filter(|row| row.subject.internal)
            .collect();
        if !internal.is_empty() {
            let open = if internal.iter().all(|row| row.is_folded()) {
                ""
            } else {
                " open"
            };
            let symbols = count(internal.len(), "symbol");
            page += &format!("<details{open}><summary>{INTERNAL} {symbols}</summary>\n");
            self.table(&mut page, internal.into_iter());
            page += "</details>\n";
        }
        page += "<h2>Kernels</h2>\n<dl>\n";
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
             before. Prototypes are compared by the names of types. Layouts are those of all structs, \
             unions and enums that a prototype reaches, against the kernel before.</p>\n\
             <p>kimport {}</p></footer>\n</body>\n</html>\n",
            env!("CARGO_PKG_VERSION")
        );
        page
    }

    fn table<'a>(&self, page: &mut String, rows: impl Iterator<Item = &'a Row>) {
        *page += "<div class=\"scroll\"><table>\n<thead><tr><th scope=\"col\">Symbol</th>";
        for column in &self.kernels {
            *page += &format!("<th scope=\"col\">{}</th>", escape(&column.kernel));
        }
        *page += "</tr></thead>\n<tbody>\n";
        for row in rows {
            *page += &format!(
                "<tr><th scope=\"row\">{}</th>",
                escape(&row.subject.label())
            );
            let missing = |cell: &Cell| matches!(cell.obstacle, Some(Cause::Missing));
            let known = !row.cells.iter().all(missing);
            for (cell, prototypes) in row.cells_with_prototypes() {
                let (class, sign) = cell.state().shown();
                *page += &format!(
                    "<td class=\"{class}\"><span class=\"sign\">{sign}</span> {}",
                    escape(&cell.words().join(", "))
                );
                for prototype in prototypes {
                    *page += &format!("<br><code>{}</code>", escape(prototype));
                }
                // If another kernel has the symbol, its name is spelled right.
                if let Some(obstacle) = cell.obstacle.as_ref().filter(|_| !(known && missing(cell)))
                {
                    *page += &format!("<br><small>{}</small>", escape(&obstacle.to_string()));
                }
                *page += "</td>";
            }
            *page += "</tr>\n";
        }
        *page += "</tbody>\n</table></div>\n";
    }

    /// Returns a sentence that counts the symbols by their worst state.
    fn summary(&self) -> String {
        let worst = |row: &Row| row.cells.iter().map(Cell::state).max();
        let number = |state| {
            let rows = self.own();
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
    for character in printable(text).chars() {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_cannot_be_broken_out_of() {
        let escaped = escape("<b a=\"1\">&\n");
        assert_eq!(escaped, "&lt;b a=&quot;1&quot;&gt;&amp;\\n");
    }
}
