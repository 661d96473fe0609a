// SPDX-License-Identifier: GPL-2.0

use kimport_macros::import_symbols;

import_symbols! {
    #[late]
    mod late from "provider" {
        function: fn(a: u8) -> u8,
    }
}
