// SPDX-License-Identifier: GPL-2.0

use kimport_macros::import_symbols;

import_symbols! {
    #[autoload]
    #[rebindable]
    mod moved from "provider" {
        function: fn(a: u8) -> u8,
        #[optional]
        optional_function: fn(inside: u8) -> u8,
        data: u32,
    }
    #[late]
    mod late from "provider" {
        function: fn(a: u8) -> u8,
        #[optional]
        optional_function: fn(inside: u8) -> u8,
    }
}
