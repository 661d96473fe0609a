// SPDX-License-Identifier: GPL-2.0

//! Types from bindings, and stated types that agree with the bindings. Nothing refers to the items
//! of the bindings: a symbol that is not called is not linked.

#![deny(warnings)]

#[path = "../support/mod.rs"]
#[allow(dead_code)]
mod support;
extern crate self as kernel;
extern crate self as kimport;
pub use support::*;

use core::ffi::{c_char, c_int, c_uint, c_void};
use kimport_macros::import_symbols;

#[allow(dead_code, non_camel_case_types)]
pub mod bindings {
    use kernel::ffi;
    include!("../support/bindings.rs");
}

import_symbols! {
    mod image {
        use crate::bindings;

        complete: _,
        for_each: _,
        #[name = "yield"]
        sched_yield: _,
        method: _,
        stop: _,
        #[optional]
        completed: _,
        first_cmd: _,
        start: _,
        #[cfg(any())]
        no_such_function: _,
    }
    mod stated {
        use bindings;

        // An alias is the same type as the one that it stands for.
        complete: fn(command: *mut super::bindings::se_cmd, u32),
        completed: unsafe extern "C" fn(*const bindings::se_cmd) -> bool,
        first_cmd: *mut bindings::se_cmd,
        start: [c_char; 0],
        #[unverified]
        undeclared: fn(u8) -> u8,
        stop: fn(c_int) -> !,
    }
    #[cfg(any())]
    mod gone {
        use no_such::path;
        no_such_function: _,
    }
}

mod bare {
    use super::bindings;

    kimport_macros::import_symbols! {
        use bindings;
        complete: _,
    }
}

#[no_mangle]
extern "C" fn complete(cmd: *mut bindings::se_cmd, status: c_uint) {
    unsafe { (*cmd).tag += u64::from(status) };
}

#[no_mangle]
extern "C" fn for_each(
    function: Option<unsafe extern "C" fn(*mut c_void, *mut [bindings::se_cmd; 2]) -> c_int>,
    data: *mut c_void,
) -> c_int {
    let mut cmds = [bindings::se_cmd { tag: 1 }, bindings::se_cmd { tag: 2 }];
    unsafe { function.unwrap()(data, &mut cmds) }
}

unsafe extern "C" fn sum(data: *mut c_void, cmds: *mut [bindings::se_cmd; 2]) -> c_int {
    unsafe { *data.cast::<u64>() = (*cmds).iter().map(|cmd| cmd.tag).sum() };
    7
}

fn main() {
    let mut cmd = bindings::se_cmd { tag: 40 };
    unsafe { image::complete(&mut cmd, 1) };
    unsafe { bare::complete(&mut cmd, 1) };
    assert_eq!(cmd.tag, 42);

    let mut tags = 0_u64;
    let result = unsafe { image::for_each(Some(sum), (&raw mut tags).cast()) };
    assert_eq!((result, tags), (7, 3));

    let _: fn() -> *mut *mut bindings::se_cmd = image::first_cmd;
    let _: fn() -> *mut [c_char; 0] = image::start;
    let _: unsafe fn(*const bindings::se_cmd) -> Option<bool> = image::completed;
    let _: unsafe fn(c_int) -> ! = image::stop;

    assert_eq!(
        symbol_names(image::resolve_imports().unwrap().block),
        "complete for_each yield method stop completed first_cmd start"
    );
}
