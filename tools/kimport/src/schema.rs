// SPDX-License-Identifier: GPL-2.0

//! `kimport schema`: the schema of the `--json` output, made from the types that are printed.

use crate::{check, compare, error, list, load, prepare, relink};
use clap::ValueEnum;
use schemars::{generate::SchemaSettings, JsonSchema, Schema};

/// The output that a schema describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)]
pub enum Of {
    List,
    Check,
    Compare,
    Relink,
    Load,
    Prepare,
    Error,
}

impl Of {
    /// The JSON Schema.
    pub fn schema(self) -> Schema {
        match self {
            Self::List => of::<list::Listing>(),
            Self::Check => of::<check::CheckReport>(),
            Self::Compare => of::<compare::Matrix>(),
            Self::Relink => of::<relink::RelinkReport>(),
            Self::Load => of::<load::plan::LoadReport<'_>>(),
            Self::Prepare => of::<prepare::Prepared>(),
            Self::Error => of::<error::Failure>(),
        }
    }
}

fn of<T: JsonSchema>() -> Schema {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    settings.into_generator().into_root_schema_for::<T>()
}
