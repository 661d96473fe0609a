// SPDX-License-Identifier: GPL-2.0

//! A stand-in for the parts of the `kimport` and `kernel` crates that the expansion uses, for tests
//! that compile it on the host. The tables are the real ones, of `block.rs`. A symbol called
//! `*missing` counts as missing. All others count as bound: a function to the one that the test
//! defines under the symbol's name, data to that name itself.
//!
//! A test stands for both crates itself, with `extern crate self as ...`.

use core::ffi::CStr;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

pub use block::{Block, Symbol};
pub use core::ffi;
pub use kimport_types as types;

#[allow(dead_code, unexpected_cfgs)]
#[rustfmt::skip] // rustfmt would look for the file's `tests` module here.
#[path = "../../../../kimport/block.rs"]
mod block;

/// Returns the kernel's names of a block's symbols.
pub fn symbol_names(block: &Block) -> String {
    let names = block.symbols.iter().map(|symbol| symbol.name.to_str());
    names.collect::<Result<Vec<_>, _>>().unwrap().join(" ")
}

pub struct FunctionBinding(pub &'static str);

impl FunctionBinding {
    pub fn is_bound(&self) -> bool {
        !self.0.ends_with("missing")
    }
}

/// The binding of a datum, which is missing.
pub struct DataBinding;

impl DataBinding {
    pub const fn unbound() -> Self {
        Self
    }

    pub fn get(&self) -> Option<*mut u8> {
        None
    }

    pub fn address(&self, block: &'static Block) -> *mut u8 {
        core::ptr::from_ref(block).cast_mut().cast()
    }
}

/// The address to which the kernel bound a symbol: that of a function or datum that the test
/// defines.
pub struct LoadedAddress(pub *const u8);

unsafe impl Sync for LoadedAddress {}

/// The part of the binder that blocks use. It binds nothing.
pub mod binder {
    use super::importer::Importer;
    pub use super::{FunctionBinding, LoadedAddress};
    use core::ffi::c_void;

    pub trait Binder: Sized + 'static {
        unsafe fn bind_all(_: &Importer, _: impl Iterator<Item = (&'static Self, *mut c_void)> + Clone) {}

        fn unbind_all(_: &Importer, _: impl Iterator<Item = &'static Self> + Clone) {}
    }

    impl Binder for FunctionBinding {}
}

/// The bindings of entries, which nobody binds.
pub mod binding {
    pub use super::DataBinding;
    use super::FunctionBinding;
    use core::ffi::c_void;

    pub enum Binding {
        Function(&'static FunctionBinding),
        Livepatch(&'static DataBinding),
        Data {
            binding: &'static DataBinding,
            size: usize,
        },
    }

    impl Binding {
        /// Returns the size of a datum.
        pub fn size(&self) -> Option<usize> {
            match self {
                Self::Function(_) | Self::Livepatch(_) => None,
                Self::Data { size, .. } => Some(*size),
            }
        }

        pub unsafe fn bind(&self, _: *mut c_void) {}

        pub fn retire(&self) {}

        pub fn address(&self) -> Option<*mut c_void> {
            None
        }

        pub fn function(&self) -> Option<&'static FunctionBinding> {
            None
        }
    }
}

pub mod importer {
    #[derive(Clone, Copy)]
    pub struct Importer(pub &'static core::ffi::CStr);
}

#[macro_export]
macro_rules! __importer {
    ($built_for:expr) => {
        $crate::importer::Importer($built_for)
    };
}

pub mod log {
    macro_rules! debug {
        ($($arg:tt)*) => {};
    }
    pub(crate) use debug;
}

pub mod sync {
    pub mod atomic {
        pub use core::sync::atomic::AtomicBool as AtomicFlag;
    }
}

/// The number of callers inside a block, and of all calls.
pub struct Calls {
    pub inside: AtomicUsize,
    pub entered: AtomicUsize,
}

pub struct Inside<'a>(&'a Calls);

impl Calls {
    pub const fn new() -> Self {
        Self {
            inside: AtomicUsize::new(0),
            entered: AtomicUsize::new(0),
        }
    }

    pub fn enter(&self) -> Inside<'_> {
        self.inside.fetch_add(1, Relaxed);
        self.entered.fetch_add(1, Relaxed);
        Inside(self)
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.inside.fetch_sub(1, Relaxed);
    }
}

pub struct LateCalls {
    pub calls: Calls,
    pub open: AtomicBool,
}

impl LateCalls {
    pub const fn new() -> Self {
        Self {
            calls: Calls::new(),
            open: AtomicBool::new(false),
        }
    }

    pub fn enter(&self) -> Option<Inside<'_>> {
        self.open.load(Relaxed).then(|| self.calls.enter())
    }
}

#[macro_export]
macro_rules! __declare_calls {
    ($calls:ident: $type:ident) => {
        static $calls: $crate::$type = $crate::$type::new();
    };
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

impl<M> Imports<M> {
    fn new(block: &'static Block, provider: Option<&CStr>, mode: M) -> error::Result<Self> {
        Ok(Self {
            block,
            provider: provider.map(CStr::to_owned),
            mode,
        })
    }
}

impl Imports<Rebindable> {
    pub fn resolve_rebindable(block: &'static Block, calls: &'static Calls) -> error::Result<Self> {
        Self::new(block, block.provider, Rebindable(calls))
    }

    pub fn resolve_rebindable_from(
        block: &'static Block,
        calls: &'static Calls,
        provider: &CStr,
    ) -> error::Result<Self> {
        Self::new(block, Some(provider), Rebindable(calls))
    }
}

impl Imports {
    pub fn resolve(block: &'static Block) -> error::Result<Self> {
        Self::new(block, block.provider, Direct)
    }

    pub fn resolve_from(block: &'static Block, provider: &CStr) -> error::Result<Self> {
        Self::new(block, Some(provider), Direct)
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
        block: $block:ident,
        symbol: $symbol:literal,
        $(#[$lint:meta])?
        fn($($name:ident: $type:ty),*) -> $return:ty
    ) => {
        #[allow(non_upper_case_globals)]
        static $binding: $crate::FunctionBinding = $crate::FunctionBinding($symbol);

        const _: (&str, &str) = ($trampoline, $key);

        // The real one declares a trampoline, which has no other declaration.
        #[allow(clashing_extern_declarations)]
        $(#[$lint])?
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
        block: $block:ident,
        symbol: $symbol:literal,
        $(#[$lint:meta])?
        fn($($name:ident: $type:ty),*) -> $return:ty
    ) => {
        $(#[$lint])?
        extern "C" {
            #[link_name = $livepatch]
            fn $target($($name: $type),*) -> $return;
        }

        #[allow(non_upper_case_globals)]
        static $loaded: $crate::LoadedAddress = $crate::LoadedAddress($target as *const u8);

        #[allow(non_upper_case_globals)]
        static $binding: $crate::DataBinding = $crate::DataBinding::unbound();

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
