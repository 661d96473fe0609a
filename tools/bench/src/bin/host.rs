// SPDX-License-Identifier: GPL-2.0

//! The command `kimport-bench-host`, which compares the time of `kimport` with that of other
//! programs that read the same files.

use anyhow::{ensure, Context, Result};
use clap::Parser;
use serde::Serialize;
use serde_json::json;
use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::Write as _;
use std::num::NonZeroUsize;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Instant;

/// The variables of the shell's environment.
type Variables = HashMap<&'static str, OsString>;

const UNIT: &str = "Medians of whole processes that ran in turn. The ratio is that to the other \
                    program; the seconds\nare those of this machine, as busy as it was. The ratio \
                    of CPU times tells how it is where all\nother CPUs are busy: kimport uses two.\n";

/// Runs `kimport` and another program in turn, and compares the times they take.
///
/// Exit status: 0, or 2 when a program cannot be run.
#[derive(Debug, Parser)]
#[command(name = "kimport-bench-host", version)]
struct Cli {
    /// The command, from a release build.
    #[arg(long, value_name = "FILE")]
    kimport: PathBuf,
    /// The program bpftool of the kernel's source.
    #[arg(long, value_name = "FILE")]
    bpftool: PathBuf,
    /// The unpacked packages of the kernel.
    #[arg(long, value_name = "DIRECTORY")]
    stock: PathBuf,
    /// The release of the kernel.
    #[arg(long)]
    release: String,
    /// The module to check.
    #[arg(long, value_name = "FILE.ko")]
    module: PathBuf,
    /// A directory for what is written.
    #[arg(long, value_name = "DIRECTORY")]
    work: PathBuf,
    /// The number of runs of each program, after one that does not count.
    #[arg(long, default_value = "15")]
    runs: NonZeroUsize,
    /// Writes the rows to this file, too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Two programs to compare, as commands of a shell.
#[derive(Clone, Copy, Serialize)]
struct Case {
    what: &'static str,
    reference: &'static str,
    goal: &'static str,
    #[serde(skip)]
    kimport: &'static str,
    #[serde(skip)]
    other: &'static str,
}

/// The name and the command of a program that reads the kernel's types.
const DUMP_TYPES: (&str, &str) = (
    "bpftool btf dump file vmlinux format c",
    r#"exec "$BPFTOOL" btf dump file "$HEADERS/vmlinux" format c"#,
);

/// The name and the command of a program that reads all modules.
const READ_ALL: (&str, &str) = (
    "xz -dc of all modules, a process for each CPU",
    r#"find "$MODULES" -name '*.ko.xz' -print0 | xargs -0 -n 64 -P "$(nproc)" xz -dc"#,
);

const CASES: [Case; 5] = [
    Case {
        what: "kimport check rust_iblock.ko --kernel STOCK",
        reference: DUMP_TYPES.0,
        goal: "below 1",
        kimport: r#"exec "$KIMPORT" check "$MODULE" --kernel "$STOCK""#,
        other: DUMP_TYPES.1,
    },
    Case {
        what: "the same for the first time, without an extract of the image",
        reference: DUMP_TYPES.0,
        goal: "none, as the image is unpacked",
        kimport: r#"rm -rf "$WORK/cache"; export KIMPORT_CACHE="$WORK/cache"
            exec "$KIMPORT" check "$MODULE" --kernel "$STOCK""#,
        other: DUMP_TYPES.1,
    },
    Case {
        what: "kimport relink iscsi_target_mod.ko.xz",
        reference: "xz -dc and objcopy of the same",
        goal: "below 1",
        kimport: r#"exec "$KIMPORT" relink "$ISCSI" --symvers "$HEADERS/Module.symvers" \
            --from target_core_mod_new=target_core_mod --name iscsi_target_mod_new --no-exports \
            -o "$WORK/relinked.ko""#,
        other: r#"xz -dc "$ISCSI" > "$WORK/unpacked.ko" &&
            exec objcopy "$WORK/unpacked.ko" "$WORK/copied.ko""#,
    },
    Case {
        what: "kimport compare --kernel STOCK, 45 names that target_core_mod.ko exports",
        reference: READ_ALL.0,
        goal: "at most 1.5 s",
        // A finding is no failure.
        kimport: r#""$KIMPORT" compare --kernel "$STOCK" $NAMES || test $? = 1"#,
        other: READ_ALL.1,
    },
    Case {
        what: "the same for the first time, without an index of the names in modules",
        reference: READ_ALL.0,
        goal: "about 1, as all modules are unpacked",
        kimport: r#"rm -rf "$WORK/cache"; export KIMPORT_CACHE="$WORK/cache"
            "$KIMPORT" compare --kernel "$STOCK" $NAMES || test $? = 1"#,
        other: READ_ALL.1,
    },
];

/// A measured case.
#[derive(Serialize)]
struct Row {
    #[serde(flatten)]
    case: Case,
    seconds: f64,
    reference_seconds: f64,
    ratio: f64,
    /// The ratio of the CPU times of all runs.
    cpu_ratio: f64,
}

/// Runs a command of the shell.
fn run_shell(command: &str, variables: &Variables) -> Result<Vec<u8>> {
    let mut shell = Command::new("sh");
    let output = shell
        .args(["-ec", command])
        .envs(variables)
        .output()
        .context("cannot run a shell")?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "{command}: {}\n{errors}",
        output.status
    );
    Ok(output.stdout)
}

fn measure(case: Case, variables: &Variables, runs: usize) -> Result<Row> {
    let commands = [case.kimport, case.other].map(|command| format!("exec > /dev/null; {command}"));
    let mut times = [Vec::new(), Vec::new()];
    let mut ticks = [0, 0];
    for run in 0..=runs {
        for ((command, times), ticks) in commands.iter().zip(&mut times).zip(&mut ticks) {
            let (start, before) = (Instant::now(), ticks_of_children()?);
            run_shell(command, variables)?;
            // The first run reads the files from the disk.
            if run > 0 {
                times.push(start.elapsed().as_secs_f64());
                *ticks += ticks_of_children()? - before;
            }
        }
    }
    let [seconds, reference_seconds] = times.map(median);
    Ok(Row {
        case,
        seconds,
        reference_seconds,
        ratio: seconds / reference_seconds,
        cpu_ratio: ticks[0] as f64 / ticks[1] as f64,
    })
}

/// Returns the CPU time of all processes that were waited for, in ticks of the clock.
fn ticks_of_children() -> Result<u64> {
    let stat = std::fs::read_to_string("/proc/self/stat").context("the CPU times")?;
    // The name may have spaces in it; fields 16 and 17 are those of the children.
    let (_, fields) = stat
        .rsplit_once(')')
        .context("no name in /proc/self/stat")?;
    let fields = fields.split_ascii_whitespace().skip(16 - 3).take(2);
    let ticks = fields.map(|field| field.parse::<u64>().context("the CPU times"));
    ticks.sum()
}

/// Returns the median of at least one number.
fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    let last = numbers.len() - 1;
    (numbers[last / 2] + numbers[last.div_ceil(2)]) / 2.0
}

/// Returns the variables of the commands.
fn variables(cli: &Cli) -> Result<Variables> {
    let headers = cli
        .stock
        .join(format!("usr/src/linux-headers-{}", cli.release));
    let modules = cli
        .stock
        .join(format!("usr/lib/modules/{}/kernel", cli.release));
    let iscsi = modules.join("drivers/target/iscsi/iscsi_target_mod.ko.xz");
    let paths = [
        ("KIMPORT", &cli.kimport),
        ("BPFTOOL", &cli.bpftool),
        ("STOCK", &cli.stock),
        ("MODULE", &cli.module),
        ("WORK", &cli.work),
        ("HEADERS", &headers),
        ("MODULES", &modules),
        ("ISCSI", &iscsi),
    ];
    let mut variables = Variables::from(paths.map(|(name, path)| (name, path.into())));
    // No symbol of the image has these names, so that all modules have to be read.
    let names =
        r#"awk '$3 ~ "/target_core_mod$" { print $2 }' "$HEADERS/Module.symvers" | head -n 45"#;
    variables.insert("NAMES", OsString::from_vec(run_shell(names, &variables)?));
    Ok(variables)
}

/// Formats the rows as aligned text.
fn text(rows: &[Row]) -> String {
    let mut text = format!("\n{UNIT}");
    for row in rows {
        let Case {
            what,
            reference,
            goal,
            ..
        } = row.case;
        let Row {
            seconds,
            reference_seconds,
            ratio,
            cpu_ratio,
            ..
        } = row;
        let _ = write!(
            text,
            "\n{what}\n  beside {reference}\n  \
             ratio {ratio:.2}  ({seconds:.3} s and {reference_seconds:.3} s)  of CPU times \
             {cpu_ratio:.2}  goal: {goal}\n"
        );
    }
    text
}

fn run(cli: &Cli) -> Result<()> {
    std::fs::create_dir_all(&cli.work)
        .with_context(|| format!("cannot make {}", cli.work.display()))?;
    let variables = variables(cli)?;
    let rows = CASES.map(|case| measure(case, &variables, cli.runs.get()));
    let rows = rows.into_iter().collect::<Result<Vec<_>>>()?;
    if let Some(path) = &cli.json {
        let value = json!({ "unit": UNIT, "runs": cli.runs.get(), "rows": rows });
        std::fs::write(path, serde_json::to_string_pretty(&value)? + "\n")
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    // If writing fails, nobody reads the output any more.
    let _ = std::io::stdout().write_all(text(&rows).as_bytes());
    Ok(())
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("kimport-bench-host: {error:#}");
            ExitCode::from(2)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(median(vec![3.0]), 3.0);
        assert_eq!(median(vec![4.0, 1.0]), 2.5);
        assert_eq!(median(vec![9.0, 1.0, 2.0]), 2.0);
    }

    #[test]
    fn programs_run_in_turn_and_failures_are_told() {
        let case = Case {
            kimport: r#"echo >> "$WORK/runs"; test "$(wc -l < "$WORK/runs")" != 4"#,
            other: "true",
            ..CASES[0]
        };
        let work = std::env::temp_dir().join(format!("kimport-bench-host-{}", std::process::id()));
        std::fs::create_dir(&work).unwrap();
        let variables = Variables::from([("WORK", work.clone().into())]);
        let row = measure(case, &variables, 2).unwrap();
        assert_eq!(row.ratio, row.seconds / row.reference_seconds);
        let busy = "i=0; while [ $i -lt 100000 ]; do i=$((i + 1)); done";
        let before = ticks_of_children().unwrap();
        run_shell(busy, &variables).unwrap();
        assert!(ticks_of_children().unwrap() > before);
        let error = measure(case, &variables, 0).err().unwrap().to_string();
        assert!(error.contains("exit status: 1"), "{error}");
        std::fs::remove_dir_all(&work).unwrap();
    }

    #[test]
    fn command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }
}
