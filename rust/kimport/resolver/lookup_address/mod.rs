// SPDX-License-Identifier: GPL-2.0

//! The address of `kallsyms_lookup_name`, which is not exported since Linux 5.7.
//!
//! The ways are tried in order, one file for each. Whatever a way says is believed only when the exported
//! `sprint_symbol()` calls the address by the function's name.

mod disabled_probe;
mod refused_probe;

use crate::bindings;
use core::ffi::{c_void, CStr};
use kernel::error::Error;
use kernel::fmt;
use kernel::str::CStrExt as _;

const NAME: &CStr = c"kallsyms_lookup_name";

/// One way to the address of a symbol.
struct Way {
    name: &'static str,
    find: fn(&'static CStr) -> Result<*mut c_void, Error>,
}

const WAYS: [Way; 2] = [
    Way {
        name: "refused kprobe",
        find: refused_probe::find,
    },
    Way {
        name: "disabled kprobe",
        find: disabled_probe::find,
    },
];

/// What came of each way, when none led to the address.
pub(crate) struct Unreachable([Outcome; WAYS.len()]);

#[derive(Clone, Copy)]
enum Outcome {
    NotTried,
    Failed(Error),
    /// The address that was found is not the function's.
    Implausible,
}

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("kallsyms cannot be reached")?;
        for (way, outcome) in WAYS.iter().zip(self.0) {
            match outcome {
                Outcome::NotTried => {}
                Outcome::Failed(error) => {
                    write!(f, "; {} failed with {}", way.name, error.to_errno())?
                }
                Outcome::Implausible => write!(f, "; {} gave a wrong address", way.name)?,
            }
        }
        f.write_str("; it needs a kernel with CONFIG_KPROBES and CONFIG_KALLSYMS")
    }
}

/// Finds `kallsyms_lookup_name`. May sleep.
pub(super) fn find() -> Result<*mut c_void, Unreachable> {
    let mut outcomes = [Outcome::NotTried; WAYS.len()];
    for (way, outcome) in WAYS.iter().zip(&mut outcomes) {
        *outcome = match (way.find)(NAME) {
            Ok(address) if is_start_of(address, NAME) => return Ok(address),
            Ok(_) => Outcome::Implausible,
            Err(error) => Outcome::Failed(error),
        };
    }
    Err(Unreachable(outcomes))
}

/// Whether the kernel itself calls `address` the start of the function `name`.
fn is_start_of(address: *const c_void, name: &CStr) -> bool {
    offset_in(address, name) == Some(0)
}

/// How far behind the start of `name` the kernel itself says that `address` is; `None` when it is in something else.
fn offset_in(address: *const c_void, name: &CStr) -> Option<usize> {
    // `KSYM_SYMBOL_LEN` of linux/kallsyms.h: name, offset and size, module, build id.
    let mut text = [0u8; 1024];
    // SAFETY: The buffer is larger than `KSYM_SYMBOL_LEN`.
    unsafe { bindings::sprint_symbol(text.as_mut_ptr().cast(), address.addr()) };
    // "kallsyms_lookup_name+0x4/0x1b0"
    let text = CStr::from_bytes_until_nul(&text).ok()?.to_bytes();
    let text = text.strip_prefix(name.to_bytes())?.strip_prefix(b"+0x")?;
    let end = text.iter().position(|&byte| byte == b'/')?;
    usize::from_str_radix(core::str::from_utf8(&text[..end]).ok()?, 16).ok()
}

/// A probe on `name` that no one registered yet.
fn probe_on(name: &'static CStr) -> bindings::kprobe {
    bindings::kprobe {
        symbol_name: name.as_char_ptr(),
        ..Default::default()
    }
}
