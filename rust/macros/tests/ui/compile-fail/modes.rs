// SPDX-License-Identifier: GPL-2.0

use kimport_macros::import_symbols;

import_symbols! {
    #[autoload]
    #[autoload]
    mod twice from "provider" { first: fn() }
    #[late(x)]
    mod value from "provider" { first: fn() }
    #[late]
    #[autoload]
    #[rebindable]
    mod all from "provider" { first: fn() }
    #[autoload]
    mod image { first: fn() }
    #[late]
    mod late_image {
        first: fn(),
        bind_late: fn(),
    }
    #[late]
    mod late from "provider" {
        data: u32,
        resolve_imports: fn(),
        never: fn() -> !,
    }
    #[rebindable]
    mod rebindable {
        data: u32,
        never: fn() -> (!),
        resolve_imports: fn(),
        bind_late: fn(),
    }
}

import_symbols! {
    #[autoload]
    first: fn(),
    #[rebindable]
    second: fn(),
    #[late]
    third: fn(),
}

fn main() {}
