// SPDX-License-Identifier: GPL-2.0

//! What is done once, by whoever comes first: a library has no init of its own.

use kernel::sync::atomic::{Acquire, Atomic, Release};
use kernel::time::{delay::fsleep, Delta};

/// Whether it is done.
pub(crate) struct Once(Atomic<i32>);

const NEW: i32 = 0;
const BUSY: i32 = 1;
const DONE: i32 = 2;

impl Once {
    pub(crate) const fn new() -> Self {
        Self(Atomic::new(NEW))
    }

    /// Calls `init`, unless it was called. It has returned when this returns, whoever called it. May sleep.
    pub(crate) fn call(&self, init: impl FnOnce()) {
        match self.0.cmpxchg(NEW, BUSY, Acquire) {
            Ok(_) => {
                init();
                self.0.store(DONE, Release);
            }
            Err(_) => {
                while self.0.load(Acquire) != DONE {
                    fsleep(Delta::from_micros(100));
                }
            }
        }
    }
}
