// SPDX-License-Identifier: GPL-2.0

//! The resolver: where a symbol is.
//!
//! [`lookup_address`] gets the first address, that of `kallsyms_lookup_name`; [`kallsyms`] gets every other one with it,
//! and [`not_found`] tells apart why a symbol is refused.

mod imported;
mod kallsyms;
mod lookup_address;
mod not_found;

pub(crate) use kallsyms::{Kallsyms, Kind, Wanted};
#[cfg(kimport_bench)]
pub(crate) use lookup_address::find_by;
pub(crate) use not_found::NotFound;
#[cfg(kimport_selftest)]
pub(crate) use {kallsyms::tests as kallsyms_tests, lookup_address::tests as lookup_address_tests};
