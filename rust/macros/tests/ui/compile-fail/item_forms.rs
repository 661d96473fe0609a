// SPDX-License-Identifier: GPL-2.0

use kimport_macros::import_symbols;

import_symbols! {
    fn function(a: u8, b: u8);
    pub unsafe fn unsafe_function();
    extern "C" fn c_function() -> u8;
    const fn const_function() {}
    static data: u32;
    pub static mut mutable: u32;
    const CONSTANT: u32 = 1;
    extern "C" {
        fn in_block();
    }
    unsafe extern {
        fn in_unsafe_block();
    }
    // This entry is correct, and is found after the errors above.
    right: fn(),
    // The error in this one is found, too.
    wrong: fn(_: _),
}

fn main() {}
