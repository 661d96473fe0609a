// SPDX-License-Identifier: GPL-2.0

//! The imports of everything that this driver calls in the LIO core.

use crate::bindings::{
    block_device, configfs_attribute, exec_cmd_ops, se_cmd, se_dev_attrib, se_device,
    sense_reason_t, target_backend_ops,
};
use kernel::ffi::c_int;
use kimport::import_symbols;

import_symbols! {
    /// The LIO core that the module parameter `provider` names. It is loaded if it is not there.
    #[autoload]
    pub(crate) mod lio from "target_core_mod" {
        /// Makes a backend driver known to the core, which keeps the pointer.
        transport_backend_register: fn(ops: *const target_backend_ops) -> c_int,
        /// Undoes `transport_backend_register`, and waits for the RCU callbacks of freed devices.
        target_backend_unregister: fn(ops: *const target_backend_ops),

        /// Completes `cmd` with a SAM status. May be called from interrupt context.
        target_complete_cmd: fn(cmd: *mut se_cmd, scsi_status: u8),
        /// Takes over the sense data of `cmd`, `TRANSPORT_SENSE_BUFFER` bytes.
        transport_copy_sense_to_cmd: fn(cmd: *mut se_cmd, sense: *mut u8),
        /// Parses the CDB of a block device command and picks the function of `ops` that executes
        /// it.
        sbc_parse_cdb: fn(cmd: *mut se_cmd, ops: *mut exec_cmd_ops) -> sense_reason_t,
        /// The peripheral device type of a block device.
        sbc_get_device_type: fn(dev: *mut se_device) -> u32,
        /// The number of blocks that a WRITE SAME command asks for.
        sbc_get_write_same_sectors: fn(cmd: *mut se_cmd) -> u64,
        /// Converts blocks of `dev` to sectors of 512 bytes.
        target_to_linux_sector: fn(dev: *mut se_device, lb: u64) -> u64,
        /// Takes over the discard limits of a block device. Returns false if it has none.
        target_configure_unmap_from_bdev:
            fn(attrib: *mut se_dev_attrib, bdev: *mut block_device) -> bool,
        /// Takes over the atomic write limits of a block device.
        target_configure_write_atomic_from_bdev:
            fn(attrib: *mut se_dev_attrib, bdev: *mut block_device),

        /// The configfs attributes that every block device backend has, up to a null pointer.
        sbc_attrib_attrs: [*mut configfs_attribute; 0],
    }
}
