// SPDX-License-Identifier: GPL-2.0

use kimport_macros::import_symbols;

import_symbols! {
    no_colon,
    nothing:,
    equals = fn(),
    path::to: fn(),
    call(u8),
    generic Map<u8, fn(u8) -> u8>,
    unclosed Map<u8, fn(u8),
    after: fn(_),
    last
}

fn main() {}
