// SPDX-License-Identifier: GPL-2.0

//! A table of the verdicts of several kernels, suite by suite.

use crate::ktap::Outcome;
use crate::session::Verdict;
use anyhow::{ensure, Context, Result};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::str::FromStr;

/// The row for what is wrong with a run as a whole, such as a report in the kernel's log.
const RUNS: &str = "reports of the kernel";

/// The options of `kimport-vm matrix`.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// A kernel, and the directory with the verdicts (run --json) of its VMs.
    #[arg(required = true, value_name = "NAME=DIRECTORY")]
    pub kernels: Vec<Kernel>,
}

/// A kernel with the verdicts of its VMs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kernel {
    name: String,
    directory: PathBuf,
}

impl FromStr for Kernel {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // The options that a small kernel is named after have this sign, too.
        match text.rsplit_once('=') {
            Some((name, directory)) if !name.is_empty() && !directory.is_empty() => Ok(Self {
                name: name.to_owned(),
                directory: directory.into(),
            }),
            _ => Err("not of the form NAME=DIRECTORY"),
        }
    }
}

/// The results of a suite on a kernel, of all VMs that ran it.
#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    passed: usize,
    failed: usize,
    skipped: usize,
}

impl Cell {
    fn text(self, is_run: bool) -> String {
        let Self {
            passed,
            failed,
            skipped,
        } = self;
        let failures = match failed {
            0 => String::new(),
            failed => format!("**{failed} failed**, "),
        };
        let skips = match skipped {
            0 => String::new(),
            skipped => format!(", {skipped} skipped"),
        };
        match (is_run, failed) {
            (true, 0) => "none".to_owned(),
            (true, failed) => format!("**{failed}**"),
            (false, _) => format!("{failures}{passed} passed{skips}"),
        }
    }
}

/// Returns the table in Markdown: a row for each suite, a column for each kernel. A kernel that has
/// no result of a suite has `-` there. Also returns whether nothing failed.
pub fn matrix(options: &Options) -> Result<(String, bool)> {
    let mut rows = BTreeMap::<String, Vec<Option<Cell>>>::new();
    let mut success = true;
    let empty = vec![None; options.kernels.len()];
    for (column, kernel) in options.kernels.iter().enumerate() {
        let verdicts = verdicts(kernel)?;
        let mut cell = |name: &str, add: &mut dyn FnMut(&mut Cell)| {
            let row = rows.entry(name.to_owned()).or_insert_with(|| empty.clone());
            add(row[column].get_or_insert_default());
        };
        for verdict in &verdicts {
            success &= verdict.success();
            cell(RUNS, &mut |cell| cell.failed += verdict.problems.len());
            for suite in &verdict.suites {
                let count = |outcome| {
                    let points = suite.points.iter();
                    points.filter(|point| point.outcome == outcome).count()
                };
                cell(&suite.name, &mut |cell| {
                    cell.passed += count(Outcome::Passed);
                    cell.failed += count(Outcome::Failed) + suite.problems.len();
                    cell.skipped += count(Outcome::Skipped);
                });
            }
        }
    }
    let names = options.kernels.iter().map(|kernel| kernel.name.clone());
    let mut text = line("suite", names);
    text += &line("---", options.kernels.iter().map(|_| "---".to_owned()));
    let last = rows.remove_entry(RUNS);
    for (name, cells) in rows.into_iter().chain(last) {
        let is_run = name == RUNS;
        let cells = cells.into_iter();
        text += &line(
            &name,
            cells.map(|cell| cell.map_or_else(|| "-".to_owned(), |cell| cell.text(is_run))),
        );
    }
    Ok((text, success))
}

fn line(first: &str, others: impl Iterator<Item = String>) -> String {
    let others = others.map(|cell| format!(" {cell} |")).collect::<Vec<_>>();
    format!("| {first} |{}\n", others.concat())
}

fn verdicts(kernel: &Kernel) -> Result<Vec<Verdict>> {
    let directory = &kernel.directory;
    let cannot = || format!("cannot read {}", directory.display());
    let mut verdicts = Vec::new();
    for entry in directory.read_dir().with_context(cannot)? {
        let path = entry.with_context(cannot)?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            let cannot = || format!("cannot read {}", path.display());
            let text = fs::read(&path).with_context(cannot)?;
            verdicts.push(serde_json::from_slice(&text).with_context(cannot)?);
        }
    }
    ensure!(
        !verdicts.is_empty(),
        "{} has no verdict of a VM",
        directory.display()
    );
    Ok(verdicts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ktap::Point;
    use crate::session::SuiteReport;

    fn verdict(suite: &str, outcomes: &[Outcome], problems: &[&str]) -> Verdict {
        let points = outcomes.iter().map(|&outcome| Point {
            outcome,
            name: "a".to_owned(),
            reason: String::new(),
        });
        let count = |wanted| {
            outcomes
                .iter()
                .filter(|outcome| **outcome == wanted)
                .count()
        };
        Verdict {
            suites: vec![SuiteReport {
                name: suite.to_owned(),
                status: Some(0),
                points: points.collect(),
                problems: Vec::new(),
            }],
            problems: problems.iter().map(|&problem| problem.to_owned()).collect(),
            passed: count(Outcome::Passed),
            failed: count(Outcome::Failed) + problems.len(),
            skipped: count(Outcome::Skipped),
            boot_seconds: None,
            console_tail: Vec::new(),
            interrupted: None,
        }
    }

    fn kernel(name: &str, verdicts: &[Verdict]) -> (tempfile::TempDir, Kernel) {
        let directory = tempfile::tempdir().unwrap();
        for (index, verdict) in verdicts.iter().enumerate() {
            let text = serde_json::to_string(verdict).unwrap();
            fs::write(directory.path().join(format!("{index}.json")), text).unwrap();
        }
        fs::write(directory.path().join("vm.log"), "no verdict").unwrap();
        let text = format!("{name}={}", directory.path().display());
        (directory, text.parse().unwrap())
    }

    #[test]
    fn a_row_for_each_suite_and_a_column_for_each_kernel() {
        use Outcome::{Failed, Passed, Skipped};
        let (_stock, stock) = kernel(
            "stock",
            &[
                verdict("imports", &[Passed, Passed], &[]),
                verdict("imports", &[Passed, Skipped], &[]),
                verdict("guard", &[Passed], &[]),
            ],
        );
        let (_debug, debug) = kernel(
            "debug",
            &[verdict(
                "imports",
                &[Passed, Failed],
                &["kernel log: BUG: a"],
            )],
        );
        let mut options = Options {
            kernels: vec![stock],
        };
        assert!(matrix(&options).unwrap().1);
        options.kernels.push(debug);
        let (text, success) = matrix(&options).unwrap();
        assert!(!success);
        assert_eq!(
            text,
            "| suite | stock | debug |\n\
             | --- | --- | --- |\n\
             | guard | 1 passed | - |\n\
             | imports | 3 passed, 1 skipped | **1 failed**, 1 passed |\n\
             | reports of the kernel | none | **1** |\n"
        );
    }

    #[test]
    fn a_kernel_without_verdicts_is_an_error() {
        let (_directory, kernel) = kernel("stock", &[]);
        let options = Options {
            kernels: vec![kernel],
        };
        let error = matrix(&options).unwrap_err().to_string();
        assert!(error.ends_with(" has no verdict of a VM"), "{error}");
        assert!("stock".parse::<Kernel>().is_err());
        assert!("=x".parse::<Kernel>().is_err());
    }
}
