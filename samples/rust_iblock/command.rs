// SPDX-License-Identifier: GPL-2.0

//! SCSI commands that the core passes to a backend.

use crate::bindings;
use crate::device::Device;
use crate::imports::lio;
use crate::integrity::Protection;
use crate::scatterlist::ScatterList;
use crate::scsi::{self, SamStatus};
use core::ptr::NonNull;

/// A command that is to be executed.
///
/// The owner either completes the command, or gives it back to the core by returning a
/// [`Sense`](crate::scsi::Sense) from the function that got the command. Dropping it does neither.
///
/// # Invariants
///
/// The pointer refers to a command that was submitted to this backend and is not completed, so the
/// core frees neither the command nor its device. It may change the command's state, but not the
/// work that the command asks for.
#[must_use]
pub(crate) struct Command(NonNull<bindings::se_cmd>);

// SAFETY: A command can be completed from any thread.
unsafe impl Send for Command {}

// SAFETY: The methods that take `&self` only read fields one by one.
unsafe impl Sync for Command {}

/// Reads a field of a command. There are no references to the structure, because the core writes to
/// other fields of it at the same time.
macro_rules! field {
    ($command:expr, $field:ident) => {{
        let command = $command.as_ptr();
        // SAFETY: By the type invariants the command is valid. The field is a word.
        unsafe { (&raw const (*command).$field).read_volatile() }
    }};
}

impl Command {
    /// # Safety
    ///
    /// `cmd` must be a command that the core submitted to this backend, and must not be completed.
    pub(crate) unsafe fn from_raw(cmd: *mut bindings::se_cmd) -> Self {
        // SAFETY: The core passes no null pointers. INVARIANT: By the requirements of this
        // function.
        Self(unsafe { NonNull::new_unchecked(cmd) })
    }

    /// The `struct se_cmd`, valid until the command is completed.
    pub(crate) fn as_ptr(&self) -> *mut bindings::se_cmd {
        self.0.as_ptr()
    }

    /// Turns the command into a pointer, which [`Self::from_raw`] turns back.
    pub(crate) fn into_raw(self) -> *mut bindings::se_cmd {
        self.0.as_ptr()
    }

    fn se_dev(&self) -> *mut bindings::se_device {
        field!(self, se_dev)
    }

    /// The device that executes the command.
    pub(crate) fn device(&self) -> &Device {
        // SAFETY: The core only submits commands to a backend's own devices; by the type invariants
        // the device is not freed.
        unsafe { Device::from_raw(self.se_dev()) }
    }

    /// Completes the command. Does not sleep.
    pub(crate) fn complete(self, status: SamStatus) {
        // SAFETY: By the type invariants the command is not completed. This consumes it.
        unsafe { self.complete_once(status) }
    }

    /// Completes the command. Does not sleep.
    ///
    /// # Safety
    ///
    /// The command must not be used afterwards.
    pub(crate) unsafe fn complete_once(&self, status: SamStatus) {
        if status == SamStatus::GuardCheckFailed {
            self.set_sense(bindings::ABORTED_COMMAND, scsi::GUARD_CHECK_FAILED);
        }
        // SAFETY: By the type invariants the command is not completed yet.
        unsafe { lio::target_complete_cmd(self.as_ptr(), status.byte()) }
    }

    /// Completes the command with the sense data for a device without a medium. The core has no
    /// `sense_reason_t` for that.
    pub(crate) fn complete_without_medium(self) {
        self.set_sense(bindings::NOT_READY, scsi::MEDIUM_NOT_PRESENT);
        self.complete(SamStatus::CheckCondition);
    }

    /// Sets the sense data, instead of those that the core adds to a command that fails.
    fn set_sense(&self, key: u32, (code, qualifier): (u8, u8)) {
        let mut sense = [0; bindings::TRANSPORT_SENSE_BUFFER as usize];
        // SAFETY: The buffer is long enough for fixed-format sense data.
        unsafe {
            bindings::scsi_build_sense_buffer(0, sense.as_mut_ptr(), key as u8, code, qualifier)
        };
        // SAFETY: By the type invariants the command is not completed. The core reads as many bytes
        // as the buffer has.
        unsafe { lio::transport_copy_sense_to_cmd(self.as_ptr(), sense.as_mut_ptr()) };
    }

    /// The first two bytes of the command descriptor block.
    fn cdb(&self) -> [u8; 2] {
        let cdb = field!(self, t_task_cdb).cast::<[u8; 2]>();
        // SAFETY: This is the command descriptor block, which has at least 6 bytes and does not
        // change.
        unsafe { cdb.read() }
    }

    /// Returns whether the command is for the medium, and not only for the device.
    pub(crate) fn needs_medium(&self) -> bool {
        let [opcode, action] = self.cdb();
        scsi::needs_medium(opcode, action)
    }

    /// Returns whether a SYNCHRONIZE CACHE shall be completed before the flush is done.
    pub(crate) fn is_immediate(&self) -> bool {
        self.cdb()[1] & 0x2 != 0
    }

    /// Returns whether the initiator wants the data on the medium.
    pub(crate) fn force_unit_access(&self) -> bool {
        field!(self, se_cmd_flags) & bindings::se_cmd_flags_table_SCF_FUA != 0
    }

    /// Returns whether the initiator wants either all of the data written, or nothing.
    pub(crate) fn atomic(&self) -> bool {
        field!(self, se_cmd_flags) & bindings::se_cmd_flags_table_SCF_ATOMIC != 0
    }

    /// Returns whether the initiator sends protection information.
    pub(crate) fn sends_protection(&self) -> bool {
        field!(self, prot_op) == bindings::target_prot_op_TARGET_PROT_DOUT_PASS
    }

    /// Returns whether the command has protection information of no block. The core crashes when it
    /// allocates memory for that.
    pub(crate) fn has_empty_protection(&self) -> bool {
        field!(self, prot_op) != bindings::target_prot_op_TARGET_PROT_NORMAL
            && field!(self, prot_length) == 0
    }

    /// The protection information of the command, if it is to be transferred.
    ///
    /// # Safety
    ///
    /// The command must not be completed during `'a`.
    pub(crate) unsafe fn protection<'a>(&self) -> Option<Protection<'a>> {
        const NONE: bindings::target_prot_type = bindings::target_prot_type_TARGET_DIF_TYPE0_PROT;
        if field!(self, prot_type) == NONE || self.device().protection() == NONE {
            return None;
        }
        let (first, count) = (field!(self, t_prot_sg), field!(self, t_prot_nents));
        // SAFETY: The core does not change the command's list until completion. By the requirements
        // of this function that is after `'a`.
        let list = unsafe { ScatterList::from_raw(first, count) };
        Some(Protection::new(list, self.protection_flags()))
    }

    /// The flags that ask the device for the checks that the initiator asks for. The core made the
    /// protection information of a write without any, and does not say so.
    fn protection_flags(&self) -> u16 {
        use bindings::{
            bip_flags_BIP_CHECK_GUARD as CHECK_GUARD, bip_flags_BIP_CHECK_REFTAG as CHECK_REFTAG,
            bip_flags_BIP_DISK_NOCHECK as NO_CHECK,
            target_core_dif_check_TARGET_DIF_CHECK_GUARD as TARGET_DIF_CHECK_GUARD,
            target_core_dif_check_TARGET_DIF_CHECK_REFTAG as TARGET_DIF_CHECK_REFTAG,
            target_prot_op_TARGET_PROT_DOUT_INSERT,
        };
        let made = field!(self, prot_op) == target_prot_op_TARGET_PROT_DOUT_INSERT;
        let checks = u32::from(field!(self, prot_checks));
        let kind = field!(self, prot_type);
        let has_tag = kind == bindings::target_prot_type_TARGET_DIF_TYPE1_PROT;
        let mut flags = 0;
        if made || checks & TARGET_DIF_CHECK_GUARD != 0 {
            flags |= CHECK_GUARD;
        }
        if made && has_tag || checks & TARGET_DIF_CHECK_REFTAG != 0 {
            flags |= CHECK_REFTAG;
        }
        (if flags == 0 { NO_CHECK } else { flags }) as u16
    }

    /// The length of the parameter data, in bytes.
    pub(crate) fn data_length(&self) -> u32 {
        field!(self, data_length)
    }

    /// The data of the command.
    ///
    /// # Safety
    ///
    /// The command must not be completed during `'a`.
    pub(crate) unsafe fn data<'a>(&self) -> ScatterList<'a> {
        let (first, count) = (field!(self, t_data_sg), field!(self, t_data_nents));
        // SAFETY: The core does not change the command's list until completion. By the requirements
        // of this function that is after `'a`.
        unsafe { ScatterList::from_raw(first, count) }
    }

    /// The first sector.
    pub(crate) fn sector(&self) -> u64 {
        self.to_sectors(field!(self, t_task_lba))
    }

    /// The number of sectors that a WRITE SAME fills.
    pub(crate) fn write_same_sectors(&self) -> u64 {
        // SAFETY: By the type invariants the command is valid.
        let blocks = unsafe { lio::sbc_get_write_same_sectors(self.as_ptr()) };
        self.to_sectors(blocks)
    }

    /// Converts blocks of the device to sectors of 512 bytes.
    pub(crate) fn to_sectors(&self, blocks: u64) -> u64 {
        // SAFETY: By the type invariants the device is not freed.
        unsafe { lio::target_to_linux_sector(self.se_dev(), blocks) }
    }
}
