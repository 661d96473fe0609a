// SPDX-License-Identifier: GPL-2.0

//! Persistent reservations, passed through to the block device.
//!
//! They are used only when `emulate_pr` is off. Otherwise the core keeps the reservations itself.

use crate::bdev::BlockDevice;
use crate::bindings;
use crate::command::Command;
use crate::log::pr_err_ratelimited;
use crate::scsi::Sense;
use kernel::ffi::c_int;
use kernel::prelude::*;

/// PERSISTENT RESERVE OUT service actions (SPC-5, table 174).
mod action_out {
    pub(super) const REGISTER: u8 = 0x00;
    pub(super) const RESERVE: u8 = 0x01;
    pub(super) const RELEASE: u8 = 0x02;
    pub(super) const CLEAR: u8 = 0x03;
    pub(super) const PREEMPT: u8 = 0x04;
    pub(super) const PREEMPT_AND_ABORT: u8 = 0x05;
    pub(super) const REGISTER_AND_IGNORE_EXISTING_KEY: u8 = 0x06;
}

/// PERSISTENT RESERVE IN service actions (SPC-5, table 162).
mod action_in {
    pub(super) const READ_KEYS: u8 = 0x00;
    pub(super) const READ_RESERVATION: u8 = 0x01;
    pub(super) const REPORT_CAPABILITIES: u8 = 0x02;
}

/// The data that REPORT CAPABILITIES returns (SPC-4, table 211).
///
/// Neither ATP_C nor SIP_C is set, because a backend sees neither the target port nor other
/// initiators.
const CAPABILITIES: [u8; 6] = [
    // The length, which is 8.
    0x00,
    0x08, //
    // PTPL_C: reservations can persist.
    0x01, //
    // TMV: the mask below is valid. ALLOW COMMANDS is 001b. PTPL_A: reservations do persist.
    0x80 | 0x10 | 0x01, //
    // The supported types: write exclusive, all registrants; exclusive access, registrants only;
    // write exclusive, registrants only; exclusive access; write exclusive.
    0x80 | 0x40 | 0x20 | 0x08 | 0x02, //
    // Exclusive access, all registrants.
    0x01,
];

/// The number of keys that [`read_keys`] expects at first; more than most devices have.
const KEYS: u32 = 16;

/// Returns the persistent-reservation operations of a block device.
fn operations(bdev: &BlockDevice) -> Result<&bindings::pr_ops, Sense> {
    // SAFETY: The block device is open, and has a disk until it is closed.
    let disk = unsafe { (*bdev.as_ptr()).bd_disk };
    // SAFETY: As above; a disk has operations.
    let fops = unsafe { (*disk).fops };
    // SAFETY: As above.
    let ops = unsafe { (*fops).pr_ops }.cast::<bindings::pr_ops>();
    // SAFETY: The operations are null, or constant and live as long as the disk. The cast is to
    // the type in the header; `kernel::bindings` only has the declaration.
    unsafe { ops.as_ref() }.ok_or_else(|| {
        pr_err_ratelimited!("the block device does not support persistent reservations\n");
        Sense::UNSUPPORTED_OPCODE
    })
}

/// Returns `operation`, or logs that the block device lacks it.
fn supported<T>(operation: Option<T>, name: &str) -> Result<T, Sense> {
    operation.ok_or_else(|| {
        pr_err_ratelimited!("the block device does not support {}\n", name);
        Sense::UNSUPPORTED_OPCODE
    })
}

/// The kernel's name for a SCSI reservation type.
fn block_type(kind: u8) -> bindings::pr_type {
    // SAFETY: Always safe to call: unknown types give 0.
    unsafe { bindings::scsi_pr_type_to_block(kind.into()) }
}

/// The SCSI reservation type for the kernel's name; 0 if there is none.
fn scsi_type(kind: bindings::pr_type) -> u8 {
    // SAFETY: Always safe to call: unknown types give 0.
    unsafe { bindings::block_pr_type_to_scsi(kind) as u8 }
}

fn check(status: c_int) -> Result<(), Sense> {
    const CONFLICT: c_int = bindings::pr_status_PR_STS_RESERVATION_CONFLICT as c_int;
    match status {
        0 => Ok(()),
        CONFLICT => Err(Sense::RESERVATION_CONFLICT),
        _ => Err(Sense::COMMUNICATION_FAILURE),
    }
}

/// Executes PERSISTENT RESERVE OUT.
pub(crate) fn reserve_out(
    command: &Command,
    action: u8,
    key: u64,
    action_key: u64,
    kind: u8,
    persist: bool,
) -> Result<(), Sense> {
    use action_out::*;

    let bdev = &command.device().backing()?.bdev;
    let ops = operations(bdev)?;
    let bdev = bdev.as_ptr();
    check(match action {
        REGISTER | REGISTER_AND_IGNORE_EXISTING_KEY => {
            let register = supported(ops.pr_register, "pr_register")?;
            if !persist {
                pr_info!("APTPL not set by initiator, but will be used.\n");
            }
            let flags = if action == REGISTER {
                0
            } else {
                bindings::PR_FL_IGNORE_KEY
            };
            // SAFETY: `bdev` is open, and these are its operations.
            unsafe { register(bdev, key, action_key, flags) }
        }
        RESERVE => {
            let reserve = supported(ops.pr_reserve, "pr_reserve")?;
            // SAFETY: `bdev` is open, and these are its operations.
            unsafe { reserve(bdev, key, block_type(kind), 0) }
        }
        CLEAR => {
            let clear = supported(ops.pr_clear, "pr_clear")?;
            // SAFETY: `bdev` is open, and these are its operations.
            unsafe { clear(bdev, key) }
        }
        PREEMPT | PREEMPT_AND_ABORT => {
            let preempt = supported(ops.pr_preempt, "pr_preempt")?;
            let abort = action == PREEMPT_AND_ABORT;
            // SAFETY: `bdev` is open, and these are its operations.
            unsafe { preempt(bdev, key, action_key, block_type(kind), abort) }
        }
        RELEASE => {
            let release = supported(ops.pr_release, "pr_release")?;
            // SAFETY: `bdev` is open, and these are its operations.
            unsafe { release(bdev, key, block_type(kind)) }
        }
        _ => {
            pr_err_ratelimited!("unknown PERSISTENT RESERVE OUT action {:#04x}\n", action);
            return Err(Sense::UNSUPPORTED_OPCODE);
        }
    })
}

/// Executes PERSISTENT RESERVE IN. Writes as much of the result to `data` as fits.
pub(crate) fn reserve_in(command: &Command, action: u8, data: &Parameters) -> Result<(), Sense> {
    match action {
        action_in::REPORT_CAPABILITIES => {
            data.put(0, &CAPABILITIES);
            Ok(())
        }
        action_in::READ_KEYS => read_keys(&command.device().backing()?.bdev, data),
        action_in::READ_RESERVATION => read_reservation(&command.device().backing()?.bdev, data),
        _ => {
            pr_err_ratelimited!("unknown PERSISTENT RESERVE IN action {:#04x}\n", action);
            Err(Sense::UNSUPPORTED_OPCODE)
        }
    }
}

/// The memory for the parameter data of a command. This is no slice, because the initiator may use
/// the memory, too.
///
/// # Invariants
///
/// `len` bytes from `start` are valid for writes.
pub(crate) struct Parameters {
    start: *mut u8,
    len: usize,
}

impl Parameters {
    /// # Safety
    ///
    /// `len` bytes from `start` must be valid for writes as long as the value is used.
    pub(crate) unsafe fn new(start: *mut u8, len: u32) -> Self {
        // INVARIANT: By the requirements of this function.
        Self {
            start,
            len: len as usize,
        }
    }

    /// Writes `bytes` at `offset`, if there is room for all of them. Returns false if not.
    fn put(&self, offset: usize, bytes: &[u8]) -> bool {
        let end = offset.checked_add(bytes.len());
        if end.is_none_or(|end| end > self.len) {
            return false;
        }
        // SAFETY: By the type invariants the offset is in the memory, or at its end.
        let to = unsafe { self.start.add(offset) };
        // SAFETY: By the type invariants there is room for the bytes, which are somewhere else.
        unsafe { to.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
        true
    }
}

fn read_keys(bdev: &BlockDevice, data: &Parameters) -> Result<(), Sense> {
    let read_keys = supported(operations(bdev)?.pr_read_keys, "pr_read_keys")?;

    let mut room = KEYS;
    let (list, generation, count) = loop {
        // A `struct pr_keys`: its header is as long as a key, and the keys follow it.
        const _: () = assert!(size_of::<bindings::pr_keys>() == size_of::<u64>());
        let mut list = KVec::from_elem(0u64, room as usize + 1, GFP_KERNEL)
            .map_err(|_| Sense::COMMUNICATION_FAILURE)?;
        let header = list.as_mut_ptr().cast::<bindings::pr_keys>();

        // SAFETY: `header` points to the header in `list`.
        unsafe { (*header).num_keys = room };
        // SAFETY: The block device is open, these are its operations, and there is room for the
        // keys.
        let status = unsafe { read_keys(bdev.as_ptr(), header) };
        if status != 0 {
            return Err(Sense::COMMUNICATION_FAILURE);
        }
        // SAFETY: `header` points to the header in `list`.
        let generation = unsafe { (*header).generation };
        // SAFETY: As above.
        let count = unsafe { (*header).num_keys };
        if count <= room {
            break (list, generation, count);
        }
        room = count;
    };

    data.put(0, &generation.to_be_bytes());
    data.put(4, &count.saturating_mul(8).to_be_bytes());
    for (i, key) in list.iter().skip(1).take(count as usize).enumerate() {
        if !data.put(8 * (i + 1), &key.to_be_bytes()) {
            break;
        }
    }
    Ok(())
}

fn read_reservation(bdev: &BlockDevice, data: &Parameters) -> Result<(), Sense> {
    let read_reservation = supported(operations(bdev)?.pr_read_reservation, "pr_read_reservation")?;

    let mut held = bindings::pr_held_reservation::default();
    // SAFETY: The block device is open, these are its operations, and `held` is valid for writes.
    let status = unsafe { read_reservation(bdev.as_ptr(), &mut held) };
    if status != 0 {
        return Err(Sense::COMMUNICATION_FAILURE);
    }

    data.put(0, &held.generation.to_be_bytes());
    let kind = scsi_type(held.type_);
    if kind == 0 {
        data.put(4, &0u32.to_be_bytes());
        return Ok(());
    }
    data.put(4, &16u32.to_be_bytes());
    data.put(8, &held.key.to_be_bytes());
    data.put(21, &[kind]);
    Ok(())
}
