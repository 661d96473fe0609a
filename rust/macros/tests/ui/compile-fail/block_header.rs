// SPDX-License-Identifier: GPL-2.0

use kimport_macros::import_symbols;

import_symbols! {
    from "provider" {
        first: fn(),
    }
}

// An error in a header hides no error of the other blocks.
import_symbols! {
    mod a form "provider" { first: fn() }
    mod b "provider" { first: fn() }
    mod c;
    mod d from provider { first: fn() }
    mod e from b"provider" { first: fn() }
    mod f from { first: fn() }
    mod type { first: fn() }
    #[inline]
    #[optional]
    mod g from "provider" {
        first: fn(...),
    }
}

fn main() {}
