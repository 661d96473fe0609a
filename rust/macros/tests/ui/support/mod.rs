// SPDX-License-Identifier: GPL-2.0

//! A stand-in for the parts of the `kimport` and `kernel` crates that the expansion uses, for tests
//! that compile it on the host. A symbol called `*missing` counts as missing. All others count as
//! bound: a function to the one that the test defines under the symbol's name, data to that name
//! itself.
//!
//! A test stands for both crates itself, with `extern crate self as ...`.

use core::ffi::CStr;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

pub use core::ffi;
pub use kimport_types as types;
use kimport_types::Policy;

pub struct FunctionBinding(pub &'static str);

impl FunctionBinding {
    pub fn is_bound(&self) -> bool {
        !self.0.ends_with("missing")
    }
}

pub struct DataBinding(&'static str);

impl DataBinding {
    pub const fn new(symbol: &'static str) -> Self {
        Self(symbol)
    }

    pub fn get(&self) -> Option<*mut u8> {
        (!self.0.ends_with("missing")).then(|| self.address())
    }

    pub fn address(&self) -> *mut u8 {
        self.0.as_ptr().cast_mut()
    }
}

/// The address to which the kernel bound a symbol: that of a function or datum that the test
/// defines.
#[derive(Debug, PartialEq)]
pub struct LoadedAddress(pub *const u8);

unsafe impl Sync for LoadedAddress {}

#[derive(Debug, PartialEq)]
pub struct Symbol {
    pub name: &'static CStr,
    pub rust_name: Option<&'static str>,
    pub size: Option<usize>,
    pub optional: bool,
    pub position: u32,
    pub unverified: bool,
    pub loaded: Option<&'static LoadedAddress>,
    pub description: &'static [u8],
}

impl Symbol {
    const fn new(name: &'static CStr, size: Option<usize>) -> Self {
        Self {
            name,
            rust_name: None,
            size,
            optional: false,
            position: 0,
            unverified: false,
            loaded: None,
            description: &[],
        }
    }

    pub const fn function(name: &'static CStr, _: &'static FunctionBinding) -> Self {
        Self::new(name, None)
    }

    pub const fn livepatch_function(name: &'static CStr, _: &'static DataBinding) -> Self {
        Self::new(name, None)
    }

    pub const fn data(name: &'static CStr, _: &'static DataBinding, size: usize) -> Self {
        Self::new(name, Some(size))
    }

    pub const fn loaded(mut self, loaded: &'static LoadedAddress) -> Self {
        self.loaded = Some(loaded);
        self
    }

    pub const fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    pub const fn rust_name(mut self, rust_name: &'static str) -> Self {
        self.rust_name = Some(rust_name);
        self
    }

    pub const fn position(mut self, position: u32) -> Self {
        self.position = position;
        self
    }

    pub const fn described(mut self, description: &'static [u8]) -> Self {
        self.description = description;
        self
    }

    pub const fn unverified(mut self) -> Self {
        self.unverified = true;
        self
    }
}

pub struct Block {
    pub name: &'static CStr,
    pub provider: Option<&'static CStr>,
    pub symbols: &'static [Symbol],
    pub autoload: bool,
    pub policy: Policy,
}

impl Block {
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
            policy: Policy::Strict,
        }
    }

    pub const fn verify(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    pub const fn autoload(mut self) -> Self {
        self.autoload = true;
        self
    }
}

/// The number of callers inside a block, and of all calls.
pub struct Calls {
    pub inside: AtomicUsize,
    pub entered: AtomicUsize,
    pub open: AtomicBool,
}

pub struct Inside<'a>(&'a Calls);

impl Calls {
    pub const fn closed() -> Self {
        Self {
            inside: AtomicUsize::new(0),
            entered: AtomicUsize::new(0),
            open: AtomicBool::new(false),
        }
    }

    pub fn try_enter(&self) -> Option<Inside<'_>> {
        if !self.open.load(Relaxed) {
            return None;
        }
        self.inside.fetch_add(1, Relaxed);
        self.entered.fetch_add(1, Relaxed);
        Some(Inside(self))
    }

    pub fn enter(&self, symbol: &str) -> Inside<'_> {
        self.try_enter()
            .unwrap_or_else(|| panic!("{symbol} is not bound"))
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.inside.fetch_sub(1, Relaxed);
    }
}

pub struct LateCalls(pub Calls);

impl LateCalls {
    pub const fn closed() -> Self {
        Self(Calls::closed())
    }

    pub fn enter(&self) -> Option<Inside<'_>> {
        self.0.try_enter()
    }
}

pub trait ProviderEvents: Send + Sync + 'static {}

impl ProviderEvents for () {}

/// The arguments with which a late block would be bound.
pub struct LateImports<T> {
    pub block: &'static Block,
    pub calls: &'static LateCalls,
    pub provider: std::ffi::CString,
    pub events: T,
}

impl<T: ProviderEvents> LateImports<T> {
    pub fn new<'a>(
        block: &'static Block,
        calls: &'static LateCalls,
        provider: &'a CStr,
        events: T,
    ) -> impl macro_support::PinInit<Self, macro_support::Error> + use<'a, T> {
        Self {
            block,
            calls,
            provider: provider.to_owned(),
            events,
        }
    }
}

pub mod macro_support {
    pub struct Error;

    /// Panics like the real one.
    pub fn returned(symbol: &str) -> ! {
        panic!("{symbol} returned")
    }

    /// A stand-in for an initialiser: the value itself.
    pub trait PinInit<T, E>: Sized {
        fn value(self) -> T;
    }

    impl<T, E> PinInit<T, E> for T {
        fn value(self) -> T {
            self
        }
    }
}

pub struct Direct;

pub struct Rebindable(pub &'static Calls);

/// The arguments with which a block would be resolved.
#[must_use]
pub struct Imports<M = Direct> {
    pub block: &'static Block,
    pub provider: Option<std::ffi::CString>,
    pub mode: M,
}

impl Imports<Rebindable> {
    pub fn resolve_rebindable(block: &'static Block, calls: &'static Calls) -> error::Result<Self> {
        calls.open.store(true, Relaxed);
        Ok(Self {
            block,
            provider: block.provider.map(CStr::to_owned),
            mode: Rebindable(calls),
        })
    }

    pub fn resolve_rebindable_from(
        block: &'static Block,
        calls: &'static Calls,
        provider: &CStr,
    ) -> error::Result<Self> {
        let mut imports = Self::resolve_rebindable(block, calls)?;
        imports.provider = Some(provider.to_owned());
        Ok(imports)
    }
}

impl Imports {
    pub fn resolve(block: &'static Block) -> error::Result<Self> {
        Ok(Self {
            block,
            provider: block.provider.map(CStr::to_owned),
            mode: Direct,
        })
    }

    pub fn resolve_from(block: &'static Block, provider: &CStr) -> error::Result<Self> {
        Ok(Self {
            block,
            provider: Some(provider.to_owned()),
            mode: Direct,
        })
    }
}

pub mod error {
    pub type Result<T> = core::result::Result<T, i32>;
}

/// Declares the function under its kernel name, so that a test can define it.
#[macro_export]
macro_rules! __declare_function {
    (
        trampoline: $trampoline:literal,
        key: $key:literal,
        binding: $binding:ident,
        call: $call:ident,
        unbound: $unbound:ident,
        symbol: $symbol:literal,
        fn($($name:ident: $type:ty),*) -> $return:ty
    ) => {
        #[allow(non_upper_case_globals)]
        static $binding: $crate::FunctionBinding = $crate::FunctionBinding($symbol);

        #[allow(non_snake_case, dead_code)]
        const fn $unbound() -> (&'static str, &'static str) {
            ($trampoline, $key)
        }

        // The real one declares a trampoline, which has no other declaration.
        #[allow(clashing_extern_declarations)]
        extern "C" {
            #[link_name = $symbol]
            fn $call($($name: $type),*) -> $return;
        }
    };
}

/// Declares the function under its livepatch name, so that a test can define it.
#[macro_export]
macro_rules! __declare_livepatch_function {
    (
        livepatch: $livepatch:literal,
        target: $target:ident,
        loaded: $loaded:ident,
        binding: $binding:ident,
        call: $call:ident,
        symbol: $symbol:literal,
        fn($($name:ident: $type:ty),*) -> $return:ty
    ) => {
        extern "C" {
            #[link_name = $livepatch]
            fn $target($($name: $type),*) -> $return;
        }

        #[allow(non_upper_case_globals)]
        static $loaded: $crate::LoadedAddress = $crate::LoadedAddress($target as *const u8);

        #[allow(non_upper_case_globals)]
        static $binding: $crate::DataBinding = $crate::DataBinding::new($symbol);

        #[allow(dead_code)]
        unsafe fn $call($($name: $type),*) -> $return {
            unsafe { $target($($name),*) }
        }
    };
}

/// Declares the datum under its livepatch name, so that a test can define it.
#[macro_export]
macro_rules! __declare_livepatch_data {
    (livepatch: $livepatch:literal, loaded: $loaded:ident) => {
        #[allow(non_upper_case_globals)]
        static $loaded: $crate::LoadedAddress = {
            extern "C" {
                #[link_name = $livepatch]
                static TARGET: u8;
            }
            $crate::LoadedAddress(&raw const TARGET)
        };
    };
}
