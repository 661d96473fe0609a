// SPDX-License-Identifier: GPL-2.0

//! SCSI commands, as the core hands them to a backend.

use crate::bindings;
use crate::device::Device;
use crate::imports::lio;
use core::marker::PhantomData;
use core::ptr::NonNull;
use kernel::prelude::*;

/// Why the core has to fail a command: a `sense_reason_t` other than `TCM_NO_SENSE`.
#[derive(Clone, Copy)]
pub(crate) struct Sense(bindings::sense_reason_t);

impl Sense {
    /// The command is not one of this device.
    pub(crate) const UNSUPPORTED_OPCODE: Self =
        Self(bindings::tcm_sense_reason_table_TCM_UNSUPPORTED_SCSI_OPCODE);
    /// A field of the command is invalid.
    pub(crate) const INVALID_CDB_FIELD: Self =
        Self(bindings::tcm_sense_reason_table_TCM_INVALID_CDB_FIELD);
    /// The device did not do what it was asked.
    pub(crate) const COMMUNICATION_FAILURE: Self =
        Self(bindings::tcm_sense_reason_table_TCM_LOGICAL_UNIT_COMMUNICATION_FAILURE);
    /// The device must not be written.
    pub(crate) const WRITE_PROTECTED: Self =
        Self(bindings::tcm_sense_reason_table_TCM_WRITE_PROTECTED);
    /// Another initiator's reservation forbids it.
    pub(crate) const RESERVATION_CONFLICT: Self =
        Self(bindings::tcm_sense_reason_table_TCM_RESERVATION_CONFLICT);

    /// What a function of `struct exec_cmd_ops` returns for `result`.
    pub(crate) fn from_result(result: Result<(), Self>) -> bindings::sense_reason_t {
        match result {
            Ok(()) => bindings::tcm_sense_reason_table_TCM_NO_SENSE,
            Err(Self(reason)) => reason,
        }
    }
}

/// The status byte of a completed command.
#[derive(Clone, Copy, PartialEq)]
#[repr(u8)]
pub(crate) enum SamStatus {
    /// Done.
    Good = bindings::sam_status_SAM_STAT_GOOD as u8,
    /// Failed. The core adds the sense data.
    CheckCondition = bindings::sam_status_SAM_STAT_CHECK_CONDITION as u8,
    /// Refused because of another initiator's reservation.
    ReservationConflict = bindings::sam_status_SAM_STAT_RESERVATION_CONFLICT as u8,
}

/// A command that is to be executed.
///
/// Whoever has it either completes it, or gives it back to the core by returning a [`Sense`] from the function
/// that got it. Dropping it does neither.
///
/// # Invariants
///
/// The pointer refers to a command that was submitted to this backend and that is not completed, so that the core
/// neither changes nor frees it, nor its device.
#[must_use]
pub(crate) struct Command(NonNull<bindings::se_cmd>);

// SAFETY: A command can be completed from any thread.
unsafe impl Send for Command {}

// SAFETY: The methods that take `&self` only read what does not change until completion.
unsafe impl Sync for Command {}

impl Command {
    /// # Safety
    ///
    /// `cmd` must be a command that the core submitted to this backend, and must not be completed.
    pub(crate) unsafe fn from_raw(cmd: *mut bindings::se_cmd) -> Self {
        // SAFETY: The core passes no null pointers. INVARIANT: By the requirements of this function.
        Self(unsafe { NonNull::new_unchecked(cmd) })
    }

    /// The `struct se_cmd`, valid until the command is completed.
    pub(crate) fn as_ptr(&self) -> *mut bindings::se_cmd {
        self.0.as_ptr()
    }

    /// Gives the command up for a pointer, of which [`Self::from_raw`] makes it again.
    pub(crate) fn into_raw(self) -> *mut bindings::se_cmd {
        self.0.as_ptr()
    }

    fn inner(&self) -> &bindings::se_cmd {
        // SAFETY: By the type invariants.
        unsafe { self.0.as_ref() }
    }

    fn se_dev(&self) -> *mut bindings::se_device {
        self.inner().se_dev
    }

    /// The device that executes the command.
    pub(crate) fn device(&self) -> &Device {
        // SAFETY: The core only submits commands to a backend's own devices; by the type invariants the device
        // is not freed.
        unsafe { Device::from_raw(self.se_dev()) }
    }

    /// Completes the command. Does not sleep.
    pub(crate) fn complete(self, status: SamStatus) {
        // SAFETY: By the type invariants the command is not completed. It is consumed.
        unsafe { self.complete_once(status) }
    }

    /// Completes the command. Does not sleep.
    ///
    /// # Safety
    ///
    /// The command must not be used after.
    pub(crate) unsafe fn complete_once(&self, status: SamStatus) {
        // SAFETY: By the type invariants the command is not completed yet.
        unsafe { lio::target_complete_cmd(self.as_ptr(), status as u8) }
    }

    /// Whether a SYNCHRONIZE CACHE shall be completed before the flush is.
    pub(crate) fn is_immediate(&self) -> bool {
        // SAFETY: `t_task_cdb` points to the command descriptor block, which has at least 6 bytes.
        let flags = unsafe { *self.inner().t_task_cdb.add(1) };
        flags & 0x2 != 0
    }

    /// Whether the initiator wants the data on the medium.
    pub(crate) fn force_unit_access(&self) -> bool {
        self.inner().se_cmd_flags & bindings::se_cmd_flags_table_SCF_FUA != 0
    }

    /// Whether the initiator wants all of the data written, or nothing.
    pub(crate) fn atomic(&self) -> bool {
        self.inner().se_cmd_flags & bindings::se_cmd_flags_table_SCF_ATOMIC != 0
    }

    /// Whether there is protection information to be transferred.
    pub(crate) fn has_protection(&self) -> bool {
        self.inner().prot_op != bindings::target_prot_op_TARGET_PROT_NORMAL
    }

    /// The length of the parameter data, in bytes.
    pub(crate) fn data_length(&self) -> u32 {
        self.inner().data_length
    }

    /// The data of the command.
    pub(crate) fn data(&self) -> ScatterList<'_> {
        let cmd = self.inner();
        // SAFETY: The core does not change the command's list until completion.
        unsafe { ScatterList::from_raw(cmd.t_data_sg, cmd.t_data_nents) }
    }

    /// The first sector.
    pub(crate) fn sector(&self) -> u64 {
        self.to_sectors(self.inner().t_task_lba)
    }

    /// The number of sectors that a WRITE SAME is for.
    pub(crate) fn write_same_sectors(&self) -> u64 {
        // SAFETY: By the type invariants.
        let blocks = unsafe { lio::sbc_get_write_same_sectors(self.as_ptr()) };
        self.to_sectors(blocks)
    }

    /// Converts blocks of the device to sectors of 512 bytes.
    pub(crate) fn to_sectors(&self, blocks: u64) -> u64 {
        // SAFETY: By the type invariants the device is not freed.
        unsafe { lio::target_to_linux_sector(self.se_dev(), blocks) }
    }
}

/// A scatter list.
///
/// # Invariants
///
/// `first` is the first of `count` entries that neither change nor go away during `'a`.
#[derive(Clone, Copy)]
pub(crate) struct ScatterList<'a> {
    first: *mut bindings::scatterlist,
    count: u32,
    lifetime: PhantomData<&'a bindings::scatterlist>,
}

impl<'a> ScatterList<'a> {
    /// # Safety
    ///
    /// `first` must be the first of `count` entries that neither change nor go away during `'a`.
    pub(crate) unsafe fn from_raw(first: *mut bindings::scatterlist, count: u32) -> Self {
        // INVARIANT: By the requirements of this function.
        Self {
            first,
            count,
            lifetime: PhantomData,
        }
    }

    /// The number of segments.
    pub(crate) fn len(&self) -> u32 {
        self.count
    }

    /// The segments.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Segment<'a>> {
        let mut next = self.first;
        (0..self.count).map(move |_| {
            // INVARIANT: By the type invariants of `ScatterList`, `next` is an entry.
            let segment = Segment {
                entry: next,
                lifetime: PhantomData,
            };
            // SAFETY: `next` is an entry of the list.
            next = unsafe { bindings::sg_next(next) };
            segment
        })
    }
}

/// One piece of memory of a [`ScatterList`].
///
/// # Invariants
///
/// `entry` is an entry that neither changes nor goes away during `'a`, nor do its pages.
pub(crate) struct Segment<'a> {
    entry: *mut bindings::scatterlist,
    lifetime: PhantomData<&'a bindings::scatterlist>,
}

impl Segment<'_> {
    /// The page where it begins.
    pub(crate) fn page(&self) -> *mut bindings::page {
        // SAFETY: By the type invariants.
        unsafe { bindings::rust_helper_sg_page(self.entry) }
    }

    /// Where in the page it begins.
    pub(crate) fn offset(&self) -> u32 {
        // SAFETY: By the type invariants.
        unsafe { (*self.entry).offset }
    }

    /// Its length in bytes.
    pub(crate) fn len(&self) -> u32 {
        // SAFETY: By the type invariants.
        unsafe { (*self.entry).length }
    }

    /// Its length in sectors of 512 bytes.
    pub(crate) fn sectors(&self) -> u64 {
        (self.len() >> bindings::SECTOR_SHIFT).into()
    }

    /// Whether all bytes are zero. False also if they cross the end of the page.
    pub(crate) fn is_zero(&self) -> bool {
        let (offset, len) = (self.offset() as usize, self.len() as usize);
        if offset + len > kernel::page::PAGE_SIZE {
            return false;
        }

        // SAFETY: By the type invariants the page is valid.
        let page = unsafe { bindings::kmap_local_page(self.page()) };
        // SAFETY: The page is mapped, and the range in it.
        let start = unsafe { page.cast::<u8>().add(offset) };
        // SAFETY: `len` bytes from `start` are in the mapped page; only `memchr_inv` reads them, as the initiator
        // may change them meanwhile.
        let nonzero = unsafe { bindings::memchr_inv(start.cast(), 0, len) };
        // SAFETY: Mapped above, by this task, and the last mapping made.
        unsafe { bindings::kunmap_local(page) };
        nonzero.is_null()
    }
}
