// SPDX-License-Identifier: GPL-2.0

use kimport_macros::import_symbols;
/// Symbols imported from the kernel module `provider`.
mod late {
    #[allow(unused_imports)]
    use super::*;
    ::kimport::__declare_function! {
        trampoline : "__SCT__kimport_demo_0_function", key :
        "__SCK__kimport_demo_0_function", binding : __KIMPORT_BINDING_function, call :
        __kimport_call_function, block : __KIMPORT_BLOCK, symbol : "function", fn
        (__kimport_arg_a : u8) -> u8
    }
    /// Calls `provider:function` of the kernel; `None` while it is not there.
    ///
    /// Arguments: `a`.
    ///
    /// # Safety
    ///
    /// The caller must meet everything that the kernel's function requires of its callers, and the declared type must be the type of that function.
    #[allow(
        dead_code,
        non_snake_case,
        unreachable_pub,
        clippy::missing_safety_doc,
        clippy::too_many_arguments,
        clippy::undocumented_unsafe_blocks,
    )]
    #[inline(always)]
    pub unsafe fn function(__kimport_arg_a: u8) -> ::core::option::Option<u8> {
        let __kimport_inside = __KIMPORT_CALLS.enter()?;
        ::core::option::Option::Some(unsafe { __kimport_call_function(__kimport_arg_a) })
    }
    #[allow(non_upper_case_globals)]
    const __KIMPORT_TYPE_function: &[u8] = ::kimport::types::encoded!(
        ::kimport::types::Encoding::function(& [::kimport::types::describe!(u8)],
        ::kimport::types::describe!(u8), false)
    );
    ::kimport::types::import_record! {
        Function, policy : Strict, optional : false, unverified : false, position : 0,
        block : "late", provider : "provider", name : "function", rust_name : "function",
        description : __KIMPORT_TYPE_function,
    }
    static __KIMPORT_SYMBOLS: &[::kimport::Symbol] = &[
        ::kimport::Symbol::function(c"function", &__KIMPORT_BINDING_function)
            .described(__KIMPORT_TYPE_function),
    ];
    static __KIMPORT_BLOCK: ::kimport::Block = ::kimport::Block::new(
        ::kimport::__importer!(c"demo_module"),
        c"late",
        ::core::option::Option::Some(c"provider"),
        __KIMPORT_SYMBOLS,
    );
    ::kimport::__declare_calls! {
        __KIMPORT_CALLS : LateCalls
    }
    /// Binds the wrappers whenever the module that provides the symbols is there, and calls the
    /// given [`ProviderEvents`](::kimport::ProviderEvents) when it comes and goes.
    ///
    /// The module is held only by calls. While it is not there, or lacks a symbol (which is
    /// logged), the wrappers return `None`. Must be initialised and dropped in a context that
    /// may sleep, and not in one of the events.
    ///
    /// # Errors
    ///
    /// `EALREADY`: the block has another [`LateImports`](::kimport::LateImports). `EACCES`: the
    /// license of the importing module is not GPL-compatible. `EDEADLK`: the provider is that
    /// module. `EOPNOTSUPP`: kallsyms cannot be reached. `ENOMEM`.
    #[allow(dead_code, unreachable_pub)]
    pub fn bind_late<T: ::kimport::ProviderEvents>(
        __kimport_events: T,
    ) -> impl ::kimport::macro_support::PinInit<
        ::kimport::LateImports<T>,
        ::kimport::macro_support::Error,
    > {
        ::kimport::LateImports::new(
            &__KIMPORT_BLOCK,
            &__KIMPORT_CALLS,
            c"provider",
            __kimport_events,
        )
    }
    /// Like [`bind_late`], with the symbols of the kernel module that is named.
    ///
    /// # Errors
    ///
    /// See [`bind_late`].
    #[allow(dead_code, unreachable_pub)]
    pub fn bind_late_from<'a, T: ::kimport::ProviderEvents>(
        __kimport_provider: &'a ::core::ffi::CStr,
        __kimport_events: T,
    ) -> impl ::kimport::macro_support::PinInit<
        ::kimport::LateImports<T>,
        ::kimport::macro_support::Error,
    > + use<'a, T> {
        ::kimport::LateImports::new(
            &__KIMPORT_BLOCK,
            &__KIMPORT_CALLS,
            __kimport_provider,
            __kimport_events,
        )
    }
}
