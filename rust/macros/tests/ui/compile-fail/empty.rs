// SPDX-License-Identifier: GPL-2.0

use kimport_macros::import_symbols;

import_symbols! {}

import_symbols! {
    mod nothing {}
    mod only_comments from "provider" {
        // Nothing.
    }
}

fn main() {}
