// SPDX-License-Identifier: GPL-2.0

//! No name of the expansion conflicts with a name of the user's: a parameter cannot be called like
//! a static or constant in scope, and the constants of a nested block hide others.

#[path = "../support/mod.rs"]
mod support;
extern crate self as kernel;
extern crate self as kimport;
pub use support::*;

use ::core::ffi::c_int;
use kimport_macros::import_symbols;

// The types of the declarations refer to these constants.
const BYTES: usize = 3;
const ENCODING: usize = 5;
const RECORD: usize = 7;
const KEY: usize = 9;
const LEN: usize = 11;
const fn compare() -> usize {
    13
}

/// Names of statics, as bindgen has them for data of the kernel, and of constants.
#[allow(non_upper_case_globals, dead_code)]
mod taken {
    pub static cmd: u8 = 0;
    pub static arg0: u8 = 0;
    pub static provider: u8 = 0;
    pub static events: u8 = 0;
    pub static target: u8 = 0;
    pub const status: u8 = 1;
    pub const address: u8 = 2;
    pub const symbol: u8 = 3;
    pub const _inside: u8 = 4;
}
#[allow(unused_imports)]
use taken::*;

mod headers {
    #[allow(non_upper_case_globals)]
    pub static from_header: [u8; 13] = [0; 13];
}

mod functions {
    #[no_mangle]
    extern "C" fn subtract(a: u32, b: u32) -> u32 {
        a - b
    }

    #[export_name = "events_missing"]
    extern "C" fn events_missing(_: i32) {
        unreachable!()
    }
}

import_symbols! {
    mod image {
        use super::headers;

        #[unverified]
        subtract: fn(cmd: u32, status: u32) -> u32,
        #[name = "subtract"]
        #[unverified]
        unnamed: fn(u32, address: u32) -> u32,
        from_header: [u8; compare()],
    }
    mod lengths {
        bytes: [u8; BYTES],
        encoding: [u8; ENCODING],
        record: [u8; RECORD],
        key: *mut [u8; KEY],
        #[optional]
        len: [u8; LEN],
        #[name = "subtract"]
        symbol: fn(symbol: *mut [u8; BYTES], target: u32) -> u32,
    }
    #[rebindable]
    mod rebound from "some_module" {
        #[name = "subtract"]
        minus: fn(cmd: u32, _inside: u32) -> u32,
        #[optional]
        events_missing: fn(events: c_int),
    }
    #[late]
    mod late from "some_module" {
        #[name = "subtract"]
        minus: fn(provider: u32, events: u32) -> u32,
    }
    #[livepatch]
    mod livepatch {
        datum: [u8; BYTES],
    }
}

#[export_name = ".klp.sym.vmlinux.datum,0"]
static DATUM: u8 = 0;

mod bare {
    #[allow(unused_imports)]
    use super::{support::*, taken::*, BYTES};

    kimport_macros::import_symbols! {
        #[name = "subtract"]
        minus: fn(cmd: u32, status: u32) -> u32,
        bare_bytes: [u8; BYTES],
    }
}

fn main() {
    assert_eq!(unsafe { image::subtract(5, 3) }, 2);
    assert_eq!(unsafe { image::unnamed(5, 3) }, 2);
    assert_eq!(unsafe { bare::minus(5, 3) }, 2);
    let _: *mut [u8; 13] = image::from_header();
    let _: *mut [u8; 3] = livepatch::datum();

    let imports = lengths::resolve_imports().unwrap();
    let sizes = imports.block.symbols.iter().map(|one| one.binding.size());
    let expected = [3, 5, 7, size_of::<usize>(), 11].map(Some);
    assert!(sizes.eq(expected.into_iter().chain([None])));

    let imports = rebound::resolve_imports_from(c"other").unwrap();
    assert_eq!(imports.provider.as_deref(), Some(c"other"));
    assert_eq!(unsafe { rebound::minus(5, 3) }, 2);
    assert_eq!(unsafe { rebound::events_missing(1) }, None);
    assert_eq!(unsafe { late::minus(5, 3) }, None);
}
