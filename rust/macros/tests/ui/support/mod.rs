// SPDX-License-Identifier: GPL-2.0

//! What the expansion needs of the `kimport` and `kernel` crates, for tests that compile it on the
//! host. What is called `*missing` counts as missing, everything else as bound: functions to those
//! that the test defines under the symbol's name, data to that name.
//!
//! A test makes itself both crates with `extern crate self as ...`.

use core::ffi::CStr;

#[repr(C, align(8))]
pub struct Record<const N: usize>(pub [u8; N]);

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

#[derive(Debug, PartialEq)]
pub struct Symbol {
    pub name: &'static CStr,
    pub rust_name: Option<&'static str>,
    pub size: Option<usize>,
    pub optional: bool,
    pub position: u32,
    pub unverified: bool,
}

impl Symbol {
    pub const fn function(name: &'static CStr, _: &'static FunctionBinding) -> Self {
        Self {
            name,
            rust_name: None,
            size: None,
            optional: false,
            position: 0,
            unverified: false,
        }
    }

    pub const fn data(name: &'static CStr, _: &'static DataBinding, size: usize) -> Self {
        Self {
            name,
            rust_name: None,
            size: Some(size),
            optional: false,
            position: 0,
            unverified: false,
        }
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

    pub const fn unverified(mut self) -> Self {
        self.unverified = true;
        self
    }
}

pub struct Block {
    pub name: &'static CStr,
    pub provider: Option<&'static CStr>,
    pub symbols: &'static [Symbol],
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
        }
    }
}

/// Tells what would be resolved.
#[must_use]
pub struct Imports {
    pub block: &'static Block,
    pub provider: Option<std::ffi::CString>,
}

impl Imports {
    pub fn resolve(block: &'static Block) -> error::Result<Self> {
        Ok(Self {
            block,
            provider: block.provider.map(CStr::to_owned),
        })
    }

    pub fn resolve_from(block: &'static Block, provider: &CStr) -> error::Result<Self> {
        Ok(Self {
            block,
            provider: Some(provider.to_owned()),
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

        extern "C" {
            #[link_name = $symbol]
            fn $call($($name: $type),*) -> $return;
        }
    };
}
