// SPDX-License-Identifier: GPL-2.0

//! The judgement on a declared type: the same in the kernel and in the host command.

use crate::{
    compare, Description, LayoutCheck, LayoutSlot, MismatchReport, Policy, Severity, TableMismatch,
    TypeMatch, TypeSource,
};
use core::fmt;
use core::ops::DerefMut;

/// The reason why a declared type cannot be compared with the kernel's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(
    feature = "serde",
    derive(schemars::JsonSchema, serde::Serialize),
    serde(rename_all = "kebab-case")
)]
pub enum Unverified {
    /// BTF does not have the symbol: its provider has no BTF, or it is in assembly or in Rust.
    NoBtf,
    /// BTF has several symbols of the name.
    Ambiguous,
    /// The symbol's type in BTF, or the description in the module, cannot be read.
    Uncomparable,
    /// The BTF of the provider, or of the kernel that it continues, is cut off or damaged.
    Unreadable,
    /// The BTF of the provider continues the BTF of another build of the kernel.
    OtherBase,
    /// The module was compiled without the members of a struct or union that the type names.
    UnknownLayout,
}

impl fmt::Display for Unverified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoBtf => "no BTF",
            Self::Ambiguous => "several of that name in BTF",
            Self::Uncomparable => "its BTF is malformed",
            Self::Unreadable => "the BTF is cut off or damaged",
            Self::OtherBase => "the module's BTF does not fit the kernel's, it is of another build",
            Self::UnknownLayout => "it names a struct whose members this module does not know",
        })
    }
}

/// The judgement on a declared type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// The type is the same as the kernel's.
    Verified,
    /// The type cannot be compared.
    Unverified(Unverified),
    /// The type differs, which is accepted with a warning.
    Accepted,
    /// The type differs, and the import is refused.
    Refused,
}

impl Judgement {
    /// Returns the judgement on a type that got both judgements, of which this one is `Verified` or
    /// `Accepted`.
    pub fn and(self, other: Self) -> Self {
        match other {
            Self::Verified => self,
            other => other,
        }
    }
}

/// Judges the type that `description` declares for the symbol `name`; `finding` is the result of
/// the search for its type in `source`. Calls `report` with a difference, and with true if that is
/// refused.
pub fn judge<S: TypeSource>(
    name: &str,
    description: &[u8],
    policy: Policy,
    source: &S,
    found: TypeMatch,
    report: impl FnOnce(MismatchReport<'_, S>, bool),
) -> Judgement {
    let id = match found {
        TypeMatch::Id(id) => id,
        TypeMatch::Missing => return Judgement::Unverified(Unverified::NoBtf),
        TypeMatch::Ambiguous => return Judgement::Unverified(Unverified::Ambiguous),
    };
    let uncomparable = Judgement::Unverified(Unverified::Uncomparable);
    let Ok(declared) = Description::new(description) else {
        return uncomparable;
    };
    let Ok(comparison) = compare(&declared, source, id) else {
        return uncomparable;
    };
    let Some(mismatch) = comparison.worst() else {
        return Judgement::Verified;
    };
    let is_refused = match policy {
        Policy::Warn => false,
        Policy::Require => true,
        _ => comparison.refuse.is_some(),
    };
    let difference = MismatchReport {
        name,
        declared: &declared,
        source,
        id,
        mismatch,
    };
    report(difference, is_refused);
    if is_refused {
        Judgement::Refused
    } else {
        Judgement::Accepted
    }
}

/// Judges the layouts that the symbol `id` of `source` leads to, after its own type was accepted;
/// `check` is that of its block. Calls `report` with the nearest difference that is refused, or
/// with the nearest one that no symbol of the block has led to before, and with true if it is
/// refused.
pub fn judge_layouts<S: TypeSource, T: DerefMut<Target = [LayoutSlot]>>(
    check: &mut LayoutCheck<'_, T>,
    description: &[u8],
    policy: Policy,
    source: &S,
    id: u32,
    report: impl FnOnce(TableMismatch, bool),
) -> Judgement {
    let (mut refused, mut warned) = (None, None);
    check.symbol(source, id, |mismatch, is_new| {
        let is_refused = match policy {
            Policy::Warn | Policy::Off => false,
            Policy::Require => true,
            Policy::Strict => mismatch.rule.severity() == Severity::Refuse,
        };
        if is_refused {
            refused = refused.or(Some(mismatch));
        } else if is_new {
            warned = warned.or(Some(mismatch));
        }
    });
    if let Some(mismatch) = refused {
        report(mismatch, true);
        return Judgement::Refused;
    }
    let is_unknown = policy == Policy::Require && !check.knows_types_of(description);
    let judgement = match warned {
        Some(mismatch) => {
            report(mismatch, false);
            Judgement::Accepted
        }
        None => Judgement::Verified,
    };
    if is_unknown {
        Judgement::Unverified(Unverified::UnknownLayout)
    } else {
        judgement
    }
}
