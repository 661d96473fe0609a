// SPDX-License-Identifier: GPL-2.0

//! The command `kimport-vm`.

use anyhow::{bail, ensure, Context, Result};
use clap::{Args, Parser, Subcommand};
use kimport_vm::ktap::{Outcome, Point};
use kimport_vm::modules::Stock;
use kimport_vm::needs::{self, Needs, Size};
use kimport_vm::qemu::Accel;
use kimport_vm::run::{run, suite_name, Options, NOT_CHOSEN};
use kimport_vm::session::{Limits, Progress, Verdict};
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
    Run(Box<RunArgs>),
}

#[derive(Debug, Args)]
struct RunArgs {
    /// The root of the unpacked kernel packages (or of a system) that has lib/modules/RELEASE.
    #[arg(long, env = "KIMPORT_STOCK", value_name = "DIR")]
    stock: PathBuf,
    /// The release of the kernel, needed if there are several.
    #[arg(long)]
    release: Option<String>,
    /// The root of the system that the guest's programs are taken from.
    #[arg(long, default_value = "/", value_name = "DIR")]
    root: PathBuf,
    /// A suite: an executable script that prints KTAP. Suites run in the given order. A suite may
    /// state its needs in comments at its top, in lines `# kimport-vm: KEY VALUE...`. The options
    /// below add to them.
    #[arg(long, required = true, num_args = 1.., value_name = "PATH")]
    suite: Vec<PathBuf>,
    /// Runs only the tests whose names contain this text.
    #[arg(long, value_name = "TEXT")]
    test: Option<String>,
    /// The directory of the modules that suites need.
    #[arg(
        long,
        env = "KIMPORT_BUILD",
        default_value = "build",
        value_name = "DIR"
    )]
    build: PathBuf,
    /// Takes the modules that suites need from OTHER instead of DIR, both directories of the build.
    #[arg(long, value_parser = parse_instead, value_name = "DIR=OTHER")]
    instead: Option<(String, String)>,
    /// A module under test, put into /test/modules.
    #[arg(long, num_args = 1.., value_name = "FILE")]
    module: Vec<PathBuf>,
    /// Leaves out the modules that suites need only on kernels with livepatch.
    #[arg(long)]
    no_livepatch: bool,
    /// An extra file and its place in the guest.
    #[arg(long, value_parser = needs::parse_file, value_name = "SRC:DST")]
    file: Vec<(String, String)>,
    /// Stock modules besides the usual ones. Their dependencies come along.
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    modules_from_stock: Vec<String>,
    /// Programs besides the usual ones, for instance chrt.
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    program: Vec<String>,
    /// Adds an empty virtio disk of this size (suffixes K, M, G).
    #[arg(long, value_name = "SIZE")]
    disk: Vec<Size>,
    /// The number of virtual CPUs.
    #[arg(long, default_value_t = 2)]
    smp: u32,
    /// The size of the memory, as QEMU writes it.
    #[arg(long, default_value = "1G")]
    memory: String,
    /// The accelerator.
    #[arg(long, env = "KIMPORT_ACCEL", value_enum, default_value_t = Accel::Auto)]
    accel: Accel,
    /// Has TCG emulate the CPUs in turns. For suites that keep patching code that other CPUs run:
    /// with a thread for each CPU, TCG now and then runs a stale translation of such code.
    #[arg(long)]
    one_thread: bool,
    /// The maximum time of a run, from the VM's start [default: 300].
    #[arg(long, value_name = "SECS")]
    timeout: Option<u64>,
    /// The maximum time without output before the VM has booted. After that the VM is started once
    /// more, because nothing under test has run. The second time the limit is --hang-timeout, if
    /// that is longer.
    #[arg(long, default_value_t = 60, value_name = "SECS")]
    boot_timeout: u64,
    /// The maximum time without output once the VM has booted.
    #[arg(long, default_value_t = 60, value_name = "SECS")]
    hang_timeout: u64,
    /// Words to add to the kernel's command line.
    #[arg(
        long,
        default_value = "",
        hide_default_value = true,
        allow_hyphen_values = true
    )]
    append: String,
    /// A further argument for QEMU.
    #[arg(long, allow_hyphen_values = true, value_name = "ARG")]
    qemu_arg: Vec<String>,
    /// The QEMU program [default: qemu-system-... of the kernel's architecture].
    #[arg(long, value_name = "PROGRAM")]
    qemu: Option<PathBuf>,
    /// Keeps the log of both channels in this file. Without this option the log is kept in the
    /// cache, and only if something failed.
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// Writes the verdict to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Shows the suite's `# show: TEXT` lines with each result, and a table of all results at the
    /// end.
    #[arg(long)]
    show: bool,
    /// Shows all output of the suites.
    #[arg(short, long)]
    verbose: bool,
    /// The directory of bases and logs [default: kimport in the user's cache directory].
    #[arg(long, env = "KIMPORT_CACHE", value_name = "DIR")]
    cache: Option<PathBuf>,
}

fn parse_instead(text: &str) -> Result<(String, String), String> {
    let (from, to) = text.split_once('=').ok_or("DIR=OTHER is wanted")?;
    Ok((from.to_owned(), to.to_owned()))
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
fn module_files(name: &str, args: &RunArgs) -> Result<Vec<PathBuf>> {
    let (directory, file) = name.rsplit_once('/').unwrap_or(("", name));
    let directory = match &args.instead {
        Some((from, to)) if from == directory => to,
        _ => directory,
    };
    let directory = args.build.join(directory);
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

/// The details that a person wants to see besides results.
#[derive(Clone, Copy)]
struct Details {
    /// Set if `# show:` lines are wanted.
    shown: bool,
    /// Set if all output of the suites is wanted.
    verbose: bool,
}

fn show(progress: &Progress, details: Details) {
    let mut out = io::stdout().lock();
    let Details { verbose, .. } = details;
    // If writing fails, nobody reads any more. The exit status still tells the outcome.
    let _ = match progress {
        Progress::BootsAgain(silence) => {
            writeln!(
                out,
                "note: the boot hung, without output for {} s; once more",
                silence.as_secs()
            )
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
            if verbose || details.shown && point.outcome != Outcome::Failed {
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
    let mut out = io::stdout().lock();
    let mut text = steps.unwrap_or_default().to_owned();
    for problem in &verdict.problems {
        text += &format!("FAIL {problem}\n");
    }
    if verdict.failed > 0 {
        text += &format!(
            "--- last {} lines of the console\n",
            verdict.console_tail.len()
        );
        for line in &verdict.console_tail {
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
    let _ = out.write_all(text.as_bytes());
}

fn run_command(args: RunArgs) -> Result<bool> {
    let start = Instant::now();
    let needs = needs_of(&args.suite)?;
    if let (Some(suite), true) = (needs.livepatch_suites.first(), args.no_livepatch) {
        bail!("suite {suite} needs a kernel with livepatch");
    }
    let for_livepatch = needs
        .livepatch_modules
        .iter()
        .filter(|_| !args.no_livepatch);
    let mut modules = args.module.clone();
    for name in needs.modules.iter().chain(for_livepatch) {
        modules.extend(module_files(name, &args)?);
    }
    let said = args
        .file
        .iter()
        .map(|(from, to)| (from.as_str(), to.as_str()));
    let variable = |name: &str| std::env::var(name).ok();
    let files = said
        .chain(needs.files())
        .map(|(from, to)| Ok((needs::expand(from, variable)?.into(), to.to_owned())))
        .collect::<Result<_>>()?;
    let append: Vec<_> = std::iter::once(args.append.as_str())
        .chain(needs.append())
        .collect();
    let cache = cache_dir(args.cache.clone())?;
    let keep_log = args.log.is_some();
    let log = args.log.unwrap_or_else(|| {
        let time = SystemTime::now().duration_since(UNIX_EPOCH);
        let seconds = time.map_or(0, |time| time.as_secs());
        cache.join(format!("log/{seconds}-{}.log", std::process::id()))
    });
    let options = Options {
        stock: Stock::find(&args.stock, args.release.as_deref())?,
        root: args.root,
        cache,
        suites: args.suite,
        test: args.test,
        modules,
        files,
        stock_modules: [args.modules_from_stock, needs.stock.clone()].concat(),
        programs: [args.program, needs.programs.clone()].concat(),
        disks: [needs.disks(), args.disk.iter().map(|size| size.0).collect()].concat(),
        qemu: args.qemu,
        smp: args.smp,
        memory: args.memory,
        accel: args.accel,
        one_thread: args.one_thread || needs.one_thread,
        limits: Limits {
            total: Duration::from_secs(args.timeout.or(needs.timeout()).unwrap_or(300)),
            boot_silence: Duration::from_secs(args.boot_timeout),
            silence: Duration::from_secs(args.hang_timeout),
        },
        append: append.join(" "),
        qemu_args: [args.qemu_arg, needs.qemu].concat(),
        log,
    };
    let details = Details {
        shown: args.show,
        verbose: args.verbose,
    };
    let mut steps = Vec::new();
    let result = run(&options, |progress| {
        show(progress, details);
        if let Progress::Point { point, took, .. } = progress {
            if point.reason != NOT_CHOSEN {
                steps.push((point.clone(), *took));
            }
        }
    });
    if result.is_err() && !keep_log && options.log.exists() {
        // Without a verdict the log tells no more than the error.
        std::fs::remove_file(&options.log)?;
    }
    let verdict = result?;
    let success = verdict.success();
    if let Some(path) = &args.json {
        let mut value = serde_json::to_value(&verdict)?;
        value["success"] = success.into();
        std::fs::write(path, serde_json::to_string_pretty(&value)? + "\n")
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    let kept = keep_log || !success;
    if !kept {
        std::fs::remove_file(&options.log)?;
    }
    let table = args.show.then(|| table(&steps));
    let seconds = start.elapsed().as_secs_f64();
    report(&verdict, table.as_deref(), &options.log, kept, seconds);
    Ok(success)
}

fn main() -> ExitCode {
    let Subcommands::Run(args) = Cli::parse().command;
    match run_command(*args) {
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
