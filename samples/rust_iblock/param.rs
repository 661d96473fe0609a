// SPDX-License-Identifier: GPL-2.0

//! Module parameters that are strings, which `module!` does not support.
//!
//! [`string_param!`](crate::string_param) is C's `module_param_string()`: a buffer of a fixed size
//! in the module, filled and shown by the kernel's own `param_ops_string`. The parameter is
//! readable in sysfs and can only be set when the module is loaded.

use crate::bindings;
use core::cell::UnsafeCell;
use kernel::prelude::*;

/// A module parameter that holds a string of up to `N - 1` bytes.
///
/// It is declared with [`string_param!`](crate::string_param).
///
/// # Invariants
///
/// `buffer` contains a NUL. It is only written by the kernel's parameter code, and only before the
/// module's init function runs.
pub(crate) struct StringParam<const N: usize> {
    buffer: UnsafeCell<[u8; N]>,
}

// SAFETY: By the type invariants, all accesses that can be concurrent are reads.
unsafe impl<const N: usize> Sync for StringParam<N> {}

impl<const N: usize> StringParam<N> {
    /// Creates a parameter with a default value.
    ///
    /// The build fails if `default` and its terminating NUL do not fit.
    #[doc(hidden)]
    pub(crate) const fn new(default: &str) -> Self {
        assert!(default.len() < N, "the default value does not fit");
        // INVARIANT: The last byte is zero, as `default` is shorter than `N`.
        Self {
            buffer: UnsafeCell::new(bytes(default)),
        }
    }

    /// The description of the buffer for `param_ops_string`.
    #[doc(hidden)]
    pub(crate) const fn descriptor(&'static self) -> KparamString {
        KparamString(bindings::kparam_string {
            maxlen: N as u32,
            string: self.buffer.get().cast(),
        })
    }

    /// Returns the value given when the module was loaded, or else the default.
    pub(crate) fn value(&self) -> &CStr {
        // SAFETY: By the type invariants the buffer is not written any more when module code runs.
        let buffer = unsafe { &*self.buffer.get() };
        // By the type invariants there is a NUL.
        CStr::from_bytes_until_nul(buffer).unwrap_or_default()
    }
}

/// A `struct kparam_string` that can be in a static.
#[repr(transparent)]
pub(crate) struct KparamString(bindings::kparam_string);

// SAFETY: The kernel's parameter code, which serializes its accesses, is the only user.
unsafe impl Sync for KparamString {}

/// Copies a string to an array, which must be as long at least. The rest of the array is zero.
#[doc(hidden)]
pub(crate) const fn bytes<const N: usize>(s: &str) -> [u8; N] {
    let mut bytes = [0; N];
    let mut i = 0;
    while i < s.len() {
        bytes[i] = s.as_bytes()[i];
        i += 1;
    }
    bytes
}

/// Declares a string parameter of the module `$module`.
///
/// # Examples
///
/// ```ignore
/// string_param! {
///     "my_module",
///     /// The one to greet.
///     greet: [32] = "world", "What to greet",
/// }
///
/// pr_info!("hello {}\n", greet.value());
/// ```
#[macro_export]
macro_rules! string_param {
    (
        $module:literal,
        $(#[$attr:meta])*
        $name:ident : [$len:expr] = $default:literal, $description:literal $(,)?
    ) => {
        $(#[$attr])*
        #[allow(non_upper_case_globals)]
        pub(crate) static $name: $crate::param::StringParam<{ $len }> =
            $crate::param::StringParam::new($default);

        const _: () = {
            #[cfg(MODULE)]
            macro_rules! prefixed {
                ($suffix:expr) => {
                    $suffix
                };
            }
            #[cfg(not(MODULE))]
            macro_rules! prefixed {
                ($suffix:expr) => {
                    concat!($module, ".", $suffix)
                };
            }

            const PARM: &str =
                prefixed!(concat!("parm=", stringify!($name), ":", $description, "\0"));
            #[link_section = ".modinfo"]
            #[used(compiler)]
            static MODINFO_PARM: [u8; PARM.len()] = $crate::param::bytes(PARM);

            const PARMTYPE: &str = prefixed!(concat!("parmtype=", stringify!($name), ":string\0"));
            #[link_section = ".modinfo"]
            #[used(compiler)]
            static MODINFO_PARMTYPE: [u8; PARMTYPE.len()] = $crate::param::bytes(PARMTYPE);

            static DESCRIPTOR: $crate::param::KparamString = $name.descriptor();

            const NAME: &str = prefixed!(concat!(stringify!($name), "\0"));
            #[link_section = "__param"]
            #[used(compiler)]
            static PARAM: ::kernel::module_param::KernelParam =
                ::kernel::module_param::KernelParam::new($crate::bindings::kernel_param {
                    name: NAME.as_ptr().cast(),
                    #[cfg(MODULE)]
                    mod_: &raw mut $crate::bindings::__this_module,
                    #[cfg(not(MODULE))]
                    mod_: ::core::ptr::null_mut(),
                    ops: &raw const $crate::bindings::param_ops_string,
                    perm: 0o444,
                    level: -1,
                    flags: 0,
                    __bindgen_anon_1: $crate::bindings::kernel_param__bindgen_ty_1 {
                        str_: (&raw const DESCRIPTOR).cast(),
                    },
                });
        };
    };
}
