// SPDX-License-Identifier: GPL-2.0

// The error for a wrong call has the names of the declaration.
#[path = "../support/mod.rs"]
mod support;
extern crate self as kernel;
extern crate self as kimport;
pub use support::*;

kimport_macros::import_symbols! {
    mod block {
        function: fn(cmd: *mut u8, u16) -> u32,
        #[optional]
        maybe: fn() -> u32,
        pub(self) hidden: fn(),
        data: u32,
    }
}

fn main() {
    block::function(core::ptr::null_mut(), 3);
    unsafe { block::function(3, 3) };
    unsafe { block::function(core::ptr::null_mut()) };
    let _: u32 = unsafe { block::maybe() };
    unsafe { block::hidden() };
    let _: *mut u64 = block::data();
    block::resolve_imports();
}
