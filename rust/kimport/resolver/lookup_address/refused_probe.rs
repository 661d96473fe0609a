// SPDX-License-Identifier: GPL-2.0

//! A way that registers a kprobe which the kernel refuses, but only after it has stored the
//! address.
//!
//! `register_kprobe()` resolves `symbol_name`, adds the offset, and stores the result in `addr`
//! before it checks the probe. So no probe is armed, and no grace period is waited for. Two offsets
//! are tried:
//!
//! - one that leads to data of the kernel image. The first check refuses it, as there is no text
//!   (-EINVAL). But kallsyms must know the address, for which it needs `KALLSYMS_ALL`;
//! - 1, where on x86 no instruction begins (-EILSEQ), and which is not aligned elsewhere (-EINVAL).
//!   The kernel finds that out after it has looked through all jump labels and static calls, which
//!   takes twenty times as long (`make bench`).
//!
//! Source: `kernel/kprobes.c`.

use crate::bindings;
use crate::compat::code;
use core::ffi::{c_void, CStr};
use kernel::error::Error;

/// # Errors
///
/// `ENOENT`: kallsyms has no such symbol. `EINVAL`: the kernel accepted the probe, or does not
/// store the address. `EADDRNOTAVAIL`: it stores another address. Others: the errors of
/// `register_kprobe()`.
pub(super) fn find(name: &'static CStr) -> Result<*mut c_void, Error> {
    match offset_of_data().map(|offset| find_at(name, offset)) {
        Some(Ok(address)) => Ok(address),
        _ => find_at(name, 1),
    }
}

/// Returns an offset that leads from any function near `sprint_symbol`, which is in the same source
/// file as the kernel's symbol tables, to data.
pub(super) fn offset_of_data() -> Option<u32> {
    let data = (&raw const bindings::system_state).addr();
    let text = (bindings::sprint_symbol as *const ()).addr();
    data.checked_sub(text)?.try_into().ok()
}

/// Finds the address with a probe at `offset`.
pub(super) fn find_at(name: &'static CStr, offset: u32) -> Result<*mut c_void, Error> {
    let (result, address) = super::probe(name, offset, 0);
    if result.is_ok() || address.is_null() {
        return result.and(Err(code::EINVAL));
    }
    let address = address.wrapping_byte_sub(offset as usize);
    match super::is_start_of(address, name) {
        true => Ok(address),
        false => Err(code::EADDRNOTAVAIL),
    }
}
