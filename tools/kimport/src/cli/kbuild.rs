// SPDX-License-Identifier: GPL-2.0

//! `kimport kbuild`, for `scripts/Makefile.relink`.

use super::{inputs, output, KERNEL};
use crate::{
    check,
    error::{Error, Outcome, Result},
    kbuild,
    kernel::{self, Kernel},
    relink,
    symvers::Symvers,
};
use clap::{Args, Subcommand};
use std::{fs, path::PathBuf};

/// The way out if a file of the build tree cannot be written.
const TREE: &str = "see why the build tree cannot be written to";

/// The steps of scripts/Makefile.relink
#[derive(Debug, Subcommand)]
pub(super) enum Kbuild {
    /// Writes a Module.symvers with the symbols that modules get from providers that do not export
    /// them
    Symvers {
        #[command(flatten)]
        modules: Modules,
        /// The file to write
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        /// Copies a Module.symvers and removes the namespaces of the symbols that modules get from
        /// providers
        #[arg(long, num_args = 2, value_names = ["FROM", "TO"])]
        to_all: Option<Vec<PathBuf>>,
    },
    /// Relinks in place each built module that is not relinked yet
    Relink {
        #[command(flatten)]
        modules: Modules,
        #[arg(long, value_name = KERNEL, help = "Refuses symbols that KERNEL would not resolve")]
        kernel: Option<kernel::Spec>,
    },
}

/// The modules of a build
#[derive(Debug, Args)]
pub(super) struct Modules {
    /// A file with a line for each module: its name without suffix, then its values of relink's
    /// --from
    #[arg(value_name = "LIST")]
    list: PathBuf,
    /// A Module.symvers with the exports of other modules
    #[arg(long, value_name = "FILE")]
    symvers: Vec<PathBuf>,
}

impl Kbuild {
    pub(super) fn run(&self, as_json: bool) -> Result<Outcome> {
        match self {
            Self::Symvers {
                modules,
                output,
                to_all,
            } => {
                let (modules, exports) = modules.read()?;
                let text = kbuild::unexported(&modules, &exports)?;
                if let Some([from, to]) = to_all.as_deref() {
                    let text = fs::read_to_string(from)
                        .map_err(|error| Error::unusable(error).context(from.display()))?;
                    let text = kbuild::to_all(&text, &modules, &exports)?;
                    output::write_file(to, text.as_bytes(), TREE)?;
                }
                output::write_file(output, text.as_bytes(), "choose another place with -o")?;
                if as_json {
                    output::json(&text.lines().collect::<Vec<_>>())?;
                }
            }
            Self::Relink { modules, kernel } => {
                let (modules, exports) = modules.read()?;
                let kernel = kernel.as_ref().map(Kernel::read).transpose()?;
                let mut reports = Vec::new();
                for module in modules.iter().filter(|module| module.is_relinked()) {
                    let Some((bytes, report)) = kbuild::relink(module, &exports, kernel.as_ref())?
                    else {
                        continue;
                    };
                    let path = module.path();
                    if let Some(kernel) = &kernel {
                        check::relinked(&report.symbols, kernel)
                            .map_err(|error| error.context(path.display()))?;
                    }
                    output::write_file(&path, &bytes, TREE)?;
                    reports.push(report);
                }
                let text = || String::from_iter(reports.iter().map(relink::RelinkReport::text));
                output::result(as_json, &reports, text)?;
            }
        }
        Ok(Outcome::Fine)
    }
}

impl Modules {
    fn read(&self) -> Result<(Vec<kbuild::UnfinishedModule>, Symvers)> {
        let list = fs::read_to_string(&self.list).map_err(|error| {
            Error::unusable(format_args!("{}: {error}", self.list.display()))
                .help("this is a step of scripts/Makefile.relink, which writes that file")
        })?;
        let others = inputs::symvers(None, &self.symvers)?.unwrap_or_default();
        kbuild::UnfinishedModule::read_all(&list, others)
    }
}
