// SPDX-License-Identifier: GPL-2.0

//! A module that imports three functions of the kernel image, and calls none.

#![allow(
    dead_code,
    improper_ctypes,
    non_camel_case_types,
    unused_imports,
    clippy::type_complexity
)]

use kernel::ffi::c_void;
use kernel::prelude::*;
use kimport::{import_symbols, Imports};

module! {
    type: Three,
    name: "cost_three",
    authors: ["The kimport developers"],
    description: "Imports three functions, for the bench of kimport",
    license: "GPL",
}

/// Pointers to wrappers. They keep the wrappers in the module, and with each its call site.
struct Used<const N: usize>([*const (); N]);

// SAFETY: Nobody follows the pointers.
unsafe impl<const N: usize> Sync for Used<N> {}

// Functions of the kernel image that were chosen at random: the block `few`.
include!(env!("KIMPORT_COST_BLOCK"));

struct Three(Imports);

impl kernel::Module for Three {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        Ok(Self(few::resolve_imports()?))
    }
}
