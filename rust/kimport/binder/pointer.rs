// SPDX-License-Identifier: GPL-2.0

//! Binds through function pointers, for kernels without static calls that a module may use.
//!
//! Two mechanisms allow an indirect call only for some targets:
//!
//! - IBT (`CONFIG_X86_KERNEL_IBT`): the kernel seals functions whose address it never takes, and an
//!   indirect call of one faults.
//! - kCFI (`CONFIG_CFI`): the caller compares the hash of the type in front of the target, and
//!   traps if there is none or another one. There is none if the compiler saw nobody take the
//!   function's address.
//!
//! So on x86 the static-call binder is the right one, and this one exists there only to be tested.

use super::{Binder, CallMode};
use crate::verdict::LastVerdict;
use core::ffi::c_void;
use kernel::sync::atomic::{Acquire, Atomic, AtomicFlag, Relaxed, Release};

/// Does nothing: functions are always bound one by one.
#[cfg(kimport_bench)]
pub fn bind_together(_on: bool) {}

/// The slot with the target of the calls of one imported function.
#[doc(hidden)]
pub struct Key(Atomic<*mut c_void>);

impl Key {
    /// Makes a slot that holds `target`.
    pub const fn new(target: *mut c_void) -> Self {
        Self(Atomic::new(target))
    }

    /// Returns the target in the slot.
    #[inline(always)]
    pub fn target(&self) -> *mut c_void {
        self.0.load(Acquire)
    }
}

/// The slot of one imported function, and the target that it holds while unbound.
#[doc(hidden)]
pub struct FunctionBinding {
    key: &'static Key,
    unbound: *mut c_void,
    // A flag instead of a comparison with `unbound`: its address in code would be a GOT reference,
    // which the module loader refuses.
    bound: AtomicFlag,
    /// The verdict is here because the entry of the block's table is immutable.
    pub(crate) verdict: LastVerdict,
}

// SAFETY: `unbound` is the address of code that lives as long as the module, and nothing is written
// through it. The other fields are atomic or immutable.
unsafe impl Sync for FunctionBinding {}

impl FunctionBinding {
    /// # Safety
    ///
    /// `unbound` may be called with any arguments and does not return, and `key` was made with it.
    pub const unsafe fn new(key: &'static Key, unbound: *mut c_void) -> Self {
        Self {
            key,
            unbound,
            bound: AtomicFlag::new(false),
            verdict: LastVerdict::new(),
        }
    }

    /// Returns whether the calls are bound.
    #[inline]
    pub fn is_bound(&self) -> bool {
        self.bound.load(Acquire)
    }
}

impl Binder for FunctionBinding {
    unsafe fn bind(&self, target: *mut c_void) {
        self.key.0.store(target, Release);
        self.bound.store(true, Release);
    }

    fn retire(&self) {
        self.bound.store(false, Relaxed);
    }

    fn unbind(&self) {
        self.retire();
        self.key.0.store(self.unbound, Release);
    }

    fn address(&self) -> Option<*mut c_void> {
        self.is_bound().then(|| self.key.target())
    }

    fn call_mode(&self) -> CallMode {
        CallMode::Pointer
    }
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
        unbound: $unbound:ident,
        symbol: $symbol:literal,
        fn($($arg:ident: $type:ty),* $(,)?) -> $return:ty
    ) => {
        extern "C" fn $unbound() -> ! {
            $crate::macro_support::unbound($symbol)
        }

        static $binding: $crate::FunctionBinding = {
            // SAFETY: `$unbound` takes any arguments and never returns, and the slot holds it at
            // first.
            unsafe {
                $crate::FunctionBinding::new(
                    &$call::KEY,
                    $unbound as *mut $crate::macro_support::c_void,
                )
            }
        };

        // A module may have the function's name: the two are in different name spaces.
        #[allow(non_snake_case)]
        mod $call {
            pub(super) static KEY: $crate::macro_support::Key = $crate::macro_support::Key::new(
                super::$unbound as *mut $crate::macro_support::c_void,
            );
        }

        /// # Safety
        ///
        /// The conditions of the imported function hold.
        #[inline(always)]
        unsafe fn $call($($arg: $type),*) -> $return {
            // SAFETY: The slot holds a function of the declared type (the declaration's promise,
            // checked when it was bound), or `$unbound`, which takes any arguments.
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

#[cfg(kimport_selftest)]
pub(crate) mod tests;
