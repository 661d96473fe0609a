// SPDX-License-Identifier: GPL-2.0

//! `kimport prepare`.

use super::output;
use crate::{
    error::{Outcome, Result},
    prepare::{self, Prepared},
};
use clap::Args;
use kimport_setup::Named;

/// Makes the kernel tree that Rust modules for a Debian kernel are built against
///
/// Debian's headers packages lack files that Rust modules need. This command makes the tree
/// from the kernel's source, with the distribution's own compilers in a build root, for any Debian
/// kernel with CONFIG_RUST. For Debian 13's 6.12, which has no Rust, it adds the crates of a newer
/// kernel; for another kernel without Rust, the tree is the headers package, for modules in C. The
/// command prints the path of the tree: KDIR=... A tree that exists is not made again.
///
/// Where this system lacks the compilers of the tree, bindgen or pahole, modules are built in the
/// build root. The command names that root, KERNEL_ROOT=..., and the script that runs a command in
/// it, IN_ROOT=... Otherwise both are empty. The directories that KIMPORT_BIND names, with colons
/// between them, have the same paths inside, and kimport itself is there. The Makefile of `kimport
/// new` does all that.
///
/// Headers that have Rust metadata, as those of Ubuntu (with linux-lib-rust), Arch and Fedora, are
/// used as they are, if rustc is the compiler of the kernel. So is a tree in which a kernel was
/// built. For these, /lib/modules/RELEASE/build or the DIRECTORY has rust/libkernel.rmeta. Headers
/// without it suffice for modules in C. They are used if DIRECTORY names them, or if the kernel is
/// not one of Debian's.
///
/// The first run needs the network, about 5 GB, and some minutes.
#[derive(Debug, Args)]
#[command(after_long_help = "Environment:\n  \
    KIMPORT_CACHE   where to put it all (default: kimport in the user's cache directory)\n  \
    KIMPORT_MIRROR  URL of a Debian mirror (default: the one in this machine's apt configuration)\n\n\
    Examples:\n\n  \
    export $(kimport prepare --running) && make -C \"$KDIR\" M=\"$PWD\"\n  \
    KIMPORT_BIND=\"$PWD\" $IN_ROOT --root $KERNEL_ROOT make -C \"$KDIR\" M=\"$PWD\"\n  \
    kimport prepare 7.3.4+deb13-amd64 --json")]
pub(super) struct Prepare {
    /// The release of a kernel that is installed or in the archive, the directory of a kernel's
    /// .deb files, or a tree; by default the kernel that this version of kimport
    /// is tested with
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
        let kdir = prepared.kdir.display();
        let root = match &prepared {
            Prepared {
                missing,
                root: Some(root),
                in_root: Some(in_root),
                ..
            } if !missing.is_empty() => Some((root.display(), in_root.display())),
            _ => None,
        };
        // A shell that exports these may have exported those of another kernel before.
        output::result(as_json, &prepared, || match &root {
            Some((root, in_root)) => {
                format!("KDIR={kdir}\nKERNEL_ROOT={root}\nIN_ROOT={in_root}\n")
            }
            None => format!("KDIR={kdir}\nKERNEL_ROOT=\nIN_ROOT=\n"),
        })?;
        let note = match &root {
            Some((root, in_root)) => Some(format!(
                "this system lacks {}; build modules in the build root:\n  \
                 KIMPORT_BIND=\"$PWD\" {in_root} --root {root} make -C {kdir} M=\"$PWD\"",
                prepared.missing.join(", "),
            )),
            // The tree was made here, and this system can use it.
            None if prepared.in_root.is_some() => None,
            None if prepared.lacks.is_empty() => Some(format!(
                "these are the headers of {}, with Rust metadata",
                prepared.release
            )),
            None => Some(format!(
                "these headers of {} lack {}: modules that import with the crate need a tree in \
                 which the kernel was built; modules in C do not",
                prepared.release,
                prepared.lacks.join(", ")
            )),
        };
        if !as_json {
            output::notes(note.as_slice());
        }
        Ok(Outcome::Fine)
    }
}
