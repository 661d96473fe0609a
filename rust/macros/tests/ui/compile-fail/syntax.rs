// SPDX-License-Identifier: GPL-2.0

use kimport_macros::import_symbols;

// Errors of the types themselves, each reported once; commas inside a broken type are no end.
import_symbols! {
    argument: fn(a: , b: u8),
    argument_list: fn(a: u8 b: u8),
    arrow: fn() ->,
    generic: Foo<u8, 3 4, u8>,
    array: [u8; ],
    operator: +,
    right: fn(),
    end: fn(_),
    modifier: pub fn(),
}

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
