// SPDX-License-Identifier: GPL-2.0

#[path = "../support/mod.rs"]
mod support;
extern crate self as kernel;
extern crate self as kimport;
pub use support::*;

use kimport_macros::import_symbols;

import_symbols! {
    #[livepatch]
    #[livepatch]
    mod twice { first: fn() }
    #[livepatch = 1]
    mod value { first: fn() }
    #[livepatch]
    #[autoload]
    #[rebindable]
    mod moved from "provider" { first: fn() }
    #[late]
    #[livepatch]
    mod late from "provider" { first: fn() }
    #[livepatch]
    mod optional {
        #[optional]
        first: fn(),
        #[optional]
        data: u32,
        resolve_imports_from: fn(),
    }
    #[livepatch]
    mod names from "a.b" {
        #[name = "a,b"]
        first: fn(),
    }
    mod entry {
        #[livepatch]
        first: fn(),
    }
}

// The relocations fix the provider.
mod chosen_later {
    super::import_symbols! {
        #[livepatch]
        mod block from "provider" { first: fn() }
    }

    fn resolve() {
        let _imports = block::resolve_imports_from(c"other");
    }
}

fn main() {}
