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

/// The status byte of a completed command.
#[derive(Clone, Copy, PartialEq)]
#[repr(u8)]
pub(crate) enum SamStatus {
    /// The command succeeded.
    Good = bindings::sam_status_SAM_STAT_GOOD as u8,
    /// The command failed. The core adds the sense data.
    CheckCondition = bindings::sam_status_SAM_STAT_CHECK_CONDITION as u8,
    /// The command was refused because of another initiator's reservation.
    ReservationConflict = bindings::sam_status_SAM_STAT_RESERVATION_CONFLICT as u8,
}
