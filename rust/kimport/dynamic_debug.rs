// SPDX-License-Identifier: GPL-2.0

//! Log lines that dynamic debug switches, as it does `pr_debug()` in C. The `kernel` crate's
//! `pr_debug!` does not support that yet.
//!
//! Each `debug!` of the crate is one entry of `/sys/kernel/debug/dynamic_debug/control`. After
//! `echo 'module foo +p' >control`, the crate logs what it does for the module `foo`. It does so
//! from the beginning when `foo` is loaded with the parameter `dyndbg=+p`. Modules that share the
//! engine have no such lines: those of `kimport_engine` tell what it does for all of them.
//!
//! The kernel finds the entries in the section `__dyndbg` of the module. C code tests a static key
//! that follows an entry's flags. This module tests the flags themselves. That costs more, which
//! does not matter, because the lines are about binding and not about calls. Source:
//! `include/linux/dynamic_debug.h`.

use crate::bindings;
use kernel::fmt;
use kernel::str::CStrExt as _;
use kernel::types::Opaque;

/// A `struct _ddebug`: one line that can be switched.
#[repr(transparent)]
pub(crate) struct Line(Opaque<bindings::_ddebug>);

// SAFETY: Only the kernel writes to the entry, under its own lock. The one word that is read
// elsewhere is read in a single access.
unsafe impl Sync for Line {}

impl Line {
    // `lineno:18, class_id:6, flags:8`, from the lowest bit on.
    const CLASS_SHIFT: u32 = 18;
    const FLAGS_SHIFT: u32 = 24;

    /// Creates a line that is off. Each of the strings ends in a NUL.
    pub(crate) const fn new(
        function: &'static str,
        file: &'static str,
        line: u32,
        format: &'static str,
    ) -> Self {
        let line = line & ((1 << Self::CLASS_SHIFT) - 1);
        let class = bindings::_DPRINTK_CLASS_DFLT << Self::CLASS_SHIFT;
        let flags = bindings::_DPRINTK_FLAGS_NONE << Self::FLAGS_SHIFT;
        Self(Opaque::new(bindings::_ddebug {
            modname: crate::importer::BUILT_FOR.to_bytes_with_nul().as_ptr(),
            function: function.as_ptr(),
            filename: file.as_ptr(),
            format: format.as_ptr(),
            _bitfield_1: bindings::__BindgenBitfieldUnit::new((line | class | flags).to_ne_bytes()),
            // The zeroed key is `STATIC_KEY_FALSE_INIT`, and no branch depends on it.
            ..pin_init::zeroed()
        }))
    }

    #[inline]
    pub(crate) fn is_on(&self) -> bool {
        // SAFETY: The entry lives as long as the module.
        let bits = unsafe { &raw const (*self.0.get())._bitfield_1 };
        // SAFETY: The bits are one aligned word of the entry. The kernel may be changing it, hence
        // the volatile read.
        let bits = unsafe { bits.cast::<u32>().read_volatile() };
        bits >> Self::FLAGS_SHIFT & bindings::_DPRINTK_FLAGS_PRINT != 0
    }

    #[cold]
    pub(crate) fn print(&self, args: fmt::Arguments<'_>) {
        // SAFETY: The entry is valid. `%s` gets a name that ends in a NUL, and `%pA` a pointer to
        // `Arguments`.
        unsafe {
            bindings::__dynamic_pr_debug(
                self.0.get(),
                c"%s: kimport: %pA\n".as_char_ptr(),
                crate::importer::THIS.name().as_char_ptr(),
                core::ptr::from_ref(&args).cast::<kernel::ffi::c_void>(),
            )
        }
    }
}
