// SPDX-License-Identifier: GPL-2.0

//! Binding through function pointers, where the kernel has no static calls that a module may use.
//!
//! An indirect call needs a target that may be called so, on two accounts:
//!
//! - IBT (`CONFIG_X86_KERNEL_IBT`): the kernel seals functions whose address it never takes, and calling one faults.
//! - kCFI (`CONFIG_CFI`): the caller looks in front of the target for a hash of the type, and traps if it finds none, as in front
//!   of functions whose address the compiler saw nobody take, or another one.
//!
//! So on x86 the static-call binder is the right one, and this one exists there only to be tested.

use super::CallMode;
use crate::table::{LastVerdict, Symbol};
use core::ffi::c_void;
use kernel::sync::atomic::{Acquire, Atomic, AtomicFlag, Relaxed, Release};

/// What has to be bound before others can be: nothing.
pub(crate) fn needs() -> &'static [Symbol] {
    &[]
}

/// Functions are stored one by one, whatever this says.
#[cfg(kimport_bench)]
pub fn at_once(_on: bool) {}

/// Where the calls of one imported function go.
#[doc(hidden)]
pub struct Key(Atomic<*mut c_void>);

impl Key {
    /// A slot that holds `target`.
    pub const fn new(target: *mut c_void) -> Self {
        Self(Atomic::new(target))
    }

    /// What the slot holds.
    #[inline(always)]
    pub fn target(&self) -> *mut c_void {
        self.0.load(Acquire)
    }
}

/// The slot of one imported function, and what it holds while unbound.
#[doc(hidden)]
pub struct FunctionBinding {
    key: &'static Key,
    unbound: *mut c_void,
    // A flag instead of a comparison with `unbound`, whose address in code would be a GOT reference, which the module
    // loader refuses.
    bound: AtomicFlag,
    /// Kept here, as an entry of a table cannot change.
    pub(crate) verdict: LastVerdict,
}

// SAFETY: `unbound` is the address of code that lives as long as the module; nothing is written through it. The rest is
// atomic.
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

    /// Makes calls go to `target`.
    ///
    /// # Safety
    ///
    /// `target` is a function of the declared type, and stays one until [`unbind`](Self::unbind).
    pub(crate) unsafe fn bind(&self, target: *mut c_void) {
        self.key.0.store(target, Release);
        self.bound.store(true, Release);
    }

    /// Makes the calls of each function go to its target.
    ///
    /// # Safety
    ///
    /// That of [`bind`](Self::bind), for each.
    pub(crate) unsafe fn bind_all(
        functions: impl Iterator<Item = (&'static Self, *mut c_void)> + Clone,
    ) {
        for (function, target) in functions {
            // SAFETY: By the contract of this function.
            unsafe { function.bind(target) };
        }
    }

    /// Says from now on that this is not bound, without changing where the calls go.
    pub(crate) fn retire(&self) {
        self.bound.store(false, Relaxed);
    }

    /// Makes calls end in `unbound`.
    pub(crate) fn unbind(&self) {
        self.retire();
        self.key.0.store(self.unbound, Release);
    }

    /// Makes the calls of each function end in `unbound`.
    pub(crate) fn unbind_all(functions: impl Iterator<Item = &'static Self> + Clone) {
        functions.for_each(Self::unbind);
    }

    /// Where the calls go, if they are bound.
    pub(crate) fn address(&self) -> Option<*mut c_void> {
        self.is_bound().then(|| self.key.target())
    }

    /// Whether the calls are bound.
    #[inline]
    pub fn is_bound(&self) -> bool {
        self.bound.load(Acquire)
    }

    pub(crate) fn call_mode(&self) -> CallMode {
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
            // SAFETY: `$unbound` never returns, and the slot begins with it.
            unsafe {
                $crate::FunctionBinding::new(
                    &$call::KEY,
                    $unbound as *mut $crate::macro_support::c_void,
                )
            }
        };

        // A module of the function's name: the two live in different name spaces.
        #[allow(non_snake_case)]
        mod $call {
            pub(super) static KEY: $crate::macro_support::Key = $crate::macro_support::Key::new(
                super::$unbound as *mut $crate::macro_support::c_void,
            );
        }

        /// # Safety
        ///
        /// That of the imported function.
        #[inline(always)]
        unsafe fn $call($($arg: $type),*) -> $return {
            // SAFETY: The slot holds a function of the declared type (the declaration's promise, checked when it
            // was bound), or `$unbound`, which takes any arguments.
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
#[path = "pointer_tests.rs"]
pub(crate) mod tests;
