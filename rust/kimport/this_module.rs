// SPDX-License-Identifier: GPL-2.0

//! The module that this copy of the crate is linked into.

use crate::bindings;
use kernel::str::{CStr, CStrExt as _};

/// The name of the module that this copy of the crate was built for, ending in a NUL.
pub(crate) const BUILT_FOR: &str = concat!(env!("KIMPORT_MODULE"), "\0");

/// The module that this copy of the crate is linked into; null in a built-in copy.
pub(crate) const fn this_module() -> *mut bindings::module {
    #[cfg(MODULE)]
    {
        // bindgen's `struct module` contains empty structs, which C allows.
        #[allow(improper_ctypes)]
        extern "C" {
            static __this_module: kernel::types::Opaque<bindings::module>;
        }
        // SAFETY: The build links `__this_module` into every module, and it lives as long as this
        // code.
        unsafe { __this_module.get() }
    }
    #[cfg(not(MODULE))]
    core::ptr::null_mut()
}

/// Returns the name under which the module was loaded, with its terminating NUL; in a built-in
/// copy, the name that it was built for.
pub(crate) fn module_name() -> &'static [u8] {
    let module = this_module();
    if module.is_null() {
        return BUILT_FOR.as_bytes();
    }
    // SAFETY: `module` is this module's own `struct module`; the loader wrote the name before any
    // of its code ran, and nothing changes it.
    let name = unsafe { &raw const (*module).name };
    // SAFETY: As above; the array is NUL-terminated and lives as long as this code.
    unsafe { CStr::from_char_ptr(name.cast()) }.to_bytes_with_nul()
}
