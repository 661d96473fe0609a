// SPDX-License-Identifier: GPL-2.0

use kimport_macros::import_symbols;
/// Symbols imported from the kernel image.
mod strict {
    #[allow(unused_imports)]
    use super::*;
    ::kimport::__declare_function! {
        trampoline : "__SCT__kimport_demo_0_a", key : "__SCK__kimport_demo_0_a", binding
        : __KIMPORT_BINDING_a, call : __kimport_call_a, unbound : __kimport_unbound_a,
        symbol : "a", fn () -> ()
    }
    /// Calls `a` of the kernel.
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
    pub unsafe fn a() {
        unsafe { __kimport_call_a() }
    }
    #[allow(non_upper_case_globals)]
    const __KIMPORT_TYPE_a: &[u8] = {
        const __KIMPORT_ENCODING: ::kimport::types::Encoding = ::kimport::types::Encoding::function(
            &[],
            ::kimport::types::Encoding::VOID,
            false,
        );
        const __KIMPORT_BYTES: [u8; __KIMPORT_ENCODING.len()] = __KIMPORT_ENCODING
            .to_array();
        &__KIMPORT_BYTES
    };
    const _: () = {
        #[used]
        #[link_section = ".kimport"]
        static RECORD: ::kimport::Record<
            { ::kimport::record_size(28, __KIMPORT_TYPE_a.len()) },
        > = ::kimport::Record::new(
            b"\x02\0\0\0\0\0\0\0\0\0\0\0\x0C\0\0\0strict\0\0a\0a\0",
            __KIMPORT_TYPE_a,
        );
    };
    static __KIMPORT_SYMBOLS: &[::kimport::Symbol] = &[
        ::kimport::Symbol::function(c"a", &__KIMPORT_BINDING_a)
            .described(__KIMPORT_TYPE_a),
    ];
    static __KIMPORT_BLOCK: ::kimport::Block = ::kimport::Block::new(
            c"strict",
            ::core::option::Option::None,
            __KIMPORT_SYMBOLS,
        )
        .verify(::kimport::Verify::Strict);
    /// Finds every symbol declared here and binds the wrappers to them.
    ///
    /// The module that provides the symbols stays loaded until the returned
    /// [`Imports`](::kimport::Imports) is dropped; no wrapper may be called after that. Must be
    /// called from a context that may sleep.
    ///
    /// # Errors
    ///
    /// Those of [`Imports`](::kimport::Imports#errors). After an error nothing is bound and no
    /// module is held.
    #[allow(dead_code, unreachable_pub)]
    pub fn resolve_imports() -> ::kernel::error::Result<::kimport::Imports> {
        ::kimport::Imports::resolve(&__KIMPORT_BLOCK)
    }
    /// Like [`resolve_imports`], with the symbols of the kernel module that is named.
    ///
    /// # Errors
    ///
    /// As [`resolve_imports`].
    #[allow(dead_code, unreachable_pub)]
    pub fn resolve_imports_from(
        __kimport_provider: &::core::ffi::CStr,
    ) -> ::kernel::error::Result<::kimport::Imports> {
        ::kimport::Imports::resolve_from(&__KIMPORT_BLOCK, __kimport_provider)
    }
}
/// Symbols imported from the kernel image.
mod warned {
    #[allow(unused_imports)]
    use super::*;
    ::kimport::__declare_function! {
        trampoline : "__SCT__kimport_demo_1_a", key : "__SCK__kimport_demo_1_a", binding
        : __KIMPORT_BINDING_a, call : __kimport_call_a, unbound : __kimport_unbound_a,
        symbol : "a", fn (__kimport_arg_0 : * mut task_struct, __kimport_arg_1 : gfp_t)
        -> c_int
    }
    /// Calls `a` of the kernel.
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
    pub unsafe fn a(__kimport_arg_0: *mut task_struct, __kimport_arg_1: gfp_t) -> c_int {
        unsafe { __kimport_call_a(__kimport_arg_0, __kimport_arg_1) }
    }
    #[allow(non_upper_case_globals)]
    const __KIMPORT_TYPE_a: &[u8] = {
        const __KIMPORT_ENCODING: ::kimport::types::Encoding = ::kimport::types::Encoding::function(
            &[
                ::kimport::types::describe!(* mut task_struct),
                ::kimport::types::describe!(gfp_t),
            ],
            ::kimport::types::describe!(c_int),
            false,
        );
        const __KIMPORT_BYTES: [u8; __KIMPORT_ENCODING.len()] = __KIMPORT_ENCODING
            .to_array();
        &__KIMPORT_BYTES
    };
    const _: () = {
        #[used]
        #[link_section = ".kimport"]
        static RECORD: ::kimport::Record<
            { ::kimport::record_size(28, __KIMPORT_TYPE_a.len()) },
        > = ::kimport::Record::new(
            b"\x02\0\x04\0\0\0\0\0\0\0\0\0\x0C\0\0\0warned\0\0a\0a\0",
            __KIMPORT_TYPE_a,
        );
    };
    static __KIMPORT_SYMBOLS: &[::kimport::Symbol] = &[
        ::kimport::Symbol::function(c"a", &__KIMPORT_BINDING_a)
            .described(__KIMPORT_TYPE_a),
    ];
    static __KIMPORT_BLOCK: ::kimport::Block = ::kimport::Block::new(
            c"warned",
            ::core::option::Option::None,
            __KIMPORT_SYMBOLS,
        )
        .verify(::kimport::Verify::Warn);
    /// Finds every symbol declared here and binds the wrappers to them.
    ///
    /// The module that provides the symbols stays loaded until the returned
    /// [`Imports`](::kimport::Imports) is dropped; no wrapper may be called after that. Must be
    /// called from a context that may sleep.
    ///
    /// # Errors
    ///
    /// Those of [`Imports`](::kimport::Imports#errors). After an error nothing is bound and no
    /// module is held.
    #[allow(dead_code, unreachable_pub)]
    pub fn resolve_imports() -> ::kernel::error::Result<::kimport::Imports> {
        ::kimport::Imports::resolve(&__KIMPORT_BLOCK)
    }
    /// Like [`resolve_imports`], with the symbols of the kernel module that is named.
    ///
    /// # Errors
    ///
    /// As [`resolve_imports`].
    #[allow(dead_code, unreachable_pub)]
    pub fn resolve_imports_from(
        __kimport_provider: &::core::ffi::CStr,
    ) -> ::kernel::error::Result<::kimport::Imports> {
        ::kimport::Imports::resolve_from(&__KIMPORT_BLOCK, __kimport_provider)
    }
}
/// Symbols imported from the kernel module `provider`.
mod unchecked {
    #[allow(unused_imports)]
    use super::*;
    #[allow(non_upper_case_globals)]
    static __KIMPORT_BINDING_a: ::kimport::DataBinding = ::kimport::DataBinding::new(
        "provider:a",
    );
    /// The address of the kernel's `provider:a`.
    #[allow(dead_code, non_snake_case, unreachable_pub)]
    #[inline]
    pub fn a() -> *mut [u8; 4] {
        __KIMPORT_BINDING_a.address().cast()
    }
    #[allow(non_upper_case_globals)]
    const __KIMPORT_TYPE_a: &[u8] = {
        const __KIMPORT_ENCODING: ::kimport::types::Encoding = ::kimport::types::describe!(
            [u8; 4]
        )
            .into_data();
        const __KIMPORT_BYTES: [u8; __KIMPORT_ENCODING.len()] = __KIMPORT_ENCODING
            .to_array();
        &__KIMPORT_BYTES
    };
    const _: () = {
        #[used]
        #[link_section = ".kimport"]
        static RECORD: ::kimport::Record<
            { ::kimport::record_size(39, __KIMPORT_TYPE_a.len()) },
        > = ::kimport::Record::new(
            b"\x02\x01\x08\0\0\0\0\0\0\0\0\0\x17\0\0\0unchecked\0provider\0a\0a\0",
            __KIMPORT_TYPE_a,
        );
    };
    static __KIMPORT_SYMBOLS: &[::kimport::Symbol] = &[
        ::kimport::Symbol::data(
                c"a",
                &__KIMPORT_BINDING_a,
                ::core::mem::size_of::<[u8; 4]>(),
            )
            .described(__KIMPORT_TYPE_a),
    ];
    static __KIMPORT_BLOCK: ::kimport::Block = ::kimport::Block::new(
            c"unchecked",
            ::core::option::Option::Some(c"provider"),
            __KIMPORT_SYMBOLS,
        )
        .verify(::kimport::Verify::Off);
    /// Finds every symbol declared here and binds the wrappers to them.
    ///
    /// The module that provides the symbols stays loaded until the returned
    /// [`Imports`](::kimport::Imports) is dropped; no wrapper may be called after that. Must be
    /// called from a context that may sleep.
    ///
    /// # Errors
    ///
    /// Those of [`Imports`](::kimport::Imports#errors). After an error nothing is bound and no
    /// module is held.
    #[allow(dead_code, unreachable_pub)]
    pub fn resolve_imports() -> ::kernel::error::Result<::kimport::Imports> {
        ::kimport::Imports::resolve(&__KIMPORT_BLOCK)
    }
    /// Like [`resolve_imports`], with the symbols of the kernel module that is named.
    ///
    /// # Errors
    ///
    /// As [`resolve_imports`].
    #[allow(dead_code, unreachable_pub)]
    pub fn resolve_imports_from(
        __kimport_provider: &::core::ffi::CStr,
    ) -> ::kernel::error::Result<::kimport::Imports> {
        ::kimport::Imports::resolve_from(&__KIMPORT_BLOCK, __kimport_provider)
    }
}
::kimport::__declare_function! {
    trampoline : "__SCT__kimport_demo_0_a", key : "__SCK__kimport_demo_0_a", binding :
    __KIMPORT_BINDING_a, call : __kimport_call_a, unbound : __kimport_unbound_a, symbol :
    "a", fn () -> ()
}
/// Calls `a` of the kernel.
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
pub unsafe fn a() {
    unsafe { __kimport_call_a() }
}
#[allow(non_upper_case_globals)]
const __KIMPORT_TYPE_a: &[u8] = {
    const __KIMPORT_ENCODING: ::kimport::types::Encoding = ::kimport::types::Encoding::function(
        &[],
        ::kimport::types::Encoding::VOID,
        false,
    );
    const __KIMPORT_BYTES: [u8; __KIMPORT_ENCODING.len()] = __KIMPORT_ENCODING
        .to_array();
    &__KIMPORT_BYTES
};
const _: () = {
    #[used]
    #[link_section = ".kimport"]
    static RECORD: ::kimport::Record<
        { ::kimport::record_size(22, __KIMPORT_TYPE_a.len()) },
    > = ::kimport::Record::new(
        b"\x02\0\x0C\0\0\0\0\0\0\0\0\0\x06\0\0\0\0\0a\0a\0",
        __KIMPORT_TYPE_a,
    );
};
static __KIMPORT_SYMBOLS: &[::kimport::Symbol] = &[
    ::kimport::Symbol::function(c"a", &__KIMPORT_BINDING_a).described(__KIMPORT_TYPE_a),
];
static __KIMPORT_BLOCK: ::kimport::Block = ::kimport::Block::new(
        c"",
        ::core::option::Option::None,
        __KIMPORT_SYMBOLS,
    )
    .verify(::kimport::Verify::Require);
/// Finds every symbol declared here and binds the wrappers to them.
///
/// The module that provides the symbols stays loaded until the returned
/// [`Imports`](::kimport::Imports) is dropped; no wrapper may be called after that. Must be
/// called from a context that may sleep.
///
/// # Errors
///
/// Those of [`Imports`](::kimport::Imports#errors). After an error nothing is bound and no
/// module is held.
#[allow(dead_code, unreachable_pub)]
pub fn resolve_imports() -> ::kernel::error::Result<::kimport::Imports> {
    ::kimport::Imports::resolve(&__KIMPORT_BLOCK)
}
/// Like [`resolve_imports`], with the symbols of the kernel module that is named.
///
/// # Errors
///
/// As [`resolve_imports`].
#[allow(dead_code, unreachable_pub)]
pub fn resolve_imports_from(
    __kimport_provider: &::core::ffi::CStr,
) -> ::kernel::error::Result<::kimport::Imports> {
    ::kimport::Imports::resolve_from(&__KIMPORT_BLOCK, __kimport_provider)
}
