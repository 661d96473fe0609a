// SPDX-License-Identifier: GPL-2.0

use kimport_macros::import_symbols;

import_symbols! {
    mod block { first: fn() }
    second: fn(),
    third: fn(),
}

import_symbols! {
    first: fn(),
    #[cfg(all())]
    pub mod block { second: fn() }
}

import_symbols! {}

import_symbols! {
    mod nothing {}
    mod only_comments from "provider" {
        // Nothing.
    }
}

fn main() {}
