// SPDX-License-Identifier: GPL-2.0

//! The resolution of a block: each symbol is found, judged, and compared with its declared type. No
//! call site is bound yet.

use crate::block::{bind_all, Block, Symbol};
use crate::compat::code;
use crate::license;
use crate::log::{debug, log};
use crate::provider::{provider_name, Provider, Unavailable};
use crate::resolver::{Kallsyms, NotFound, Query, Unusable};
use crate::types::Judgement;
use crate::verify::{layouts, Declared, Types};
use core::ffi::{c_void, CStr};
use kernel::fmt;
use kernel::prelude::*;

/// A block and the provider that it is resolved from. It is printed as log lines name them.
pub(crate) struct Request<'a> {
    pub(crate) block: &'static Block,
    /// The provider's name; [`None`] for the kernel image.
    pub(crate) provider: Option<&'a CStr>,
}

impl fmt::Display for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let provider = self.provider.unwrap_or(c"the kernel image");
        if self.block.name.is_empty() {
            return f.write_fmt(fmt!("symbols from {provider}"));
        }
        f.write_fmt(fmt!("block {} from {provider}", self.block.name))
    }
}

impl Request<'_> {
    /// Returns the kernel's symbol tables, if this module may import symbols. May sleep. A refusal
    /// is logged.
    ///
    /// # Errors
    ///
    /// `EACCES`: the license is not GPL-compatible. `EOPNOTSUPP`: kallsyms cannot be reached.
    pub(crate) fn kallsyms(&self) -> Result<Kallsyms> {
        if !license::is_compatible(&self.block.importer) {
            log!(
                self.block.importer.name(),
                ERR,
                "cannot import {self}: {}",
                license::INCOMPATIBLE
            );
            return Err(code::EACCES);
        }
        Kallsyms::get().map_err(|unusable| {
            log!(
                self.block.importer.name(),
                ERR,
                "cannot import {self}: {unusable}"
            );
            unusable.errno()
        })
    }

    /// Returns a symbol of the block that the kernel image has, if no module of the provider's name
    /// is loaded: the provider may be built in.
    pub(crate) fn in_image(
        &self,
        kallsyms: &Kallsyms,
        unavailable: Unavailable,
    ) -> Option<&'static CStr> {
        let mut names = self.block.symbols.iter().map(|symbol| symbol.name);
        unavailable
            .is_absence()
            .then(|| names.find(|name| kallsyms.image_has(name)))
            .flatten()
    }
}

/// The addresses of a block's symbols.
///
/// # Invariants
///
/// `addresses` has one element for each symbol of `block`, in their order: the symbol's address in
/// the provider, or in the kernel image if there is no provider; [`None`] for an optional symbol
/// that is missing. `verdicts` also has one element for each symbol.
pub(crate) struct Resolution {
    block: &'static Block,
    addresses: KVVec<Option<*mut c_void>>,
    verdicts: KVVec<Option<Judgement>>,
}

impl Resolution {
    /// Resolves `block` in `provider`, or in the kernel image. May sleep.
    ///
    /// All symbols are judged, so that all problems are logged. The errno of the first problem is
    /// returned.
    pub(crate) fn new(
        kallsyms: &Kallsyms,
        provider: Option<&Provider>,
        block: &'static Block,
    ) -> Result<Self> {
        let types = Types::new(kallsyms, block.importer.name(), provider);
        let resolved = look_up(&types, block.symbols).and_then(|(addresses, mut result)| {
            let mut layouts = layouts(block.layouts).map_err(|_| Unusable::NoMemory)?;
            let mut verdicts = KVVec::with_capacity(addresses.len(), GFP_KERNEL)?;
            let declared = block.symbols.iter().map(Declared::from);
            let found = types.of_symbols(declared, block.policy);
            let found = found.map_err(|_| Unusable::NoMemory)?;
            // A symbol that was not found has no type to compare.
            for ((symbol, address), found) in block.symbols.iter().zip(&addresses).zip(found) {
                let verdict = match address {
                    Some(_) => types.verify(symbol.into(), found, block.policy, Some(&mut layouts)),
                    None => Ok(None),
                };
                let verdict = verdict.unwrap_or_else(|error| {
                    result = result.and(Err(error));
                    None
                });
                verdicts.push(verdict, GFP_KERNEL)?;
            }
            Ok((addresses, verdicts, result))
        });
        let (addresses, verdicts, result) = resolved.map_err(|unusable| {
            let provider = provider.map(Provider::name);
            let request = Request { block, provider };
            log!(
                block.importer.name(),
                ERR,
                "cannot import {request}: {unusable}"
            );
            unusable.errno()
        })?;
        if result.is_ok() {
            let functions = block.symbols.iter().zip(&addresses);
            let functions = functions.filter(|(symbol, address)| {
                address.is_some() && symbol.binding.function().is_some()
            });
            kallsyms.accelerate(functions.count());
        }
        // INVARIANT: `look_up` gives one element for each symbol, and each element got a verdict.
        result.map(|()| Self {
            block,
            addresses,
            verdicts,
        })
    }

    /// Returns the symbols with their addresses.
    fn iter(&self) -> impl Iterator<Item = (&'static Symbol, Option<*mut c_void>)> + Clone + '_ {
        let symbols = self.block.symbols.iter();
        symbols.zip(self.addresses.iter().copied())
    }

    /// Returns the optional symbols that are missing.
    pub(crate) fn missing(&self) -> impl Iterator<Item = &'static Symbol> + '_ {
        self.iter()
            .filter_map(|(symbol, address)| address.is_none().then_some(symbol))
    }

    /// Makes the wrappers reach the addresses, and keeps the verdicts. May sleep.
    ///
    /// # Safety
    ///
    /// The provider is held until the block is unbound, or bound to another provider.
    pub(crate) unsafe fn bind(&self) {
        let present = self
            .iter()
            .filter_map(|(symbol, address)| Some((symbol, address?)));
        // SAFETY: By the type invariants the addresses are the symbols'. They stay valid by the
        // contract of this function; the kernel image stays.
        unsafe { bind_all(&self.block.importer, present) };
        // The verdicts are set only now: a verdict on a provider that was refused says nothing
        // about the provider that is still bound.
        for (symbol, &verdict) in self.block.symbols.iter().zip(&self.verdicts) {
            symbol.binding.verdict().set(verdict);
        }
    }
}

/// Returns the address of each of `symbols` in the provider of `types`, and the errno of the first
/// symbol that is refused. The address is [`None`] for an optional symbol that is missing, and for
/// a symbol that is refused, which is logged.
pub(crate) fn look_up(
    types: &Types<'_>,
    symbols: &'static [Symbol],
) -> Result<(KVVec<Option<*mut c_void>>, Result), Unusable> {
    #[cfg(kimport_selftest)]
    if types.provider.is_some() && crate::selftest::lacks_memory() {
        return Err(Unusable::NoMemory);
    }
    let mut addresses = KVVec::with_capacity(symbols.len(), GFP_KERNEL)?;
    let mut result = Ok(());
    let queries = symbols.iter().map(Query::of);
    let found = types.kallsyms.find(types.provider, queries)?;
    for (symbol, found) in symbols.iter().zip(found) {
        let address = accept(types, symbol.name, symbol.optional, found).unwrap_or_else(|error| {
            result = result.and(Err(error));
            None
        });
        addresses.push(address, GFP_KERNEL)?;
    }
    Ok((addresses, result))
}

/// Returns the address that was found, or [`None`] for an optional symbol that is missing. Any
/// other failure is logged.
pub(crate) fn accept(
    types: &Types<'_>,
    name: &CStr,
    is_optional: bool,
    found: Result<*mut c_void, NotFound>,
) -> Result<Option<*mut c_void>> {
    let found = match found {
        // A module drops the symbols of its init, but its BTF keeps everything that was in its
        // file. An optional symbol is missing either way.
        Err(NotFound::Missing) if !is_optional && types.provider.is_some() && types.has(name) => {
            Err(NotFound::WasInInit)
        }
        other => other,
    };
    match found {
        Ok(address) => {
            debug!("found {name} at {address:p}");
            Ok(Some(address))
        }
        Err(cause) if is_optional && cause.is_absence() => {
            debug!("optional {name} is missing: {cause}");
            Ok(None)
        }
        Err(cause) => {
            let provider = provider_name(types.provider);
            log!(
                types.importer,
                ERR,
                "cannot import {name} from {provider}: {cause}"
            );
            Err(cause.errno())
        }
    }
}
