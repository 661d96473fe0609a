// SPDX-License-Identifier: GPL-2.0

use kimport_macros::import_symbols;
::kimport::__declare_function! {
    trampoline : "__SCT__kimport_demo_0_undocumented", key :
    "__SCK__kimport_demo_0_undocumented", binding : __KIMPORT_BINDING_undocumented, call
    : __kimport_call_undocumented, unbound : __kimport_unbound_undocumented, symbol :
    "undocumented", fn () -> ()
}
/// Calls `undocumented` of the kernel.
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
pub unsafe fn undocumented() {
    unsafe { __kimport_call_undocumented() }
}
#[allow(non_upper_case_globals)]
const __KIMPORT_TYPE_undocumented: &[u8] = {
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
        { ::kimport::record_size(44, __KIMPORT_TYPE_undocumented.len()) },
    > = ::kimport::Record::new(
        b"\x02\0\0\0\0\0\0\0\0\0\0\0\x1C\0\0\0\0\0undocumented\0undocumented\0",
        __KIMPORT_TYPE_undocumented,
    );
};
::kimport::__declare_function! {
    trampoline : "__SCT__kimport_demo_0_without_safety", key :
    "__SCK__kimport_demo_0_without_safety", binding : __KIMPORT_BINDING_without_safety,
    call : __kimport_call_without_safety, unbound : __kimport_unbound_without_safety,
    symbol : "without_safety", fn () -> ()
}
/// Documented, but no word on safety.
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
pub unsafe fn without_safety() {
    unsafe { __kimport_call_without_safety() }
}
#[allow(non_upper_case_globals)]
const __KIMPORT_TYPE_without_safety: &[u8] = {
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
        { ::kimport::record_size(48, __KIMPORT_TYPE_without_safety.len()) },
    > = ::kimport::Record::new(
        b"\x02\0\0\0\0\0\0\0\0\0\0\0 \0\0\0\0\0without_safety\0without_safety\0",
        __KIMPORT_TYPE_without_safety,
    );
};
::kimport::__declare_function! {
    trampoline : "__SCT__kimport_demo_0_with_safety", key :
    "__SCK__kimport_demo_0_with_safety", binding : __KIMPORT_BINDING_with_safety, call :
    __kimport_call_with_safety, unbound : __kimport_unbound_with_safety, symbol :
    "with_safety", fn () -> ()
}
/// Documented.
///
/// # Safety
///
/// The lock must be held.
#[allow(
    dead_code,
    non_snake_case,
    unreachable_pub,
    clippy::missing_safety_doc,
    clippy::too_many_arguments,
    clippy::undocumented_unsafe_blocks,
)]
#[inline(always)]
pub unsafe fn with_safety() {
    unsafe { __kimport_call_with_safety() }
}
#[allow(non_upper_case_globals)]
const __KIMPORT_TYPE_with_safety: &[u8] = {
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
        { ::kimport::record_size(42, __KIMPORT_TYPE_with_safety.len()) },
    > = ::kimport::Record::new(
        b"\x02\0\0\0\0\0\0\0\0\0\0\0\x1A\0\0\0\0\0with_safety\0with_safety\0",
        __KIMPORT_TYPE_with_safety,
    );
};
::kimport::__declare_function! {
    trampoline : "__SCT__kimport_demo_0_block_comment", key :
    "__SCK__kimport_demo_0_block_comment", binding : __KIMPORT_BINDING_block_comment,
    call : __kimport_call_block_comment, unbound : __kimport_unbound_block_comment,
    symbol : "block_comment", fn () -> ()
}
/**
     * A comment of another form.
     *
     * # Safety
     *
     * None.
     */
#[allow(
    dead_code,
    non_snake_case,
    unreachable_pub,
    clippy::missing_safety_doc,
    clippy::too_many_arguments,
    clippy::undocumented_unsafe_blocks,
)]
#[inline(always)]
pub unsafe fn block_comment() {
    unsafe { __kimport_call_block_comment() }
}
#[allow(non_upper_case_globals)]
const __KIMPORT_TYPE_block_comment: &[u8] = {
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
        { ::kimport::record_size(46, __KIMPORT_TYPE_block_comment.len()) },
    > = ::kimport::Record::new(
        b"\x02\0\0\0\0\0\0\0\0\0\0\0\x1E\0\0\0\0\0block_comment\0block_comment\0",
        __KIMPORT_TYPE_block_comment,
    );
};
::kimport::__declare_function! {
    trampoline : "__SCT__kimport_demo_0_hidden", key : "__SCK__kimport_demo_0_hidden",
    binding : __KIMPORT_BINDING_hidden, call : __kimport_call_hidden, unbound :
    __kimport_unbound_hidden, symbol : "hidden", fn () -> ()
}
#[doc(hidden)]
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
pub unsafe fn hidden() {
    unsafe { __kimport_call_hidden() }
}
#[allow(non_upper_case_globals)]
const __KIMPORT_TYPE_hidden: &[u8] = {
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
        { ::kimport::record_size(32, __KIMPORT_TYPE_hidden.len()) },
    > = ::kimport::Record::new(
        b"\x02\0\0\0\0\0\0\0\0\0\0\0\x10\0\0\0\0\0hidden\0hidden\0",
        __KIMPORT_TYPE_hidden,
    );
};
#[allow(non_upper_case_globals)]
static __KIMPORT_BINDING_included: ::kimport::DataBinding = ::kimport::DataBinding::new(
    "included",
);
#[doc = include_str!("file.md")]
#[allow(dead_code, non_snake_case, unreachable_pub)]
#[inline]
pub fn included() -> *mut u32 {
    __KIMPORT_BINDING_included.address().cast()
}
#[allow(non_upper_case_globals)]
const __KIMPORT_TYPE_included: &[u8] = {
    const __KIMPORT_ENCODING: ::kimport::types::Encoding = ::kimport::types::describe!(
        u32
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
        { ::kimport::record_size(36, __KIMPORT_TYPE_included.len()) },
    > = ::kimport::Record::new(
        b"\x02\x01\0\0\0\0\0\0\0\0\0\0\x14\0\0\0\0\0included\0included\0",
        __KIMPORT_TYPE_included,
    );
};
#[allow(non_upper_case_globals)]
static __KIMPORT_BINDING_undocumented_data: ::kimport::DataBinding = ::kimport::DataBinding::new(
    "undocumented_data",
);
/// The address of the kernel's `undocumented_data`.
#[allow(dead_code, non_snake_case, unreachable_pub)]
#[inline]
pub fn undocumented_data() -> *mut u32 {
    __KIMPORT_BINDING_undocumented_data.address().cast()
}
#[allow(non_upper_case_globals)]
const __KIMPORT_TYPE_undocumented_data: &[u8] = {
    const __KIMPORT_ENCODING: ::kimport::types::Encoding = ::kimport::types::describe!(
        u32
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
        { ::kimport::record_size(54, __KIMPORT_TYPE_undocumented_data.len()) },
    > = ::kimport::Record::new(
        b"\x02\x01\0\0\0\0\0\0\0\0\0\0&\0\0\0\0\0undocumented_data\0undocumented_data\0",
        __KIMPORT_TYPE_undocumented_data,
    );
};
static __KIMPORT_SYMBOLS: &[::kimport::Symbol] = &[
    ::kimport::Symbol::function(c"undocumented", &__KIMPORT_BINDING_undocumented)
        .described(__KIMPORT_TYPE_undocumented),
    ::kimport::Symbol::function(c"without_safety", &__KIMPORT_BINDING_without_safety)
        .described(__KIMPORT_TYPE_without_safety),
    ::kimport::Symbol::function(c"with_safety", &__KIMPORT_BINDING_with_safety)
        .described(__KIMPORT_TYPE_with_safety),
    ::kimport::Symbol::function(c"block_comment", &__KIMPORT_BINDING_block_comment)
        .described(__KIMPORT_TYPE_block_comment),
    ::kimport::Symbol::function(c"hidden", &__KIMPORT_BINDING_hidden)
        .described(__KIMPORT_TYPE_hidden),
    ::kimport::Symbol::data(
            c"included",
            &__KIMPORT_BINDING_included,
            ::core::mem::size_of::<u32>(),
        )
        .described(__KIMPORT_TYPE_included),
    ::kimport::Symbol::data(
            c"undocumented_data",
            &__KIMPORT_BINDING_undocumented_data,
            ::core::mem::size_of::<u32>(),
        )
        .described(__KIMPORT_TYPE_undocumented_data),
];
static __KIMPORT_BLOCK: ::kimport::Block = ::kimport::Block::new(
    c"",
    ::core::option::Option::None,
    __KIMPORT_SYMBOLS,
);
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
