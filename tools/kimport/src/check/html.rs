// SPDX-License-Identifier: GPL-2.0

//! The results of checks as HTML pages.

use super::{AllReport, CheckReport, Reason};
use crate::{
    error::{count, Outcome},
    html::{self, escape, Sign},
};

impl CheckReport {
    /// Returns the report as an HTML page.
    pub fn html(&self) -> String {
        let mut body = format!(
            "<p>{} checked: {}</p>\n",
            count(self.checked, "symbol"),
            self.sign().key(&self.conclusion())
        );
        body += &self.details();
        if self.verified > 0 {
            let verified = count(self.verified, "type");
            body += &format!("<p>{verified} as declared</p>\n");
        }
        body += &of_kernel(self);
        html::page(&format!("{} on {}", self.module, self.kernel), &body, "")
    }

    fn sign(&self) -> Sign {
        match self.outcome() {
            Outcome::Fine => html::GOOD,
            _ => html::BAD,
        }
    }

    /// Returns the table of reasons, and lists of all that the report says of the module.
    fn details(&self) -> String {
        let mut text = String::new();
        if !self.reasons.is_empty() {
            let rows: String = self.reasons.iter().map(Reason::row).collect();
            text += &html::table(["Reason", "Symbols", "Way out"], &rows);
        }
        text += &html::list("Messages of the kernel", self.messages());
        text += &html::list("Warnings", &self.warnings);
        text += &html::list(
            "Optional symbols that would be missing",
            &self.missing_optional,
        );
        text += &html::list("Types that cannot be compared", self.unverified(false));
        let messages: Vec<_> = self.messages_on(true).collect();
        let unverified = self.unverified(true);
        if !messages.is_empty() || !unverified.is_empty() {
            let is_open = !messages.is_empty();
            let details = html::list("Messages of the kernel", messages)
                + &html::list("Types that cannot be compared", unverified);
            text += &html::fold(&self.of_kimport(), &details, is_open);
        }
        text += &html::list("Not known", &self.undetermined);
        text + &html::list("Notes", &self.notes)
    }
}

impl Reason {
    fn row(&self) -> String {
        let symbols = match self.symbols.as_slice() {
            [] => "the module as a whole".to_owned(),
            symbols => symbols.join(", "),
        };
        let way_out = format!("<td>{}</td>", escape(self.way_out));
        html::row(self.reason, &(html::BAD.cell(&symbols, "") + &way_out))
    }
}

impl AllReport {
    /// Returns the report as an HTML page: a table of the modules, one of the reasons, and what
    /// there is to say about each module.
    pub fn html(&self) -> String {
        let sign = match self.outcome() {
            Outcome::Fine => html::GOOD,
            _ => html::BAD,
        };
        let mut body = format!(
            "<p>{}: {}</p>\n",
            count(self.modules.len(), "module"),
            sign.key(&self.conclusion())
        );
        if let Some(note) = self.note() {
            body += &format!("<p>{}</p>\n", escape(note));
        }
        let rows = self.modules.iter().map(|module| {
            let (sign, symbols) = match &module.report {
                Some(report) => (report.sign(), report.checked.to_string()),
                None => (html::BAD, String::new()),
            };
            let symbols = format!("<td>{symbols}</td>");
            let cells = symbols + &sign.cell(&module.verdict(), "");
            html::row(&module.file.display().to_string(), &cells)
        });
        let rows: String = rows.collect();
        body += &html::table(["Module", "Symbols", "Verdict"], &rows);
        let reasons = self.ways_out().into_iter();
        let reasons = reasons.map(|(reason, (way_out, modules))| {
            let way_out = format!("<td>{}</td>", escape(way_out));
            html::row(
                reason,
                &(html::BAD.cell(&count(modules, "module"), "") + &way_out),
            )
        });
        let reasons: String = reasons.collect();
        if !reasons.is_empty() {
            body += "<h2>Ways out</h2>\n";
            body += &html::table(["Reason", "Modules", "Way out"], &reasons);
        }
        let reports = || {
            self.modules
                .iter()
                .filter_map(|module| module.report.as_ref())
        };
        for report in reports() {
            let details = report.details();
            if !details.is_empty() {
                body += &html::fold(&report.module, &details, false);
            }
        }
        body += &reports().next().map(of_kernel).unwrap_or_default();
        html::page(&format!("Modules on {}", self.kernel), &body, "")
    }
}

fn of_kernel(report: &CheckReport) -> String {
    let kernel = html::kernel(&report.kernel, &report.sources, &report.unknown, &[]);
    format!("<h2>Kernel</h2>\n<dl>\n{kernel}</dl>\n")
}
