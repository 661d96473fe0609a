// SPDX-License-Identifier: GPL-2.0

//! `kimport prepare`.

use super::output;
use crate::{
    error::{Outcome, Result},
    prepare,
};
use clap::Args;
use kimport_setup::Named;

/// Makes the kernel tree that Rust modules for a Debian kernel are built against
///
/// Distributions' headers packages lack files that Rust modules need. This command makes the tree
/// from the kernel's source, with the distribution's own compilers in a build root, for any Debian
/// kernel with CONFIG_RUST. For Debian 13's 6.12, which has no Rust, it adds the crates of a newer
/// kernel; for another kernel without Rust, the tree is the headers package, for modules in C. The
/// command prints the path of the tree: KDIR=... A tree that exists is not made again.
///
/// The first run needs the network, about 5 GB, and some minutes.
#[derive(Debug, Args)]
#[command(after_long_help = "Environment:\n  \
    KIMPORT_CACHE   where to put it all (default: kimport in the user's cache directory)\n  \
    KIMPORT_MIRROR  URL of a Debian mirror (default: the one in this machine's apt configuration)\n\n\
    Examples:\n\n  \
    export $(kimport prepare --running) && make -C \"$KDIR\" M=\"$PWD\"\n  \
    kimport prepare 7.3.4+deb13-amd64 --json")]
pub(super) struct Prepare {
    /// The release of a kernel that is installed or in the archive, or the directory of a kernel's
    /// .deb files; by default the kernel that this version of kimport is tested with
    #[arg(
        value_name = "RELEASE|DIRECTORY",
        conflicts_with = "running",
        value_parser = kimport_setup::named
    )]
    kernel: Option<Named>,
    /// Takes the kernel that is running here
    #[arg(long)]
    running: bool,
}

impl Prepare {
    pub(super) fn run(&self, as_json: bool) -> Result<Outcome> {
        let prepared = prepare::prepare(match &self.kernel {
            Some(kernel) => kernel.clone(),
            None if self.running => Named::Release(kimport_setup::running()),
            None => Named::Chosen,
        })?;
        output::result(as_json, &prepared, || {
            format!("KDIR={}\n", prepared.kdir.display())
        })?;
        if !as_json {
            output::notes(&[format!(
                "the tree holds programs of Debian's; build modules on other systems with\n  \
                 KIMPORT_BIND=\"$PWD\" {} make -C {} M=\"$PWD\"",
                prepared.in_root.display(),
                prepared.kdir.display()
            )]);
        }
        Ok(Outcome::Fine)
    }
}
