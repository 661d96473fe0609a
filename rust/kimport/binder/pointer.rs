// SPDX-License-Identifier: GPL-2.0

//! Binds through function pointers, for kernels without static calls that a module may use.
//!
//! Two mechanisms allow an indirect call only for some targets:
//!
//! - IBT (`CONFIG_X86_KERNEL_IBT`): the kernel seals functions whose address it never takes, and an
//!   indirect call of one faults. Of 45 functions of the stock kernel that were chosen at random,
//!   10 are sealed, and 9 have no `ENDBR` in the first place (`tests/suites/ibt.sh`).
//! - kCFI (`CONFIG_CFI`): the caller compares the hash of the type in front of the target, and
//!   traps if there is none or another one. There is none if the compiler saw nobody take the
//!   function's address. `scripts/Makefile.kimport` refuses to build this binder for such a kernel.
//!
//! So on x86 the static-call binder is the right one, and on arm64 the veneer binder makes cheaper
//! calls. This one exists there only to be tested.

#[cfg(kimport_bench)]
pub use super::slot::bind_together;
pub use super::slot::{FunctionBinding, Key};
use super::CallMode;
use core::ffi::c_void;
use kernel::sync::atomic::{Atomic, Release};

/// The way in which calls reach the target in a slot.
pub(super) const CALL_MODE: CallMode = CallMode::Pointer;

/// Stores `target` in a slot.
pub(super) fn store(slot: &Atomic<*mut c_void>, target: *mut c_void) {
    slot.store(target, Release);
}

/// Defines one imported function.
#[doc(hidden)]
#[macro_export]
macro_rules! __declare_function {
    (
        trampoline: $trampoline:literal,
        key: $key:literal,
        binding: $binding:ident,
        call: $call:ident,
        block: $block:ident,
        symbol: $symbol:literal,
        $(#[$lint:meta])?
        fn($($arg:ident: $type:ty),* $(,)?) -> $return:ty
    ) => {
        static $binding: $crate::FunctionBinding = {
            // SAFETY: `unbound` takes any arguments and never returns, and the slot holds it at
            // first.
            unsafe {
                $crate::FunctionBinding::new(
                    &$call::KEY,
                    $call::unbound as *mut $crate::macro_support::c_void,
                )
            }
        };

        // A module may have the function's name: the two are in different name spaces.
        #[allow(non_snake_case)]
        mod $call {
            pub(super) extern "C" fn unbound() -> ! {
                $crate::macro_support::unbound(&super::$block, &super::$binding)
            }

            pub(super) static KEY: $crate::macro_support::Key = $crate::macro_support::Key::new(
                unbound as *mut $crate::macro_support::c_void,
            );
        }

        /// # Safety
        ///
        /// The conditions of the imported function hold.
        #[inline(always)]
        unsafe fn $call($($arg: $type),*) -> $return {
            // SAFETY: The slot holds a function of the declared type (the declaration's promise,
            // checked when it was bound), or `unbound`, which takes any arguments.
            let __kimport_target = unsafe {
                ::core::mem::transmute::<
                    *mut $crate::macro_support::c_void,
                    unsafe extern "C" fn($($type),*) -> $return,
                >($call::KEY.target())
            };
            // SAFETY: The caller keeps the contract of the imported function.
            unsafe { __kimport_target($($arg),*) }
        }
    };
}
