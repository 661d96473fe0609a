// SPDX-License-Identifier: GPL-2.0

//! `kimport makefile`, and the place of the files that modules are built with.

use super::output;
use crate::error::{Error, Outcome, Result};
use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;
use std::{env, path::PathBuf};

/// Prints the path of the file that a module's Kbuild includes
///
/// A Kbuild has the line `include $(shell kimport makefile)` after `obj-m`. The file is in the
/// share directory that was installed with this command, or in the one that KIMPORT_SHARE names,
/// which may be a checkout.
#[derive(Debug, Args)]
pub(super) struct Makefile {}

/// The path of the file that a Kbuild includes.
#[derive(Debug, JsonSchema, Serialize)]
pub(super) struct MakefilePath {
    /// The path.
    makefile: PathBuf,
}

impl Makefile {
    pub(super) fn run(&self, as_json: bool) -> Result<Outcome> {
        let share = match env::var_os("KIMPORT_SHARE") {
            Some(share) => PathBuf::from(share),
            None => {
                let program = env::current_exe()
                    .map_err(|error| Error::unusable(format_args!("this program: {error}")))?;
                let prefix = program.parent().and_then(|bin| bin.parent());
                prefix.unwrap_or(&program).join("share/kimport")
            }
        };
        let makefile = share.join("scripts/Makefile.kimport");
        if !makefile.is_file() {
            return Err(
                Error::unusable(format_args!("there is no {}", makefile.display())).help(
                    "install kimport with `make install`, or name a checkout in KIMPORT_SHARE",
                ),
            );
        }
        let path = MakefilePath { makefile };
        output::result(as_json, &path, || format!("{}\n", path.makefile.display()))?;
        Ok(Outcome::Fine)
    }
}
