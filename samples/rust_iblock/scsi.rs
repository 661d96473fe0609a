// SPDX-License-Identifier: GPL-2.0

//! The results of SCSI commands.

use crate::bindings;

/// The reason for which the core fails a command: a `sense_reason_t` other than `TCM_NO_SENSE`.
#[derive(Clone, Copy)]
pub(crate) struct Sense(bindings::sense_reason_t);

impl Sense {
    /// The device does not support the command.
    pub(crate) const UNSUPPORTED_OPCODE: Self =
        Self(bindings::tcm_sense_reason_table_TCM_UNSUPPORTED_SCSI_OPCODE);
    /// A field of the command is invalid.
    pub(crate) const INVALID_CDB_FIELD: Self =
        Self(bindings::tcm_sense_reason_table_TCM_INVALID_CDB_FIELD);
    /// The device did not execute the command.
    pub(crate) const COMMUNICATION_FAILURE: Self =
        Self(bindings::tcm_sense_reason_table_TCM_LOGICAL_UNIT_COMMUNICATION_FAILURE);
    /// The device must not be written to.
    pub(crate) const WRITE_PROTECTED: Self =
        Self(bindings::tcm_sense_reason_table_TCM_WRITE_PROTECTED);
    /// Another initiator's reservation forbids the access.
    pub(crate) const RESERVATION_CONFLICT: Self =
        Self(bindings::tcm_sense_reason_table_TCM_RESERVATION_CONFLICT);

    /// Returns the value that a function of `struct exec_cmd_ops` returns for `result`.
    pub(crate) fn from_result(result: Result<(), Self>) -> bindings::sense_reason_t {
        match result {
            Ok(()) => bindings::tcm_sense_reason_table_TCM_NO_SENSE,
            Err(Self(reason)) => reason,
        }
    }
}

/// The status of a completed command.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum SamStatus {
    /// The command succeeded.
    Good,
    /// The command failed. The core adds the sense data.
    CheckCondition,
    /// The command failed, because protection information does not fit the data.
    GuardCheckFailed,
    /// The command was refused because of another initiator's reservation.
    ReservationConflict,
}

impl SamStatus {
    /// Returns the status byte.
    pub(crate) fn byte(self) -> u8 {
        (match self {
            Self::Good => bindings::sam_status_SAM_STAT_GOOD,
            Self::CheckCondition | Self::GuardCheckFailed => {
                bindings::sam_status_SAM_STAT_CHECK_CONDITION
            }
            Self::ReservationConflict => bindings::sam_status_SAM_STAT_RESERVATION_CONFLICT,
        }) as u8
    }
}

/// The additional sense code and its qualifier MEDIUM NOT PRESENT (SPC-5, annex F).
pub(crate) const MEDIUM_NOT_PRESENT: (u8, u8) = (0x3a, 0);

/// LOGICAL BLOCK GUARD CHECK FAILED.
pub(crate) const GUARD_CHECK_FAILED: (u8, u8) = (0x10, 1);

/// Returns whether a command is for the medium: whether it reads, writes, or asks for the capacity
/// or whether the device is ready.
pub(crate) fn needs_medium(opcode: u8, action: u8) -> bool {
    /// The service actions of SERVICE ACTION IN(16) that are for the medium: READ CAPACITY(16) and
    /// GET LBA STATUS.
    const ACTIONS: core::ops::RangeInclusive<u8> = 0x10..=0x12;
    match opcode {
        // TEST UNIT READY, READ CAPACITY(10).
        0x00 | 0x25 => true,
        // READ and WRITE with 6, 10, 12 and 16 bytes, and atomic.
        0x08 | 0x0a | 0x28 | 0x2a | 0xa8 | 0xaa | 0x88 | 0x8a | 0x9c => true,
        // WRITE AND VERIFY and VERIFY, with 10, 12 and 16 bytes.
        0x2e | 0x2f | 0xae | 0xaf | 0x8e | 0x8f => true,
        // SYNCHRONIZE CACHE and WRITE SAME, with 10 and 16 bytes.
        0x35 | 0x91 | 0x41 | 0x93 => true,
        // UNMAP, COMPARE AND WRITE, and commands with 32 bytes.
        0x42 | 0x89 | 0x7f => true,
        0x9e => ACTIONS.contains(&(action & 0x1f)),
        _ => false,
    }
}
