// SPDX-License-Identifier: GPL-2.0

//! Writes `rust-project.json`, which tells rust-analyzer of crates that cargo does not build.
//!
//! The kernel's own generator describes `core`, `kernel` and their like. This command adds the
//! crates that were built with kimport, which `scripts/Makefile.kimport` describes in
//! `.kimport/crates.json`.

mod project;

use anyhow::{ensure, Context, Result};
use clap::Parser;
use project::{Built, Project};
use std::fs;
use std::path::PathBuf;

/// Describes the kernel-side crates to rust-analyzer.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    /// The file that the kernel's `make rust-analyzer` wrote.
    #[arg(long, value_name = "FILE")]
    kernel: PathBuf,
    /// The root, as the editor sees it, of the system that holds the compiler.
    #[arg(long, default_value = "/", value_name = "DIR")]
    root: PathBuf,
    /// The file to write.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// The directories in which modules were built.
    #[arg(required = true, value_name = "DIR")]
    build: Vec<PathBuf>,
}

fn main() -> Result<()> {
    let cli = Cli::parse();
    let text = fs::read_to_string(&cli.kernel)
        .with_context(|| format!("cannot read {}", cli.kernel.display()))?;
    let mut project = Project::of_kernel(&text, &cli.root)
        .with_context(|| format!("{} is not understood", cli.kernel.display()))?;
    let mut built: Vec<Built> = Vec::new();
    for dir in &cli.build {
        let file = dir.join(".kimport/crates.json");
        // The modules of a directory may all be in C.
        if file.exists() {
            let understood = || format!("{} is not understood", file.display());
            let text = fs::read_to_string(&file).with_context(understood)?;
            built.extend(serde_json::from_str::<Vec<Built>>(&text).with_context(understood)?);
        }
    }
    ensure!(
        !built.is_empty(),
        "no Rust module was built; run `make modules` first"
    );
    project.add(built)?;
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
