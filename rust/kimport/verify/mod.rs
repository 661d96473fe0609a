// SPDX-License-Identifier: GPL-2.0

//! The comparison of symbols with their declared types.
//!
//! The macro describes each declared type at compile time. The kernel describes its functions, and
//! those of modules, in BTF. [`kimport_types`](crate::types) compares the two, by rules that are
//! documented there. It also compares the layouts of the structs, unions and enums that a symbol
//! leads to with those that this module was compiled with. Symbols that BTF lacks, such as
//! functions written in assembly and most data, cannot be checked. That is reported, and refused
//! only if the block is `#[verify(require)]`.

mod imported;
mod kernel_types;

use crate::binding::Binding;
use crate::block::Symbol;
use crate::compat::code;
use crate::importer::THIS;
use crate::log::log_lines;
use crate::provider::{provider_name, Provider};
use crate::resolver::{Kallsyms, Unusable};
use crate::types::{
    judge, judge_layouts, Judgement, LayoutCheck, LayoutSlot, LayoutTable, Policy, Refusal,
    TableReport, TypeMatch, Unverified,
};
use core::cell::OnceCell;
use core::ffi::CStr;
use kernel::alloc::AllocError;
use kernel::fmt;
use kernel::prelude::*;
use kernel_types::KernelTypes;

/// The comparison of the layouts that the symbols of a block lead to.
pub(crate) type Layouts<'a> = LayoutCheck<'a, KVec<LayoutSlot>>;

/// Prepares the comparison of the layouts that `table` has, the bytes of a [`LayoutTable`], or
/// none. The only error is `ENOMEM`.
pub(crate) fn layouts(table: &[u8]) -> Result<Layouts<'_>> {
    let table = LayoutTable::open(table).map_or(LayoutTable::EMPTY, |(table, _)| table);
    let slots = KVec::from_elem(LayoutSlot::default(), table.count(), GFP_KERNEL)?;
    Ok(LayoutCheck::new(table, slots))
}

/// Returns whether the kernel image has one struct called `name`, with these members, at these
/// offsets in bytes. May sleep.
#[cfg(CONFIG_MODULE_FORCE_UNLOAD)]
pub(crate) fn image_has_struct(
    kallsyms: &Kallsyms,
    name: &CStr,
    members: &[(&str, usize)],
) -> Result<bool, AllocError> {
    let types = KernelTypes::of(kallsyms, None)?;
    Ok(types.is_some_and(|types| types.has_struct(name, members)))
}

/// The facts about a symbol that the comparison needs.
#[derive(Clone, Copy)]
pub(crate) struct Declared<'a> {
    pub(crate) name: &'a CStr,
    pub(crate) position: Option<u32>,
    pub(crate) is_function: bool,
    /// The description of the declared type; empty if it is never compared.
    pub(crate) description: &'a [u8],
}

impl<'a> From<&'a Symbol> for Declared<'a> {
    fn from(symbol: &'a Symbol) -> Self {
        Self {
            name: symbol.name,
            position: symbol.position,
            is_function: !matches!(symbol.binding, Binding::Data { .. }),
            description: symbol.description,
        }
    }
}

impl Declared<'_> {
    /// Returns whether the declared type is compared under `policy`.
    fn is_compared(&self, policy: Policy) -> bool {
        policy != Policy::Off && !self.description.is_empty()
    }
}

/// The types that the kernel knows of a provider's symbols, or of the kernel image's.
pub(crate) struct Types<'a> {
    pub(crate) kallsyms: &'a Kallsyms,
    pub(crate) provider: Option<&'a Provider>,
    /// The name of the importing module.
    pub(crate) importer: &'a CStr,
    // Set when the types are first needed; the inner value is [`None`] if there is no BTF.
    types: OnceCell<Option<KernelTypes>>,
}

impl<'a> Types<'a> {
    pub(crate) fn new(
        kallsyms: &'a Kallsyms,
        importer: &'a CStr,
        provider: Option<&'a Provider>,
    ) -> Self {
        Self {
            kallsyms,
            provider,
            importer,
            types: OnceCell::new(),
        }
    }

    /// Returns the types, if there is BTF. May sleep.
    fn get(&self) -> Result<Option<&KernelTypes>, AllocError> {
        let types = match self.types.get() {
            Some(types) => types,
            None => {
                let types = KernelTypes::of(self.kallsyms, self.provider)?;
                self.types.get_or_init(|| types)
            }
        };
        Ok(types.as_ref())
    }

    /// Returns whether the provider's own BTF has a function or variable of that name. If so, the
    /// provider's file had a symbol of that name, because pahole takes no others. May sleep.
    pub(crate) fn has(&self, name: &CStr) -> bool {
        matches!(self.get(), Ok(Some(types)) if types.module_has(name))
    }

    /// Returns the types of `symbols`, in their order, for [`verify`](Self::verify). May sleep. The
    /// only error is `ENOMEM`.
    pub(crate) fn of_symbols<'s>(
        &self,
        symbols: impl Iterator<Item = Declared<'s>> + Clone,
        policy: Policy,
    ) -> Result<KVVec<TypeMatch>> {
        let is_compared = |symbol: Declared<'_>| symbol.is_compared(policy);
        let types = match symbols.clone().any(is_compared) {
            true => self.get()?,
            false => None,
        };
        match types {
            Some(types) => Ok(types.symbols(symbols)?),
            None => Ok(KVVec::from_elem(
                TypeMatch::Missing,
                symbols.count(),
                GFP_KERNEL,
            )?),
        }
    }

    /// Compares `symbol`, which was found and is of the type `found`, with its declaration, and the
    /// `layouts` that it leads to with those that this module was compiled with, under `policy`;
    /// [`None`] if they are not to be compared. May sleep. A problem is logged.
    ///
    /// # Errors
    ///
    /// `EPROTOTYPE`: the type or a layout differs. `ENODATA`: the type cannot be compared, and
    /// `policy` requires that it is. `ENOMEM`.
    pub(crate) fn verify(
        &self,
        symbol: Declared<'_>,
        found: TypeMatch,
        policy: Policy,
        layouts: Option<&mut Layouts<'_>>,
    ) -> Result<Option<Judgement>> {
        if !symbol.is_compared(policy) {
            return Ok(None);
        }
        let judgement = match self.get()? {
            None => Judgement::Unverified(Unverified::NoBtf),
            Some(types) => self.compare(&symbol, found, policy, layouts, types),
        };
        let name = symbol.name;
        match judgement {
            Judgement::Verified | Judgement::Accepted => {}
            Judgement::Refused => return Err(code::EPROTOTYPE),
            Judgement::Unverified(why) if policy == Policy::Require => {
                self.print(name, &Refusal::Unverified(why), true);
                return Err(code::ENODATA);
            }
            Judgement::Unverified(why) => {
                crate::log::debug!("{name} is unverified: {}", Printed(why));
            }
        }
        Ok(Some(judgement))
    }

    /// Judges the declared type, and the layouts that it leads to. A difference is logged.
    fn compare(
        &self,
        symbol: &Declared<'_>,
        found: TypeMatch,
        policy: Policy,
        layouts: Option<&mut Layouts<'_>>,
        types: &KernelTypes,
    ) -> Judgement {
        let name = symbol.name;
        let judgement = judge(
            name.to_str().unwrap_or("?"),
            symbol.description,
            policy,
            types,
            found,
            |report, is_refused| self.print(name, &report, is_refused),
        );
        let is_accepted = matches!(judgement, Judgement::Verified | Judgement::Accepted);
        let (TypeMatch::Id(id), Some(layouts), true) = (found, layouts, is_accepted) else {
            return judgement;
        };
        let labels = [self.importer, provider_name(self.provider)];
        judgement.and(judge_layouts(
            layouts,
            symbol.description,
            policy,
            types,
            id,
            |mismatch, is_refused| {
                let report = TableReport {
                    mismatch,
                    source: types,
                    labels: labels.map(|name| name.to_str().unwrap_or("?")),
                    name: None,
                };
                self.print(name, &report, is_refused);
            },
        ))
    }

    /// Logs a difference of the symbol called `name`.
    #[cold]
    #[inline(never)]
    fn print(&self, name: &CStr, report: &dyn core::fmt::Display, is_refused: bool) {
        let (importer, from) = (self.importer, provider_name(self.provider));
        let report = Printed(report);
        if is_refused {
            log_lines!(importer, ERR, "cannot import {name} from {from}: {report}");
        } else {
            log_lines!(importer, WARNING, "{name} from {from}: {report}");
        }
    }
}

/// Compares `symbols` of the kernel image, which the crate itself imports, with their declarations.
/// May sleep. A difference is logged; a type that BTF lacks is not.
///
/// With `Policy::Strict`, a type is wrong if it would be refused in a user's import. `Policy::Warn`
/// is for symbols that the crate can do without: there a type is wrong if it differs at all, and
/// that of a function is also wrong if it cannot be compared. The error names the first symbol
/// whose type is wrong.
pub(crate) fn check_types(
    kallsyms: &Kallsyms,
    symbols: &[Symbol],
    policy: Policy,
) -> Result<(), Unusable> {
    let types = Types::new(kallsyms, THIS.name(), None);
    let found = types.of_symbols(symbols.iter().map(Declared::from), policy);
    let found = found.map_err(|_| Unusable::NoMemory)?;
    let is_wrong = |(symbol, found): &(&Symbol, TypeMatch)| match types.verify(
        (*symbol).into(),
        *found,
        policy,
        None,
    ) {
        Err(_) => true,
        Ok(Some(Judgement::Accepted)) => policy == Policy::Warn,
        Ok(Some(Judgement::Unverified(_))) => {
            policy == Policy::Warn && symbol.binding.function().is_some()
        }
        Ok(_) => false,
    };
    symbols
        .iter()
        .zip(found)
        .find(is_wrong)
        .map_or(Ok(()), |(symbol, _)| Err(Unusable::Mistyped(symbol.name)))
}

/// A wrapper that lets the kernel's formatting print a value that implements the standard trait.
pub(crate) struct Printed<T>(pub(crate) T);

impl<T: core::fmt::Display> fmt::Display for Printed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
