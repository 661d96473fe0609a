// SPDX-License-Identifier: GPL-2.0

//! The interface to the core: the functions that it calls, as a `struct target_backend_ops`.
//!
//! Each function only converts between C's types and the driver's.
//!
//! # Safety
//!
//! Only the core may call the functions, through the tables that they are in, while the tables are
//! registered. The devices that it passes are from [`alloc_device`] and were not passed to
//! [`free_device`]. The commands are for such a device, and are neither completed nor used by
//! others; their device is configured, and stays so until they are completed. All other conditions
//! are stated in the core's headers.

use crate::bindings;
use crate::command::Command;
use crate::device::Device;
use crate::imports::lio;
use crate::param::bytes;
use crate::plug::Plug;
use crate::pr;
use crate::request;
use crate::scatterlist::ScatterList;
use crate::scsi::Sense;
use core::ptr::NonNull;
use kernel::error::{from_result, to_result};
use kernel::ffi::{c_char, c_int, c_uint};
use kernel::page::PAGE_SIZE;
use kernel::prelude::*;
use kimport::Imports;

/// The driver, registered with the core.
///
/// # Invariants
///
/// `ops` is registered, and does not move.
pub(crate) struct Registration {
    ops: NonNull<bindings::target_backend_ops>,
    /// Keeps the core loaded. This is dropped after `Self::drop` has called into the core for the
    /// last time.
    _imports: Imports,
}

// SAFETY: The core may be called from any thread.
unsafe impl Send for Registration {}

// SAFETY: There are no methods that take `&self`.
unsafe impl Sync for Registration {}

impl Registration {
    /// Registers the driver with the core that `imports` refers to.
    pub(crate) fn new(module: &'static ThisModule, imports: Imports) -> Result<Self> {
        let ops = KBox::new(ops(module), GFP_KERNEL)?;
        let ops = NonNull::from(KBox::leak(ops));

        // SAFETY: `ops` is valid until it is unregistered.
        let registered = unsafe { lio::transport_backend_register(ops.as_ptr()) };
        if let Err(error) = to_result(registered) {
            // SAFETY: `ops` is from `KBox::leak`, and the core did not keep it.
            drop(unsafe { KBox::from_raw(ops.as_ptr()) });
            return Err(error);
        }

        // INVARIANT: Registered above.
        Ok(Self {
            ops,
            _imports: imports,
        })
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        // This also waits for the RCU callbacks of `free_device`.
        // SAFETY: By the type invariants `ops` is registered.
        unsafe { lio::target_backend_unregister(self.ops.as_ptr()) };
        // SAFETY: `ops` is from `KBox::leak`, and the core does not use it any more.
        drop(unsafe { KBox::from_raw(self.ops.as_ptr()) });
    }
}

fn ops(module: &'static ThisModule) -> bindings::target_backend_ops {
    bindings::target_backend_ops {
        name: const { bytes("iblock") },
        inquiry_prod: const { bytes("IBLOCK") },
        inquiry_rev: const { bytes("4.0") },
        owner: module.as_ptr(),
        transport_flags_changeable: bindings::TRANSPORT_FLAG_PASSTHROUGH_PGR as u8,
        attach_hba: Some(attach_hba),
        detach_hba: Some(detach_hba),
        alloc_device: Some(alloc_device),
        configure_device: Some(configure_device),
        destroy_device: Some(destroy_device),
        free_device: Some(free_device),
        configure_unmap: Some(configure_unmap),
        plug_device: Some(plug_device),
        unplug_device: Some(unplug_device),
        parse_cdb: Some(parse_cdb),
        set_configfs_dev_params: Some(set_configfs_dev_params),
        show_configfs_dev_params: Some(show_configfs_dev_params),
        get_device_type: Some(get_device_type),
        get_blocks: Some(get_blocks),
        get_alignment_offset_lbas: Some(get_alignment_offset_lbas),
        get_lbppbe: Some(get_lbppbe),
        get_io_min: Some(get_io_min),
        get_io_opt: Some(get_io_opt),
        get_write_cache: Some(get_write_cache),
        tb_dev_attrib_attrs: lio::sbc_attrib_attrs().cast(),
        ..pin_init::zeroed()
    }
}

/// The functions that execute commands.
static EXEC_CMD_OPS: bindings::exec_cmd_ops = bindings::exec_cmd_ops {
    execute_rw: Some(execute_rw),
    execute_sync_cache: Some(execute_sync_cache),
    execute_write_same: Some(execute_write_same),
    execute_unmap: Some(execute_unmap),
    execute_pr_out: Some(execute_pr_out),
    execute_pr_in: Some(execute_pr_in),
};

extern "C" fn attach_hba(_hba: *mut bindings::se_hba, _host_id: u32) -> c_int {
    0
}

extern "C" fn detach_hba(_hba: *mut bindings::se_hba) {}

extern "C" fn alloc_device(
    _hba: *mut bindings::se_hba,
    _name: *const c_char,
) -> *mut bindings::se_device {
    match KBox::pin_init(Device::new(), GFP_KERNEL) {
        Ok(device) => Device::into_raw(device),
        Err(_) => core::ptr::null_mut(),
    }
}

/// Defines functions that the core calls with a device.
macro_rules! of_device {
    ($($name:ident($($arg:ident: $type:ty),*) -> $ret:ty = |$device:ident| $result:expr;)*) => {$(
        /// # Safety
        ///
        /// See [the module](self).
        unsafe extern "C" fn $name(dev: *mut bindings::se_device, $($arg: $type),*) -> $ret {
            // SAFETY: By the requirements of this function `dev` is from `alloc_device` and not
            // freed.
            let $device = unsafe { Device::from_raw(dev) };
            $result
        }
    )*};
}

of_device! {
    configure_device() -> c_int = |device| from_result(|| device.configure().map(|()| 0));
    configure_unmap() -> bool = |device| device.configure_unmap();
    plug_device() -> *mut bindings::se_dev_plug =
        |device| device.plugs.start().map_or(core::ptr::null_mut(), NonNull::as_ptr);
    set_configfs_dev_params(page: *const c_char, count: isize) -> isize = |device| {
        // SAFETY: configfs terminates the text that is written.
        let page = unsafe { CStr::from_char_ptr(page) };
        from_result(|| device.set_parameters(page).map(|()| count))
    };
    show_configfs_dev_params(page: *mut c_char) -> isize = |device| {
        // The core has already written to the page, perhaps all of it.
        let room = page.addr().next_multiple_of(PAGE_SIZE) - page.addr();
        // SAFETY: configfs passes a whole page, of which this is the rest; it is initialized, and
        // nobody else uses it.
        let rest = unsafe { core::slice::from_raw_parts_mut(page, room) };
        from_result(|| Ok(device.show_parameters(rest)? as isize))
    };
    get_blocks() -> u64 = |device| device.last_block();
    get_alignment_offset_lbas() -> u64 = |device| device.alignment_offset();
    get_lbppbe() -> c_uint = |device| device.physical_block_exponent();
    get_io_min() -> c_uint = |device| device.bdev().map_or(0, |bdev| bdev.io_min());
    get_io_opt() -> c_uint = |device| device.bdev().map_or(0, |bdev| bdev.io_opt());
    get_write_cache() -> bool = |device| device.bdev().is_some_and(|bdev| bdev.has_write_cache());
}

/// # Safety
///
/// See [the module](self).
unsafe extern "C" fn destroy_device(dev: *mut bindings::se_device) {
    // SAFETY: By the requirements of this function `dev` is from `alloc_device` and not freed.
    let device = unsafe { Device::from_raw(dev) };
    // SAFETY: The core calls this when all commands are completed, or none was ever submitted. All
    // other functions that configfs may reach meanwhile lock the configuration.
    unsafe { device.destroy() }
}

/// # Safety
///
/// See [the module](self).
unsafe extern "C" fn free_device(dev: *mut bindings::se_device) {
    // `rcu_head` is a macro in C, and so the field has the name of the type.
    // SAFETY: This computes an address in a device of this driver.
    let head = unsafe { &raw mut (*dev).callback_head };
    // SAFETY: The core does not use the head. From here on, it does not use the device either,
    // except for RCU readers.
    unsafe { bindings::call_rcu(head, Some(free_device_rcu)) }
}

/// # Safety
///
/// See [the module](self).
unsafe extern "C" fn free_device_rcu(head: *mut bindings::callback_head) {
    // SAFETY: `free_device` passed the field of a `struct se_device`.
    let dev = unsafe { kernel::container_of!(head, bindings::se_device, callback_head) };
    // SAFETY: `free_device` got the device from the core, and the RCU readers are gone.
    drop(unsafe { Device::from_raw_owned(dev) });
}

/// # Safety
///
/// See [the module](self).
unsafe extern "C" fn unplug_device(se_plug: *mut bindings::se_dev_plug) {
    if let Some(se_plug) = NonNull::new(se_plug) {
        // SAFETY: The core passes what `plug_device` returned, in the same task.
        unsafe { Plug::finish(se_plug) }
    }
}

/// # Safety
///
/// See [the module](self).
unsafe extern "C" fn parse_cdb(cmd: *mut bindings::se_cmd) -> bindings::sense_reason_t {
    // SAFETY: By the requirements of this function the command is not completed.
    let command = unsafe { Command::from_raw(cmd) };
    if command.device().has_no_medium() && command.needs_medium() {
        // SAFETY: The core passes a valid command, and leaves this field to the backend.
        unsafe { (*cmd).execute_cmd = Some(execute_without_medium) };
        return Sense::from_result(Ok(()));
    }
    let ops = (&raw const EXEC_CMD_OPS).cast_mut();
    // SAFETY: The core passes a valid command. It only reads `ops`.
    let reason = unsafe { lio::sbc_parse_cdb(cmd, ops) };
    if command.has_empty_protection() {
        // SAFETY: The core passes a valid command, which only this task uses.
        unsafe { (*cmd).prot_op = bindings::target_prot_op_TARGET_PROT_NORMAL };
    }
    reason
}

/// # Safety
///
/// See [the module](self).
unsafe extern "C" fn get_device_type(dev: *mut bindings::se_device) -> u32 {
    // SAFETY: The core passes a valid device.
    unsafe { lio::sbc_get_device_type(dev) }
}

/// Defines functions that the core calls to have a command executed.
macro_rules! of_command {
    ($($name:ident($($arg:ident: $type:ty),*) = |$command:ident| $result:expr;)*) => {$(
        /// # Safety
        ///
        /// See [the module](self).
        unsafe extern "C" fn $name(
            cmd: *mut bindings::se_cmd,
            $($arg: $type),*
        ) -> bindings::sense_reason_t {
            // SAFETY: By the requirements of this function the command is to be executed. The core
            // completes it if `$result` only borrows it.
            let $command = unsafe { Command::from_raw(cmd) };
            Sense::from_result($result)
        }
    )*};
}

of_command! {
    execute_without_medium() = |command| {
        command.complete_without_medium();
        Ok(())
    };
    execute_rw(
        sgl: *mut bindings::scatterlist, nents: u32, direction: bindings::dma_data_direction
    ) = |command| {
        // SAFETY: The core does not change the list until the command is completed.
        let data = unsafe { ScatterList::from_raw(sgl, nents) };
        request::read_write(command, data, direction)
    };
    execute_sync_cache() = |command| request::synchronize_cache(command);
    execute_write_same() = |command| request::write_same(command);
    execute_unmap(lba: u64, nolb: u64) = |command| request::unmap(&command, lba, nolb);
    execute_pr_out(action: u8, key: u64, action_key: u64, kind: u8, aptpl: bool) =
        |command| pr::reserve_out(&command, action, key, action_key, kind, aptpl);
    execute_pr_in(action: u8, data: *mut u8) = |command| {
        // SAFETY: The core mapped the parameter data, whose length is the command's.
        let data = unsafe { pr::Parameters::new(data, command.data_length()) };
        pr::reserve_in(&command, action, &data)
    };
}
