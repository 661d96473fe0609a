// SPDX-License-Identifier: GPL-2.0

use kimport_macros::import_symbols;

import_symbols! {
    mod core {
        first: fn()
        second: fn() -> u8
        #[optional]
        third: fn();
        fourth: u32
        pub fifth: u32 = 3,
        sixth: fn(),,
        seventh: fn(...),
    }
}

fn main() {}
