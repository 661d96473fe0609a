// SPDX-License-Identifier: GPL-2.0

// The lint for types that C does not have is silent for the types of bindgen only.
#![deny(improper_ctypes)]

#[allow(dead_code)]
#[path = "../support/mod.rs"]
mod support;
extern crate self as kernel;
extern crate self as kimport;
pub use support::*;

#[allow(dead_code, improper_ctypes, non_camel_case_types)]
pub mod bindings {
    use kernel::ffi;
    include!("../support/bindings.rs");
}

use bindings::{flags, lock_class_key, se_cmd};

pub struct Rusty {
    pub first: u8,
    pub second: u32,
}

kimport_macros::import_symbols! {
    mod improper {
        take_key: fn(*mut lock_class_key),
        take_rusty: fn(*mut Rusty),
        #[unverified]
        take_text: fn(*mut se_cmd, &'static str),
        #[unverified]
        take_vector: fn(Vec<u8>) -> Result<flags, u8>,
    }
}

fn main() {}
