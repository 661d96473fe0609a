// SPDX-License-Identifier: GPL-2.0

//! The outcome of the comparison of a declared type, and what a block does about it.

use kernel::fmt;
use kernel::sync::atomic::{Atomic, Relaxed};

/// Whether a symbol's type is the declared one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(i32)]
pub(crate) enum Verdict {
    NotChecked,
    /// It is.
    Verified,
    /// It is not, and that was accepted with a warning.
    Differs,
    /// BTF does not have the symbol: there is none of its provider, or it is in assembly or in
    /// Rust.
    NoBtf,
    /// BTF has several of the name.
    Ambiguous,
    /// What BTF has of it cannot be compared.
    Uncomparable,
}

impl Verdict {
    const ALL: &[Self] = &[
        Self::NotChecked,
        Self::Verified,
        Self::Differs,
        Self::NoBtf,
        Self::Ambiguous,
        Self::Uncomparable,
    ];

    /// Whether the type could not be compared.
    pub(crate) fn is_unverified(self) -> bool {
        matches!(self, Self::NoBtf | Self::Ambiguous | Self::Uncomparable)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotChecked => "not checked",
            Self::Verified => "verified",
            Self::Differs => "it differs",
            Self::NoBtf => "no BTF",
            Self::Ambiguous => "several of that name in BTF",
            Self::Uncomparable => "its BTF is malformed",
        })
    }
}

/// The verdict when a search last accepted a symbol.
pub(crate) struct LastVerdict(Atomic<i32>);

impl LastVerdict {
    pub(crate) const fn new() -> Self {
        Self(Atomic::new(Verdict::NotChecked as i32))
    }

    pub(crate) fn get(&self) -> Verdict {
        let verdict = self.0.load(Relaxed);
        let known = Verdict::ALL.iter().find(|&&known| known as i32 == verdict);
        known.copied().unwrap_or(Verdict::NotChecked)
    }

    pub(crate) fn set(&self, verdict: Verdict) {
        self.0.store(verdict as i32, Relaxed);
    }
}

/// `#[verify(...)]`: what is done about a declared type that is not the kernel's.
#[doc(hidden)]
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Verify {
    /// A type that differs is refused; that one cannot be checked is only said.
    Strict,
    /// Differences are only warned of.
    Warn,
    /// Types are not checked.
    Off,
    /// As `Strict`, and what cannot be checked is refused as well.
    Require,
}
