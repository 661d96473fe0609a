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

#[cfg(not(kimport_no_srcu))]
pub use kernel::sync::srcu;

/// Sleepable RCU, which the kernel crate has since 7.3.
#[cfg(kimport_no_srcu)]
pub mod srcu {
    use core::pin::Pin;
    use kernel::prelude::*;
    use kernel::types::{NotThreadSafe, Opaque};
    use kernel::{bindings, error::to_result};

    /// A domain of sleepable RCU.
    ///
    /// # Invariants
    ///
    /// The `struct srcu_struct` is initialized.
    #[pin_data(PinnedDrop)]
    pub struct Srcu {
        #[pin]
        inner: Opaque<bindings::srcu_struct>,
    }

    // SAFETY: A `struct srcu_struct` may be used and freed on any CPU.
    unsafe impl Send for Srcu {}
    // SAFETY: All functions that take a `struct srcu_struct` may be called concurrently.
    unsafe impl Sync for Srcu {}

    impl Srcu {
        /// Creates a domain. May sleep.
        ///
        /// # Errors
        ///
        /// `ENOMEM`: there is no memory for the per-CPU counters.
        pub fn new() -> impl PinInit<Self, Error> {
            try_pin_init!(Self {
                // INVARIANT: The function initializes it or fails.
                inner <- Opaque::try_ffi_init(|inner| {
                    // SAFETY: There is room for a `struct srcu_struct`.
                    to_result(unsafe { bindings::init_srcu_struct(inner) })
                }),
            })
        }

        /// Enters a read-side critical section, which may sleep.
        pub fn read_lock(&self) -> Guard<'_> {
            // SAFETY: It is initialized by the type invariants.
            let index = unsafe { bindings::__srcu_read_lock(self.inner.get()) };
            // INVARIANT: The function returned this index for this domain.
            Guard {
                srcu: self,
                index,
                _not_send: NotThreadSafe,
            }
        }

        /// Waits until all readers that are inside now have left. May sleep.
        pub fn synchronize(&self) {
            // SAFETY: It is initialized by the type invariants.
            unsafe { bindings::synchronize_srcu(self.inner.get()) };
        }
    }

    #[pinned_drop]
    impl PinnedDrop for Srcu {
        fn drop(self: Pin<&mut Self>) {
            // SAFETY: It is initialized by the type invariants, and no guard is left to borrow it.
            unsafe { bindings::cleanup_srcu_struct(self.inner.get()) };
        }
    }

    /// A read-side critical section, which ends when this is dropped.
    ///
    /// # Invariants
    ///
    /// The section was entered with this index.
    pub struct Guard<'a> {
        srcu: &'a Srcu,
        index: i32,
        _not_send: NotThreadSafe,
    }

    impl Drop for Guard<'_> {
        fn drop(&mut self) {
            // SAFETY: The section was entered with this index by the type invariants.
            unsafe { bindings::__srcu_read_unlock(self.srcu.inner.get(), self.index) };
        }
    }

    #[doc(hidden)]
    macro_rules! new_srcu {
        () => {
            $crate::compat::srcu::Srcu::new()
        };
    }
    pub(crate) use new_srcu;
}
