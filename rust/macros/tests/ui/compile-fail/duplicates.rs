// SPDX-License-Identifier: GPL-2.0

use kimport_macros::import_symbols;

import_symbols! {
    mod a {
        twice: fn(),
        other: fn(),
        twice: u32,
        r#other: fn(),
        #[cfg(all())]
        half: fn(),
        half: fn(),
    }
    mod b {
        twice: fn(),
        // These can exclude each other.
        #[cfg(all())]
        either: fn(),
        #[cfg(not(all()))]
        either: fn(u8),
    }
    mod a from "provider" { twice: fn() }
}

fn main() {}
