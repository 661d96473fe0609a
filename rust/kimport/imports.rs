// SPDX-License-Identifier: GPL-2.0

//! A resolved block: the provider pinned, the wrappers bound.

use crate::binder::CallMode;
use crate::calls::{Calls, OpenCalls};
use crate::holders::HeldProvider;
use crate::licence;
use crate::log::{debug, log};
use crate::provider::{provider_name, Provider, Unavailable};
use crate::resolver::{Kallsyms, NotFound, Wanted};
use crate::table::{bind_all, unbind_all, Binding, Block, Symbol, Taken, Verdict};
use crate::verify::Types;
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
/// If there is a `provider`, all addresses that the entries of the `taken` block are bound to lie
/// in its memory; else they lie in the kernel image.
#[must_use = "the imports are given back when this is dropped"]
pub struct Imports<M: Mode = Direct> {
    mode: M,
    provider: Option<HeldProvider>,
    // Dropped last: from then on the block can be resolved anew.
    taken: Taken,
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
        let found = Found::new(self.taken.block(), Some(provider))?;
        // SAFETY: The addresses are the symbols', and stay valid as long as the new provider is
        // held: until `drop`, which unbinds first, or until the end of another `rebind`, which has
        // bound others then.
        unsafe { bind_all(found.present()) };
        for (symbol, address) in found.iter() {
            if address.is_none() {
                symbol.retire();
            }
        }
        found.record();
        // Who is inside now may be in the old provider, or on the way there; who comes later is
        // not.
        self.mode.0.wait();
        for (symbol, address) in found.iter() {
            if address.is_none() {
                symbol.unbind();
            }
        }
        // INVARIANT: All entries are bound to what was found in the new provider. The old one is
        // let go.
        self.provider = found.provider;
        Ok(())
    }
}

impl<M: Mode> Imports<M> {
    /// `mode` is called once the block is taken.
    fn new(
        block: &'static Block,
        provider: Option<&CStr>,
        mode: impl FnOnce() -> Result<M>,
    ) -> Result<Self> {
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
        let mode = mode()?;
        // SAFETY: The addresses are the symbols'. They stay valid: the provider is held until
        // `drop`, which unbinds first; the kernel image stays.
        unsafe { bind_all(found.present()) };
        found.record();
        // INVARIANT: The block was just taken, and bound to what was found in the provider.
        Ok(Self {
            taken,
            mode,
            provider: found.provider,
        })
    }

    /// The imports, in the order of their declaration.
    pub fn iter(&self) -> impl Iterator<Item = Import<'_>> {
        self.taken.block().symbols.iter().map(|symbol| Import {
            provider: self.provider.as_deref(),
            symbol,
        })
    }
}

impl<M: Mode> Drop for Imports<M> {
    fn drop(&mut self) {
        self.mode.close();
        unbind_all(self.taken.block().symbols);
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
        match self.symbol.binding {
            Binding::Function(binding) => binding.is_bound().then(|| binding.call_mode()),
            Binding::Livepatch(binding) => binding.get().map(CallMode::livepatch),
            Binding::Data { .. } => None,
        }
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

/// Where all entries of a block are, with the provider held; nothing is bound yet.
///
/// # Invariants
///
/// `addresses` has one element for each of `symbols`, in their order: its address in `provider`, or
/// in the kernel image if there is none; [`None`] for an optional one that is missing. So has
/// `verdicts`.
struct Found {
    symbols: &'static [Symbol],
    addresses: KVVec<Option<*mut c_void>>,
    verdicts: KVVec<Verdict>,
    provider: Option<HeldProvider>,
}

impl Found {
    /// Finds all of `block` in `provider`. Every problem is logged; the first one's errno is
    /// returned.
    fn new(block: &'static Block, provider: Option<&CStr>) -> Result<Self> {
        let whole = Whole {
            block: block.name,
            provider,
        };
        licence::check().map_err(|incompatible| {
            log!(ERR, "cannot import {whole}: {incompatible}");
            code::EACCES
        })?;
        let kallsyms = Kallsyms::get().map_err(|unusable| {
            log!(ERR, "cannot import {whole}: {unusable}");
            code::EOPNOTSUPP
        })?;
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
                match in_image(&kallsyms, block, unavailable) {
                    Some(name) => log!(
                        ERR,
                        "cannot import {whole}: {unavailable}, or leave out `from` if it is built in: the kernel image has {name}"
                    ),
                    None => log!(ERR, "cannot import {whole}: {unavailable}"),
                }
                unavailable.errno()
            })?;
        let (addresses, verdicts) = find_all(&kallsyms, provider.as_ref(), block)?;
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
            verdicts,
            provider,
        })
    }

    /// The symbols with their addresses.
    fn iter(&self) -> impl Iterator<Item = (&'static Symbol, Option<*mut c_void>)> + Clone + '_ {
        self.symbols.iter().zip(self.addresses.iter().copied())
    }

    /// Those that are there.
    fn present(&self) -> impl Iterator<Item = (&'static Symbol, *mut c_void)> + Clone + '_ {
        self.iter()
            .filter_map(|(symbol, address)| Some((symbol, address?)))
    }

    /// Keeps what came of the comparison of the types, once the symbols are bound.
    fn record(&self) {
        record(self.symbols, &self.verdicts);
    }
}

/// A symbol of `block` that the kernel image has, when its provider is no module that is loaded.
pub(crate) fn in_image(
    kallsyms: &Kallsyms,
    block: &Block,
    unavailable: Unavailable,
) -> Option<&'static CStr> {
    let mut names = block.symbols.iter().map(|symbol| symbol.name);
    unavailable
        .is_absence()
        .then(|| names.find(|name| kallsyms.image_has(name)))
        .flatten()
}

/// The address of each symbol of `block` in `provider`, or in the kernel image, its type verified;
/// [`None`] for an optional one that is missing. And what came of the comparison of its type, for
/// [`record`].
///
/// All are looked at, so that all problems are reported; the first one's errno is returned.
pub(crate) fn find_all(
    kallsyms: &Kallsyms,
    provider: Option<&Provider>,
    block: &Block,
) -> Result<(KVVec<Option<*mut c_void>>, KVVec<Verdict>)> {
    let no_memory = |error| {
        let whole = Whole {
            block: block.name,
            provider: provider.map(Provider::name),
        };
        log!(ERR, "cannot import {whole}: no memory for the search");
        error
    };
    let types = Types::new(kallsyms, provider);
    let mut verdicts = KVVec::with_capacity(block.symbols.len(), GFP_KERNEL)
        .map_err(|error| no_memory(error.into()))?;
    let (addresses, mut result) =
        look_up(kallsyms, provider, &types, block.symbols).map_err(no_memory)?;
    // Those that were not found are left out.
    for (symbol, address) in block.symbols.iter().zip(&addresses) {
        let verdict = match address {
            Some(_) => types.verify(symbol, block.verify).unwrap_or_else(|error| {
                result = result.and(Err(error));
                Verdict::NotChecked
            }),
            None => Verdict::NotChecked,
        };
        verdicts.push(verdict, GFP_KERNEL)?;
    }
    result.map(|()| (addresses, verdicts))
}

/// Keeps the `verdicts` of [`find_all`] on `symbols`. Only once these are bound: what speaks
/// against another provider says nothing of the one that they stay bound to.
pub(crate) fn record(symbols: &[Symbol], verdicts: &[Verdict]) {
    for (symbol, &verdict) in symbols.iter().zip(verdicts) {
        symbol.verdict().set(verdict);
    }
}

/// The address of each of `symbols`; [`None`] for an optional one that is missing, and for one that
/// is refused, which is logged. And the errno of the first one that is refused.
///
/// # Errors
///
/// `ENOMEM`.
fn look_up(
    kallsyms: &Kallsyms,
    provider: Option<&Provider>,
    types: &Types<'_>,
    symbols: &'static [Symbol],
) -> Result<(KVVec<Option<*mut c_void>>, Result)> {
    let mut addresses = KVVec::with_capacity(symbols.len(), GFP_KERNEL)?;
    let mut result = Ok(());
    let found = kallsyms.find(provider, symbols.iter().map(Wanted::of))?;
    for (symbol, found) in symbols.iter().zip(found) {
        let address = accept(provider, types, symbol, found).unwrap_or_else(|error| {
            result = result.and(Err(error));
            None
        });
        addresses.push(address, GFP_KERNEL)?;
    }
    Ok((addresses, result))
}

/// The address that was found; `None` for an optional symbol that is missing. Any other cause is
/// logged.
fn accept(
    provider: Option<&Provider>,
    types: &Types<'_>,
    symbol: &Symbol,
    found: Result<*mut c_void, NotFound>,
) -> Result<Option<*mut c_void>> {
    let found = match found {
        // A module drops the symbols of its init. Its BTF has what was once in its file.
        Err(NotFound::Missing) if provider.is_some() && types.has(symbol.name) => {
            Err(NotFound::WasInInit)
        }
        other => other,
    };
    match found {
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

#[cfg(kimport_bench)]
#[path = "imports_bench.rs"]
pub mod bench;

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
