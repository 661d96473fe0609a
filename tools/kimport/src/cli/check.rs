// SPDX-License-Identifier: GPL-2.0

//! `kimport check`.

use super::{
    inputs, output, KERNEL, KERNEL_HELP, KERNEL_LONG_HELP, REPLACEMENT, REPLACEMENT_HELP,
    REPLACEMENT_LONG_HELP,
};
use crate::{
    check,
    error::{Outcome, Result},
    kernel,
    list::{Listing, Replacement},
    module_file::ModuleFile,
};
use clap::Args;
use std::path::{Path, PathBuf};

/// The directory where DKMS builds modules.
const DKMS: &str = "/var/lib/dkms";

/// Tells whether a kernel would load a module and resolve everything it imports
///
/// Looks up each import made with kimport, each livepatch symbol and each undefined symbol. For a
/// symbol that would not resolve, prints what the kernel would log. Declared types are compared
/// with the kernel's, as far as its type information (BTF) goes, and so are the layouts of the
/// structs that a module was compiled with. The checks of the kernel's module loader are made too:
/// the version magic, the architecture, and the namespaces, license and versions of exported
/// symbols. A module that was built for another release is a finding ("other kernel"), unless
/// symbols have versions. A difference that the loader accepts with a taint is a warning. A
/// question that the given files do not answer is reported as "not known". Nothing is loaded. The
/// last lines tell the reasons for the findings, each with its way out. An HTML page (--html) has
/// them in a table.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n\n  \
    kimport check rust_iblock.ko --kernel running\n  \
    kimport check rust_iblock.ko --kernel running,other/provider.ko\n  \
    kimport check rust_iblock.ko --from target_core_mod_new=target_core_mod \\\n      \
    --kernel linux-image.deb,target_core_mod_new.ko\n  \
    kimport check --all --kernel linux-image.deb --html report.html\n  \
    kimport check rust_iblock.ko --kernel next=/mnt/boot/vmlinuz,/mnt/lib/modules/7.3.4")]
pub(super) struct Check {
    /// The module: .ko, .ko.xz, .ko.zst or .ko.gz
    #[arg(value_name = "FILE.ko", required_unless_present = "all")]
    input: Option<PathBuf>,
    /// Checks every module below DIR, or all that DKMS has installed for the running kernel, in one
    /// table
    #[arg(long, value_name = "DIR", conflicts_with_all = ["input", "from"])]
    all: Option<Option<PathBuf>>,
    #[arg(long, value_name = KERNEL, help = KERNEL_HELP, long_help = KERNEL_LONG_HELP)]
    kernel: kernel::Spec,
    #[arg(long, value_name = REPLACEMENT, help = REPLACEMENT_HELP, long_help = REPLACEMENT_LONG_HELP)]
    from: Vec<Replacement>,
    /// Also writes the report as an HTML page
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

impl Check {
    pub(super) fn run(&self, as_json: bool) -> Result<Outcome> {
        let Some(input) = &self.input else {
            let directory = self.all.as_ref().and_then(Option::as_deref);
            let files = match directory {
                Some(directory) => check::modules_below(directory),
                None => check::modules_of_dkms(Path::new(DKMS), &kimport_setup::running()),
            }?;
            let kernel = inputs::kernel(&self.kernel.clone().with(&check::readable(&files)))?;
            let report = check::AllReport::new(&files, kernel, directory.is_none());
            output::page(self.html.as_deref(), || report.html())?;
            output::result(as_json, &report, || report.text(output::width()))?;
            return Ok(report.outcome());
        };
        let list = || {
            let file = ModuleFile::read(input)?;
            let listing = Listing::new(&file, None);
            let listing = listing.map_err(|error| error.context(input.display()))?;
            Ok((file, listing))
        };
        let (kernel, listed) = inputs::kernel_while(&self.kernel, || {
            let listed: Result<(ModuleFile, Listing)> = list();
            let providers = match &listed {
                Ok((_, listing)) => listing.providers().into_iter().map(str::to_owned).collect(),
                Err(_) => Vec::new(),
            };
            (listed, providers)
        });
        let (file, mut listing) = listed?;
        let kernel = kernel?;
        let exports = |module: &str, symbol: &str| kernel.exports_from(module, symbol);
        listing
            .take_from(&self.from, exports)
            .map_err(|error| error.context(input.display()))?;
        let mut report = check::CheckReport::new(&listing, kernel);
        report.compare_types(&file, &listing, kernel);
        output::page(self.html.as_deref(), || report.html())?;
        output::result(as_json, &report, || report.text())?;
        Ok(report.outcome())
    }
}
