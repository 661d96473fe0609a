// SPDX-License-Identifier: GPL-2.0

//! Log lines that begin with the importing module's name.
//!
//! The crate is linked into many modules, so that the prefix cannot be a constant, as the kernel's
//! `pr_*!` want it.

use crate::bindings;
use kernel::str::{CStr, CStrExt as _};
use kernel::types::Opaque;

/// The module that this copy of the crate is linked into; null in a built-in copy.
pub(crate) const fn this_module() -> *mut bindings::module {
    #[cfg(MODULE)]
    {
        // bindgen's `struct module` contains empty structs, which C allows.
        #[allow(improper_ctypes)]
        extern "C" {
            static __this_module: Opaque<bindings::module>;
        }
        // SAFETY: The build links `__this_module` into every module, and it lives as long as this code.
        unsafe { __this_module.get() }
    }
    #[cfg(not(MODULE))]
    core::ptr::null_mut()
}

/// The name of [`this_module`] with its terminating NUL.
pub(crate) fn module_name() -> &'static [u8] {
    let module = this_module();
    if module.is_null() {
        return b"kernel\0";
    }
    // SAFETY: `module` is this module's own `struct module`; the loader wrote the name before any of its
    // code ran, and nothing changes it.
    let name = unsafe { &raw const (*module).name };
    // SAFETY: As above; the array is NUL-terminated and lives as long as this code.
    unsafe { CStr::from_char_ptr(name.cast()) }.to_bytes_with_nul()
}

/// Prints one line at `level` (a name of `kernel::print::format_strings`), behind `<module>: kimport: `.
macro_rules! log {
    ($level:ident, $($arg:tt)*) => {
        // SAFETY: The format string is one of `format_strings`, and the name ends in a NUL.
        unsafe {
            kernel::print::call_printk(
                &kernel::print::format_strings::$level,
                $crate::log::module_name(),
                kernel::prelude::fmt!("kimport: {}\n", kernel::prelude::fmt!($($arg)*)),
            )
        }
    };
}
pub(crate) use log;
