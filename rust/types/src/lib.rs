// SPDX-License-Identifier: GPL-2.0

//! Compares declared types of kernel symbols with the kernel's own BTF, and knows the
//! [`names`] that compilers make of other names.
//!
//! A type goes through these stages:
//!
//! ```text
//! Rust type -> Encoding -> Description -> compare with BTF -> MismatchReport
//! described.rs  encoding.rs              compare.rs, btf.rs   report.rs
//! ```
//!
//! - [`Described`] and [`describe!`] make a description of a Rust type at compile time.
//! - [`Encoding`] and [`Description`] write and read its bytes, which are in the import table of a
//!   module.
//! - [`TypeSource`] is the interface for questions about the kernel's types; [`Btf`] answers them
//!   from a `.BTF` section.
//! - [`compare()`] applies the [`Rule`]s.
//! - [`compare_pair()`] compares the layouts of structs, unions and enums by the [`LayoutRule`]s.
//! - [`LayoutTable`] has the layouts that a module was compiled with; [`LayoutCheck`] compares
//!   them.
//! - [`judge()`] applies a block's [`Policy`] to the result; [`MismatchReport`] shows both
//!   prototypes in C, with the difference marked.
//! - [`ImportRecord`] is an entry of the import table in a built module, [`TakenRecord`] one of a
//!   relinked module.
//! - [`made_of()`] tells the names that compilers make of others.
//! - [`Refusal`] has the words with which a symbol is refused.
//!
//! The kernel-side crate and the host command share all of it: the crate allocates nothing, depends
//! on nothing, and treats every byte that it reads as possibly wrong. The kernel's build compiles
//! it with rustc alone.

// The kernel's build gives the attribute on the command line.
#![cfg_attr(not(CONFIG_RUST), no_std)]

#[cfg(test)]
extern crate std;

mod btf;
mod compare;
mod described;
mod encoding;
mod judge;
mod laid_out;
mod layout;
mod layout_check;
mod layout_source;
mod layout_table;
mod name_buckets;
#[doc(hidden)]
pub mod name_cases;
pub mod names;
mod record;
mod refusal;
mod report;
mod taken;

pub use btf::{
    find, has_namesake_beside, is_kfunc, Btf, BtfError, BtfKind, BtfType, Enumerators, Member,
    Members, TypeMatch, TypeQuery, TypeSource, IMPLEMENTATION,
};
pub use compare::{compare, Comparison, Mismatch, MismatchPlace, Rule, Severity, Uncomparable};
pub use described::{Described, ThinPointee};
pub use encoding::{
    Arguments, Description, Encoding, Invalid, Prototype, SymbolType, Type, TypeBytes, CAPACITY,
};
pub use judge::{judge, judge_layouts, Judgement, Unverified};
pub use laid_out::{KnownLayout, OwnMember};
pub use layout::{compare_pair, pair_of, LayoutMismatch, LayoutReport, LayoutRule, Pair};
pub use layout_check::{LayoutCheck, LayoutSlot, TableMismatch, TableReport};
pub use layout_table::{
    member_hash, name_hash, Keyword, LayoutTable, LayoutTableBuilder, Shape, TableMember,
    TableType, LAYOUT_CAPACITY, LAYOUT_ROOM, LAYOUT_TYPES,
};
pub use name_buckets::NameBuckets;
pub use names::{made_of, Made};
pub use record::{is_internal, ImportKind, ImportRecord, Policy, Record, RecordFault};
pub use refusal::Refusal;
pub use report::MismatchReport;
pub use taken::{TakenRecord, TakenRecords, TAKEN_HEADER, TAKEN_SECTION, TAKEN_SYMBOL};

/// The items that [`describe!`] and the tables of layouts expand to. This is not an interface for
/// others.
#[doc(hidden)]
pub mod macro_support {
    pub use crate::described::{named, pointer, Named, Probe};
    pub use crate::laid_out::{
        behind_const, behind_mut, element, shape, size, union_field, DifferentType, LayoutProbe,
        OpaqueLayout, SameType,
    };
}
