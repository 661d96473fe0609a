// SPDX-License-Identifier: GPL-2.0

use kimport_macros::import_symbols;

import_symbols! {
    #[autoload]
    mod requested from "provider" {
        function: fn(),
    }
    #[autoload]
    #[rebindable]
    mod moved from "provider" {
        function: fn(a: u8) -> u8,
        #[optional]
        optional_function: fn(inside: u8) -> u8,
        data: u32,
    }
    #[rebindable]
    mod image {
        function: fn(),
    }
    #[late]
    mod late from "provider" {
        function: fn(a: u8) -> u8,
        unit: fn(),
        #[optional]
        optional_function: fn(inside: u8) -> u8,
    }
}
