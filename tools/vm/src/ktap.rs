// SPDX-License-Identifier: GPL-2.0

//! An incremental parser of KTAP version 1, line by line as a suite prints it.
//!
//! Lines that are not KTAP are diagnostics, as the format asks of a parser. The parser checks the
//! rules for producers: one plan, results numbered in order, as many of them as planned.

/// The outcome of one test point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// `ok`.
    Passed,
    /// `not ok`, or a `TIMEOUT` or `ERROR` directive.
    Failed,
    /// `# SKIP`, or `not ok` with `# XFAIL` or `# TODO`.
    Skipped,
}

/// One result line. Names of nested tests are joined by `/`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
pub struct Point {
    /// The outcome that the line reports.
    pub outcome: Outcome,
    /// The names of the tests around this one, then its own.
    pub name: String,
    /// The text after the directive, such as the reason for which a test was skipped.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// The meaning of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A result.
    Point(Point),
    /// A test announced itself (`# Subtest: NAME` or `# running: NAME`).
    Running(String),
    /// `# expect-log: REGEX`: the suite is about to provoke this report on purpose.
    ExpectLog(String),
    /// `# show: TEXT`: a text to show to people even if the test passes.
    Shown(String),
    /// Any other line that is not empty. It is shown when a test fails.
    Diagnostic(String),
    /// An error in the format. The suite cannot be trusted.
    Broken(String),
}

/// One nesting level of the stream.
#[derive(Debug, Default)]
struct Level {
    indent: usize,
    name: String,
    plan: Option<u64>,
    seen: u64,
    failed: bool,
}

/// The parser's state: the open nesting levels, outermost first. The default is the beginning of a
/// suite's output.
#[derive(Debug, Default)]
pub struct Parser {
    levels: Vec<Level>,
    /// The results of a nested level that was just closed. The next result line sums them up.
    closed: Option<Level>,
    announced: Option<String>,
    bailed: bool,
}

/// The maximum length of a plan. A longer one is a corrupted line.
const MAX_PLAN: u64 = 1_000_000;

impl Parser {
    /// Takes one line without its line end. Returns its meanings in the order in which they apply.
    pub fn line(&mut self, raw: &str) -> Vec<Item> {
        let line = raw.trim_end();
        let text = line.trim_start_matches(' ');
        let indent = line.len() - text.len();
        if text.is_empty() {
            return Vec::new();
        }
        let mut items = Vec::new();
        if text.starts_with('#') {
            items.push(self.comment(text));
        } else if is_version(text) {
            self.version(indent, &mut items);
        } else if let Some((count, skipped)) = plan(text) {
            self.plan(indent, count, skipped, &mut items);
        } else if let Some(result) = ResultLine::parse(text) {
            self.result(indent, result, &mut items);
        } else if text.starts_with("Bail out!") {
            self.bailed = true;
            items.push(Item::Broken(text.to_owned()));
        } else {
            items.push(Item::Diagnostic(line.to_owned()));
        }
        items
    }

    /// Ends the suite's output. Returns an item for each thing that is missing for the suite to
    /// count.
    pub fn finish(mut self) -> Vec<Item> {
        let mut items = Vec::new();
        if self.levels.is_empty() {
            items.push(Item::Broken("no `KTAP version 1` line and no plan".into()));
        }
        self.close_to(0, &mut items);
        if let Some(top) = self.closed.filter(|_| !self.bailed) {
            if top.seen == 0 {
                items.push(Item::Broken("no test at all".into()));
            }
        }
        items
    }

    fn comment(&mut self, text: &str) -> Item {
        // The quoted output of a test arrives as a comment in a comment.
        let inner = text.trim_start_matches(['#', ' ']);
        let tagged = |tag: &str| inner.strip_prefix(tag).map(|rest| rest.trim().to_owned());
        if let Some(regex) = tagged("expect-log:") {
            Item::ExpectLog(regex)
        } else if let Some(name) = tagged("Subtest:") {
            self.announced = Some(name.clone());
            Item::Running(name)
        } else if let Some(name) = tagged("running:") {
            Item::Running(name)
        } else if let Some(text) = inner.strip_prefix("show:") {
            // Further spaces are the suite's own indentation.
            Item::Shown(text.strip_prefix(' ').unwrap_or(text).to_owned())
        } else {
            Item::Diagnostic(text.to_owned())
        }
    }

    fn version(&mut self, indent: usize, items: &mut Vec<Item>) {
        match self.levels.last() {
            Some(level) if indent <= level.indent => {
                items.push(Item::Broken("a second version line at one level".into()));
            }
            _ => self.open(indent),
        }
    }

    fn open(&mut self, indent: usize) {
        let name = match (self.levels.is_empty(), self.announced.take()) {
            (true, _) => String::new(),
            (false, name) => name.unwrap_or_else(|| "subtest".into()),
        };
        self.levels.push(Level {
            indent,
            name,
            ..Level::default()
        });
    }

    fn plan(&mut self, indent: usize, count: u64, skip: Option<&str>, items: &mut Vec<Item>) {
        // Older producers write a nested plan without a version line of its own.
        if self.levels.last().is_none_or(|level| indent > level.indent) {
            self.open(indent);
        }
        self.close_to_indent(indent, items);
        let prefix = self.path();
        let Some(level) = self.levels.last_mut() else {
            return;
        };
        if level.plan.replace(count).is_some() {
            items.push(Item::Broken("a second plan".into()));
        }
        if count > MAX_PLAN {
            items.push(Item::Broken(format!("a plan of {count} tests")));
        }
        if let (0, Some(reason)) = (count, skip) {
            // A level that is skipped as a whole counts as one skipped test.
            level.seen = 1;
            level.plan = Some(1);
            items.push(Item::Point(Point {
                outcome: Outcome::Skipped,
                name: join(&prefix, "all tests"),
                reason: reason.to_owned(),
            }));
        }
    }

    fn result(&mut self, indent: usize, result: ResultLine<'_>, items: &mut Vec<Item>) {
        self.close_to_indent(indent, items);
        let prefix = self.path();
        let Some(level) = self.levels.last_mut() else {
            items.push(Item::Broken("a result before the version line".into()));
            return;
        };
        level.seen += 1;
        let expected = level.seen;
        if result.number.is_some_and(|number| number != expected) {
            items.push(Item::Broken(format!(
                "result numbered {} where {expected} was due",
                result.number.unwrap_or_default(),
            )));
        }
        let name = match result.name {
            "" => format!("test {expected}"),
            name => name.to_owned(),
        };
        level.failed |= result.outcome == Outcome::Failed;
        // A result that sums up a nested level counts only if it says more than the level did.
        let summary = self.closed.take();
        if summary.is_some_and(|below| result.outcome != Outcome::Failed || below.failed) {
            return;
        }
        items.push(Item::Point(Point {
            outcome: result.outcome,
            name: join(&prefix, &name),
            reason: result.reason.to_owned(),
        }));
    }

    /// Closes the levels that are deeper than a line with this indent.
    fn close_to_indent(&mut self, indent: usize, items: &mut Vec<Item>) {
        let keep = self
            .levels
            .iter()
            .skip(1)
            .take_while(|level| level.indent <= indent)
            .count();
        self.close_to(keep + 1, items);
    }

    fn close_to(&mut self, keep: usize, items: &mut Vec<Item>) {
        while self.levels.len() > keep {
            let path = self.path();
            let Some(mut level) = self.levels.pop() else {
                return;
            };
            let place = if path.is_empty() {
                path
            } else {
                format!(" in {path}")
            };
            let complaint = match level.plan {
                _ if self.bailed => None,
                None => Some(format!("no plan{place}")),
                Some(plan) if plan != level.seen => Some(format!(
                    "{plan} tests planned, {} results seen{place}",
                    level.seen
                )),
                Some(_) => None,
            };
            if let Some(complaint) = complaint {
                level.failed = true;
                items.push(Item::Broken(complaint));
            }
            self.closed = Some(level);
        }
    }

    fn path(&self) -> String {
        self.levels
            .iter()
            .skip(1)
            .fold(String::new(), |path, level| join(&path, &level.name))
    }
}

fn join(prefix: &str, name: &str) -> String {
    if prefix.is_empty() {
        name.to_owned()
    } else {
        format!("{prefix}/{name}")
    }
}

fn is_version(text: &str) -> bool {
    ["KTAP version ", "TAP version "].iter().any(|tag| {
        text.strip_prefix(tag)
            .is_some_and(|version| version.parse::<u32>().is_ok())
    })
}

/// Reads `1..N`, and the reason if everything is skipped.
fn plan(text: &str) -> Option<(u64, Option<&str>)> {
    let (count, rest) = match text.strip_prefix("1..")?.split_once(' ') {
        Some((count, rest)) => (count, rest.trim()),
        None => (text.strip_prefix("1..")?, ""),
    };
    let count = count.parse().ok()?;
    let directive = rest.trim_start_matches(['#', ' ']);
    match rest {
        "" => Some((count, None)),
        _ if rest.starts_with('#') => Some((count, strip_word(directive, "SKIP"))),
        _ => None,
    }
}

fn strip_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let head = text.get(..word.len())?;
    let rest = text.get(word.len()..)?;
    (head.eq_ignore_ascii_case(word) && (rest.is_empty() || rest.starts_with([' ', ':'])))
        .then(|| rest.trim_start_matches([' ', ':']))
}

struct ResultLine<'a> {
    outcome: Outcome,
    number: Option<u64>,
    name: &'a str,
    reason: &'a str,
}

impl<'a> ResultLine<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (ok, rest) = match text.strip_prefix("not ok") {
            Some(rest) => (false, rest),
            None => (true, text.strip_prefix("ok")?),
        };
        if !rest.is_empty() && !rest.starts_with(' ') {
            return None;
        }
        let rest = rest.trim_start();
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, rest) = match rest.split_at(digits) {
            ("", rest) => (None, rest),
            // A number that does not fit is wrong at any position.
            (number, rest) => (Some(number.parse().unwrap_or(u64::MAX)), rest),
        };
        let rest = rest.trim_start();
        let rest = rest.strip_prefix("- ").unwrap_or(rest);
        let (name, directive) = match rest.split_once('#') {
            Some((name, directive)) => (name.trim(), directive.trim()),
            None => (rest.trim(), ""),
        };
        let found = ["SKIP", "TIMEOUT", "ERROR", "XFAIL", "TODO"]
            .iter()
            .find_map(|word| Some((*word, strip_word(directive, word)?)));
        // A `#` may be part of the name.
        let (word, name, reason) = match found {
            Some((word, reason)) => (word, name, reason),
            None => ("", rest.trim(), ""),
        };
        let outcome = match word {
            // `XFAIL` and `TODO` mark an expected failure, and the test may have passed. A test
            // that failed was not skipped, although the line says so.
            "SKIP" if ok => Outcome::Skipped,
            "XFAIL" | "TODO" if !ok => Outcome::Skipped,
            "TIMEOUT" | "ERROR" => Outcome::Failed,
            _ if ok => Outcome::Passed,
            _ => Outcome::Failed,
        };
        Some(Self {
            outcome,
            number,
            name,
            reason,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Outcome::{Failed, Passed, Skipped};
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Vec<Item> {
        let mut parser = Parser::default();
        let mut items: Vec<_> = text.lines().flat_map(|line| parser.line(line)).collect();
        items.extend(parser.finish());
        items
    }

    fn points(items: &[Item]) -> Vec<(Outcome, &str, &str)> {
        items
            .iter()
            .filter_map(|item| match item {
                Item::Point(point) => Some((point.outcome, &*point.name, &*point.reason)),
                _ => None,
            })
            .collect()
    }

    fn broken(items: &[Item]) -> Vec<&str> {
        items
            .iter()
            .filter_map(|item| match item {
                Item::Broken(text) => Some(text.as_str()),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn results_of_a_suite_without_a_fault() {
        for (text, wanted) in [
            (
                "1..4\nok 1 - loads\nnot ok 2 unloads\n\
                 ok 3 - disk # SKIP no disk\nok 4 issue #7 is fixed\n",
                &[
                    (Passed, "loads", ""),
                    (Failed, "unloads", ""),
                    (Skipped, "disk", "no disk"),
                    (Passed, "issue #7 is fixed", ""),
                ][..],
            ),
            // Nested results carry their path, and count once.
            (
                "1..2\n  # Subtest: io\n  KTAP version 1\n  1..2\n  ok 1 read\n  \
                 not ok 2 write\nnot ok 1 io\nok 2 last\n",
                &[
                    (Passed, "io/read", ""),
                    (Failed, "io/write", ""),
                    (Passed, "last", ""),
                ],
            ),
            // A parent that fails over good children counts.
            (
                "1..1\n  KTAP version 1\n  1..1\n  ok 1 a\nnot ok 1 p\n",
                &[(Passed, "subtest/a", ""), (Failed, "p", "")],
            ),
            (
                "1..6\nok 1 a # TIMEOUT\nnot ok 2 b # XFAIL known\nok 3 c # XFAIL known\n\
                 not ok 4 d # SKIP no\nok 5 e # skip: low\nok 6 f # SKIPPED\n",
                &[
                    (Failed, "a", ""),
                    (Skipped, "b", "known"),
                    (Passed, "c", "known"),
                    (Failed, "d", "no"),
                    (Skipped, "e", "low"),
                    (Passed, "f # SKIPPED", ""),
                ],
            ),
            (
                "1..0 # SKIP no target\n",
                &[(Skipped, "all tests", "no target")],
            ),
        ] {
            let items = parse(&format!("KTAP version 1\n{text}"));
            assert_eq!(points(&items), wanted, "{text}");
            assert!(broken(&items).is_empty(), "{text}");
        }
    }

    #[test]
    fn what_is_missing_is_said() {
        assert_eq!(broken(&parse("")).len(), 1);
        for (text, wanted) in [
            ("ok 1 a\n", "no plan"),
            ("1..2\nok 1 a\n", "2 tests planned, 1 results seen"),
            ("1..1\nok 1 a\nok 2 b\n", "1 tests planned, 2 results seen"),
            (
                "1..1\n  KTAP version 1\n  1..2\n  ok 1 a\nok 1 p\n",
                "2 tests planned, 1 results seen in subtest",
            ),
            ("1..0\n", "no test at all"),
            (
                "1..2\nok 1 a\nok 1 b\n",
                "result numbered 1 where 2 was due",
            ),
            ("1..3\nBail out! no memory\n", "Bail out! no memory"),
        ] {
            let items = parse(&format!("KTAP version 1\n{text}"));
            assert_eq!(broken(&items), [wanted], "{text}");
        }
        assert_eq!(
            broken(&parse("ok 1 a\n")),
            [
                "a result before the version line",
                "no `KTAP version 1` line and no plan"
            ]
        );
    }

    #[test]
    fn comments_speak_to_the_runner() {
        let mut parser = Parser::default();
        for (line, item) in [
            (
                "# # expect-log: kernel BUG at .*",
                Item::ExpectLog("kernel BUG at .*".into()),
            ),
            ("# running: it loads", Item::Running("it loads".into())),
            ("# show:   42 exports ", Item::Shown("  42 exports".into())),
            ("insmod: ERROR", Item::Diagnostic("insmod: ERROR".into())),
        ] {
            assert_eq!(parser.line(line), [item], "{line}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "(?s).{0,300}") {
            parse(&text);
        }

        #[test]
        fn never_panics_on_almost_ktap(
            lines in prop::collection::vec(
                (0usize..8, "(KTAP version 1|1\\.\\.[0-9]{1,25}( # SKIP)?|(not )?ok ?[0-9]{0,25}( - )?[a-zé#]{0,4}( # (SKIP|XFAIL|é))?|# Subtest: x|Bail out!)"),
                0..30,
            )
        ) {
            let lines: Vec<_> =
                lines.iter().map(|(n, line)| " ".repeat(*n) + line).collect();
            parse(&lines.join("\n"));
        }

        #[test]
        fn every_planned_point_is_reported(oks in prop::collection::vec(any::<bool>(), 1..50)) {
            let mut text = format!("KTAP version 1\n1..{}\n", oks.len());
            for (i, ok) in oks.iter().enumerate() {
                text += &format!("{} {} - t{i}\n", if *ok { "ok" } else { "not ok" }, i + 1);
            }
            let items = parse(&text);
            prop_assert!(broken(&items).is_empty());
            let found: Vec<_> =
                points(&items).iter().map(|(o, _, _)| *o == Passed).collect();
            prop_assert_eq!(found, oks);
        }
    }
}
