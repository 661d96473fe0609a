// SPDX-License-Identifier: GPL-2.0

//! The words with which a symbol is refused: the crate logs them when it loads, and the host
//! command prints them before.

use crate::Unverified;
use core::fmt::{self, Display};

/// The reason why a symbol is refused, as far as both sides can tell it.
#[derive(Clone, Copy)]
pub enum Refusal<'a> {
    /// kallsyms has no symbol of the name there.
    Missing,
    /// kallsyms does not have the symbol, and has no data at all.
    NoData,
    /// The compiler replaced the function by clones, whose ABI need not be the declared one.
    OnlyClone {
        /// Their names.
        names: &'a dyn Display,
    },
    /// The compiler renamed several functions of the name.
    SeveralRenames {
        /// The number of them.
        count: u32,
        /// Their names.
        names: &'a dyn Display,
    },
    /// Several symbols have the name.
    Ambiguous {
        /// The number of them.
        count: u32,
        /// The list of them behind a colon, or nothing.
        listed: &'a dyn Display,
    },
    /// There is no such `#[position]`.
    Position {
        /// The number of symbols that have the name.
        count: u32,
    },
    /// The memory of the symbol is freed after init, or was already freed.
    InInit,
    /// The symbol is per-CPU data, whose address is not the address of a datum.
    PerCpu,
    /// The symbol is declared as a function, but is not code.
    NotFunction,
    /// The symbol is declared as data, but is code.
    NotData,
    /// The declared type cannot be compared, which `#[verify(require)]` demands.
    Unverified(Unverified),
}

impl Display for Refusal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("kallsyms has no such symbol there; check its spelling"),
            Self::NoData => f.write_str(
                "this kernel's kallsyms has functions only (no CONFIG_KALLSYMS_ALL); \
                 import a function that gives access to it",
            ),
            Self::OnlyClone { names } => write!(
                f,
                "the compiler left only {names}, whose ABI is not the declared one; \
                 import a function that calls it"
            ),
            Self::SeveralRenames { count, names } => write!(
                f,
                "the compiler renamed {count} functions of that name, {names}; \
                 select one with #[name = \"...\"]"
            ),
            Self::Ambiguous { count, listed } => write!(
                f,
                "there are {count} symbols of that name{listed}; \
                 select one with #[position = N]"
            ),
            Self::Position { count: 1 } => {
                f.write_str("there is only 1 symbol of that name; correct its #[position]")
            }
            Self::Position { count } => write!(
                f,
                "there are only {count} symbols of that name; correct its #[position]"
            ),
            Self::InInit => f.write_str(
                "it is in __init memory, which is freed after init; it cannot be imported",
            ),
            Self::PerCpu => f.write_str(
                "it is per-CPU data, whose address is an offset; \
                 import a function that gives access to it",
            ),
            Self::NotFunction => {
                f.write_str("it is data, declared as a function; state the type of the data")
            }
            Self::NotData => f.write_str("it is a function, declared as data; state a fn type"),
            Self::Unverified(why) => write!(
                f,
                "its type cannot be checked: {why}; drop verify(require), or import something else"
            ),
        }
    }
}
