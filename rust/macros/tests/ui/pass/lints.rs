// SPDX-License-Identifier: GPL-2.0

//! Every form expands to code without a warning, also with the kernel's flags and those of a strict
//! user.

#![deny(warnings)]
#![deny(
    missing_docs,
    non_ascii_idents,
    rust_2018_idioms,
    unreachable_pub,
    unsafe_op_in_unsafe_fn,
    unused
)]

#[allow(missing_docs, dead_code, unreachable_pub)]
#[path = "../support/mod.rs"]
mod support;
extern crate self as kernel;
extern crate self as kimport;
#[doc(hidden)]
pub use support::*;

use kimport_macros::import_symbols;

/// A public module, whose items want documentation.
pub mod public {
    use super::import_symbols;

    import_symbols! {
        pub mod undocumented {
            function: fn(),
            data: u32,
        }
        pub mod provided from "provider" {
            #[optional]
            function: fn(u8, u8, u8, u8, u8, u8, u8, u8, u8) -> u8,
            #[optional]
            data: u32,
        }
    }

    import_symbols! {
        bare: fn(a: u8, u8),
        CamelCase: fn(),
        UPPER_CASE: u32,
    }
}

mod private {
    use super::import_symbols;

    #[repr(C)]
    pub(super) struct Private {
        _field: u32,
    }

    import_symbols! {
        mod unused {
            take: fn(*mut Private),
            data: Private,
            pub(crate) crate_data: Private,
            #[cfg(any())]
            gone: NoSuchType,
        }
        #[cfg(any())]
        mod gone {
            data: NoSuchType,
        }
    }

    import_symbols! { pub(super) unused_bare: fn(*mut Private) }
}

fn main() {}
