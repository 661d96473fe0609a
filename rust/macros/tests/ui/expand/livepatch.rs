// SPDX-License-Identifier: GPL-2.0

use kimport_macros::import_symbols;

import_symbols! {
    #[livepatch]
    mod module from "provider" {
        data: u32,
    }
}
