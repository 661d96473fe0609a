// SPDX-License-Identifier: GPL-2.0

//! Writes `rust-project.json`, from which rust-analyzer knows crates that cargo does not build.
//!
//! The kernel's own generator describes `core`, `kernel` and their like. This adds what is built with
//! kimport, read back from the commands that built it, as the kernel's `gen_compile_commands.py` does for C: so the
//! configuration, the generated bindings and the dependencies are those of the last build, and no list of crates has to
//! be kept.

mod command;
mod project;

use anyhow::{ensure, Context, Result};
use clap::Parser;
use command::Command;
use project::Project;
use std::fs;
use std::path::{Path, PathBuf};

/// Describes the kernel-side crates to rust-analyzer.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    /// What the kernel's `make rust-analyzer` wrote.
    #[arg(long, value_name = "FILE")]
    kernel: PathBuf,
    /// Where the editor finds the root of the system that the kernel's paths of the compiler's files are in.
    #[arg(long, default_value = "/", value_name = "DIR")]
    root: PathBuf,
    /// Where to write.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Where modules were built.
    #[arg(required = true, value_name = "DIR")]
    build: Vec<PathBuf>,
}

/// All files below `dir` that hold the command of a build step, in a fixed order.
fn command_files(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut todo = vec![dir.to_owned()];
    while let Some(dir) = todo.pop() {
        let entries =
            fs::read_dir(&dir).with_context(|| format!("cannot read {}", dir.display()))?;
        for entry in entries {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                todo.push(entry.path());
            } else if entry.path().extension().is_some_and(|end| end == "cmd") {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    Ok(files)
}

fn main() -> Result<()> {
    let cli = Cli::parse();
    let text = fs::read_to_string(&cli.kernel)
        .with_context(|| format!("cannot read {}", cli.kernel.display()))?;
    let mut project = Project::of_kernel(&text, &cli.root)
        .with_context(|| format!("{} is not understood", cli.kernel.display()))?;
    let mut commands = Vec::new();
    for dir in &cli.build {
        let dir = std::path::absolute(dir)?;
        for file in command_files(&dir)? {
            let text = fs::read_to_string(&file)
                .with_context(|| format!("cannot read {}", file.display()))?;
            commands.extend(
                Command::parse(&file, &text)
                    .with_context(|| format!("{} is not understood", file.display()))?,
            );
        }
    }
    ensure!(
        !commands.is_empty(),
        "no Rust module was built; run `make modules` first"
    );
    project.add(&commands)?;
    project.check()?;
    fs::write(&cli.output, project.json()?)
        .with_context(|| format!("cannot write {}", cli.output.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }
}
