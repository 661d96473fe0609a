// SPDX-License-Identifier: GPL-2.0

//! One-time initialisation by the first caller, because a library has no init of its own.

use kernel::sync::atomic::{Acquire, Atomic, Release};
use kernel::time::{delay::fsleep, Delta};

/// The state of an initialisation: new, busy or done.
pub(crate) struct Once(Atomic<i32>);

const NEW: i32 = 0;
const BUSY: i32 = 1;
const DONE: i32 = 2;

impl Once {
    pub(crate) const fn new() -> Self {
        Self(Atomic::new(NEW))
    }

    /// Calls `init`, unless it was called before. When this returns, `init` has returned, also if
    /// another task called it. May sleep.
    pub(crate) fn call(&self, init: impl FnOnce()) {
        if self.0.cmpxchg(NEW, BUSY, Acquire).is_ok() {
            init();
            return self.0.store(DONE, Release);
        }
        while self.0.load(Acquire) != DONE {
            fsleep(Delta::from_micros(100));
        }
    }
}
