// SPDX-License-Identifier: GPL-2.0

use kimport_macros::import_symbols;

import_symbols! {
    rust_abi: extern "Rust" fn(),
    system: unsafe extern "system" fn(),
    variadic: fn(fmt: *const u8, ...) -> i32,
    binder: for<'a> fn(&'a u8) -> &'a u8,
    attribute: fn(#[cfg(all())] a: u8),
    receiver: fn(self: u8),
    argument_twice: fn(a: u8, _: u8, a: u8, _: u8),
    everything: for<'a> extern "Rust" fn(a: &'a u8, a: _, ...),
}

fn main() {}
