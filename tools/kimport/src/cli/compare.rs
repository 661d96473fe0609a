// SPDX-License-Identifier: GPL-2.0

//! `kimport compare`.

use super::{
    output, KERNEL, KERNEL_HELP, KERNEL_LONG_HELP, REPLACEMENT, REPLACEMENT_HELP,
    REPLACEMENT_LONG_HELP,
};
use crate::{
    compare::{self, Matrix, Subject},
    error::{Error, Outcome, Result},
    kernel::{self, Kernel},
    list::{Listing, Replacement},
    module_file::ModuleFile,
    progress::Spinner,
};
use clap::Args;
use rayon::prelude::*;
use std::{collections::BTreeSet, path::PathBuf};

/// Shows how symbols change from kernel to kernel
///
/// Shows for each symbol and kernel: the place of the symbol; whether it is static or global,
/// exported, ambiguous, left only as a clone made by the compiler, or gone; and whether its
/// prototype is the same as in the kernel before. Prototypes are compared by the names of types.
/// Beside that, the layouts of all structs, unions and enums that a prototype reaches are compared,
/// through any number of pointers: sizes, offsets and types of members, values of enumerators. Such
/// changes are shown, but they are no findings, because a module that is built anew follows them.
///
/// A symbol that cannot be imported on one of the kernels, or has moved or changed, is a finding.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n\n  \
    kimport compare --module rust_iblock.ko --kernel running --kernel next.deb\n  \
    kimport compare target_core_mod:target_complete_cmd nr_processes \\\n      \
    --kernel linux-image-6.1.deb --kernel linux-image-6.12.deb --html report.html")]
pub(super) struct Compare {
    /// The symbols: NAME in the kernel image or else in any module, MODULE:NAME in that module
    #[arg(value_name = "[MODULE:]NAME", required_unless_present = "module")]
    names: Vec<Subject>,
    /// Compares everything that this module imports with kimport or as livepatch symbols
    #[arg(long, value_name = "FILE.ko")]
    module: Option<PathBuf>,
    #[arg(long, required = true, value_name = KERNEL, help = KERNEL_HELP, long_help = KERNEL_LONG_HELP)]
    kernel: Vec<kernel::Spec>,
    #[arg(long, requires = "module", value_name = REPLACEMENT, help = REPLACEMENT_HELP, long_help = REPLACEMENT_LONG_HELP)]
    from: Vec<Replacement>,
    /// Also writes the matrix as an HTML page
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

impl Compare {
    pub(super) fn run(&self, as_json: bool) -> Result<Outcome> {
        let kernels = || {
            let _spinner = Spinner::new("reading the kernels");
            let read = self.kernel.par_iter().map(Kernel::read);
            read.collect::<Result<Vec<_>>>()
        };
        let mut subjects: BTreeSet<Subject> = self.names.iter().cloned().collect();
        let kernels = match &self.module {
            None => kernels()?,
            Some(module) => {
                let with_path = |error: Error| error.context(module.display());
                let file = ModuleFile::read(module)?;
                let mut listing = Listing::new(&file, None).map_err(with_path)?;
                let kernels = kernels()?;
                let exports = |module: &str, symbol: &str| {
                    let mut kernels = kernels.iter();
                    kernels.any(|kernel| kernel.exports_from(module, symbol))
                };
                listing.take_from(&self.from, exports).map_err(with_path)?;
                subjects.extend(compare::subjects(&listing));
                kernels
            }
        };
        if subjects.is_empty() {
            let error = Error::unusable("the module imports nothing that could be compared");
            let help = "name symbols, or give a module that imports with kimport or livepatch";
            return Err(error.help(help));
        }
        let matrix = Matrix::new(&subjects, &kernels);
        output::page(self.html.as_deref(), || matrix.html())?;
        output::result(as_json, &matrix, || matrix.text(output::width()))?;
        Ok(matrix.outcome())
    }
}
