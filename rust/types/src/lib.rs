// SPDX-License-Identifier: GPL-2.0

//! Checks declared types of kernel symbols against the kernel's own BTF, and knows what compilers
//! make of [names](names).
//!
//! The types' way is one line:
//!
//! ```text
//! Rust type -> Encoding -> Description -> compare with BTF -> Report
//! described.rs  encoding.rs              compare.rs, btf.rs   report.rs
//! ```
//!
//! - [`Described`] and [`describe!`] make a description of a Rust type at compile time.
//! - [`Encoding`] and [`Description`] write and read its bytes, which are in the import table of a module.
//! - [`TypeSource`] is what is asked about the kernel's types; [`Btf`] answers from a `.BTF` section.
//! - [`compare()`] applies the [`Rule`]s.
//! - [`Report`] shows both prototypes in C, with the difference marked.
//!
//! The kernel-side crate and the host command share all of it: the crate allocates nothing, depends on nothing, and
//! treats every byte that it reads as possibly wrong. The kernel's build compiles it with rustc alone.

// The kernel's build gives the attribute on the command line.
#![cfg_attr(not(CONFIG_RUST), no_std)]

#[cfg(test)]
extern crate std;

mod btf;
mod compare;
mod described;
mod encoding;
mod name_buckets;
#[doc(hidden)]
pub mod name_cases;
pub mod names;
mod report;

pub use btf::{
    find, has_namesake_beside, Btf, BtfError, BtfKind, BtfType, Finding, TypeSource, Wanted,
};
pub use compare::{compare, Comparison, Mismatch, Place, Rule, Severity, Uncomparable};
pub use described::{Described, ThinPointee};
pub use encoding::{
    Arguments, Description, Encoding, Invalid, Prototype, Symbol, Type, TypeBytes, CAPACITY,
};
pub use name_buckets::NameBuckets;
pub use names::{made_of, Made};
pub use report::Report;

/// What [`describe!`] expands to; no interface for others.
#[doc(hidden)]
pub mod macro_support {
    pub use crate::described::{array, named, pointer, Named, Probe};
}
