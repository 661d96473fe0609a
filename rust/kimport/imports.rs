// SPDX-License-Identifier: GPL-2.0

//! A resolved block: the provider pinned, the wrappers bound.

use crate::binder::CallMode;
use crate::holders::HeldProvider;
use crate::log::{debug, log};
use crate::provider::Provider;
use crate::resolver::{Kallsyms, Kind, Wanted};
use crate::table::{Binding, Block, Symbol, Taken};
use core::ffi::{c_void, CStr};
use kernel::error::code;
use kernel::fmt;
use kernel::prelude::*;

/// The imports of one block, from the `resolve_imports` that `import_symbols!` generates.
///
/// While it lives, the provider cannot be unloaded and the block's wrappers reach its symbols. When it is dropped, every
/// wrapper ends in a `BUG` again that names the symbol, and the provider is let go: drop it last, when nothing of the
/// module can still be calling. Dropping may sleep.
///
/// # Invariants
///
/// If there is a `provider`, all addresses that the entries of the `taken` block are bound to lie in its memory; else they lie
/// in the kernel image.
#[must_use = "the imports are given back when this is dropped"]
pub struct Imports {
    taken: Taken,
    provider: Option<HeldProvider>,
}

impl Imports {
    /// Resolves `block` from the provider that it declares.
    ///
    /// Not for users: call the block's `resolve_imports`, which lists the errors.
    #[doc(hidden)]
    pub fn resolve(block: &'static Block) -> Result<Self> {
        Self::new(block, block.provider)
    }

    /// Resolves `block` from `provider`.
    ///
    /// Not for users: call the block's `resolve_imports_from`, which lists the errors.
    #[doc(hidden)]
    pub fn resolve_from(block: &'static Block, provider: &CStr) -> Result<Self> {
        Self::new(block, Some(provider))
    }

    fn new(block: &'static Block, provider: Option<&CStr>) -> Result<Self> {
        let found = Found::new(block, provider)?;
        let taken = Taken::new(block).ok_or_else(|| {
            let whole = Whole {
                block: block.name,
                provider,
            };
            log!(
                ERR,
                "cannot import {whole}: it is resolved already; drop the first Imports before"
            );
            code::EALREADY
        })?;
        for (symbol, address) in found.iter() {
            if let Some(address) = address {
                // SAFETY: The address is the symbol's. It stays valid: the provider is held until `drop`, which unbinds
                // first; the kernel image stays.
                unsafe { symbol.bind(address) };
            }
        }
        // INVARIANT: The block was just taken, and bound to what was found in the provider.
        Ok(Self {
            taken,
            provider: found.provider,
        })
    }

    fn provider_name(&self) -> &CStr {
        provider_name(self.provider.as_deref())
    }

    /// The imports, in the order of their declaration.
    pub fn iter(&self) -> impl Iterator<Item = Import<'_>> {
        self.taken.block().symbols.iter().map(|symbol| Import {
            imports: self,
            symbol,
        })
    }
}

impl Drop for Imports {
    fn drop(&mut self) {
        for symbol in self.taken.block().symbols {
            symbol.unbind();
        }
    }
}

/// One import of an [`Imports`], to be looked at or printed.
pub struct Import<'a> {
    imports: &'a Imports,
    symbol: &'static Symbol,
}

impl<'a> Import<'a> {
    /// The kernel's name of the symbol.
    pub fn symbol(&self) -> &'static CStr {
        self.symbol.name
    }

    /// The name of the module that it is in; `None`: the kernel image.
    pub fn provider(&self) -> Option<&'a CStr> {
        self.imports.provider.as_deref().map(Provider::name)
    }

    /// Where the symbol is; `None` for an optional one that is missing.
    pub fn address(&self) -> Option<*mut c_void> {
        self.symbol.address()
    }

    /// How calls reach it; `None` for data, and for an optional function that is missing.
    pub fn call_mode(&self) -> Option<CallMode> {
        match self.symbol.binding {
            Binding::Function(binding) => binding.is_bound().then(|| binding.call_mode()),
            Binding::Data { .. } => None,
        }
    }
}

/// One line: symbol, address (hashed as `%p` unless `no_hash_pointers` is given), provider, and how calls reach it.
impl fmt::Display for Import<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.symbol(), f)?;
        let Some(address) = self.address() else {
            return f.write_str(": missing, optional");
        };
        f.write_str(" at ")?;
        fmt::Pointer::fmt(&fmt::HashedPtr(address.cast_const()), f)?;
        f.write_str(" in ")?;
        fmt::Display::fmt(self.imports.provider_name(), f)?;
        match self.call_mode() {
            None => f.write_str(": data"),
            Some(CallMode::Direct { sites }) => {
                write!(f, ": direct call, {sites} of {sites} call sites")
            }
            Some(CallMode::Partial { sites, direct }) => {
                write!(f, ": direct call, {direct} of {sites} call sites")
            }
            Some(CallMode::Pointer) => f.write_str(": call through a pointer"),
        }
    }
}

/// Where all entries of a block are, with the provider held; nothing is bound yet.
///
/// # Invariants
///
/// `addresses` has one element for each of `symbols`, in their order: its address in `provider`, or in the kernel image if
/// there is none; [`None`] for an optional one that is missing.
struct Found {
    symbols: &'static [Symbol],
    addresses: KVec<Option<*mut c_void>>,
    provider: Option<HeldProvider>,
}

impl Found {
    /// Finds all of `block` in `provider`. Every problem is logged; the first one's errno is returned.
    fn new(block: &'static Block, provider: Option<&CStr>) -> Result<Self> {
        let whole = Whole {
            block: block.name,
            provider,
        };
        let kallsyms = Kallsyms::get().map_err(|unusable| {
            log!(ERR, "cannot import {whole}: {unusable}");
            code::EOPNOTSUPP
        })?;
        let provider = provider
            .map(|name| Provider::get(&kallsyms, name))
            .transpose()
            .map_err(|unavailable| {
                log!(ERR, "cannot import {whole}: {unavailable}");
                unavailable.errno()
            })?;
        let addresses = find_all(&kallsyms, provider.as_ref(), block.symbols)?;
        let provider = provider
            .map(HeldProvider::new)
            .transpose()
            .inspect_err(|error| {
                let error = error.to_errno();
                log!(
                    ERR,
                    "cannot import {whole}: its holders/ cannot have a link to this module (error {error})"
                );
            })?;
        // INVARIANT: As `find_all` gives them, and `provider` is where it searched.
        Ok(Self {
            symbols: block.symbols,
            addresses,
            provider,
        })
    }

    /// The symbols with their addresses.
    fn iter(&self) -> impl Iterator<Item = (&'static Symbol, Option<*mut c_void>)> + '_ {
        self.symbols.iter().zip(self.addresses.iter().copied())
    }
}

/// The address of each of `symbols` in `provider`, or in the kernel image; [`None`] for an optional one that is missing.
///
/// All are searched, so that all problems are reported; the first one's errno is returned.
fn find_all(
    kallsyms: &Kallsyms,
    provider: Option<&Provider>,
    symbols: &[Symbol],
) -> Result<KVec<Option<*mut c_void>>> {
    let mut addresses = KVec::with_capacity(symbols.len(), GFP_KERNEL)?;
    let mut result = Ok(());
    for symbol in symbols {
        match find(kallsyms, provider, symbol) {
            Ok(address) => addresses.push(address, GFP_KERNEL)?,
            Err(error) => result = result.and(Err(error)),
        }
    }
    result.map(|()| addresses)
}

/// The address of `symbol`; `None` for an optional one that is missing.
fn find(
    kallsyms: &Kallsyms,
    provider: Option<&Provider>,
    symbol: &Symbol,
) -> Result<Option<*mut c_void>> {
    let wanted = Wanted {
        name: symbol.name,
        position: symbol.position,
        kind: match symbol.binding {
            Binding::Function(_) => Kind::Function,
            Binding::Data { size, .. } => Kind::Data { size },
        },
    };
    match kallsyms.find(provider, &wanted) {
        Ok(address) => {
            debug!("found {} at {address:p}", symbol.name);
            Ok(Some(address))
        }
        Err(cause) if symbol.optional && cause.is_absence() => {
            debug!("optional {} is missing: {cause}", symbol.name);
            Ok(None)
        }
        Err(cause) => {
            log!(
                ERR,
                "cannot import {} from {}: {cause}",
                symbol.name,
                provider_name(provider)
            );
            Err(cause.errno())
        }
    }
}

fn provider_name(provider: Option<&Provider>) -> &CStr {
    provider.map_or(c"the kernel image", Provider::name)
}

/// A block and its provider, as an error names them.
struct Whole<'a> {
    block: &'static CStr,
    provider: Option<&'a CStr>,
}

impl fmt::Display for Whole<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.block.is_empty() {
            f.write_str("symbols")?;
        } else {
            f.write_str("block ")?;
            fmt::Display::fmt(self.block, f)?;
        }
        f.write_str(" from ")?;
        fmt::Display::fmt(self.provider.unwrap_or(c"the kernel image"), f)
    }
}
