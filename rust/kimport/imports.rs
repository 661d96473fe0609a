// SPDX-License-Identifier: GPL-2.0

//! A resolved block: the provider pinned, the wrappers bound.

use crate::binder::CallMode;
use crate::block::{unbind_all, Block, Symbol};
use crate::calls::{Calls, OpenCalls};
use crate::claim::Claim;
use crate::holders::HeldProvider;
use crate::log::log;
use crate::provider::{provider_name, Provider};
use crate::resolution::{Request, Resolution};
use core::ffi::{c_void, CStr};
use kernel::error::code;
use kernel::fmt;
use kernel::prelude::*;

/// How the calls of a block are made: [`Direct`] or [`Rebindable`].
pub trait Mode: sealed::Mode {}

mod sealed {
    pub trait Mode {
        /// Lets nobody in any more, and waits until all have left, where that is known. May sleep.
        fn close(&self);
    }
}

/// Calls that leave no trace: nobody knows who is inside.
pub struct Direct;

impl Mode for Direct {}

impl sealed::Mode for Direct {
    fn close(&self) {}
}

/// Calls that are counted, so that [`Imports::rebind`] knows when all have left the old provider.
pub struct Rebindable(OpenCalls);

impl Mode for Rebindable {}

impl sealed::Mode for Rebindable {
    fn close(&self) {
        self.0.close();
    }
}

/// The imports of one block, from the `resolve_imports` that `import_symbols!` generates.
///
/// While it lives, the provider cannot be unloaded, shows this module in its `holders/`, and the
/// block's wrappers reach its symbols. When it is dropped, every wrapper ends in a `BUG` again that
/// names the symbol, and the provider is let go: drop it last, when nothing of the module can still
/// be calling. (For a `#[rebindable]` block, dropping waits until no caller is inside.) Dropping
/// may sleep.
///
/// # Errors
///
/// `resolve_imports` and `resolve_imports_from` log one line for each symbol that is refused and
/// return the first one's errno:
///
/// | errno | meaning |
/// | --- | --- |
/// | `ENODEV` | the provider is not loaded (for `#[autoload]`: nor could it be) |
/// | `EAGAIN` | the provider is still in its init |
/// | `EBUSY` | the provider is being unloaded |
/// | `EALREADY` | the block is resolved already |
/// | `EACCES` | the licence of the importing module is not GPL-compatible |
/// | `EDEADLK` | the provider is the importing module itself |
/// | `EOPNOTSUPP` | kallsyms cannot be reached |
/// | `ENOENT` | no such symbol there |
/// | `EPROTO` | only a clone made by the compiler is left (`.isra`, `.constprop`, ...), whose ABI differs |
/// | `ENOTUNIQ` | several symbols of that name, or several that the compiler renamed |
/// | `ENXIO` | no symbol at that `#[position]` |
/// | `EREMCHG` | a `#[livepatch]` block whose provider was loaded anew since the kernel loaded the module |
/// | `EXDEV` | outside of the provider's memory |
/// | `ESTALE` | in memory that is, or was, freed after init |
/// | `EPROTOTYPE` | data declared as a function, a function as data, per-CPU data, or another prototype than the kernel's |
/// | `ENODATA` | BTF does not have the type, and the block says `#[verify(require)]` |
/// | `EOVERFLOW` | data smaller than the declared type |
/// | `ENOMEM` | no memory |
///
/// # Leaks
///
/// As with the registrations of the `kernel` crate, nobody but the value itself knows that it is to
/// be given back: do not leak it, with [`core::mem::forget`] or a cycle of
/// [`Arc`](kernel::sync::Arc)s, in a module that can be unloaded. As long as the module is there, a
/// leaked one does no harm: the block stays bound and its provider held. After the module has gone,
/// nothing releases the provider any more, and its `holders/` has a link to nowhere. The module's
/// file in debugfs stays, too, with operations that are gone: who opens it crashes the kernel. And
/// so does the next module that is loaded or unloaded, if what was leaked is a
/// [`LateImports`](crate::LateImports), whose notifier stays registered.
///
/// # Invariants
///
/// If there is a `provider`, all addresses that the entries of the `claim`ed block are bound to lie
/// in its memory; else they lie in the kernel image.
#[must_use = "the imports are given back when this is dropped"]
pub struct Imports<M: Mode = Direct> {
    mode: M,
    provider: Option<HeldProvider>,
    // Dropped last: from then on the block can be resolved anew.
    claim: Claim,
}

impl Imports {
    /// Resolves `block` from the provider that it declares.
    ///
    /// Not for users: call the block's `resolve_imports`, which lists the errors.
    #[doc(hidden)]
    pub fn resolve(block: &'static Block) -> Result<Self> {
        Self::new(block, block.provider, || Ok(Direct))
    }

    /// Resolves `block` from `provider`.
    ///
    /// Not for users: call the block's `resolve_imports_from`, which lists the errors.
    #[doc(hidden)]
    pub fn resolve_from(block: &'static Block, provider: &CStr) -> Result<Self> {
        Self::new(block, Some(provider), || Ok(Direct))
    }
}

impl Imports<Rebindable> {
    /// Resolves `block` from the provider that it declares.
    ///
    /// Not for users: call the block's `resolve_imports`, which lists the errors.
    #[doc(hidden)]
    pub fn resolve_rebindable(block: &'static Block, calls: &'static Calls) -> Result<Self> {
        Self::new_rebindable(block, block.provider, calls)
    }

    /// Resolves `block` from `provider`.
    ///
    /// Not for users: call the block's `resolve_imports_from`, which lists the errors.
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
        let imports = Self::new(block, provider, || Ok(Rebindable(OpenCalls::new(calls)?)))?;
        imports.mode.0.open();
        Ok(imports)
    }

    /// Moves the whole block to `provider`, while it is being called. May sleep, for as long as the
    /// callees do.
    ///
    /// All or nothing: first every symbol is found and checked in `provider`, which is pinned; an
    /// error leaves everything as it was. Then the call sites are re-pointed, so that each call
    /// lands in one of the two providers: for that moment, calls of different functions may land in
    /// different ones. When this returns, nobody is inside the old provider by a call of this
    /// block, and it is no longer held.
    ///
    /// State does not move along: objects of the old provider, and addresses of its data, must not
    /// be used any more.
    ///
    /// A function of the block must not call this, directly or by waiting for somebody who does: it
    /// would wait for itself.
    ///
    /// # Errors
    ///
    /// Those of the block's `resolve_imports_from`, but `EALREADY`.
    pub fn rebind(&mut self, provider: &CStr) -> Result {
        let found = Found::new(self.claim.block(), Some(provider))?;
        // SAFETY: The new provider is held until `drop`, which unbinds first, or until the end of
        // another `rebind`, which has bound the block to another one then.
        unsafe { found.resolution.bind() };
        found
            .resolution
            .missing()
            .for_each(|symbol| symbol.binding.retire());
        // Who is inside now may be in the old provider, or on the way there; who comes later is
        // not.
        self.mode.0.wait();
        found.resolution.missing().for_each(Symbol::unbind);
        // INVARIANT: All entries are bound to what was found in the new provider. The old one is
        // let go.
        self.provider = found.provider;
        Ok(())
    }
}

impl<M: Mode> Imports<M> {
    /// `mode` is called once the block is claimed.
    fn new(
        block: &'static Block,
        provider: Option<&CStr>,
        mode: impl FnOnce() -> Result<M>,
    ) -> Result<Self> {
        let found = Found::new(block, provider)?;
        let claim = Claim::new(block).ok_or_else(|| {
            let request = Request { block, provider };
            log!(
                ERR,
                "cannot import {request}: it is resolved already; drop the first Imports before"
            );
            code::EALREADY
        })?;
        let mode = mode()?;
        // SAFETY: The provider is held until `drop`, which unbinds first.
        unsafe { found.resolution.bind() };
        // INVARIANT: The block was just claimed, and bound to what was found in the provider.
        Ok(Self {
            claim,
            mode,
            provider: found.provider,
        })
    }

    /// The imports, in the order of their declaration.
    pub fn iter(&self) -> impl Iterator<Item = Import<'_>> {
        self.claim.block().symbols.iter().map(|symbol| Import {
            provider: self.provider.as_deref(),
            symbol,
        })
    }
}

impl<M: Mode> Drop for Imports<M> {
    fn drop(&mut self) {
        self.mode.close();
        unbind_all(self.claim.block().symbols);
    }
}

/// One import of an [`Imports`], to be looked at or printed.
pub struct Import<'a> {
    provider: Option<&'a Provider>,
    symbol: &'static Symbol,
}

impl<'a> Import<'a> {
    /// The kernel's name of the symbol.
    pub fn symbol(&self) -> &'static CStr {
        self.symbol.name
    }

    /// The name of the module that it is in; `None`: the kernel image.
    pub fn provider(&self) -> Option<&'a CStr> {
        self.provider.map(Provider::name)
    }

    /// Where the symbol is; `None` for an optional one that is missing.
    pub fn address(&self) -> Option<*mut c_void> {
        self.symbol.address()
    }

    /// How calls reach it; `None` for data, and for an optional function that is missing.
    pub fn call_mode(&self) -> Option<CallMode> {
        self.symbol.binding.call_mode()
    }
}

/// One line: symbol, address (hashed as `%p` unless `no_hash_pointers` is given), provider, and how
/// calls reach it.
impl fmt::Display for Import<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.symbol(), f)?;
        let Some(address) = self.address() else {
            return f.write_str(": missing, optional");
        };
        f.write_str(" at ")?;
        fmt::Pointer::fmt(&fmt::HashedPtr(address.cast_const()), f)?;
        f.write_str(" in ")?;
        fmt::Display::fmt(provider_name(self.provider), f)?;
        match self.call_mode() {
            None => f.write_str(": data"),
            Some(CallMode::Direct { sites }) => {
                write!(f, ": direct call, {sites} of {sites} call sites")
            }
            Some(CallMode::Partial { sites, direct }) => {
                write!(f, ": direct call, {direct} of {sites} call sites")
            }
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

/// A resolution whose provider is held.
struct Found {
    resolution: Resolution,
    provider: Option<HeldProvider>,
}

impl Found {
    /// Resolves `block` in `provider`. Every problem is logged; the first one's errno is returned.
    fn new(block: &'static Block, provider: Option<&CStr>) -> Result<Self> {
        let request = Request { block, provider };
        let kallsyms = request.kallsyms()?;
        let provider = provider
            .map(|name| {
                if block.autoload {
                    Provider::get_or_request(&kallsyms, name)
                } else {
                    Provider::get(&kallsyms, name)
                }
            })
            .transpose()
            .map_err(|unavailable| {
                match request.in_image(&kallsyms, unavailable) {
                    Some(name) => log!(
                        ERR,
                        "cannot import {request}: {unavailable}, or leave out `from` if it is built \
                         in: the kernel image has {name}"
                    ),
                    None => log!(ERR, "cannot import {request}: {unavailable}"),
                }
                unavailable.errno()
            })?;
        let resolution = Resolution::new(&kallsyms, provider.as_ref(), block)?;
        let provider = provider
            .map(HeldProvider::new)
            .transpose()
            .inspect_err(|error| {
                let error = error.to_errno();
                log!(
                    ERR,
                    "cannot import {request}: its holders/ cannot have a link to this module \
                     (error {error})"
                );
            })?;
        Ok(Self {
            resolution,
            provider,
        })
    }
}

#[cfg(kimport_bench)]
pub mod bench;
