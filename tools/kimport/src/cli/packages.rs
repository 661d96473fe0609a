// SPDX-License-Identifier: GPL-2.0

//! The subcommands that make files for packages: `kimport man` and `kimport completions`.

use super::{documented, output};
use crate::error::{Error, Outcome, Result};
use clap::Args;
use std::{fs, io, path::PathBuf};

/// Writes the manual pages, for packages
#[derive(Debug, Args)]
#[command(hide = true)]
pub(super) struct Man {
    /// The directory to write to; there is one page for the command and one for each subcommand
    #[arg(value_name = "DIRECTORY")]
    directory: PathBuf,
}

impl Man {
    pub(super) fn run(&self, as_json: bool) -> Result<Outcome> {
        let cannot = |error: io::Error| {
            Error::unusable(format_args!("{}: {error}", self.directory.display()))
                .help("choose another directory")
        };
        fs::create_dir_all(&self.directory).map_err(cannot)?;
        clap_mangen::generate_to(documented().disable_help_subcommand(true), &self.directory)
            .map_err(cannot)?;
        let mut written = Vec::new();
        for entry in fs::read_dir(&self.directory).map_err(cannot)? {
            written.push(entry.map_err(cannot)?.path().display().to_string());
        }
        written.sort_unstable();
        output::result(as_json, &written, || written.join("\n") + "\n")?;
        Ok(Outcome::Fine)
    }
}

/// Prints the completions for a shell, for packages
#[derive(Debug, Args)]
#[command(hide = true)]
pub(super) struct Completions {
    shell: clap_complete::Shell,
}

impl Completions {
    pub(super) fn run(&self, as_json: bool) -> Result<Outcome> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut documented(), "kimport", &mut script);
        let script = String::from_utf8_lossy(&script);
        output::result(as_json, &script, || script.clone())?;
        Ok(Outcome::Fine)
    }
}
