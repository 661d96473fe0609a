// SPDX-License-Identifier: GPL-2.0

//! Declared blocks: the `static` tables that `import_symbols!` fills.

use crate::binder::{Binder as _, FunctionBinding, LoadedAddress};
use crate::binding::{Binding, DataBinding};
use crate::importer::Importer;
use crate::log::debug;
use crate::types::Policy;
use core::ffi::{c_void, CStr};
use kernel::sync::atomic::AtomicFlag;

/// One entry of a block.
#[doc(hidden)]
pub struct Symbol {
    /// The kernel's name of the symbol.
    pub(crate) name: &'static CStr,
    /// The name in Rust, if it differs from the kernel's.
    pub(crate) rust_name: Option<&'static str>,
    pub(crate) binding: Binding,
    pub(crate) optional: bool,
    pub(crate) position: Option<u32>,
    pub(crate) unverified: bool,
    /// The address that the kernel bound the symbol to when it loaded this module.
    pub(crate) loaded: Option<&'static LoadedAddress>,
    /// The description of the declared type; empty for `#[unverified]`.
    pub(crate) description: &'static [u8],
}

impl Symbol {
    const fn new(name: &'static CStr, binding: Binding) -> Self {
        Self {
            name,
            rust_name: None,
            binding,
            optional: false,
            position: None,
            unverified: false,
            loaded: None,
            description: &[],
        }
    }

    /// Creates an entry for a function.
    pub const fn function(name: &'static CStr, binding: &'static FunctionBinding) -> Self {
        Self::new(name, Binding::Function(binding))
    }

    /// Creates an entry for a function of a `#[livepatch]` block.
    pub const fn livepatch_function(name: &'static CStr, binding: &'static DataBinding) -> Self {
        Self::new(name, Binding::Livepatch(binding))
    }

    /// Creates an entry for a datum of `size` bytes.
    pub const fn data(name: &'static CStr, binding: &'static DataBinding, size: usize) -> Self {
        Self::new(name, Binding::Data { binding, size })
    }

    /// Sets the entry's own name for `#[name]`.
    pub const fn rust_name(mut self, rust_name: &'static str) -> Self {
        self.rust_name = Some(rust_name);
        self
    }

    /// Sets the address that the kernel bound the symbol of a `#[livepatch]` block to.
    pub const fn loaded(mut self, loaded: &'static LoadedAddress) -> Self {
        self.loaded = Some(loaded);
        self
    }

    /// Accepts that the symbol is missing, for `#[optional]`.
    pub const fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// Selects the `position`th symbol of the name in the order of the provider's symbol table,
    /// from 1, for `#[position = N]`. In the kernel image that is address order.
    pub const fn position(mut self, position: u32) -> Self {
        self.position = Some(position);
        self
    }

    /// Sets the description of the declared type.
    pub const fn described(mut self, description: &'static [u8]) -> Self {
        self.description = description;
        self
    }

    /// Excludes the entry from the type check, for `#[unverified]`.
    pub const fn unverified(mut self) -> Self {
        self.unverified = true;
        self
    }

    /// Makes the entry's wrapper reach `address`.
    ///
    /// # Safety
    ///
    /// The conditions of [`Binding::bind`] hold.
    pub(crate) unsafe fn bind(&self, address: *mut c_void) {
        // SAFETY: By the contract of this function.
        unsafe { self.binding.bind(address) };
        debug!("bound {} to {address:p}", self.name);
    }

    /// Returns the address that the wrapper reaches, if any.
    pub(crate) fn address(&self) -> Option<*mut c_void> {
        self.binding.address()
    }
}

/// Makes the wrappers of all `entries`, which are those of `importer`, reach their addresses. May
/// sleep.
///
/// # Safety
///
/// The conditions of [`Symbol::bind`] hold for each element.
pub(crate) unsafe fn bind_all(
    importer: &Importer,
    entries: impl Iterator<Item = (&'static Symbol, *mut c_void)> + Clone,
) {
    let functions = entries
        .clone()
        .filter_map(|(symbol, address)| Some((symbol.binding.function()?, address)));
    // SAFETY: By the contract of this function.
    unsafe { FunctionBinding::bind_all(importer, functions) };
    for (symbol, address) in entries {
        if symbol.binding.function().is_none() {
            // SAFETY: By the contract of this function.
            unsafe { symbol.binding.bind(address) };
        }
        debug!("bound {} to {address:p}", symbol.name);
    }
}

/// Makes the wrappers of all symbols of `block` end in a `BUG`, and those of optional entries
/// return [`None`]. May sleep.
pub(crate) fn unbind_all(block: &'static Block) {
    unbind(block, true);
}

/// Like [`unbind_all`], but a caller that found an optional function bound before still reaches it.
/// Optional functions have to be unbound when such callers have left.
pub(crate) fn unbind_required(block: &'static Block) {
    unbind(block, false);
}

fn unbind(block: &'static Block, optional_too: bool) {
    for symbol in block.symbols {
        if symbol.address().is_some() {
            debug!("unbinding {}", symbol.name);
        }
        symbol.binding.retire();
    }
    FunctionBinding::unbind_all(
        &block.importer,
        block
            .symbols
            .iter()
            .filter(move |symbol| optional_too || !symbol.optional)
            .filter_map(|symbol| symbol.binding.function()),
    );
}

/// One block of `import_symbols!`.
#[doc(hidden)]
pub struct Block {
    /// The module that has declared the block.
    pub(crate) importer: Importer,
    /// The block's name; empty for the bare form.
    pub(crate) name: &'static CStr,
    /// The module that the symbols come from; [`None`] for the kernel image.
    pub(crate) provider: Option<&'static CStr>,
    pub(crate) symbols: &'static [Symbol],
    /// Set if an absent provider is requested from modprobe.
    pub(crate) autoload: bool,
    /// The policy for types that differ.
    pub(crate) policy: Policy,
    /// The [`LayoutTable`](crate::types::LayoutTable) of the layouts that this module was compiled
    /// with; empty if there are none.
    pub(crate) layouts: &'static [u8],
    /// Set while a [`Claim`](crate::claim::Claim) of the block lives.
    pub(crate) claimed: AtomicFlag,
}

impl Block {
    /// Creates a block that is not resolved.
    pub const fn new(
        importer: Importer,
        name: &'static CStr,
        provider: Option<&'static CStr>,
        symbols: &'static [Symbol],
    ) -> Self {
        Self {
            importer,
            name,
            provider,
            symbols,
            autoload: false,
            policy: Policy::Strict,
            layouts: &[],
            claimed: AtomicFlag::new(false),
        }
    }

    /// Makes a resolution request an absent provider from modprobe, for `#[autoload]`.
    pub const fn autoload(mut self) -> Self {
        self.autoload = true;
        self
    }

    /// Sets the table of layouts.
    pub const fn layouts(mut self, layouts: &'static [u8]) -> Self {
        self.layouts = layouts;
        self
    }

    /// Sets the policy for types that differ, for `#[verify(...)]`.
    pub const fn verify(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }
}

#[cfg(kimport_selftest)]
pub(crate) mod tests;
