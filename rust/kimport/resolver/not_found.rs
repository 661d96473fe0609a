// SPDX-License-Identifier: GPL-2.0

//! Reasons why a symbol is refused, with their messages and errnos.

use crate::compat::{code, HashedPtr};
use crate::types::Refusal;
use core::ffi::c_void;
use kernel::fmt;
use kernel::prelude::*;
use kernel::str::BStr;

/// The number of bytes of a clone's name that are kept for printing.
const NAME_LEN: usize = 80;

/// The number of symbols that a message about an ambiguous name lists.
const LISTED: usize = 8;

/// A reason why a symbol is refused.
pub(crate) enum NotFound {
    /// The provider has no symbol of the name in kallsyms.
    Missing,
    /// The symbol is data, and this kernel's kallsyms lists no data.
    NoData,
    /// The compiler replaced the function by a clone, whose ABI is up to the compiler.
    OnlyClone(CloneName),
    /// The compiler renamed several functions of the name.
    SeveralRenames {
        /// The name of one of them.
        name: CloneName,
        count: u32,
    },
    /// The provider had the symbol in memory that was freed when its init had ended.
    WasInInit,
    /// The kernel image has no such symbol, but a module has.
    InModule,
    /// Several symbols have the name.
    Ambiguous(Candidates),
    /// No symbol is at the given `#[position]`.
    Position {
        /// The number of symbols of that name.
        count: u32,
    },
    /// The address lies outside of the provider's memory.
    OutsideProvider,
    /// The symbol is in memory that was freed after init, or will be.
    InInit,
    /// The symbol is per-CPU data, so its value is not the address of a datum.
    PerCpu,
    /// The symbol is declared as a function, but is not code.
    NotFunction,
    /// The symbol is declared as data, but is code.
    NotData,
    /// The data is smaller than the declared type.
    TooSmall {
        /// The size of the symbol in bytes; in the kernel image, the distance to the next symbol.
        size: usize,
        /// The size of the declared type in bytes.
        declared: usize,
    },
    /// The kernel bound the calls of a `#[livepatch]` block to another address.
    Moved {
        loaded: *mut c_void,
        /// The address of the symbol now.
        address: *mut c_void,
    },
}

impl NotFound {
    pub(crate) fn errno(&self) -> Error {
        match self {
            Self::Missing | Self::NoData | Self::InModule => code::ENOENT,
            Self::OnlyClone(_) => code::EPROTO,
            Self::Ambiguous(_) | Self::SeveralRenames { .. } => code::ENOTUNIQ,
            Self::Position { .. } => code::ENXIO,
            Self::OutsideProvider => code::EXDEV,
            Self::InInit | Self::WasInInit => code::ESTALE,
            Self::PerCpu | Self::NotFunction | Self::NotData => code::EPROTOTYPE,
            Self::TooSmall { .. } => code::EOVERFLOW,
            Self::Moved { .. } => code::EREMCHG,
        }
    }

    /// Returns whether the provider has no symbol of the name that stays, which is no error for an
    /// optional import.
    pub(crate) fn is_absence(&self) -> bool {
        matches!(
            self,
            Self::Missing
                | Self::NoData
                | Self::InModule
                | Self::OnlyClone(_)
                | Self::InInit
                | Self::WasInInit
        )
    }
}

impl fmt::Display for NotFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let refusal = match self {
            Self::Missing => {
                core::fmt::Display::fmt(&Refusal::Missing, f)?;
                return f.write_str(", and whether this kernel inlines it or has it in __init");
            }
            Self::SeveralRenames { name, count } => {
                let refusal = |names: &dyn core::fmt::Display, f: &mut fmt::Formatter<'_>| {
                    let count = *count;
                    core::fmt::Display::fmt(&Refusal::SeveralRenames { count, names }, f)
                };
                return refusal(&format_args!("{name} and others"), f);
            }
            Self::NoData => Refusal::NoData,
            Self::OnlyClone(name) => Refusal::OnlyClone { names: name },
            Self::Ambiguous(candidates) => Refusal::Ambiguous {
                count: candidates.count,
                listed: candidates,
            },
            Self::Position { count } => Refusal::Position { count: *count },
            Self::InInit => Refusal::InInit,
            Self::PerCpu => Refusal::PerCpu,
            Self::NotFunction => Refusal::NotFunction,
            Self::NotData => Refusal::NotData,
            Self::WasInInit => return f.write_str(
                "its type is in the provider's BTF, but it is no longer in kallsyms: it was in \
                     __init memory, which is freed; it cannot be imported",
            ),
            Self::InModule => {
                return f.write_str(
                    "the kernel image has no such symbol, but a module has; name that module with \
                     `from`",
                )
            }
            Self::OutsideProvider => {
                return f.write_str(
                    "its address is outside the provider's memory; the symbol is not usable by \
                     others",
                )
            }
            Self::TooSmall { size, declared } => {
                return write!(
                    f,
                    "it has at most {size} bytes, the declared type {declared}; correct the type"
                )
            }
            Self::Moved { loaded, address } => {
                return f.write_fmt(fmt!(
                    "the kernel bound it to {} when it loaded this module, but it is at {} now, as \
                     the provider was loaded anew; load this module again",
                    HashedPtr(loaded.cast_const()),
                    HashedPtr(address.cast_const())
                ));
            }
        };
        core::fmt::Display::fmt(&refusal, f)
    }
}

/// Several symbols of one name.
#[derive(Clone, Copy, Default)]
pub(crate) struct Candidates {
    /// The addresses of the first symbols, in the order of the symbol table.
    addresses: [usize; LISTED],
    /// The `#[position]` of each.
    positions: [u16; LISTED],
    pub(super) count: u32,
}

impl Candidates {
    pub(super) fn push(&mut self, position: u32, address: usize) {
        let index = self.count as usize;
        if let (Some(place), Some(number)) =
            (self.addresses.get_mut(index), self.positions.get_mut(index))
        {
            *place = address;
            *number = position.try_into().unwrap_or(u16::MAX);
        }
        self.count += 1;
    }
}

/// Lists the first symbols after a colon.
impl core::fmt::Display for Candidates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let listed = self.positions.iter().zip(self.addresses);
        for (index, (position, address)) in listed.take(self.count as usize).enumerate() {
            let separator = if index == 0 { ": " } else { ", " };
            let address = HashedPtr(address as *const u8);
            f.write_fmt(fmt!("{separator}{position} at {address}"))?;
        }
        if self.count as usize > LISTED {
            f.write_str(", ...")?;
        }
        Ok(())
    }
}

/// The name of a clone, cut to the space for it.
#[derive(Clone, Copy)]
pub(crate) struct CloneName {
    bytes: [u8; NAME_LEN],
    len: usize,
}

impl CloneName {
    pub(super) fn new(name: &[u8]) -> Self {
        let len = name.len().min(NAME_LEN);
        let mut bytes = [0; NAME_LEN];
        bytes[..len].copy_from_slice(&name[..len]);
        Self { bytes, len }
    }
}

impl core::fmt::Display for CloneName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(BStr::from_bytes(&self.bytes[..self.len]), f)
    }
}
