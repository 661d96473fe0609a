// SPDX-License-Identifier: GPL-2.0

//! The resolver: where a symbol is.
//!
//! [`lookup_address`] gets the first address, that of `kallsyms_lookup_name`; [`kallsyms`] gets every other one with it,
//! and tells apart why a symbol has none.

mod imported;
mod kallsyms;
mod lookup_address;

pub(crate) use kallsyms::Kallsyms;
