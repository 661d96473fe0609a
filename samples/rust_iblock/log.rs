// SPDX-License-Identifier: GPL-2.0

//! Messages that an initiator or a broken device can provoke at any rate.

/// Logs an error as `pr_err!` does, unless there have been many of them lately.
macro_rules! pr_err_ratelimited {
    ($($arg:tt)*) => {
        // SAFETY: Always safe to call, in any context.
        if unsafe { $crate::bindings::rust_helper_iblock_ratelimit() } {
            ::kernel::pr_err!($($arg)*);
        }
    };
}

pub(crate) use pr_err_ratelimited;
