// SPDX-License-Identifier: GPL-2.0

//! The module parameters for an address that the user provides, and for the choice of a way.
//!
//! Every module with a copy of the crate has these two parameters. Nobody can read them in sysfs.
//!
//! - `kallsyms_lookup_name`: the address, as `/proc/kallsyms` shows it to root;
//! - `kimport_way`: the only way to try, for tests and for kernels on which another way misbehaves.

use crate::bindings;
use crate::compat::code;
use core::cell::UnsafeCell;
use core::ffi::{c_void, CStr};
use kernel::error::Error;
use kernel::ffi::c_char;
use kernel::str::CStrExt as _;

/// A value that the kernel's parameter code writes before the module's init.
struct Value<T>(UnsafeCell<T>);

// SAFETY: The value is written only by the kernel's parameter code, before any code of the module
// runs: the parameters cannot be written in sysfs.
unsafe impl<T> Sync for Value<T> {}

static ADDRESS: Value<usize> = Value(UnsafeCell::new(0));
static WAY: Value<*const c_char> = Value(UnsafeCell::new(core::ptr::null()));

/// Returns the way that the user forces, if any.
pub(super) fn forced_way() -> Option<&'static CStr> {
    // SAFETY: Nothing writes it any more, see `Value`.
    let way = unsafe { *WAY.0.get() };
    // SAFETY: `param_ops_charp` stores a string that lives as long as the module.
    (!way.is_null()).then(|| unsafe { CStr::from_char_ptr(way) })
}

/// # Errors
///
/// `ENODATA`: the user provided no address.
pub(super) fn find(_name: &'static CStr) -> Result<*mut c_void, Error> {
    // SAFETY: Nothing writes it any more, see `Value`.
    match unsafe { *ADDRESS.0.get() } {
        0 => Err(code::ENODATA),
        address => Ok(address as *mut c_void),
    }
}

/// A `struct kernel_param` that can be in a static.
#[repr(transparent)]
struct Parameter(bindings::kernel_param);

// SAFETY: Only the kernel's parameter code uses the parameter, and it serialises its accesses.
unsafe impl Sync for Parameter {}

/// Declares a parameter, like C's `module_param_named()` with permissions 0 and
/// `MODULE_PARM_DESC()`.
macro_rules! parameter {
    ($name:literal, $type:literal, $ops:ident, $value:ident, $description:literal) => {
        const _: () = {
            #[cfg(MODULE)]
            const NAME: &str = concat!($name, "\0");
            // Parameters of built-in code have a prefix.
            #[cfg(not(MODULE))]
            const NAME: &str = concat!(env!("KIMPORT_MODULE"), ".", $name, "\0");

            #[used(compiler)]
            #[link_section = "__param"]
            static PARAMETER: Parameter = Parameter(bindings::kernel_param {
                name: NAME.as_ptr(),
                mod_: crate::importer::THIS.as_owner(),
                ops: &raw const bindings::$ops,
                perm: 0,
                level: -1,
                flags: 0,
                __bindgen_anon_1: bindings::kernel_param__bindgen_ty_1 {
                    arg: $value.0.get().cast(),
                },
            });

            #[cfg(MODULE)]
            const _: () = {
                const INFO: &str = concat!(
                    "parmtype=",
                    $name,
                    ":",
                    $type,
                    "\0parm=",
                    $name,
                    ":",
                    $description,
                    "\0",
                );

                #[used(compiler)]
                #[link_section = ".modinfo"]
                static MODINFO: [u8; INFO.len()] = *match INFO.as_bytes().first_chunk() {
                    Some(bytes) => bytes,
                    None => unreachable!(),
                };
            };
        };
    };
}

parameter!(
    "kallsyms_lookup_name",
    "ulong",
    param_ops_ulong,
    ADDRESS,
    "Address of kallsyms_lookup_name, for kernels without kprobes"
);
parameter!(
    "kimport_way",
    "charp",
    param_ops_charp,
    WAY,
    "Only way to kallsyms to try: refused_probe, disabled_probe or parameter"
);
