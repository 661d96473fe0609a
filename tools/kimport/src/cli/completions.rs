// SPDX-License-Identifier: GPL-2.0

//! `kimport completions`.

use super::{documented, output};
use crate::error::{Outcome, Result};
use clap::Args;

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
