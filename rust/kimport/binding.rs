// SPDX-License-Identifier: GPL-2.0

//! The variable part of an entry: the address that its wrapper reaches.

use crate::binder::{Binder as _, CallMode, FunctionBinding};
use crate::block::Block;
use crate::importer::Importer;
use crate::verdict::LastVerdict;
use core::ffi::c_void;
use core::ptr::null_mut;
use kernel::sync::atomic::{Acquire, Atomic, Release};

/// The address of an imported datum, or of a function of a `#[livepatch]` block. It is null until
/// the block is resolved, and again after its `Imports` is dropped.
#[doc(hidden)]
pub struct DataBinding {
    address: Atomic<*mut c_void>,
    verdict: LastVerdict,
}

impl DataBinding {
    /// Creates an unbound import.
    pub const fn unbound() -> Self {
        Self {
            address: Atomic::new(null_mut()),
            verdict: LastVerdict::new(),
        }
    }

    /// Returns the address, if the import is bound.
    #[inline]
    pub fn get(&self) -> Option<*mut c_void> {
        // Pairs with the release in `set`: a reader that sees the address also sees the provider
        // pinned.
        let address = self.address.load(Acquire);
        (!address.is_null()).then_some(address)
    }

    /// Returns the address of the import, which is an entry of `block`.
    ///
    /// # Panics
    ///
    /// Ends in a `BUG` that names the symbol when the import is not bound.
    #[inline]
    pub fn address(&self, block: &'static Block) -> *mut c_void {
        match self.get() {
            Some(address) => address,
            None => {
                self.log_use(block);
                // This is here because objtool knows the end of the path only by `panic!`.
                panic!("kimport: an import is not bound, see above")
            }
        }
    }

    /// Logs a use of the import, which is not bound.
    #[cold]
    #[inline(never)]
    fn log_use(&self, block: &'static Block) {
        crate::binder::log_use(block, |binding| match binding {
            Binding::Livepatch(other) | Binding::Data { binding: other, .. } => {
                core::ptr::eq(*other, self)
            }
            Binding::Function(_) => false,
        });
    }

    pub(crate) fn set(&self, address: *mut c_void) {
        self.address.store(address, Release);
    }
}

/// The binding of one entry.
pub(crate) enum Binding {
    Function(&'static FunctionBinding),
    /// A function whose calls the kernel bound when it loaded the module.
    Livepatch(&'static DataBinding),
    Data {
        binding: &'static DataBinding,
        /// The size of the declared type in bytes.
        size: usize,
    },
}

impl Binding {
    /// Makes the wrapper reach `address`.
    ///
    /// # Safety
    ///
    /// `address` is the address of the entry's symbol, and stays valid until
    /// [`unbind`](Self::unbind).
    pub(crate) unsafe fn bind(&self, address: *mut c_void) {
        match self {
            // SAFETY: By the contract of this function.
            Self::Function(binding) => unsafe { binding.bind(address) },
            Self::Livepatch(binding) | Self::Data { binding, .. } => binding.set(address),
        }
    }

    /// Marks the entry as not bound, while callers may still be on their way to the old address.
    /// The wrapper of an optional entry then returns [`None`]. The entry must be
    /// [unbound](Self::unbind) when these callers have left.
    pub(crate) fn retire(&self) {
        match self {
            Self::Function(binding) => binding.retire(),
            Self::Livepatch(binding) | Self::Data { binding, .. } => binding.set(null_mut()),
        }
    }

    /// Makes the wrapper end in a `BUG`, or return [`None`] if the entry is optional.
    pub(crate) fn unbind(&self) {
        match self {
            Self::Function(binding) => binding.unbind(),
            Self::Livepatch(binding) | Self::Data { binding, .. } => binding.set(null_mut()),
        }
    }

    /// Returns the address that the wrapper reaches, if any.
    pub(crate) fn address(&self) -> Option<*mut c_void> {
        match self {
            Self::Function(binding) => binding.address(),
            Self::Livepatch(binding) | Self::Data { binding, .. } => binding.get(),
        }
    }

    /// Returns the way in which the calls in `importer` reach the address; [`None`] for data and
    /// for unbound entries.
    pub(crate) fn call_mode(&self, importer: &Importer) -> Option<CallMode> {
        match self {
            Self::Function(binding) => binding.is_bound().then(|| binding.call_mode(importer)),
            Self::Livepatch(binding) => {
                let address = binding.get()?;
                Some(CallMode::livepatch(importer, address))
            }
            Self::Data { .. } => None,
        }
    }

    /// Returns the outcome of the last comparison of the declared type.
    pub(crate) fn verdict(&self) -> &'static LastVerdict {
        match self {
            Self::Function(binding) => &binding.verdict,
            Self::Livepatch(binding) | Self::Data { binding, .. } => &binding.verdict,
        }
    }

    /// Returns the function that the binder re-points, if any.
    pub(crate) fn function(&self) -> Option<&'static FunctionBinding> {
        match self {
            Self::Function(binding) => Some(binding),
            Self::Livepatch(_) | Self::Data { .. } => None,
        }
    }
}
