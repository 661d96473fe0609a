// SPDX-License-Identifier: GPL-2.0

//! `kimport schema`: the schema of the `--json` output, made from the types that are printed.

use super::{makefile, output};
use crate::{
    check, compare, declare,
    error::{Error, Outcome, Result},
    list, load, new, prepare, relink,
};
use clap::{Args, ValueEnum};
use schemars::{generate::SchemaSettings, JsonSchema};

/// Describes the --json output of a subcommand
///
/// The description is a JSON Schema (draft 2020-12) that explains each member.
#[derive(Debug, Args)]
#[command(after_long_help = "Example:\n\n  \
    kimport schema check")]
pub(super) struct Schema {
    /// The subcommand, check-all for check --all, or error for the output of any that fails
    #[arg(value_name = "COMMAND")]
    of: Of,
}

/// The output that a schema describes.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Of {
    List,
    Check,
    CheckAll,
    Compare,
    Declare,
    Relink,
    Load,
    Makefile,
    New,
    Prepare,
    Error,
}

impl Schema {
    pub(super) fn run(&self) -> Result<Outcome> {
        output::json(&match self.of {
            Of::List => of::<list::Listing>(),
            Of::Check => of::<check::CheckReport>(),
            Of::CheckAll => of::<check::AllReport>(),
            Of::Compare => of::<compare::Matrix>(),
            Of::Declare => of::<declare::Declarations>(),
            Of::Relink => of::<relink::RelinkReport>(),
            Of::Load => of::<load::plan::LoadReport<'_>>(),
            Of::Makefile => of::<makefile::MakefilePath>(),
            Of::New => of::<new::NewModule>(),
            Of::Prepare => of::<prepare::Prepared>(),
            Of::Error => of::<Error>(),
        })?;
        Ok(Outcome::Fine)
    }
}

fn of<T: JsonSchema>() -> schemars::Schema {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    settings.into_generator().into_root_schema_for::<T>()
}
