// SPDX-License-Identifier: GPL-2.0

//! The outcome of the comparison of a declared type.

use crate::types::Unverified;
use kernel::sync::atomic::{Atomic, Relaxed};

/// The outcome of the comparison of a symbol's declared type with the kernel's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    /// The types were not compared.
    NotChecked,
    /// The type is the declared one.
    Verified,
    /// The type differs, which was accepted with a warning.
    Differs,
    /// The types cannot be compared.
    Unverified(Unverified),
}

impl Verdict {
    /// The verdicts that a resolution can come to; the index is the code in a [`LastVerdict`].
    const ALL: &[Self] = &[
        Self::NotChecked,
        Self::Verified,
        Self::Differs,
        Self::Unverified(Unverified::NoBtf),
        Self::Unverified(Unverified::Ambiguous),
        Self::Unverified(Unverified::Uncomparable),
    ];
}

/// The verdict of the last resolution that accepted a symbol.
pub(crate) struct LastVerdict(Atomic<i32>);

impl LastVerdict {
    pub(crate) const fn new() -> Self {
        Self(Atomic::new(0))
    }

    pub(crate) fn get(&self) -> Verdict {
        let code = usize::try_from(self.0.load(Relaxed)).unwrap_or(0);
        *Verdict::ALL.get(code).unwrap_or(&Verdict::NotChecked)
    }

    pub(crate) fn set(&self, verdict: Verdict) {
        let code = Verdict::ALL.iter().position(|&known| known == verdict);
        self.0.store(code.unwrap_or(0) as i32, Relaxed);
    }
}
