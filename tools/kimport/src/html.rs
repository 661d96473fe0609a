// SPDX-License-Identifier: GPL-2.0

//! The parts of which the HTML pages of `kimport check` and `kimport compare` are made.
//!
//! A page refers to no other file. Its texts are escaped here, unless an argument is said to be
//! HTML.

use crate::error::printable;

/// A CSS class and the sign that says the same: not every reader sees colors, and not every printer
/// prints them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sign {
    class: &'static str,
    sign: &'static str,
}

/// The sign of what is as it should be.
pub const GOOD: Sign = Sign {
    class: "yes",
    sign: "\u{2713}",
};
/// The sign of what is not as it was.
pub const CHANGED: Sign = Sign {
    class: "changed",
    sign: "\u{25b3}",
};
/// The sign of what cannot be used.
pub const BAD: Sign = Sign {
    class: "no",
    sign: "\u{2717}",
};

impl Sign {
    /// Returns a text with this sign.
    pub fn key(self, text: &str) -> String {
        let Self { class, sign } = self;
        let text = escape(text);
        format!("<span class=\"key {class}\"><span class=\"sign\">{sign}</span> {text}</span>")
    }

    /// Returns the cell of a table: a text with this sign, and `more`, which is HTML.
    pub fn cell(self, text: &str, more: &str) -> String {
        let Self { class, sign } = self;
        let text = escape(text);
        format!("<td class=\"{class}\"><span class=\"sign\">{sign}</span> {text}{more}</td>")
    }
}

/// Returns a page. `body` and `footer` are HTML.
pub fn page(title: &str, body: &str, footer: &str) -> String {
    let (title, version) = (escape(title), env!("CARGO_PKG_VERSION"));
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n{body}\
         <footer>{footer}<p>kimport {version}</p></footer>\n</body>\n</html>\n"
    )
}

/// Returns a table. `rows` is HTML, as [`row`] makes it.
pub fn table<'a>(columns: impl IntoIterator<Item = &'a str>, rows: &str) -> String {
    let columns = columns.into_iter();
    let columns = columns.map(|column| format!("<th scope=\"col\">{}</th>", escape(column)));
    format!(
        "<div class=\"scroll\"><table>\n<thead><tr>{}</tr></thead>\n<tbody>\n{rows}</tbody>\n\
         </table></div>\n",
        columns.collect::<String>()
    )
}

/// Returns a row of a table. `cells` is HTML.
pub fn row(head: &str, cells: &str) -> String {
    format!("<tr><th scope=\"row\">{}</th>{cells}</tr>\n", escape(head))
}

/// Returns a part of a page that the reader can fold. `body` is HTML.
pub fn fold(summary: &str, body: &str, is_open: bool) -> String {
    let (open, summary) = (if is_open { " open" } else { "" }, escape(summary));
    format!("<details{open}><summary>{summary}</summary>\n{body}</details>\n")
}

/// Returns a list under a heading, or nothing without entries. An entry may have several lines.
pub fn list<S: AsRef<str>>(heading: &str, entries: impl IntoIterator<Item = S>) -> String {
    let entries = entries.into_iter().map(|entry| {
        let lines = entry.as_ref().lines().map(escape);
        format!("<li>{}</li>\n", lines.collect::<Vec<_>>().join("<br>"))
    });
    match entries.collect::<String>().as_str() {
        "" => String::new(),
        entries => format!("<h2>{}</h2>\n<ul>\n{entries}</ul>\n", escape(heading)),
    }
}

/// Returns the description of a kernel, for a list of such.
pub fn kernel(name: &str, sources: &[String], unknown: &[String], notes: &[String]) -> String {
    let mut text = format!("<dt>{}</dt>\n", escape(name));
    for (before, lines) in [("", sources), ("not known: ", unknown), ("note: ", notes)] {
        for line in lines {
            text += &format!("<dd>{before}{}</dd>\n", escape(line));
        }
    }
    text
}

const STYLE: &str = "\
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
";

/// Returns a text as HTML.
pub fn escape(text: &str) -> String {
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
        for made in [
            page("<x>", "", ""),
            table(["<x>"], ""),
            row("<x>", ""),
            fold("<x>", "", true),
            list("<x>", ["<x>"]),
            kernel("<x>", &["<x>".to_owned()], &[], &[]),
            BAD.key("<x>"),
            BAD.cell("<x>", ""),
        ] {
            assert!(
                made.contains("&lt;x&gt;") && !made.contains("<x>"),
                "{made}"
            );
        }
    }

    #[test]
    fn a_list_without_entries_is_nothing() {
        assert_eq!(list("Warnings", [""; 0]), "");
        let expected = "<h2>Warnings</h2>\n<ul>\n<li>a<br>b</li>\n</ul>\n";
        assert_eq!(list("Warnings", ["a\nb"]), expected);
    }
}
