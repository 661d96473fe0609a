// SPDX-License-Identifier: GPL-2.0

//! Items of the `kernel` crate that older supported kernels lack, or have in another form.
//!
//! This is the only file that knows how the versions of the `kernel` crate differ. A module that
//! shall build for several kernels may use it as well, as the samples and tests do. The explicit
//! items here take precedence over those that a glob re-exports, so most need no condition. An
//! item is removed once all supported kernels have it.

use core::{borrow::Borrow, mem::transmute};
use kernel::{bindings, fmt, module_param::ModuleParamAccess};

/// The errnos of [`kernel::error::code`], and those that it lacks before 7.3.
pub mod code {
    use core::mem::transmute;
    use kernel::bindings;
    pub use kernel::error::code::*;
    use kernel::error::Error;

    macro_rules! errnos {
        ($($name:ident: $doc:literal)*) => {$(
            #[doc = $doc]
            // SAFETY: An `Error` has one field, a non-zero `i32`. The field fills it, because
            // `transmute` refuses another size. Negative errnos are its valid values.
            pub const $name: Error = unsafe { transmute(-(bindings::$name as i32)) };
        )*};
    }

    errnos! {
        EADDRNOTAVAIL: "Cannot assign requested address."
        EALREADY: "Operation already in progress."
        EBADMSG: "Not a data message."
        EDEADLK: "Resource deadlock would occur."
        ENAMETOOLONG: "File name too long."
        ENODATA: "No data available."
        ENOTUNIQ: "Name not unique on network."
        EOPNOTSUPP: "Operation not supported."
        EPROTO: "Protocol error."
        EPROTOTYPE: "Protocol wrong type for socket."
        EREMCHG: "Remote address changed."
        ESTALE: "Stale file handle."
    }
}

/// The direction of data to a device. Until 7.2 the type is an integer, since 7.3 it is a struct.
pub const DMA_TO_DEVICE: bindings::dma_data_direction =
    // SAFETY: The type is an `i32`, or transparent with an `i32` inside, for which every value is
    // valid. This is the value of `DMA_TO_DEVICE`.
    unsafe { transmute(1_i32) };

/// Returns the value of a module parameter. `value` returns a reference until 7.2, a copy since
/// 7.3.
pub fn parameter<T: Copy>(parameter: &ModuleParamAccess<T>) -> T {
    *Borrow::<T>::borrow(&parameter.value())
}

/// A pointer that is displayed as `%p` prints it: hashed, unless the kernel was booted with
/// `no_hash_pointers`. The kernel crate has `fmt::HashedPtr` since 7.3.
pub struct HashedPtr<T>(pub *const T);

impl<T> fmt::Display for HashedPtr<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use kernel::str::CStrExt as _;

        /// The bytes of `0x`, 16 digits and a NUL.
        const SIZE: usize = 19;
        let mut text = [0; SIZE];
        // SAFETY: The buffer has `SIZE` bytes, and the format takes one pointer.
        let length = unsafe {
            bindings::scnprintf(
                text.as_mut_ptr().cast(),
                SIZE,
                c"0x%p".as_char_ptr(),
                self.0.cast::<core::ffi::c_void>(),
            )
        };
        let text = text.get(..length as usize).unwrap_or_default();
        f.write_str(core::str::from_utf8(text).unwrap_or_default())
    }
}
