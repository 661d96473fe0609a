// SPDX-License-Identifier: GPL-2.0

// Errors of the compiler itself point at the declaration.
#[path = "../support/mod.rs"]
mod support;
extern crate self as kernel;
extern crate self as kimport;
pub use support::*;

kimport_macros::import_symbols! {
    mod block {
        argument: fn(a: *mut NoSuchArgument, u8),
        output: fn() -> NoSuchOutput,
        data: NoSuchData,
        lifetime: fn(&u8, &u8) -> &u8,
    }
}

fn main() {}
