// SPDX-License-Identifier: GPL-2.0

//! The command `kimport-vm`.

use anyhow::{bail, ensure, Context, Result};
use clap::{Parser, Subcommand};
use kimport_vm::ktap::{Outcome, Point};
use kimport_vm::matrix;
use kimport_vm::needs::{self, Feature, Needs};
use kimport_vm::options::Options;
use kimport_vm::run::{run, suite_name, NOT_CHOSEN};
use kimport_vm::session::{Progress, Verdict};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Runs KTAP suites in a VM.
///
/// Exit status: 0 if every test passed, 1 if something failed, 2 if the run could not be judged
/// (wrong usage, or something is missing on the host).
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Subcommands,
}

#[derive(Debug, Subcommand)]
enum Subcommands {
    /// Boots a kernel, runs suites and reports.
    Run(Box<Options>),
    /// Prints a table of the verdicts of several kernels, in Markdown.
    Matrix(matrix::Options),
}

/// Reads the needs of the suites from their headers.
fn needs_of(suites: &[PathBuf]) -> Result<Needs> {
    let mut needs = Needs::default();
    for path in suites {
        let cannot = || format!("cannot read {}", path.display());
        let script = std::fs::read_to_string(path).with_context(cannot)?;
        let header = needs::header(&script).with_context(|| path.display().to_string())?;
        needs.merge(&suite_name(path)?, &header)?;
    }
    needs.check()?;
    Ok(needs)
}

/// Returns the files that a `module` need names: one, or all modules of a directory.
fn module_files(name: &str, options: &Options) -> Result<Vec<PathBuf>> {
    let (directory, file) = name.rsplit_once('/').unwrap_or(("", name));
    let mut instead = options.instead.iter();
    let directory = match instead.find(|(from, _)| from == directory) {
        Some((_, to)) => to,
        None => directory,
    };
    let directory = options.build.join(directory);
    if file != "*" {
        return Ok(vec![directory.join(format!("{file}.ko"))]);
    }
    let cannot = || format!("cannot read {}", directory.display());
    let mut files = Vec::new();
    for entry in directory.read_dir().with_context(cannot)? {
        files.push(entry.with_context(cannot)?.path());
    }
    files.retain(|file| file.extension().is_some_and(|extension| extension == "ko"));
    ensure!(!files.is_empty(), "{} has no modules", directory.display());
    files.sort();
    Ok(files)
}

fn cache_dir(given: Option<PathBuf>) -> Result<PathBuf> {
    let base = given.or_else(|| kimport_setup::place::cache_dir(|name| std::env::var_os(name)));
    let dir = base
        .context("neither KIMPORT_CACHE nor HOME is set")?
        .join("vm");
    std::fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    Ok(dir)
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "ok",
        Outcome::Failed => "FAIL",
        Outcome::Skipped => "skip",
    }
}

fn show(progress: &Progress, options: &Options) {
    let mut out = io::stdout().lock();
    let verbose = options.verbose;
    // If writing fails, nobody reads any more. The exit status still tells the outcome.
    let _ = match progress {
        Progress::Earlier(age) => {
            let minutes = age.as_secs() / 60;
            writeln!(
                out,
                "note: nothing has changed since this passed {minutes} min ago; it is not run again"
            )
        }
        Progress::BootsAgain { reason, avoids_kvm } => {
            let how = if *avoids_kvm { ", without KVM" } else { "" };
            writeln!(out, "note: the VM failed ({reason}); once more{how}")
        }
        Progress::Booted(release) if verbose => writeln!(out, "# booted {release}"),
        // There are many of these, and nobody asked for them.
        Progress::Point { point, .. } if point.reason == NOT_CHOSEN => Ok(()),
        Progress::Point {
            suite,
            point,
            diagnostics,
            shown,
            ..
        } => {
            let reason = match point.outcome {
                Outcome::Skipped => format!(" ({})", point.reason),
                _ => String::new(),
            };
            if !verbose {
                for line in diagnostics {
                    let _ = writeln!(out, "     {line}");
                }
            }
            let word = word(point.outcome);
            let mut text = format!("{word:4} {suite}: {}{reason}\n", point.name);
            // A failed test has its `# show:` lines among its diagnostics.
            if verbose || options.show && point.outcome != Outcome::Failed {
                for line in shown {
                    text += &format!("       {line}\n");
                }
            }
            out.write_all(text.as_bytes())
        }
        Progress::Problem { suite, problem } => writeln!(out, "FAIL {suite}: {problem}"),
        Progress::Diagnostic(line) if verbose => writeln!(out, "     {line}"),
        Progress::Booted(_) | Progress::Diagnostic(_) => Ok(()),
    };
}

/// Returns the table of all results, with the time each took.
fn table(steps: &[(Point, Duration)]) -> String {
    const HEAD: &str = "step";
    let names = steps.iter().map(|(point, _)| point.name.chars().count());
    let width = names.max().unwrap_or_default().max(HEAD.len());
    let mut text = format!("\n{HEAD:width$}  result  seconds\n");
    for (point, took) in steps {
        text += &format!(
            "{:width$}  {:6}  {:7.1}\n",
            point.name,
            word(point.outcome),
            took.as_secs_f64()
        );
    }
    text + "\n"
}

fn report(verdict: &Verdict, steps: Option<&str>, log: &Path, kept: bool, seconds: f64) {
    let mut text = steps.unwrap_or_default().to_owned();
    for problem in &verdict.problems {
        text += &format!("FAIL {problem}\n");
    }
    if verdict.failed > 0 {
        let tail = &verdict.console_tail;
        text += &format!("--- last {} lines of the console\n", tail.len());
        for line in tail {
            text += &format!("{line}\n");
        }
        text += "---\n";
        if let Some(place) = &verdict.interrupted {
            text += &format!("running at the end: {place}\n");
        }
    }
    if kept {
        text += &format!("log: {}\n", log.display());
    }
    text += &match verdict.boot_seconds {
        Some(boot) => format!("boot {boot:.1} s, all {seconds:.1} s\n"),
        None => format!("{seconds:.1} s\n"),
    };
    // Scripts look for this text, alone on the last line.
    text += &format!(
        "{} passed, {} failed, {} skipped\n",
        verdict.passed, verdict.failed, verdict.skipped
    );
    // If writing fails, nobody reads any more. The exit status still tells the outcome.
    let _ = io::stdout().write_all(text.as_bytes());
}

fn run_command(mut options: Options) -> Result<bool> {
    let start = Instant::now();
    // A run that cannot be judged does not keep the verdict of an earlier one.
    let is_file = |path: &&PathBuf| path.symlink_metadata().is_ok_and(|file| file.is_file());
    if let Some(path) = options.json.as_ref().filter(is_file) {
        std::fs::remove_file(path).with_context(|| format!("cannot remove {}", path.display()))?;
    }
    let needs = needs_of(&options.suite)?;
    let lacks = |feature: &Feature| options.without.contains(feature);
    if let Some((feature, suite)) = needs
        .feature_suites
        .iter()
        .find(|(feature, _)| lacks(feature))
    {
        bail!("suite {suite} needs a kernel with {feature}");
    }
    let mut modules = needs.modules.clone();
    for (feature, name) in &needs.feature_modules {
        if !lacks(feature) {
            modules.push(name.clone());
        }
    }
    for name in &modules {
        let files = module_files(name, &options)?;
        options.module.extend(files);
    }
    options.file.extend(needs.files());
    for (from, _) in &mut options.file {
        *from = needs::expand(from, |name| std::env::var(name).ok())?;
    }
    if let Some(root) = needs.root() {
        options.root = needs::expand(root, |name| std::env::var(name).ok())?.into();
    }
    for word in needs.append() {
        options.append += &format!(" {word}");
    }
    options.disk = [needs.disks(), &options.disk].concat();
    options.timeout = options.timeout.or(Some(needs.timeout()));
    options.one_thread |= needs.one_thread;
    options.modules_from_stock.extend(needs.stock);
    options.optional_modules = needs.optional;
    options.program.extend(needs.programs);
    options.qemu_arg.extend(needs.qemu);
    let cache = cache_dir(options.cache.clone())?;
    let keep_log = options.log.is_some();
    let log = options.log.clone().unwrap_or_else(|| {
        let time = SystemTime::now().duration_since(UNIX_EPOCH);
        let seconds = time.map_or(0, |time| time.as_secs());
        cache.join(format!("log/{seconds}-{}.log", std::process::id()))
    });
    let mut steps = Vec::new();
    let result = run(&options, &cache, &log, |progress| {
        show(progress, &options);
        if let Progress::Point { point, took, .. } = progress {
            if point.reason != NOT_CHOSEN {
                steps.push((point.clone(), *took));
            }
        }
    });
    // A run that was not repeated has no log.
    let keep_log = keep_log && log.exists();
    if result.is_err() && !keep_log && log.exists() {
        // Without a verdict the log tells no more than the error.
        std::fs::remove_file(&log)?;
    }
    let verdict = result?;
    let success = verdict.success();
    if let Some(path) = &options.json {
        let mut value = serde_json::to_value(&verdict)?;
        value["success"] = success.into();
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(path, serde_json::to_string_pretty(&value)? + "\n")
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    let kept = keep_log || !success;
    if !kept && log.exists() {
        std::fs::remove_file(&log)?;
    }
    let table = options.show.then(|| table(&steps));
    let seconds = start.elapsed().as_secs_f64();
    report(&verdict, table.as_deref(), &log, kept, seconds);
    Ok(success)
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Subcommands::Run(options) => run_command(*options),
        Subcommands::Matrix(options) => matrix::matrix(&options).map(|(text, success)| {
            print!("{text}");
            success
        }),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("kimport-vm: {error:#}");
            ExitCode::from(2)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_a_row_for_each_result() {
        let point = |outcome, name: &str| Point {
            outcome,
            name: name.to_owned(),
            reason: String::new(),
        };
        let steps = [
            (
                point(Outcome::Passed, "a disk"),
                Duration::from_millis(1260),
            ),
            (point(Outcome::Failed, "é"), Duration::from_secs(100)),
        ];
        let expected = "\n\
            step    result  seconds\n\
            a disk  ok          1.3\n\
            é       FAIL      100.0\n\n";
        assert_eq!(table(&steps), expected);
    }

    #[test]
    fn command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }
}
