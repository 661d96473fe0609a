// SPDX-License-Identifier: GPL-2.0

//! The slot of an imported function: a word with the target of its calls. Binding is one store, and
//! no code is patched.
//!
//! `pointer.rs` and `veneer.rs` bind through slots. They differ in the code that reads them.

use super::{way, Binder, CallMode};
use crate::importer::Importer;
use crate::verdict::LastVerdict;
use core::ffi::c_void;
use kernel::sync::atomic::{Acquire, Atomic, AtomicFlag, Relaxed, Release};

/// Does nothing: functions are always bound one by one.
#[cfg(kimport_bench)]
pub fn bind_together(_on: bool) {}

/// The slot with the target of the calls of one imported function.
#[doc(hidden)]
#[repr(transparent)]
pub struct Key(Atomic<*mut c_void>);

impl Key {
    /// Makes a slot that holds `target`.
    pub const fn new(target: *mut c_void) -> Self {
        Self(Atomic::new(target))
    }

    /// Makes the slot hold `target`. May sleep.
    fn set(&self, target: *mut c_void) {
        way::store(&self.0, target);
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
        self.key.set(target);
        self.bound.store(true, Release);
    }

    fn retire(&self) {
        self.bound.store(false, Relaxed);
    }

    fn unbind(&self) {
        self.retire();
        self.key.set(self.unbound);
    }

    fn address(&self) -> Option<*mut c_void> {
        self.is_bound().then(|| self.key.target())
    }

    fn call_mode(&self, _importer: &Importer) -> CallMode {
        way::CALL_MODE
    }
}

#[cfg(kimport_selftest)]
pub(crate) mod tests;
