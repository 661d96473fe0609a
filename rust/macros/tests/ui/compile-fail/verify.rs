// SPDX-License-Identifier: GPL-2.0

use kimport_macros::import_symbols;

import_symbols! {
    #[verify]
    mod flag { a: fn() }
    #[verify(sometimes)]
    mod unknown { a: fn() }
    #[verify(strict, warn)]
    mod two { a: fn() }
    #[verify = "strict"]
    mod value { a: fn() }
    #[verify(warn)]
    #[verify(off)]
    mod twice { a: fn() }
}

import_symbols! {
    #![verify(never)]
    a: fn(),
}

import_symbols! {
    #![verify(warn)]
    #![verify(warn)]
    #![inner]
    b: fn(),
    #![verify(warn)]
    c: fn(),
}

import_symbols! {
    #![verify(warn)]
    mod outer { a: fn() }
}

fn main() {}
