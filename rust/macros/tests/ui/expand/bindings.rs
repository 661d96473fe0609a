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
