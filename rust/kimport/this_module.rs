// SPDX-License-Identifier: GPL-2.0

//! The module that this copy of the crate is linked into.

use crate::bindings;
use core::ffi::CStr;
use kernel::str::CStrExt as _;

/// The name of the module that this copy of the crate was built for.
pub(crate) const BUILT_FOR: &CStr =
    match CStr::from_bytes_with_nul(concat!(env!("KIMPORT_MODULE"), "\0").as_bytes()) {
        Ok(name) => name,
        Err(_) => panic!("the name of a module has no NUL"),
    };

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

/// Returns the name under which the module was loaded; in a built-in copy, the name that it was
/// built for.
pub(crate) fn module_name() -> &'static CStr {
    let module = this_module();
    if module.is_null() {
        return BUILT_FOR;
    }
    // SAFETY: `module` is this module's own `struct module`; the loader wrote the name before any
    // of its code ran, and nothing changes it.
    let name = unsafe { &raw const (*module).name };
    // SAFETY: As above; the array is NUL-terminated and lives as long as this code.
    unsafe { CStr::from_char_ptr(name.cast()) }
}
