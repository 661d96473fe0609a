// SPDX-License-Identifier: GPL-2.0

//! The symbols to which `#[livepatch]` blocks refer have livepatch's names.

#[path = "../support/mod.rs"]
mod support;
extern crate self as kernel;
extern crate self as kimport;
pub use support::*;

use kimport_macros::import_symbols;

import_symbols! {
    #[livepatch]
    mod moved from "provider" {
        doubled: fn(n: u32) -> u32,
        #[name = "tripled"]
        #[position = 2]
        second_tripled: fn(u32) -> u32,
        never: fn() -> !,
        data: u32,
    }
    #[livepatch]
    mod image {
        #[name = "doubled"]
        quadrupled: fn(u32) -> u32,
    }
}

#[export_name = ".klp.sym.provider.doubled,0"]
extern "C" fn doubled(n: u32) -> u32 {
    2 * n
}

#[export_name = ".klp.sym.provider.tripled,2"]
extern "C" fn tripled(n: u32) -> u32 {
    3 * n
}

#[export_name = ".klp.sym.provider.never,0"]
extern "C" fn never() -> ! {
    unreachable!()
}

#[export_name = ".klp.sym.provider.data,0"]
static DATA: u32 = 5;

#[export_name = ".klp.sym.vmlinux.doubled,0"]
extern "C" fn quadrupled(n: u32) -> u32 {
    4 * n
}

fn main() {
    let imports = moved::resolve_imports().unwrap();
    let loaded: Vec<_> = imports
        .block
        .symbols
        .iter()
        .map(|symbol| symbol.loaded.unwrap().0)
        .collect();
    let expected = [
        doubled as *const u8,
        tripled as *const u8,
        never as *const u8,
        ::core::ptr::from_ref(&DATA).cast(),
    ];
    assert_eq!(loaded, expected);
    assert_eq!(imports.block.symbols[1].position, Some(2));
    assert_eq!(unsafe { moved::doubled(4) }, 8);
    assert_eq!(unsafe { moved::second_tripled(4) }, 12);
    let _never: unsafe fn() -> ! = moved::never;
    let _data: *mut u32 = moved::data();
    assert_eq!(unsafe { image::quadrupled(4) }, 16);
    assert!(image::resolve_imports().is_ok_and(|imports| imports.provider.is_none()));
}
