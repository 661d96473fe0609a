// SPDX-License-Identifier: GPL-2.0

//! The module that a block belongs to, and the module that contains this code.
//!
//! The two are the same if the crate is linked into the module. They differ if the crate is in the
//! module `kimport_engine`: then this code works for the blocks of many modules. So everything that
//! is done for a block is done in the name of the block's own module.

use crate::bindings;
use core::ffi::CStr;
use core::ptr::NonNull;
use kernel::str::CStrExt as _;
use kernel::types::Opaque;

/// The module that a block belongs to.
#[doc(hidden)]
#[derive(Clone, Copy, PartialEq)]
pub struct Importer {
    /// Null in the kernel image.
    module: *mut bindings::module,
    /// The name that the module was built for.
    built_for: &'static CStr,
}

// SAFETY: A `struct module` belongs to no thread. The methods read what does not change while the
// module is loaded, or what the kernel changes at any time, with volatile reads.
unsafe impl Sync for Importer {}

impl Importer {
    /// Creates the importer for code that is linked into a module.
    ///
    /// # Safety
    ///
    /// `module` is that module's own `__this_module`.
    pub const unsafe fn module(
        module: &'static Opaque<bindings::module>,
        built_for: &'static CStr,
    ) -> Self {
        Self {
            module: module.get(),
            built_for,
        }
    }

    /// Creates the importer for code that is built into the kernel image.
    pub const fn built_in(built_for: &'static CStr) -> Self {
        Self {
            module: core::ptr::null_mut(),
            built_for,
        }
    }

    /// Returns the pointer that the kernel's structs take as their owner, null if the code is built
    /// in.
    pub(crate) const fn as_owner(&self) -> *mut bindings::module {
        self.module
    }

    /// Returns the module; [`None`] if the code is built in.
    pub(crate) const fn get(&self) -> Option<NonNull<bindings::module>> {
        NonNull::new(self.module)
    }

    /// Returns the name under which the module was loaded. If the code is built in, returns the
    /// name that it was built for.
    pub(crate) fn name(&self) -> &'static CStr {
        let Some(module) = self.get() else {
            return self.built_for;
        };
        // SAFETY: By the contract of `module` this is the `struct module` of code that is loaded.
        // The loader wrote the name before any of that code ran, and nothing changes it.
        let name = unsafe { &raw const (*module.as_ptr()).name };
        // SAFETY: As above; the array is NUL-terminated and lives as long as the block.
        unsafe { CStr::from_char_ptr(name.cast()) }
    }
}

/// Makes the [`Importer`] of the code that this is expanded in. The argument is the name that the
/// code is built for, a `&'static CStr`.
#[doc(hidden)]
#[macro_export]
macro_rules! __importer {
    ($built_for:expr) => {{
        #[cfg(MODULE)]
        {
            // bindgen's `struct module` contains empty structs, which C allows.
            #[allow(improper_ctypes)]
            extern "C" {
                static __this_module: $crate::macro_support::ThisModule;
            }
            // SAFETY: The build links `__this_module` into every module, and it lives as long as
            // this code. An `Opaque` may be changed by others at any time.
            let module = unsafe { &__this_module };
            // SAFETY: The symbol is resolved within the module that this is expanded in.
            unsafe { $crate::Importer::module(module, $built_for) }
        }
        #[cfg(not(MODULE))]
        $crate::Importer::built_in($built_for)
    }};
}

/// The name of the module that this copy of the crate was built for.
pub(crate) const BUILT_FOR: &CStr =
    match CStr::from_bytes_with_nul(concat!(env!("KIMPORT_MODULE"), "\0").as_bytes()) {
        Ok(name) => name,
        Err(_) => panic!("the name of a module has no NUL"),
    };

/// The module that contains this code. It makes the crate's own imports.
pub(crate) static THIS: Importer = crate::__importer!(BUILT_FOR);
