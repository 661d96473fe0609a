// SPDX-License-Identifier: GPL-2.0

//! The address of `kallsyms_lookup_name`, which is not exported since Linux 5.7.
//!
//! The ways are tried in order; each has its own file. The address that a way returns is accepted,
//! and called, only if the exported `sprint_symbol()` says that it is the start of the function.
//! The module parameter `kimport_way` forces one way.

#[cfg(CONFIG_KPROBES)]
mod disabled_probe;
mod parameter;
#[cfg(CONFIG_KPROBES)]
mod refused_probe;

use crate::bindings;
use crate::compat::code;
use crate::importer::THIS;
use crate::log::{debug, log};
use core::ffi::{c_void, CStr};
use kernel::error::Error;

const NAME: &CStr = c"kallsyms_lookup_name";

/// One way to the address of a symbol.
struct Way {
    /// The name by which a user can force this way.
    name: &'static CStr,
    requires: &'static str,
    find: fn(&'static CStr) -> Result<*mut c_void, Error>,
}

const WAYS: &[Way] = &[
    #[cfg(CONFIG_KPROBES)]
    Way {
        name: c"refused_probe",
        requires: "CONFIG_KPROBES, and that register_kprobe() stores the address first",
        find: refused_probe::find,
    },
    #[cfg(CONFIG_KPROBES)]
    Way {
        name: c"disabled_probe",
        requires: "CONFIG_KPROBES, and that the function may be probed",
        find: disabled_probe::find,
    },
    Way {
        name: c"parameter",
        requires: "the module parameter kallsyms_lookup_name=0x..., from /proc/kallsyms as root",
        find: parameter::find,
    },
];

/// The message that no way led to the address.
pub(super) const UNREACHABLE: &str = if cfg!(CONFIG_KPROBES) {
    "kallsyms cannot be reached by any of the ways above; provide what one of them needs"
} else {
    concat!(
        "kallsyms cannot be reached: this kernel has no kprobes (no CONFIG_KPROBES), so the module ",
        env!("KIMPORT_MODULE"),
        " needs the parameter kallsyms_lookup_name=0x... (from /proc/kallsyms, as root), which \
         `kimport load` gives it"
    )
};

/// Finds `kallsyms_lookup_name`. May sleep. If no way leads to it, the failure of each is logged.
pub(super) fn find() -> Option<*mut c_void> {
    let forced = parameter::forced_way();
    let tried = || {
        WAYS.iter()
            .filter(|way| forced.is_none_or(|forced| forced == way.name))
    };
    let outcome = |way: &Way| {
        let outcome = match (way.find)(NAME) {
            Ok(address) if !is_start_of(address, NAME) => Err(code::EADDRNOTAVAIL),
            other => other,
        };
        match outcome {
            Ok(address) => debug!("{}: {NAME} is at {address:p}", way.name),
            Err(error) => debug!("{}: failed with error {}", way.name, error.to_errno()),
        }
        outcome
    };
    for way in tried() {
        if let Ok(address) = outcome(way) {
            return Some(address);
        }
    }
    // All ways failed: try each once more and log its failure.
    for way in tried() {
        let Way { name, requires, .. } = way;
        match outcome(way) {
            Ok(address) => return Some(address),
            Err(code::EADDRNOTAVAIL) => log!(
                THIS.name(),
                ERR,
                "{name}: the address it gave is not that of {NAME}; it needs {requires}"
            ),
            Err(error) => {
                let error = error.to_errno();
                log!(
                    THIS.name(),
                    ERR,
                    "{name}: failed with error {error}; it needs {requires}"
                )
            }
        }
    }
    if let Some(forced) = forced.filter(|_| tried().next().is_none()) {
        log!(THIS.name(), ERR, "there is no way called {forced}");
    }
    None
}

/// Finds `kallsyms_lookup_name` by a single way.
#[cfg(kimport_bench)]
pub(crate) fn find_by(name: &CStr) -> Option<*mut c_void> {
    let way = WAYS.iter().find(|way| way.name == name)?;
    let address = (way.find)(NAME).ok()?;
    is_start_of(address, NAME).then_some(address)
}

/// Returns whether `address` is the start of the function `name`, according to the kernel.
pub(super) fn is_start_of(address: *const c_void, name: &CStr) -> bool {
    offset_in(address, name) == Some(0)
}

/// Returns the distance of `address` from the start of `name`, according to the kernel; [`None`] if
/// `address` is in another symbol.
fn offset_in(address: *const c_void, name: &CStr) -> Option<usize> {
    // `KSYM_SYMBOL_LEN` of linux/kallsyms.h: name, offset and size, module, build id.
    let mut text = [0u8; 1024];
    // SAFETY: The buffer is larger than `KSYM_SYMBOL_LEN`.
    unsafe { bindings::sprint_symbol(text.as_mut_ptr().cast(), address.addr()) };
    // "kallsyms_lookup_name+0x4/0x1b0"; a module's name in brackets would follow.
    let text = CStr::from_bytes_until_nul(&text).ok()?.to_bytes();
    if text.contains(&b'[') {
        return None;
    }
    let text = text.strip_prefix(name.to_bytes())?.strip_prefix(b"+0x")?;
    let end = text.iter().position(|&byte| byte == b'/')?;
    usize::from_str_radix(core::str::from_utf8(&text[..end]).ok()?, 16).ok()
}

/// Registers a probe on `name`, and unregisters it again. Returns the result, and the address that
/// the kernel has stored, or null.
#[cfg(CONFIG_KPROBES)]
fn probe(name: &'static CStr, offset: u32, flags: u32) -> (Result<(), Error>, *mut c_void) {
    use kernel::str::CStrExt as _;

    let mut probe = bindings::kprobe {
        symbol_name: name.as_char_ptr(),
        offset,
        flags,
        ..Default::default()
    };
    // SAFETY: The probe is initialised, and stays where it is while it is registered: it is
    // unregistered below.
    let result = kernel::error::to_result(unsafe { bindings::register_kprobe(&mut probe) });
    let address = probe.addr.cast();
    if result.is_ok() {
        // SAFETY: The probe was just registered.
        unsafe { bindings::unregister_kprobe(&mut probe) };
    }
    (result, address)
}

#[cfg(kimport_selftest)]
pub(crate) mod tests;
