// SPDX-License-Identifier: GPL-2.0

//! What a block declares: the `static` tables that `import_symbols!` fills.

use crate::binder::{FunctionBinding, Loaded};
use crate::log::debug;
use core::ffi::{c_void, CStr};
use core::ptr::null_mut;
use kernel::fmt;
use kernel::sync::atomic::{Acquire, Atomic, AtomicFlag, Relaxed, Release};

/// One entry of the `.kimport` ELF section, for tools that read a built module.
///
/// A record needs no relocation. All numbers are little-endian:
///
/// | offset | size | content |
/// | --- | --- | --- |
/// | 0 | 1 | version of the format: 2 |
/// | 1 | 1 | kind: 0 function, 1 data |
/// | 2 | 1 | flags: bit 0 `#[optional]`, bit 1 `#[unverified]`, bits 2 and 3 `#[verify]`: `strict`, `warn`, `off`, `require` |
/// | 3 | 1 | 0 |
/// | 4 | 4 | `#[position]`, 0 when not given |
/// | 8 | 4 | size of the record, with padding |
/// | 12 | 2 | length of the strings |
/// | 14 | 2 | length of the type's description |
/// | 16 | | block, provider, the kernel's name, the Rust name, each with a NUL; the type's description; padding to 8 bytes |
///
/// An empty block is the bare form, an empty provider the kernel image. `#[unverified]` entries have no description.
#[doc(hidden)]
#[repr(C, align(8))]
pub struct Record<const N: usize>([u8; N]);

/// The size of a record with `len` bytes before the description.
#[doc(hidden)]
pub const fn record_size(len: usize, description: usize) -> usize {
    (len + description).next_multiple_of(8)
}

impl<const N: usize> Record<N> {
    /// Completes a record, of which `start` is all before the description, but for its lengths.
    pub const fn new(start: &[u8], description: &[u8]) -> Self {
        assert!(N == record_size(start.len(), description.len()));
        assert!(description.len() <= u16::MAX as usize);
        let mut bytes = [0; N];
        let mut i = 0;
        while i < start.len() {
            bytes[i] = start[i];
            i += 1;
        }
        let mut i = 0;
        while i < description.len() {
            bytes[start.len() + i] = description[i];
            i += 1;
        }
        [bytes[8], bytes[9], bytes[10], bytes[11]] = (N as u32).to_le_bytes();
        [bytes[14], bytes[15]] = (description.len() as u16).to_le_bytes();
        Self(bytes)
    }
}

/// Where an imported datum is, or a function of a `#[livepatch]` block: null until the block is resolved, and again after its
/// `Imports` is dropped.
#[doc(hidden)]
pub struct DataBinding {
    symbol: &'static str,
    address: Atomic<*mut c_void>,
    verdict: LastVerdict,
}

impl DataBinding {
    /// An unbound import of `symbol`, a name to print.
    pub const fn new(symbol: &'static str) -> Self {
        Self {
            symbol,
            address: Atomic::new(null_mut()),
            verdict: LastVerdict::new(),
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
    /// A function whose calls the kernel bound when it loaded the module.
    Livepatch(&'static DataBinding),
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
    /// Where the kernel bound it when it loaded the module.
    pub(crate) loaded: Option<&'static Loaded>,
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

    /// What came of the comparison of the declared type.
    pub(crate) fn verdict(&self) -> &'static LastVerdict {
        match self.binding {
            Binding::Function(binding) => &binding.verdict,
            Binding::Livepatch(binding) | Binding::Data { binding, .. } => &binding.verdict,
        }
    }

    /// An imported function.
    pub const fn function(name: &'static CStr, binding: &'static FunctionBinding) -> Self {
        Self::new(name, Binding::Function(binding))
    }

    /// An imported function of a `#[livepatch]` block.
    pub const fn livepatch_function(name: &'static CStr, binding: &'static DataBinding) -> Self {
        Self::new(name, Binding::Livepatch(binding))
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

    /// `#[livepatch]`: the kernel bound it as `loaded` says.
    pub const fn loaded(mut self, loaded: &'static Loaded) -> Self {
        self.loaded = Some(loaded);
        self
    }

    /// `#[optional]`: that the symbol is missing is no error.
    pub const fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// `#[position = N]`: the `position`th symbol of the name in the order of the provider's symbol table, from 1. That is address
    /// order in the kernel image.
    pub const fn position(mut self, position: u32) -> Self {
        self.position = Some(position);
        self
    }

    /// The description of the declared type.
    pub const fn described(mut self, description: &'static [u8]) -> Self {
        self.description = description;
        self
    }

    /// `#[unverified]`: the type is not to be checked.
    pub const fn unverified(mut self) -> Self {
        self.unverified = true;
        self
    }

    /// The binding of a function.
    fn function_binding(&self) -> Option<&'static FunctionBinding> {
        match self.binding {
            Binding::Function(binding) => Some(binding),
            Binding::Livepatch(_) | Binding::Data { .. } => None,
        }
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
            Binding::Livepatch(binding) | Binding::Data { binding, .. } => binding.set(address),
        }
        debug!("bound {} to {address:p}", self.name);
    }

    /// Makes the wrapper of an optional entry see that it is missing, while callers may still be on their way to its
    /// address; [`unbind`](Self::unbind) it when they have left.
    pub(crate) fn retire(&self) {
        match self.binding {
            Binding::Function(binding) => binding.retire(),
            Binding::Livepatch(binding) | Binding::Data { binding, .. } => binding.set(null_mut()),
        }
    }

    /// Makes the entry's wrapper end in a `BUG`.
    pub(crate) fn unbind(&self) {
        if self.address().is_some() {
            debug!("unbinding {}", self.name);
        }
        match self.binding {
            Binding::Function(binding) => binding.unbind(),
            Binding::Livepatch(binding) | Binding::Data { binding, .. } => binding.set(null_mut()),
        }
    }

    /// The address that the wrapper reaches, if any.
    pub(crate) fn address(&self) -> Option<*mut c_void> {
        match self.binding {
            Binding::Function(binding) => binding.address(),
            Binding::Livepatch(binding) | Binding::Data { binding, .. } => binding.get(),
        }
    }
}

/// Makes the wrappers of all `entries` reach their addresses. May sleep.
///
/// # Safety
///
/// That of [`Symbol::bind`], for each.
pub(crate) unsafe fn bind_all(
    entries: impl Iterator<Item = (&'static Symbol, *mut c_void)> + Clone,
) {
    let functions = entries
        .clone()
        .filter_map(|(symbol, address)| Some((symbol.function_binding()?, address)));
    // SAFETY: By the contract of this function.
    unsafe { FunctionBinding::bind_all(functions) };
    for (symbol, address) in entries {
        if let Binding::Livepatch(binding) | Binding::Data { binding, .. } = symbol.binding {
            binding.set(address);
        }
        debug!("bound {} to {address:p}", symbol.name);
    }
}

/// Makes the wrappers of all `symbols` end in a `BUG`. May sleep.
pub(crate) fn unbind_all(symbols: &'static [Symbol]) {
    for symbol in symbols {
        if symbol.address().is_some() {
            debug!("unbinding {}", symbol.name);
        }
        symbol.retire();
    }
    FunctionBinding::unbind_all(symbols.iter().filter_map(Symbol::function_binding));
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
    pub(crate) verify: Verify,
    taken: AtomicFlag,
}

/// Whether a symbol's type is the declared one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(i32)]
pub(crate) enum Verdict {
    NotChecked,
    /// It is.
    Verified,
    /// It is not, and that was accepted with a warning.
    Differs,
    /// BTF does not have the symbol: there is none of its provider, or it is in assembly or in Rust.
    NoBtf,
    /// BTF has several of the name.
    Ambiguous,
    /// What BTF has of it cannot be compared.
    Uncomparable,
}

impl Verdict {
    const ALL: &[Self] = &[
        Self::NotChecked,
        Self::Verified,
        Self::Differs,
        Self::NoBtf,
        Self::Ambiguous,
        Self::Uncomparable,
    ];

    /// Whether the type could not be compared.
    pub(crate) fn is_unverified(self) -> bool {
        matches!(self, Self::NoBtf | Self::Ambiguous | Self::Uncomparable)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotChecked => "not checked",
            Self::Verified => "verified",
            Self::Differs => "it differs",
            Self::NoBtf => "no BTF",
            Self::Ambiguous => "several of that name in BTF",
            Self::Uncomparable => "its BTF is malformed",
        })
    }
}

/// The verdict when a search last accepted a symbol.
pub(crate) struct LastVerdict(Atomic<i32>);

impl LastVerdict {
    pub(crate) const fn new() -> Self {
        Self(Atomic::new(Verdict::NotChecked as i32))
    }

    pub(crate) fn get(&self) -> Verdict {
        let verdict = self.0.load(Relaxed);
        let known = Verdict::ALL.iter().find(|&&known| known as i32 == verdict);
        known.copied().unwrap_or(Verdict::NotChecked)
    }

    pub(crate) fn set(&self, verdict: Verdict) {
        self.0.store(verdict as i32, Relaxed);
    }
}

/// `#[verify(...)]`: what is done about a declared type that is not the kernel's.
#[doc(hidden)]
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Verify {
    /// A type that differs is refused; that one cannot be checked is only said.
    Strict,
    /// Differences are only warned of.
    Warn,
    /// Types are not checked.
    Off,
    /// As `Strict`, and what cannot be checked is refused as well.
    Require,
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
            verify: Verify::Strict,
            taken: AtomicFlag::new(false),
        }
    }

    /// `#[autoload]`: a provider that is absent is requested.
    pub const fn autoload(mut self) -> Self {
        self.autoload = true;
        self
    }

    /// `#[verify(...)]`.
    pub const fn verify(mut self, verify: Verify) -> Self {
        self.verify = verify;
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
