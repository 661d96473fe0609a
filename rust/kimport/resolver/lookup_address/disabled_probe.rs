// SPDX-License-Identifier: GPL-2.0

//! A way that registers a kprobe which is disabled.
//!
//! The probe is never armed, but its unregistration costs two grace periods. If the function begins
//! with `ENDBR`, the kernel places the probe after that instruction. So the kernel is also asked
//! for the distance of the probe from the start of the symbol.

use crate::bindings;
use crate::compat::code;
use core::ffi::{c_void, CStr};
use kernel::error::Error;

/// # Errors
///
/// `EINVAL`: the probe does not sit in the function. Others: the errors of `register_kprobe()`.
pub(super) fn find(name: &'static CStr) -> Result<*mut c_void, Error> {
    let (result, address) = super::probe(name, 0, bindings::KPROBE_FLAG_DISABLED);
    result?;
    let offset = super::offset_in(address, name).ok_or(code::EINVAL)?;
    Ok(address.wrapping_byte_sub(offset))
}
