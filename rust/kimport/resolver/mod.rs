// SPDX-License-Identifier: GPL-2.0

//! The resolver: it finds the addresses of symbols.
//!
//! [`lookup_address`] finds the address of `kallsyms_lookup_name`, with which [`kallsyms`] finds
//! the functions that the other modules use. [`image`] and [`module`] show the symbols of a
//! provider to a [`search`], which judges them. [`not_found`] has the reasons why a symbol is
//! refused.

mod image;
mod imported;
mod kallsyms;
mod lookup_address;
mod module;
mod not_found;
mod search;

#[cfg(kimport_guard)]
pub(crate) use kallsyms::Owners;
pub(crate) use kallsyms::{Kallsyms, Modules, Unusable};
#[cfg(kimport_bench)]
pub(crate) use lookup_address::find_by;
#[cfg(kimport_guard)]
pub(crate) use module::find_symbol;
pub(crate) use not_found::NotFound;
#[cfg(kimport_guard)]
pub(crate) use search::Kind;
pub(crate) use search::{Place, Query};
#[cfg(kimport_selftest)]
pub(crate) use {
    kallsyms::tests as kallsyms_tests, lookup_address::tests as lookup_address_tests,
    search::tests as search_tests,
};
