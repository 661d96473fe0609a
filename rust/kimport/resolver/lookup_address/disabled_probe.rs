// SPDX-License-Identifier: GPL-2.0

//! A way that registers a kprobe which is disabled.
//!
//! The probe is never armed, but its unregistration costs two grace periods. If the function begins
//! with `ENDBR`, the kernel places the probe after that instruction. So the kernel is also asked
//! for the distance of the probe from the start of the symbol.

use crate::bindings;
use crate::compat::code;
use core::ffi::{c_void, CStr};
use kernel::error::{to_result, Error};

/// # Errors
///
/// `EINVAL`: the probe does not sit in the function. Others: the errors of `register_kprobe()`.
pub(super) fn find(name: &'static CStr) -> Result<*mut c_void, Error> {
    let mut probe = super::probe_on(name);
    probe.flags = bindings::KPROBE_FLAG_DISABLED;
    // SAFETY: The probe is initialised, and stays where it is while it is registered: it is
    // unregistered below.
    to_result(unsafe { bindings::register_kprobe(&mut probe) })?;
    let address: *mut c_void = probe.addr.cast();
    // SAFETY: The probe was just registered.
    unsafe { bindings::unregister_kprobe(&mut probe) };
    let offset = super::offset_in(address, name).ok_or(code::EINVAL)?;
    Ok(address.wrapping_byte_sub(offset))
}
