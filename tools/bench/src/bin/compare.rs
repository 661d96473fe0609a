// SPDX-License-Identifier: GPL-2.0

//! The command `kimport-bench-compare`, which puts the results of two commits side by side.

use anyhow::{ensure, Context, Result};
use clap::Parser;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Compares the medians of two runs of `make bench`, as its `--json` file has them.
///
/// Exit status: 0, or 2 when a file cannot be read or has other numbers of CPUs.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    /// The results of the commit to compare with.
    base: PathBuf,
    /// The results of the other commit.
    new: PathBuf,
    /// Leaves out what changed by less than this many percent.
    #[arg(long, value_name = "PERCENT", default_value_t = 1.0)]
    least: f64,
}

#[derive(Deserialize)]
struct Results {
    runs: Vec<Run>,
}

#[derive(Deserialize)]
struct Run {
    cpus: u32,
    medians: BTreeMap<String, Median>,
}

#[derive(Clone, Copy, Deserialize)]
struct Median {
    ticks: f64,
}

fn read(path: &Path) -> Result<Results> {
    let text = std::fs::read(path).with_context(|| path.display().to_string())?;
    serde_json::from_slice(&text).with_context(|| path.display().to_string())
}

/// Formats a number of ticks, which one of the two may lack.
fn ticks(median: Option<Median>) -> String {
    median.map_or_else(|| "-".into(), |median| format!("{:.0}", median.ticks))
}

/// Formats the medians of two runs as aligned text, except for those that hardly changed.
fn text(base: &Results, new: &Results, least: f64) -> Result<String> {
    let cpus = |results: &Results| results.runs.iter().map(|run| run.cpus).collect::<Vec<_>>();
    ensure!(
        cpus(base) == cpus(new),
        "the two have runs on other numbers of CPUs"
    );
    let mut text = String::new();
    for (base, new) in base.runs.iter().zip(&new.runs) {
        let names: BTreeSet<_> = base.medians.keys().chain(new.medians.keys()).collect();
        let width = names
            .iter()
            .map(|name| name.len())
            .max()
            .unwrap_or_default();
        let cpus = format!("{} CPU{}", base.cpus, if base.cpus == 1 { "" } else { "s" });
        let _ = writeln!(text, "{cpus:width$}  {:>12}  {:>12}  ratio", "base", "new");
        let mut same = 0;
        for name in names {
            let of = |run: &Run| run.medians.get(name).copied();
            let (before, after) = (of(base), of(new));
            let ratio = before
                .zip(after)
                .map(|(before, after)| after.ticks / before.ticks);
            if ratio.is_some_and(|ratio| (ratio - 1.0).abs() * 100.0 < least) {
                same += 1;
                continue;
            }
            let ratio = ratio.map_or_else(|| "-".into(), |ratio| format!("{ratio:.2}"));
            let (before, after) = (ticks(before), ticks(after));
            let _ = writeln!(text, "{name:width$}  {before:>12}  {after:>12}  {ratio:>5}");
        }
        let _ = writeln!(text, "{same} others changed by less than {least} %\n");
    }
    Ok(text)
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let compared = || text(&read(&cli.base)?, &read(&cli.new)?, cli.least);
    match compared() {
        Ok(text) => {
            // If writing fails, nobody reads the output any more.
            let _ = std::io::stdout().write_all(text.as_bytes());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("kimport-bench-compare: {error:#}");
            ExitCode::from(2)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn results(cpus: u32, medians: &[(&str, f64)]) -> Results {
        let medians = medians.iter();
        let medians = medians.map(|&(name, ticks)| (name.to_owned(), Median { ticks }));
        Results {
            runs: vec![Run {
                cpus,
                medians: medians.collect(),
            }],
        }
    }

    #[test]
    fn what_changed_is_shown() {
        let base = results(1, &[("a 1", 100.0), ("b 1", 1000.0), ("gone 1", 7.0)]);
        let new = results(1, &[("a 1", 150.0), ("b 1", 1004.0), ("made 1", 8.0)]);
        let text = text(&base, &new, 1.0).unwrap();
        let words: Vec<Vec<_>> = text
            .lines()
            .map(|line| line.split_whitespace().collect())
            .collect();
        assert_eq!(words[1], ["a", "1", "100", "150", "1.50"]);
        assert_eq!(words[2], ["gone", "1", "7", "-", "-"]);
        assert_eq!(words[3], ["made", "1", "-", "8", "-"]);
        assert!(text.contains("1 others changed by less than 1 %"));
    }

    #[test]
    fn runs_on_other_cpus_are_not_compared() {
        assert!(text(&results(1, &[]), &results(4, &[]), 1.0).is_err());
    }

    #[test]
    fn command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }
}
