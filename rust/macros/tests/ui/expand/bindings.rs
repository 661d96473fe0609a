// SPDX-License-Identifier: GPL-2.0

use kimport_macros::import_symbols;

import_symbols! {
    mod image {
        use crate::bindings;

        complete: _,
        for_each: _,
        completed: fn(a: *mut se_cmd) -> bool,
        #[unverified]
        unverified: fn(),
        #[cfg(CONFIG_CMD)]
        first_cmd: _,
        start: u8,
    }
}

import_symbols! {
    #![verify(require)]
    use ::kernel::bindings;
    #[name = "yield"]
    sched_yield: _,
}

// has: const _: unsafe extern "C" fn(*mut crate::bindings::se_cmd, crate::bindings::u32_) = crate::bindings::complete;
// has: const _: unsafe extern "C" fn(*mut se_cmd) -> bool = crate::bindings::completed;
// has: const __KIMPORT_TYPE_unverified: &[u8] = &[];
// has: #[cfg(CONFIG_CMD)] const _: () = {
// has: let _: *const *mut crate::bindings::se_cmd = &raw const crate::bindings::first_cmd;
// has: const _: unsafe extern "C" fn() = ::kernel::bindings::yield_;
