// SPDX-License-Identifier: GPL-2.0

//! A resolved block: the provider pinned, the wrappers bound.

use crate::binder::CallMode;
use crate::block::{unbind_all, unbind_required, Block, Symbol};
use crate::calls::Calls;
use crate::claim::Claim;
use crate::compat::{code, HashedPtr};
use crate::holders::HeldProvider;
use crate::importer::Importer;
use crate::log::log;
use crate::provider::{provider_name, Provider};
use crate::resolution::{Request, Resolution};
use core::ffi::{c_void, CStr};
use kernel::fmt;
use kernel::prelude::*;

/// Calls that are not counted.
pub struct Direct;

/// Calls that are counted, so that [`Imports::rebind`] knows when all callers have left the old
/// provider.
pub struct Rebindable {
    block: &'static Block,
    calls: &'static Calls,
}

impl Drop for Rebindable {
    fn drop(&mut self) {
        // A caller of an optional function that was about to call it still reaches it. Such
        // functions are unbound when all callers have left.
        unbind_required(self.block);
        self.calls.wait();
    }
}

/// A block that is unbound when this is dropped.
struct Bound(&'static Block);

impl Drop for Bound {
    fn drop(&mut self) {
        unbind_all(self.0);
    }
}

/// The imports of one block, returned by the `resolve_imports` that `import_symbols!` generates.
///
/// The calls of the block are made in the way `M`: [`Direct`] or [`Rebindable`].
///
/// While this value lives, the provider cannot be unloaded, the provider's `holders/` shows this
/// module, and the block's wrappers reach the provider's symbols. When it is dropped, every wrapper
/// again ends in a `BUG` that names the symbol (that of an `#[optional]` entry returns [`None`]),
/// and the provider is released. Drop it last, when no code of the module can still be calling.
/// (For a `#[rebindable]` block, dropping waits until no caller is inside.) Dropping may sleep.
///
/// # Errors
///
/// `resolve_imports` and `resolve_imports_from` log one line for each symbol that is refused, and
/// return the errno of the first one:
///
/// | errno | meaning |
/// | --- | --- |
/// | `ENODEV` | the provider is not loaded (with `#[autoload]`: and could not be loaded) |
/// | `EAGAIN` | the provider is still in its init |
/// | `EBUSY` | the provider is being unloaded |
/// | `EALREADY` | the block is resolved already |
/// | `EACCES` | the license of the importing module is not GPL-compatible |
/// | `EDEADLK` | the provider is the importing module itself |
/// | `EOPNOTSUPP` | kallsyms cannot be reached |
/// | `ENOENT` | the provider has no such symbol |
/// | `EPROTO` | the compiler left only a clone (`.isra`, `.constprop`, ...), whose ABI differs |
/// | `ENOTUNIQ` | several symbols have the name, or the compiler renamed several of that name |
/// | `ENXIO` | no symbol at that `#[position]` |
/// | `EREMCHG` | the provider of a `#[livepatch]` block was loaded anew since this module was |
/// | `EXDEV` | the symbol is outside of the provider's memory |
/// | `ESTALE` | the symbol is in memory that is, or was, freed after init |
/// | `EPROTOTYPE` | data declared as a function, or the reverse; per-CPU data; another prototype |
/// | `ENODATA` | the type cannot be compared with BTF, and the block is `#[verify(require)]` |
/// | `EOVERFLOW` | the data is smaller than the declared type |
/// | `ENOMEM` | no memory |
///
/// # Leaks
///
/// As with the registrations of the `kernel` crate, only the value itself knows that the imports
/// must be released. Do not leak it, with [`core::mem::forget`] or a cycle of
/// [`Arc`](kernel::sync::Arc)s, in a module that can be unloaded. While the module is loaded, a
/// leaked value does no harm: the block stays bound and its provider held. Once the module is
/// unloaded, nothing of this crate releases the provider any more, and the provider's `holders/`
/// has a dangling link. The module's file in debugfs stays, too, but its operations are gone:
/// opening it crashes the kernel. `kimport_engine`, if the module shared it, still has the block in
/// its lists, and crashes when it looks at them. If the leaked value is a
/// [`LateImports`](crate::LateImports), its notifier stays registered, and the next module that is
/// loaded or unloaded crashes the kernel, too.
///
/// # Invariants
///
/// If there is a `provider`, all addresses that the entries of the `claim`ed block are bound to lie
/// in its memory. Otherwise they lie in the kernel image.
#[must_use = "the imports are unbound when this is dropped"]
pub struct Imports<M = Direct> {
    // The fields are dropped in their order. If callers are counted, this lets no caller reach the
    // provider any more, and waits until all callers have left.
    mode: M,
    _bound: Bound,
    provider: Option<HeldProvider>,
    // From then on the block can be resolved anew.
    claim: Claim,
}

impl Imports {
    /// Resolves `block` from the provider that it declares, for the block's `resolve_imports`.
    #[doc(hidden)]
    pub fn resolve(block: &'static Block) -> Result<Self> {
        Self::new(block, block.provider, || Direct)
    }

    /// Resolves `block` from `provider`, for the block's `resolve_imports_from`.
    #[doc(hidden)]
    pub fn resolve_from(block: &'static Block, provider: &CStr) -> Result<Self> {
        Self::new(block, Some(provider), || Direct)
    }
}

impl Imports<Rebindable> {
    /// Resolves `block` from the provider that it declares, for the block's `resolve_imports`.
    #[doc(hidden)]
    pub fn resolve_rebindable(block: &'static Block, calls: &'static Calls) -> Result<Self> {
        Self::new_rebindable(block, block.provider, calls)
    }

    /// Resolves `block` from `provider`, for the block's `resolve_imports_from`.
    #[doc(hidden)]
    pub fn resolve_rebindable_from(
        block: &'static Block,
        calls: &'static Calls,
        provider: &CStr,
    ) -> Result<Self> {
        Self::new_rebindable(block, Some(provider), calls)
    }

    fn new_rebindable(
        block: &'static Block,
        provider: Option<&CStr>,
        calls: &'static Calls,
    ) -> Result<Self> {
        Self::new(block, provider, || Rebindable { block, calls })
    }

    /// Moves the whole block to `provider`, while its functions are being called. May sleep for as
    /// long as the callees do.
    ///
    /// The move is all or nothing. First, every symbol is found and checked in `provider`, which is
    /// pinned; an error leaves everything as it was. Then the call sites are re-pointed. Each call
    /// lands in one of the two providers; while the call sites are being re-pointed, calls of
    /// different functions may land in different providers. When this returns, no caller is inside
    /// the old provider through this block, and the old provider is no longer held.
    ///
    /// State does not move along: the caller must not use objects of the old provider, or addresses
    /// of its data, any more.
    ///
    /// A function of the block must not call this, neither directly nor by waiting for another task
    /// that does: it would wait for itself.
    ///
    /// # Errors
    ///
    /// The errors of the block's `resolve_imports_from`, except `EALREADY`.
    pub fn rebind(&mut self, provider: &CStr) -> Result {
        let (resolution, provider) = resolve(self.claim.block(), Some(provider))?;
        // SAFETY: The new provider is held until it is dropped, which happens after the block was
        // unbound, or until the end of another `rebind`, which has bound the block to another
        // provider by then.
        unsafe { resolution.bind() };
        resolution
            .missing()
            .for_each(|symbol| symbol.binding.retire());
        // Callers that are inside now may be in the old provider, or on the way there. Callers that
        // come later are not.
        self.mode.calls.wait();
        resolution
            .missing()
            .for_each(|symbol| symbol.binding.unbind());
        // INVARIANT: All entries are bound to the symbols of the new provider. The old provider is
        // released.
        self.provider = provider;
        Ok(())
    }
}

impl<M> Imports<M> {
    /// Resolves and claims `block`, calls `mode`, and binds the block.
    fn new(
        block: &'static Block,
        provider: Option<&CStr>,
        mode: impl FnOnce() -> M,
    ) -> Result<Self> {
        let (resolution, held) = resolve(block, provider)?;
        let claim = Claim::new(block).ok_or_else(|| {
            let request = Request { block, provider };
            log!(
                block.importer.name(),
                ERR,
                "cannot import {request}: it is resolved already; drop the first Imports before"
            );
            code::EALREADY
        })?;
        // SAFETY: The provider is held until it is dropped, which happens after the block was
        // unbound.
        unsafe { resolution.bind() };
        // INVARIANT: The block was just claimed, and bound to the symbols that were found in the
        // provider.
        Ok(Self {
            mode: mode(),
            _bound: Bound(block),
            provider: held,
            claim,
        })
    }

    /// The imports, in the order of their declaration.
    pub fn iter(&self) -> impl Iterator<Item = Import<'_>> {
        self.claim.block().symbols.iter().map(|symbol| Import {
            importer: &self.claim.block().importer,
            provider: self.provider.as_deref(),
            symbol,
        })
    }
}

/// One import of an [`Imports`], for inspection and printing.
pub struct Import<'a> {
    importer: &'static Importer,
    provider: Option<&'a Provider>,
    symbol: &'static Symbol,
}

impl<'a> Import<'a> {
    /// The kernel's name of the symbol.
    pub fn symbol(&self) -> &'static CStr {
        self.symbol.name
    }

    /// The name of the module that the symbol is in; [`None`] for the kernel image.
    pub fn provider(&self) -> Option<&'a CStr> {
        self.provider.map(Provider::name)
    }

    /// The address of the symbol; [`None`] for an optional symbol that is missing.
    pub fn address(&self) -> Option<*mut c_void> {
        self.symbol.address()
    }

    /// The way in which calls reach the symbol; [`None`] for data, and for an optional function
    /// that is missing.
    pub fn call_mode(&self) -> Option<CallMode> {
        self.symbol.binding.call_mode(self.importer)
    }
}

/// Prints one line: the symbol, its address (hashed as with `%p` unless `no_hash_pointers` is
/// given), the provider, and the way in which calls reach the symbol.
impl fmt::Display for Import<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let symbol = self.symbol();
        let Some(address) = self.address() else {
            return f.write_fmt(fmt!("{symbol}: missing, optional"));
        };
        let address = HashedPtr(address.cast_const());
        let provider = provider_name(self.provider);
        f.write_fmt(fmt!("{symbol} at {address} in {provider}"))?;
        match self.call_mode() {
            None => f.write_str(": data"),
            Some(CallMode::Direct { sites }) => {
                write!(f, ": direct call, {sites} of {sites} call sites")
            }
            Some(CallMode::Partial { sites, direct }) => {
                write!(f, ": direct call, {direct} of {sites} call sites")
            }
            Some(CallMode::Veneer) => f.write_str(": direct call through a veneer"),
            Some(CallMode::Pointer) => f.write_str(": call through a pointer"),
            Some(CallMode::Livepatch { sites }) => {
                write!(
                    f,
                    ": direct call by livepatch relocations, {sites} call sites"
                )
            }
        }
    }
}

/// Resolves `block` in `provider`, which is held. Every problem is logged; the first one's errno is
/// returned.
fn resolve(
    block: &'static Block,
    provider: Option<&CStr>,
) -> Result<(Resolution, Option<HeldProvider>)> {
    let request = Request { block, provider };
    let kallsyms = request.kallsyms()?;
    let importer = block.importer.name();
    let provider = provider
        .map(|name| match block.autoload {
            true => Provider::get_or_request(&kallsyms, &block.importer, name),
            false => Provider::get(&kallsyms, &block.importer, name),
        })
        .transpose()
        .map_err(|unavailable| {
            match request.in_image(&kallsyms, unavailable) {
                Some(name) => log!(
                    importer,
                    ERR,
                    "cannot import {request}: {unavailable}, or leave out `from` if it is built \
                     in: the kernel image has {name}"
                ),
                None => log!(importer, ERR, "cannot import {request}: {unavailable}"),
            }
            unavailable.errno()
        })?;
    let resolution = Resolution::new(&kallsyms, provider.as_ref(), block)?;
    let provider = provider
        .map(|provider| HeldProvider::new(&block.importer, provider))
        .transpose()
        .inspect_err(|error| {
            let error = error.to_errno();
            log!(
                block.importer.name(),
                ERR,
                "cannot import {request}: no link to this module can be made in the provider's \
                 holders/ (error {error})"
            );
        })?;
    Ok((resolution, provider))
}

#[cfg(kimport_bench)]
pub mod bench;
