// SPDX-License-Identifier: GPL-2.0

use kimport_macros::import_symbols;

import_symbols! {
    #[cfg(CONFIG_X86)]
    pub mod r#type {
        r#fn: fn(r#in: u8),
    }
    #[autoload]
    mod requested from "provider" {
        function: fn(a: *const target_backend_ops) -> c_int,
    }
    #[rebindable]
    mod image {
        counted: fn(),
        #[optional]
        maybe_counted: fn(),
        datum: u32,
    }
    #[late]
    mod late from "provider" {
        unit: fn(),
        #[optional]
        maybe_unit: fn(),
    }
    #[livepatch]
    mod livepatch {
        #[cfg(all())]
        patched: fn(a: u8) -> u8,
        #[position = 2]
        #[name = "other.isra.0"]
        second: fn(),
    }
}

// has: /// Symbols imported from the kernel image. #[cfg(CONFIG_X86)] pub mod r#type {
// has: pub unsafe fn r#fn(__kimport_arg_in: u8) {
// has: block: "type", provider: "", name: "fn", rust_name: "fn"
// has: ::kimport::Symbol::function(c"fn", &__KIMPORT_BINDING_fn)
// has: pub unsafe fn function(__kimport_arg_a: *const target_backend_ops) -> c_int {
// has: ::core::option::Option::Some(c"provider"), __KIMPORT_SYMBOLS,).autoload().layouts(&__KIMPORT_LAYOUTS.0);
// has: ::kimport::Imports::resolve_from(&__KIMPORT_BLOCK, __kimport_provider)
// has: let __kimport_inside = __KIMPORT_CALLS.enter(); unsafe { __kimport_call_counted() }
// has: pub unsafe fn maybe_counted() -> ::core::option::Option<()> { let __kimport_inside = __KIMPORT_CALLS.enter(); if __KIMPORT_BINDING_maybe_counted.is_bound() {
// has: optional: true, unverified: false, position: 0, block: "image", provider: "", name: "maybe_counted"
// has: .described(__KIMPORT_TYPE_maybe_counted).optional(),
// has: pub fn datum() -> *mut u32 { __KIMPORT_BINDING_datum.address(&__KIMPORT_BLOCK).cast() }
// has: ::kimport::Block::new(::kimport::__importer!(c"demo_module"), c"image", ::core::option::Option::None, __KIMPORT_SYMBOLS,);
// has: ::kimport::__declare_calls! { __KIMPORT_CALLS : Calls }
// has: pub fn resolve_imports() -> ::kernel::error::Result<::kimport::Imports<::kimport::Rebindable>,> {
// has: ::kimport::Imports::resolve_rebindable(&__KIMPORT_BLOCK, &__KIMPORT_CALLS)
// has: -> ::kernel::error::Result<::kimport::Imports<::kimport::Rebindable>> {
// has: ::kimport::Imports::resolve_rebindable_from(&__KIMPORT_BLOCK, &__KIMPORT_CALLS, __kimport_provider,)
// has: pub unsafe fn unit() -> ::core::option::Option<()> {
// has: ::core::option::Option::Some(unsafe { __kimport_call_unit() })
// has: /// Calls `provider:maybe_unit` of the kernel; `None` while it is not there.
// has: pub unsafe fn maybe_unit() -> ::core::option::Option<()> { let __kimport_inside = __KIMPORT_CALLS.enter()?; if __KIMPORT_BINDING_maybe_unit.is_bound() {
// has: ::core::option::Option::Some(unsafe { __kimport_call_maybe_unit() }) } else { ::core::option::Option::None } }
// has: #[cfg(all())] ::kimport::__declare_livepatch_function!
// has: livepatch: ".klp.sym.vmlinux.patched,0", target: __kimport_target_patched, loaded: __KIMPORT_LOADED_patched,
// has: binding: __KIMPORT_BINDING_patched, call: __kimport_call_patched, block: __KIMPORT_BLOCK, symbol: "patched", fn(__kimport_arg_a: u8) -> u8 }
// has: pub unsafe fn patched(__kimport_arg_a: u8) -> u8 { unsafe { __kimport_call_patched(__kimport_arg_a) } }
// has: #[cfg(all())] ::kimport::Symbol::livepatch_function(c"patched", &__KIMPORT_BINDING_patched)
// has: .described(__KIMPORT_TYPE_patched).loaded(&__KIMPORT_LOADED_patched),
// has: livepatch: ".klp.sym.vmlinux.other.isra.0,2", target: __kimport_target_second, loaded: __KIMPORT_LOADED_second,
// has: pub unsafe fn second() { unsafe { __kimport_call_second() } }
// has: position: 2, block: "livepatch", provider: "", name: "other.isra.0", rust_name: "second"
// has: .rust_name("second").described(__KIMPORT_TYPE_second).loaded(&__KIMPORT_LOADED_second).position(2),
