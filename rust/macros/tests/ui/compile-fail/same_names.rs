// SPDX-License-Identifier: GPL-2.0

// The compiler sees errors that the macro cannot see: entries whose conditions do not exclude each
// other, and two bare invocations in one module.
#[path = "../support/mod.rs"]
mod support;
extern crate self as kernel;
extern crate self as kimport;
pub use support::*;

mod conditions {
    kimport_macros::import_symbols! {
        #[cfg(all())]
        data: u32,
        #[cfg(not(any()))]
        data: u64,
    }
}

mod two {
    kimport_macros::import_symbols! { a: u32 }
    kimport_macros::import_symbols! { b: u32 }
}

fn main() {}
