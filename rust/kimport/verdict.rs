// SPDX-License-Identifier: GPL-2.0

//! Outcomes of the comparison of a declared type, and the policy of a block for them.

use kernel::fmt;
use kernel::sync::atomic::{Atomic, Relaxed};

/// The outcome of the comparison of a symbol's type with the declared one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(i32)]
pub(crate) enum Verdict {
    NotChecked,
    /// The types are equal.
    Verified,
    /// The types differ, which was accepted with a warning.
    Differs,
    /// BTF does not have the symbol: the provider has no BTF, or the symbol is in assembly or in
    /// Rust.
    NoBtf,
    /// BTF has several functions or variables of the name.
    Ambiguous,
    /// The BTF of the symbol cannot be compared.
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

    /// Returns whether the type could not be compared.
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

/// The verdict on a symbol when its block was last bound.
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

/// The policy of `#[verify(...)]` for declared types that are not the kernel's.
#[doc(hidden)]
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Verify {
    /// A type that differs is refused. A type that cannot be checked is only reported.
    Strict,
    /// Differences are only warned of.
    Warn,
    /// Types are not checked.
    Off,
    /// A type that differs is refused, and also a type that cannot be checked.
    Require,
}
