// SPDX-License-Identifier: GPL-2.0

//! A module that imports 45 functions of the kernel image, and calls none.

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
    type: Cost,
    name: "cost_many",
    authors: ["The kimport developers"],
    description: "Imports 45 functions, for the bench of kimport",
    license: "GPL",
}

include!("common.rs");
