// SPDX-License-Identifier: GPL-2.0

//! What a block declares: the `static` tables that `import_symbols!` fills.

use crate::binder::FunctionBinding;
use crate::log::debug;
use core::ffi::{c_void, CStr};
use core::ptr::null_mut;
use kernel::sync::atomic::{Acquire, Atomic, AtomicFlag, Release};

/// One entry of the `.kimport` ELF section, for tools that read a built module.
///
/// A record needs no relocation. All numbers are little-endian:
///
/// | offset | size | content |
/// | --- | --- | --- |
/// | 0 | 1 | version of the format: 1 |
/// | 1 | 1 | kind: 0 function, 1 data |
/// | 2 | 1 | flags: bit 0 `#[optional]`, bit 1 `#[unverified]` |
/// | 3 | 1 | 0 |
/// | 4 | 4 | `#[position]`, 0 when not given |
/// | 8 | 4 | size of the record, with padding |
/// | 12 | 4 | length of the strings |
/// | 16 | | block, provider, the kernel's name, the Rust name, each with a NUL; padding to 8 bytes |
///
/// An empty block is the bare form, an empty provider the kernel image.
#[doc(hidden)]
#[repr(C, align(8))]
pub struct Record<const N: usize>(pub [u8; N]);

/// Where an imported datum is: null until the block is resolved, and again after its `Imports` is dropped.
#[doc(hidden)]
pub struct DataBinding {
    symbol: &'static str,
    address: Atomic<*mut c_void>,
}

impl DataBinding {
    /// An unbound import of `symbol`, a name to print.
    pub const fn new(symbol: &'static str) -> Self {
        Self {
            symbol,
            address: Atomic::new(null_mut()),
        }
    }

    /// The address, if the import is bound.
    #[inline]
    pub fn get(&self) -> Option<*mut c_void> {
        // Pairs with the release in `set`: whoever sees the address sees the provider pinned.
        let address = self.address.load(Acquire);
        (!address.is_null()).then_some(address)
    }

    /// The address.
    ///
    /// # Panics
    ///
    /// Ends in a `BUG` that names the symbol when the import is not bound.
    #[inline]
    pub fn address(&self) -> *mut c_void {
        match self.get() {
            Some(address) => address,
            None => crate::binder::unbound(self.symbol),
        }
    }

    pub(crate) fn set(&self, address: *mut c_void) {
        self.address.store(address, Release);
    }
}

/// The binding of one entry.
pub(crate) enum Binding {
    Function(&'static FunctionBinding),
    Data {
        binding: &'static DataBinding,
        /// Bytes of the declared type.
        size: usize,
    },
}

/// One entry of a block.
#[doc(hidden)]
pub struct Symbol {
    /// The kernel's name of it.
    pub(crate) name: &'static CStr,
    /// The name in Rust where it is another one.
    pub(crate) rust_name: Option<&'static str>,
    pub(crate) binding: Binding,
    pub(crate) optional: bool,
    pub(crate) position: Option<u32>,
    pub(crate) unverified: bool,
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
        }
    }

    /// An imported function.
    pub const fn function(name: &'static CStr, binding: &'static FunctionBinding) -> Self {
        Self::new(name, Binding::Function(binding))
    }

    /// An imported datum of `size` bytes.
    pub const fn data(name: &'static CStr, binding: &'static DataBinding, size: usize) -> Self {
        Self::new(name, Binding::Data { binding, size })
    }

    /// `#[name]`: `rust_name` is the entry's own.
    pub const fn rust_name(mut self, rust_name: &'static str) -> Self {
        self.rust_name = Some(rust_name);
        self
    }

    /// `#[optional]`: that the symbol is missing is no error.
    pub const fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// `#[position = N]`: the `position`th symbol of the name in address order, from 1.
    pub const fn position(mut self, position: u32) -> Self {
        self.position = Some(position);
        self
    }

    /// `#[unverified]`: the type is not to be checked.
    pub const fn unverified(mut self) -> Self {
        self.unverified = true;
        self
    }

    /// Makes the entry's wrapper reach `address`.
    ///
    /// # Safety
    ///
    /// `address` is that of the entry's symbol, and stays valid until [`unbind`](Self::unbind).
    pub(crate) unsafe fn bind(&self, address: *mut c_void) {
        match self.binding {
            // SAFETY: By the contract of this function.
            Binding::Function(binding) => unsafe { binding.bind(address) },
            Binding::Data { binding, .. } => binding.set(address),
        }
        debug!("bound {} to {address:p}", self.name);
    }

    /// Makes the wrapper of an optional entry see that it is missing, while callers may still be on their way to its
    /// address; [`unbind`](Self::unbind) it when they have left.
    pub(crate) fn retire(&self) {
        match self.binding {
            Binding::Function(binding) => binding.retire(),
            Binding::Data { binding, .. } => binding.set(null_mut()),
        }
    }

    /// Makes the entry's wrapper end in a `BUG`.
    pub(crate) fn unbind(&self) {
        if self.address().is_some() {
            debug!("unbinding {}", self.name);
        }
        match self.binding {
            Binding::Function(binding) => binding.unbind(),
            Binding::Data { binding, .. } => binding.set(null_mut()),
        }
    }

    /// The address that the wrapper reaches, if any.
    pub(crate) fn address(&self) -> Option<*mut c_void> {
        match self.binding {
            Binding::Function(binding) => binding.address(),
            Binding::Data { binding, .. } => binding.get(),
        }
    }
}

/// One block of `import_symbols!`.
#[doc(hidden)]
pub struct Block {
    /// The block's name; empty for the bare form.
    pub(crate) name: &'static CStr,
    /// The module that the symbols come from; `None`: the kernel image.
    pub(crate) provider: Option<&'static CStr>,
    pub(crate) symbols: &'static [Symbol],
    /// Whether an absent provider is requested.
    pub(crate) autoload: bool,
    taken: AtomicFlag,
}

impl Block {
    /// A block that is not resolved.
    pub const fn new(
        name: &'static CStr,
        provider: Option<&'static CStr>,
        symbols: &'static [Symbol],
    ) -> Self {
        Self {
            name,
            provider,
            symbols,
            autoload: false,
            taken: AtomicFlag::new(false),
        }
    }

    /// `#[autoload]`: a provider that is absent is requested.
    pub const fn autoload(mut self) -> Self {
        self.autoload = true;
        self
    }
}

/// A block that nobody else can resolve while this lives.
///
/// # Invariants
///
/// The block's `taken` was set by this value.
pub(crate) struct Taken(&'static Block);

impl Taken {
    /// Takes `block`; [`None`] when it is taken already.
    pub(crate) fn new(block: &'static Block) -> Option<Self> {
        block.taken.cmpxchg(false, true, Acquire).ok()?;
        #[cfg(CONFIG_KIMPORT_DEBUGFS)]
        crate::debugfs::show(block);
        // INVARIANT: Just set, and nobody else had.
        Some(Self(block))
    }

    pub(crate) fn block(&self) -> &'static Block {
        self.0
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        #[cfg(CONFIG_KIMPORT_DEBUGFS)]
        crate::debugfs::hide(self.0);
        self.0.taken.store(false, Release);
    }
}

#[cfg(kimport_selftest)]
#[path = "table_tests.rs"]
pub(crate) mod tests;
