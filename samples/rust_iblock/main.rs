// SPDX-License-Identifier: GPL-2.0

//! `target_core_iblock` in Rust: block devices as storage of the kernel's SCSI target, LIO.
//!
//! A backend driver of LIO calls a dozen functions of the LIO core. This driver imports them with
//! [`kimport::import_symbols!`] instead of linking against them. So it also works with a core that
//! exports nothing, such as one that was loaded beside the first core to replace it:
//!
//! ```text
//! modprobe rust_iblock                                   # target_core_mod
//! modprobe rust_iblock provider=target_core_mod_new
//! ```
//!
//! It brings its core, as the C driver does. The core asks for `target_core_iblock` when it is
//! first used; `rust_iblock.conf`, in `/etc/modprobe.d`, makes modprobe load this driver instead.
//! `make install-modules` installs the driver and `target_core_mod_new`, signed if `SIGN=` names a
//! key.
//!
//! Devices are used like those of the C driver: the type is `iblock`, and the parameters are the
//! same.
//!
//! The modules, from the core inwards:
//!
//! - [`backend`]: the functions that the core calls.
//! - [`device`], with [`config`] and [`plug`]: a device, from `mkdir` in configfs to `rmdir`.
//! - [`command`], [`request`] and [`pr`]: a SCSI command and its execution; [`scatterlist`] and
//!   [`integrity`]: the memory that it transfers; [`scsi`]: its results.
//! - [`backing`], [`bdev`] and [`bio`]: the block layer.
//! - [`imports`]: the functions of the core; [`bindings`]: the C types.
//! - [`param`]: the module parameter; [`log`]: messages at a limited rate.
//!
//! The differences from the C driver:
//!
//! - A device whose protection information (T10 PI) has an IP checksum, which the core does not
//!   know, is shown without it, and the block layer makes and checks it. The C driver refuses such
//!   a device, and keeps it open.
//! - WRITE SAME works on devices with protection information, unless the initiator sends some. The
//!   C driver refuses all of them.
//! - READ and WRITE of no block work on such devices. With the C driver, the core crashes.
//! - The device is asked for the checks of protection information that the initiator asks for. The
//!   C driver asks for none, which matters for NVMe.
//! - If the device says that protection information does not fit, so does the sense data (LOGICAL
//!   BLOCK GUARD CHECK FAILED; the block layer does not tell which check has failed). With the C
//!   driver, it is that of a failed communication, which initiators try again.
//! - A command that fails after some of its bios were submitted is completed only when these are
//!   done. The C driver frees memory that they still use.
//! - A command whose data is in one bio needs no memory other than the bio, and bios with few
//!   segments come from a cache of the CPU.
//! - WRITE SAME holds no more bios that are not submitted than other commands, and each of them has
//!   as many segments as fit. The C driver holds all of them, with one segment each, which may be
//!   more than its reserve has.
//! - `max_write_same_len` is in blocks. The C driver takes the number of sectors of 512 bytes, also
//!   for larger blocks.
//! - FUA also works for a device with a cache that has no FUA itself: the block layer flushes it.
//! - SYNCHRONIZE CACHE with IMMED is answered when the flush was submitted, not before. The device
//!   waits for such flushes when it is destroyed.
//! - READ KEYS asks for as many keys as the device has, if there are more than 16. The C driver
//!   doubles the number until it suffices.
//! - A device that was removed, or is empty, has no medium. The C driver reports 2^64 - 1 blocks.
//! - With `readonly=1`, the device refuses writes even from an initiator that does not ask whether
//!   it may write.
//! - A reservation conflict is reported whichever bio of the command met it.
//! - A `udev_path` that is too long is refused instead of cut off. An error in one parameter ends
//!   the list, and those before it keep their effect.
//! - `info` never writes past its page.
//! - A device that could not be configured can be configured again. In the C driver, an error after
//!   the block device was opened leaves a pointer to it behind, so that the path cannot change.
//! - Errors that an initiator can provoke are logged at a limited rate.

mod backend;
mod backing;
mod bdev;
mod bindings;
mod bio;
mod command;
mod config;
mod device;
mod imports;
mod integrity;
mod log;
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
    authors: ["The kimport developers"],
    description: "LIO block device backend in Rust",
    license: "GPL",
}

string_param! {
    "rust_iblock",
    /// The module that provides the LIO core. The size is that of a module's name.
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
