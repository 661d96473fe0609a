// SPDX-License-Identifier: GPL-2.0

//! `target_core_iblock` in Rust: block devices as storage of the kernel's SCSI target, LIO.
//!
//! A backend driver of LIO calls a dozen functions of its core. This one imports them with
//! [`kimport::import_symbols!`] instead of linking against them, so that it also works with a core
//! that exports nothing, such as one that was loaded beside the first to replace it:
//!
//! ```text
//! insmod rust_iblock.ko                                  # target_core_mod
//! insmod rust_iblock.ko provider=target_core_mod_new
//! ```
//!
//! Devices are used as those of the C driver: the type is `iblock`, and the parameters are the
//! same.
//!
//! From the core inwards:
//!
//! - [`backend`]: the functions that the core calls.
//! - [`device`], with [`config`] and [`plug`]: a device, from `mkdir` in configfs to `rmdir`.
//! - [`command`], [`request`] and [`pr`]: a SCSI command, and how it is executed; [`scatterlist`]:
//!   the memory that it transfers; [`scsi`]: its results.
//! - [`backing`], [`bdev`] and [`bio`]: the block layer.
//! - [`imports`]: what is called in the core; [`bindings`]: the C types.
//!
//! Where it differs from the C driver:
//!
//! - Protection information (T10 PI) is not passed through.
//! - A command that fails after some of its bios were submitted is completed when those are done; C
//!   frees what they still use.
//! - A flush that the initiator did not wait for (IMMED) is waited for when the device is
//!   destroyed.
//! - With `readonly=1` the device refuses to be written, also by an initiator that does not ask
//!   whether it may.
//! - A reservation conflict is reported whichever bio of the command it was that had it.
//! - A `udev_path` that is too long is refused, and not cut off.

mod backend;
mod backing;
mod bdev;
mod bindings;
mod bio;
mod command;
mod config;
mod device;
mod imports;
mod param;
mod plug;
mod pr;
mod request;
mod scatterlist;
mod scsi;

use backend::Registration;
use imports::lio;
use kernel::prelude::*;

module! {
    type: RustIblock,
    name: "rust_iblock",
    authors: ["The kimport authors"],
    description: "LIO block device backend in Rust",
    license: "GPL",
}

string_param! {
    "rust_iblock",
    /// The module that is the LIO core. The size is that of a module's name.
    provider: [56] = "target_core_mod", "Module that provides the LIO core",
}

/// The loaded driver.
struct RustIblock {
    _registration: Registration,
}

impl kernel::Module for RustIblock {
    fn init(module: &'static ThisModule) -> Result<Self> {
        let core = provider.value();
        let imports = lio::resolve_imports_from(core)?;
        for import in imports.iter() {
            pr_info!("{import}\n");
        }
        let registration = Registration::new(module, imports)
            .inspect_err(|_| pr_err!("the LIO core did not accept the driver\n"))?;

        pr_info!("registered with {}\n", core);
        Ok(Self {
            _registration: registration,
        })
    }
}
