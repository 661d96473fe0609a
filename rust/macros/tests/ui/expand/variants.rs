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
    }
    #[late]
    mod late from "provider" {
        unit: fn(),
    }
    #[livepatch]
    mod livepatch {
        #[cfg(all())]
        patched: fn(),
    }
}

// has: /// Symbols imported from the kernel image. #[cfg(CONFIG_X86)] pub mod r#type {
// has: pub unsafe fn r#fn(__kimport_arg_in: u8) {
// has: block: "type", provider: "", name: "fn", rust_name: "fn"
// has: ::kimport::Symbol::function(c"fn", &__KIMPORT_BINDING_fn)
// has: pub unsafe fn function(__kimport_arg_a: *const target_backend_ops) -> c_int {
// has: ::core::option::Option::Some(c"provider"), __KIMPORT_SYMBOLS,).autoload();
// has: ::kimport::Imports::resolve_from(&__KIMPORT_BLOCK, __kimport_provider)
// has: let __kimport_inside = __KIMPORT_CALLS.enter("counted"); unsafe { __kimport_call_counted() }
// has: ::kimport::Imports::resolve_rebindable(&__KIMPORT_BLOCK, &__KIMPORT_CALLS)
// has: pub unsafe fn unit() -> ::core::option::Option<()> {
// has: ::core::option::Option::Some(unsafe { __kimport_call_unit() })
// has: #[cfg(all())] ::kimport::__declare_livepatch_function!
// has: livepatch: ".klp.sym.vmlinux.patched,0"
// has: #[cfg(all())] ::kimport::Symbol::livepatch_function(c"patched", &__KIMPORT_BINDING_patched)
// has: .loaded(&__KIMPORT_LOADED_patched)
