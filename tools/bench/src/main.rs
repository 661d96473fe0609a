// SPDX-License-Identifier: GPL-2.0

//! The command `kimport-bench`, which makes tables of the measurements of tests/modules/bench.

mod goals;
mod plot;
mod samples;
mod sizes;
mod tables;

use anyhow::{Context, Result};
use clap::Parser;
use goals::Goal;
use samples::Samples;
use serde_json::json;
use sizes::Sizes;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tables::Table;

const UNIT: &str =
    "Medians of the instructions that all CPUs execute, counted by QEMU's TCG (-icount shift=0).\n\
     While a CPU waits for time to pass, each nanosecond counts as one instruction. The numbers\n\
     compare the ways. They are no times on real hardware, where a mispredicted indirect call or an\n\
     interrupt of all CPUs costs more than its instructions.\n";

/// Makes tables of the logs of `make bench`, with a column for each log.
///
/// Exit status: 0, or 2 when a log cannot be read or is incomplete.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    /// The log of a run (`kimport-vm run --log`).
    #[arg(required = true)]
    log: Vec<PathBuf>,
    /// Writes all medians and the tables to this file, too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// The directory of the modules of tests/modules/cost and baseline, as they are installed.
    #[arg(long, value_name = "DIRECTORY")]
    sizes: PathBuf,
    /// Draws the goals in this file, too.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

fn read(path: &Path) -> Result<Samples> {
    let place = || format!("{}: run `make bench` for a whole one", path.display());
    let log = std::fs::read_to_string(path).with_context(place)?;
    Samples::parse(&log).with_context(place)
}

/// Formats ticks for a person.
fn ticks(ticks: f64) -> String {
    if ticks < 1000.0 {
        return format!("{ticks:.1}");
    }
    let digits = format!("{ticks:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Formats a ratio with two digits behind the point, or three if it is small.
fn ratio(ratio: f64) -> String {
    if ratio < 0.1 {
        format!("{ratio:.3}")
    } else {
        format!("{ratio:.2}")
    }
}

/// Formats the goals as aligned text.
fn goals_text(runs: &[Samples], goals: &[Goal]) -> String {
    let width = |column: fn(&Goal) -> &str| goals.iter().map(|goal| column(goal).len()).max();
    let [what, reference] = [width(|goal| goal.what), width(|goal| goal.reference)];
    let (what, reference) = (what.unwrap_or_default(), reference.unwrap_or_default());
    let mut text = String::from("\nThe goals, each as a ratio to its reference\n");
    let _ = write!(text, "{:what$}  {:reference$}", "", "");
    for run in runs {
        let cpus = format!("{} CPU{}", run.cpus, if run.cpus == 1 { "" } else { "s" });
        let _ = write!(text, "  {cpus:>6}");
    }
    text += "    goal\n";
    for goal in goals {
        let _ = write!(text, "{:what$}  {:reference$}", goal.what, goal.reference);
        for &number in &goal.runs {
            let _ = write!(text, "  {:>6}", number.map_or("-".into(), ratio));
        }
        let met = if goal.is_met { "" } else { "  missed" };
        let _ = writeln!(text, "  {:>6}{met}", goal.goal.map_or("-".into(), ratio));
    }
    text
}

/// Formats the tables as aligned text.
fn text(runs: &[Samples], tables: &[Table]) -> String {
    let labels = tables.iter().flat_map(|table| &table.rows);
    let width = labels.map(|row| row.label.len()).max().unwrap_or_default();
    let mut text = format!("\n{UNIT}");
    if let Some(run) = runs.first() {
        let _ = writeln!(
            text,
            "Kernel {}; indirect calls: {}",
            run.kernel, run.spectre_v2
        );
    }
    let _ = write!(text, "\n{:width$}", "");
    for run in runs {
        let cpus = format!("{} CPU{}", run.cpus, if run.cpus == 1 { "" } else { "s" });
        let _ = write!(text, "  {cpus:>12}  ratio");
    }
    text.push('\n');
    for table in tables {
        let _ = writeln!(text, "\n{}", table.title);
        for row in &table.rows {
            let _ = write!(text, "{:width$}", row.label);
            for cell in &row.runs {
                let _ = write!(
                    text,
                    "  {:>12}  {:>5}",
                    ticks(cell.ticks),
                    ratio(cell.ratio)
                );
            }
            text.push('\n');
        }
    }
    text
}

fn run(cli: &Cli) -> Result<()> {
    let runs = cli
        .log
        .iter()
        .map(|path| read(path))
        .collect::<Result<Vec<_>>>()?;
    let tables = tables::tables(&runs).context("run `make bench` for a whole log")?;
    let sizes = Sizes::of_directory(&cli.sizes)?;
    let goals = goals::goals(&runs, &sizes).context("run `make bench` for a whole log")?;
    if let Some(path) = &cli.json {
        let of_run = |run: &Samples| -> Result<_> {
            Ok(json!({
                "kernel": run.kernel,
                "cpus": run.cpus,
                "spectre_v2": run.spectre_v2,
                "medians": run.medians()?,
            }))
        };
        let value = json!({
            "unit": UNIT,
            "runs": runs.iter().map(of_run).collect::<Result<Vec<_>>>()?,
            "tables": tables,
            "goals": goals,
        });
        std::fs::write(path, serde_json::to_string_pretty(&value)? + "\n")
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    if let Some(path) = &cli.svg {
        std::fs::write(path, plot::plot(&runs, &goals))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    // If writing fails, nobody reads the output any more.
    let text = text(&runs, &tables) + &goals_text(&runs, &goals);
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(())
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("kimport-bench: {error:#}");
            ExitCode::from(2)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        let numbers = [6.04, 999.94, 1000.0, 418_302.4, 15_214_691.0];
        let texts = ["6.0", "999.9", "1,000", "418,302", "15,214,691"];
        assert_eq!(numbers.map(ticks), texts);
    }

    #[test]
    fn ratios_are_readable() {
        let numbers = [0.0037, 0.0816, 0.43, 1.0, 26.67];
        assert_eq!(
            numbers.map(ratio),
            ["0.004", "0.082", "0.43", "1.00", "26.67"]
        );
    }

    #[test]
    fn command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }
}
