// SPDX-License-Identifier: GPL-2.0

// Types that differ from those of the bindings: the compiler shows both.
#[path = "../support/mod.rs"]
mod support;
extern crate self as kernel;
extern crate self as kimport;
pub use support::*;

#[allow(dead_code, non_camel_case_types)]
pub mod bindings {
    use kernel::ffi;
    include!("../support/bindings.rs");
}

// This module is not the source of the text that the macro reads.
#[allow(non_camel_case_types)]
pub mod others {
    pub struct se_cmd;
    pub type u32_ = u64;
    extern "C" {
        pub fn complete(cmd: *mut se_cmd, status: u32);
    }
}

use bindings::se_cmd;

kimport_macros::import_symbols! {
    mod differ {
        use crate::bindings;

        complete: fn(cmd: *mut se_cmd, status: u8),
        completed: fn(*const se_cmd),
        stop: fn(i32),
        first_cmd: *mut u8,
        #[name = "method"]
        as_data: u8,
        #[name = "start"]
        as_function: fn(),
        no_such_function: fn(),
        #[unverified]
        unverified: fn(),
    }
    mod elsewhere {
        use crate::others;

        complete: _,
    }
    mod nowhere {
        use crate::no_such_bindings;

        complete: fn(cmd: *mut se_cmd, status: u32),
    }
    #[cfg(all())]
    mod there {
        use crate::bindings;

        no_such_datum: _,
    }
}

fn main() {}
