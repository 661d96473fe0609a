// SPDX-License-Identifier: GPL-2.0

//! The wrappers do what the declarations say.

#[path = "../support/mod.rs"]
mod support;
extern crate self as kernel;
extern crate self as kimport;
pub use support::*;

use ::core::ffi::c_int;
use kimport_macros::import_symbols;
use kimport_types::Policy;

/// The "kernel".
mod functions {
    #[no_mangle]
    extern "C" fn subtract(a: u32, b: u32) -> u32 {
        a - b
    }

    #[no_mangle]
    extern "C" fn r#type(x: &u8) -> &u8 {
        x
    }

    #[no_mangle]
    extern "C" fn abort_all() -> ! {
        std::process::abort()
    }

    /// This function is declared as optional. The support treats a name that ends in "missing" as
    /// not bound.
    #[no_mangle]
    extern "C" fn is_missing() -> u32 {
        unreachable!()
    }

    #[no_mangle]
    extern "C" fn never_missing() -> ! {
        unreachable!()
    }
}

// A macro of the user passes fragments on, which come in invisible groups.
macro_rules! imports {
    ($($(#[$attribute:meta])* $vis:vis $name:ident: $type:ty;)*) => {
        import_symbols! {
            mod forwarded { $($(#[$attribute])* $vis $name: $type,)* }
        }
    };
    (nested $type:ty) => {
        import_symbols! {
            mod nested {
                #[optional]
                nested_missing: fn(*mut $type, (*const ($type))),
            }
        }
    };
    (named $name:ident $kernel:literal $position:literal) => {
        import_symbols! {
            mod literals {
                #[name = $kernel]
                #[position = $position]
                $name: u32,
            }
        }
    };
}

imports! {
    #[name = "subtract"]
    pub(crate) minus: fn(u32, u32) -> u32;
    /// Data.
    #[optional]
    data: *const u8;
}

imports! { nested Local }

imports! { named literal "kernel_literal" 2 }

#[repr(C)]
struct Local(#[allow(dead_code)] u64);

import_symbols! {
    // No path of the expansion goes through `core` by name only.
    mod core {
        subtract: fn(a: u32, u32) -> u32,
        #[name = "subtract"]
        #[optional]
        maybe_subtract: unsafe extern "C" fn(_: u32, arg0: u32) -> u32,
        #[optional]
        is_missing: fn() -> c_int,
        r#type: fn(r#in: &u8) -> &u8,
        abort_all: fn() -> !,
        #[optional]
        never_missing: fn() -> !,
        #[name = "subtract"]
        in_parentheses: (fn(u32, u32) -> u32),
    }
    mod option from "provider" {
        #[position = 3]
        #[unverified]
        #[optional]
        local: Local,
        local_missing: Local,
        #[optional]
        optional_missing: Local,
        #[unverified]
        reference: &[&'static str; 2],
        #[unverified]
        callback: Option<fn(&u8) -> &u8>,
        #[cfg(any())]
        gone: Local,
    }
}

mod bare {
    use super::Imports;
    kimport_macros::import_symbols! { resolved: [u8; 12] }

    pub fn check() {
        let imports: Imports = resolve_imports().unwrap();
        assert_eq!(imports.block.name, c"");
        assert_eq!(imports.block.provider, None);
        assert_eq!(imports.block.symbols[0].binding.size(), Some(12));
        let imports = resolve_imports_from(c"other").unwrap();
        assert_eq!(imports.provider.as_deref(), Some(c"other"));
    }
}

fn main() {
    assert_eq!(unsafe { core::subtract(5, 3) }, 2);
    assert_eq!(unsafe { core::maybe_subtract(5, 3) }, Some(2));
    assert_eq!(unsafe { core::in_parentheses(5, 3) }, 2);
    assert_eq!(unsafe { core::is_missing() }, None);
    assert!(unsafe { core::never_missing() }.is_none());
    assert_eq!(unsafe { core::r#type(&7) }, &7);
    let _: unsafe fn() -> ! = core::abort_all;
    assert_eq!(unsafe { forwarded::minus(5, 3) }, 2);
    assert!(forwarded::data().is_none());

    let pointer = kimport_types::Encoding::named("Local", Some(8)).pointer(false);
    let description = nested::resolve_imports().unwrap().block.symbols[0].description;
    assert!(description
        .windows(pointer.len())
        .any(|bytes| bytes == pointer.as_bytes()));
    let _: Option<*mut Local> = option::local();
    assert!(option::optional_missing().is_none());
    let _: *mut &'static [&'static str; 2] = option::reference();
    let _: *mut Option<fn(&u8) -> &u8> = option::callback();
    bare::check();

    let imports = option::resolve_imports().unwrap();
    // The wrapper of a datum knows its block, for the message that it is not bound.
    let local: *mut Local = option::local_missing();
    assert!(::core::ptr::eq(local.cast(), imports.block));
    assert_eq!(imports.block.name, c"option");
    assert_eq!(imports.block.provider, Some(c"provider"));
    let expected = "local local_missing optional_missing reference callback";
    assert_eq!(symbol_names(imports.block), expected);
    let local = &imports.block.symbols[0];
    assert_eq!((local.rust_name, local.binding.size()), (None, Some(8)));
    assert!(local.optional && local.unverified);
    assert_eq!(local.position, Some(3));
    assert!(local.loaded.is_none() && local.description.is_empty());
    let described = &imports.block.symbols[1];
    let encoding = kimport_types::Encoding::named("Local", Some(8)).into_data();
    assert_eq!(described.description, encoding.as_bytes());
    assert_eq!(imports.block.policy, Policy::Strict);

    let imports = core::resolve_imports().unwrap();
    assert_eq!(imports.provider, None);
    assert_eq!(imports.block.symbols[3].name, c"type");
    assert!(imports
        .block
        .symbols
        .iter()
        .all(|s| s.binding.size().is_none()));

    let imports = literals::resolve_imports().unwrap();
    assert_eq!(imports.block.symbols[0].name, c"kernel_literal");
    assert_eq!(imports.block.symbols[0].rust_name, Some("literal"));
    assert_eq!(imports.block.symbols[0].position, Some(2));
}
