// SPDX-License-Identifier: GPL-2.0

//! `kimport schema`.

use super::output;
use crate::{
    error::{Outcome, Result},
    schema,
};
use clap::Args;

/// Describes the --json output of a subcommand
///
/// The description is a JSON Schema (draft 2020-12) that explains each member.
#[derive(Debug, Args)]
#[command(after_long_help = "Example:\n\n  \
    kimport schema check")]
pub(super) struct Schema {
    /// The subcommand, or error for the output of any subcommand that fails
    #[arg(value_name = "COMMAND")]
    of: schema::Of,
}

impl Schema {
    pub(super) fn run(&self) -> Result<Outcome> {
        output::json(&self.of.schema())?;
        Ok(Outcome::Fine)
    }
}
