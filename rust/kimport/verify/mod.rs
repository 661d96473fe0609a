// SPDX-License-Identifier: GPL-2.0

//! Whether symbols are of the declared types.
//!
//! The macro has described each declared type at compile time; the kernel describes its functions, and those of modules,
//! in BTF. [`kimport_types`](crate::types) compares the two, by rules that are documented there. What BTF lacks, such as functions
//! written in assembly and most data, cannot be checked: that is said, and refused only if the block says
//! `#[verify(require)]`.

mod imported;
mod kernel_types;

use crate::log::log;
use crate::provider::{provider_name, Provider};
use crate::resolver::Kallsyms;
use crate::table::{Block, Symbol, Verdict, Verify};
use crate::types::{compare, Description, Finding, Report};
use core::ffi::c_void;
use kernel::error::code;
use kernel::fmt;
use kernel::prelude::*;
use kernel_types::KernelTypes;

/// Compares the symbols of `block` that were found in `provider`, or in the kernel image, with their declarations, as the
/// block wants it. May sleep.
///
/// All are compared, so that all problems are reported.
///
/// # Errors
///
/// `EPROTOTYPE`: a type differs. `ENODATA`: a type cannot be checked, and the block requires it.
pub(crate) fn verify(
    kallsyms: &Kallsyms,
    block: &Block,
    provider: Option<&Provider>,
    addresses: &[Option<*mut c_void>],
) -> Result {
    if block.verify == Verify::Off {
        return Ok(());
    }
    let types = KernelTypes::of(kallsyms, provider);
    let mut result = Ok(());
    for (symbol, address) in block.symbols.iter().zip(addresses) {
        if address.is_none() || symbol.unverified {
            continue;
        }
        match verify_one(symbol, types.as_ref(), provider, block.verify) {
            Ok(verdict) => symbol.verdict().set(verdict),
            // The first one's errno.
            Err(error) => result = result.and(Err(error)),
        }
    }
    result
}

fn verify_one(
    symbol: &Symbol,
    types: Option<&KernelTypes>,
    provider: Option<&Provider>,
    policy: Verify,
) -> Result<Verdict> {
    let unverified = |why: Verdict| {
        if policy == Verify::Require {
            log!(
                ERR,
                "cannot import {} from {}: its type cannot be checked: {why}; drop verify(require), or import something else",
                symbol.name,
                provider_name(provider)
            );
            return Err(code::ENODATA);
        }
        crate::log::debug!("{} is unverified: {}", symbol.name, why);
        Ok(why)
    };
    let Some(types) = types else {
        return unverified(Verdict::NoBtf);
    };
    let id = match types.symbol(symbol.name) {
        Finding::Id(id) => id,
        Finding::Missing => return unverified(Verdict::NoBtf),
        Finding::Ambiguous => return unverified(Verdict::Ambiguous),
    };
    // The macro made it.
    let Ok(declared) = Description::new(symbol.description) else {
        return unverified(Verdict::Uncomparable);
    };
    let Ok(comparison) = compare(&declared, types, id) else {
        return unverified(Verdict::Uncomparable);
    };
    let Some(mismatch) = comparison.worst() else {
        return Ok(Verdict::Verified);
    };
    let report = Report {
        name: symbol.name.to_str().unwrap_or("?"),
        declared: &declared,
        source: types,
        id,
        mismatch,
    };
    let from = provider_name(provider);
    let report = Printed(report);
    if comparison.refuse.is_some() && policy != Verify::Warn {
        log!(ERR, "cannot import {} from {from}: {report}", symbol.name);
        return Err(code::EPROTOTYPE);
    }
    log!(WARNING, "{} from {from}: {report}", symbol.name);
    Ok(Verdict::Differs)
}

/// Lets the kernel's formatting print what implements the standard one.
struct Printed<T>(T);

impl<T: core::fmt::Display> fmt::Display for Printed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
