// SPDX-License-Identifier: GPL-2.0

//! The outcome of the comparison of a declared type.

use crate::types::{Judgement, Unverified};
use kernel::sync::atomic::{Atomic, Relaxed};

/// The verdicts that a resolution can come to; [`None`] if the types were not compared. The index
/// is the code in a [`LastVerdict`].
const VERDICTS: &[Option<Judgement>] = &[
    None,
    Some(Judgement::Verified),
    Some(Judgement::Accepted),
    Some(Judgement::Unverified(Unverified::NoBtf)),
    Some(Judgement::Unverified(Unverified::Ambiguous)),
    Some(Judgement::Unverified(Unverified::Uncomparable)),
];

/// The verdict of the last resolution that accepted a symbol.
pub(crate) struct LastVerdict(Atomic<i32>);

impl LastVerdict {
    pub(crate) const fn new() -> Self {
        Self(Atomic::new(0))
    }

    pub(crate) fn get(&self) -> Option<Judgement> {
        let code = usize::try_from(self.0.load(Relaxed)).unwrap_or(0);
        VERDICTS.get(code).copied().flatten()
    }

    pub(crate) fn set(&self, verdict: Option<Judgement>) {
        let code = VERDICTS.iter().position(|&known| known == verdict);
        self.0.store(code.unwrap_or(0) as i32, Relaxed);
    }
}
