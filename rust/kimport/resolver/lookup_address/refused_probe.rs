// SPDX-License-Identifier: GPL-2.0

//! A way that registers a kprobe which the kernel refuses, but only after it has stored the
//! address.
//!
//! `register_kprobe()` resolves `symbol_name` and stores the result in `addr` before it checks the
//! probe. A probe at offset 1 fails the check: on x86 no instruction begins there (-EILSEQ),
//! elsewhere it is not aligned (-EINVAL). So no probe is armed, and no grace period is waited for.
//! Source: `kernel/kprobes.c`.

use crate::compat::code;
use core::ffi::{c_void, CStr};
use kernel::error::Error;

const OFFSET: u32 = 1;

/// # Errors
///
/// `ENOENT`: kallsyms has no such symbol. `EINVAL`: the kernel accepted the probe, or does not
/// store the address. Others: the errors of `register_kprobe()`.
pub(super) fn find(name: &'static CStr) -> Result<*mut c_void, Error> {
    let (result, address) = super::probe(name, OFFSET, 0);
    if result.is_ok() || address.is_null() {
        return result.and(Err(code::EINVAL));
    }
    Ok(address.wrapping_byte_sub(OFFSET as usize))
}
