// SPDX-License-Identifier: GPL-2.0

//! A resolved block: the provider pinned, the wrappers bound.

use crate::binder::CallMode;
use crate::log::log;
use crate::provider::Provider;
use crate::resolver::{Kallsyms, Kind, Wanted};
use crate::table::{Binding, Block, Symbol};
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
/// The value has taken `block`. If the block has a provider, `provider` holds it, and all addresses that the block's entries
/// are bound to lie in its memory; else they lie in the kernel image.
#[must_use = "the imports are given back when this is dropped"]
pub struct Imports {
    block: &'static Block,
    provider: Option<Provider>,
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
        if !block.take() {
            log!(
                ERR,
                "cannot import {whole}: it is resolved already; drop the first Imports before"
            );
            return Err(code::EALREADY);
        }
        // INVARIANT: The block was just taken and has no bound entries.
        let imports = Self { block, provider };

        // First find all, so that all problems are reported and a failure leaves nothing bound.
        let mut addresses = KVec::with_capacity(block.symbols.len(), GFP_KERNEL)?;
        let mut result = Ok(());
        for symbol in block.symbols {
            match imports.find(&kallsyms, symbol) {
                Ok(address) => addresses.push(address, GFP_KERNEL)?,
                // The first one's errno.
                Err(error) => result = result.and(Err(error)),
            }
        }
        result?;

        for (symbol, address) in block.symbols.iter().zip(addresses) {
            if let Some(address) = address {
                // SAFETY: The address is the symbol's. It stays valid: the provider is held until `drop`, which unbinds
                // first; the kernel image stays.
                unsafe { symbol.bind(address) };
            }
        }
        Ok(imports)
    }

    /// The address of `symbol`; `None` for an optional one that is missing.
    fn find(&self, kallsyms: &Kallsyms, symbol: &Symbol) -> Result<Option<*mut c_void>> {
        let wanted = Wanted {
            name: symbol.name,
            position: symbol.position,
            kind: match symbol.binding {
                Binding::Function(_) => Kind::Function,
                Binding::Data { size, .. } => Kind::Data { size },
            },
        };
        match kallsyms.find(self.provider.as_ref(), &wanted) {
            Ok(address) => Ok(Some(address)),
            Err(cause) if symbol.optional && cause.is_absence() => Ok(None),
            Err(cause) => {
                log!(
                    ERR,
                    "cannot import {} from {}: {cause}",
                    symbol.name,
                    self.provider_name()
                );
                Err(cause.errno())
            }
        }
    }

    fn provider_name(&self) -> &CStr {
        self.provider
            .as_ref()
            .map_or(c"the kernel image", Provider::name)
    }

    /// The imports, in the order of their declaration.
    pub fn iter(&self) -> impl Iterator<Item = Import<'_>> {
        self.block.symbols.iter().map(|symbol| Import {
            imports: self,
            symbol,
        })
    }
}

impl Drop for Imports {
    fn drop(&mut self) {
        for symbol in self.block.symbols {
            symbol.unbind();
        }
        self.block.release();
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
        self.imports.provider.as_ref().map(Provider::name)
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
