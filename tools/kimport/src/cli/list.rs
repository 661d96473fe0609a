// SPDX-License-Identifier: GPL-2.0

//! `kimport list`.

use super::{inputs, output};
use crate::{
    error::{Outcome, Result},
    list::Listing,
    module_file::ModuleFile,
};
use clap::Args;
use std::path::PathBuf;

/// Shows the imports of a module
///
/// Lists the imports made with kimport's macro, the livepatch symbols and the ordinary undefined
/// symbols. With --symvers, also shows what exports the undefined symbols; a symbol that nothing
/// exports, and without which the module cannot be loaded, is a finding.
#[derive(Debug, Args)]
pub(super) struct List {
    /// The module: .ko, .ko.xz, .ko.zst or .ko.gz
    #[arg(value_name = "FILE.ko")]
    input: PathBuf,
    /// The kernel's Module.symvers, the list of exported symbols; may be repeated to add those of
    /// other modules
    #[arg(long, value_name = "FILE")]
    symvers: Vec<PathBuf>,
}

impl List {
    pub(super) fn run(&self, as_json: bool) -> Result<Outcome> {
        let symvers = inputs::symvers(None, &self.symvers)?;
        let file = ModuleFile::read(&self.input)?;
        let listing = Listing::new(&file, symvers.as_ref())
            .map_err(|error| error.context(self.input.display()))?;
        output::result(as_json, &listing, || listing.text(output::width()))?;
        Ok(listing.outcome())
    }
}
