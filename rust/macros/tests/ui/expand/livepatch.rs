// SPDX-License-Identifier: GPL-2.0

use kimport_macros::import_symbols;

import_symbols! {
    #[livepatch]
    mod module from "provider" {
        function: fn(a: u8) -> u8,
        #[position = 2]
        #[name = "other.isra.0"]
        second: fn(),
        data: u32,
    }
}
