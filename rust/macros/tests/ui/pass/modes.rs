// SPDX-License-Identifier: GPL-2.0

//! The wrappers of rebindable and late blocks count their calls, and return the type that their
//! block requires.

#[path = "../support/mod.rs"]
mod support;
extern crate self as kernel;
extern crate self as kimport;
pub use support::*;

use ::core::sync::atomic::{AtomicPtr, Ordering::Relaxed};
use kimport::macro_support::PinInit;
use kimport_macros::import_symbols;

import_symbols! {
    #[autoload]
    #[rebindable]
    mod moved from "provider" {
        doubled: fn(inside: u32) -> u32,
        #[optional]
        tripled: fn(u32) -> u32,
        #[optional]
        missing: fn(u32) -> u32,
    }
    #[late]
    mod late from "provider" {
        #[name = "doubled"]
        late_doubled: fn(inside: u32) -> u32,
        #[optional]
        missing: fn(u32) -> u32,
        unit: fn(),
    }
}

/// The calls of the block that is being tested.
static CALLS: AtomicPtr<Calls> = AtomicPtr::new(::core::ptr::null_mut());

fn assert_inside() {
    let calls = unsafe { CALLS.load(Relaxed).as_ref() };
    assert_eq!(calls.unwrap().inside.load(Relaxed), 1);
}

#[export_name = "doubled"]
extern "C" fn doubled(n: u32) -> u32 {
    assert_inside();
    2 * n
}

#[export_name = "tripled"]
extern "C" fn tripled(n: u32) -> u32 {
    assert_inside();
    3 * n
}

#[export_name = "unit"]
extern "C" fn unit() {
    assert_inside();
}

#[export_name = "missing"]
extern "C" fn missing(_: u32) -> u32 {
    unreachable!()
}

fn test(calls: &'static Calls) {
    CALLS.store(::core::ptr::from_ref(calls).cast_mut(), Relaxed);
}

fn main() {
    let imports = moved::resolve_imports().unwrap();
    assert!(imports.block.autoload);
    let calls = imports.mode.0;
    test(calls);
    assert_eq!(unsafe { moved::doubled(4) }, 8);
    assert_eq!(unsafe { moved::tripled(4) }, Some(12));
    assert_eq!(unsafe { moved::missing(4) }, None);
    assert_eq!(calls.entered.load(Relaxed), 3);
    assert_eq!(calls.inside.load(Relaxed), 0);
    let imports = moved::resolve_imports_from(c"other").unwrap();
    assert_eq!(imports.provider.as_deref(), Some(c"other"));

    assert_eq!(unsafe { late::late_doubled(4) }, None);
    let imports = late::bind_late(()).value();
    assert_eq!(imports.provider.as_c_str(), c"provider");
    assert!(!imports.block.autoload);
    let calls = &imports.calls.calls;
    test(calls);
    assert_eq!(unsafe { late::unit() }, None);
    imports.calls.open.store(true, Relaxed);
    assert_eq!(unsafe { late::late_doubled(4) }, Some(8));
    assert_eq!(unsafe { late::unit() }, Some(()));
    assert_eq!(unsafe { late::missing(4) }, None);
    assert_eq!(calls.entered.load(Relaxed), 3);
    assert_eq!(calls.inside.load(Relaxed), 0);
    let imports = late::bind_late_from(c"other", ()).value();
    assert_eq!(imports.provider.as_c_str(), c"other");
}
