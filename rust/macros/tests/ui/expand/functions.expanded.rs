// SPDX-License-Identifier: GPL-2.0

use kimport_macros::import_symbols;
::kimport::__declare_function! {
    trampoline : "__SCT__kimport_demo_0_no_arguments", key :
    "__SCK__kimport_demo_0_no_arguments", binding : __KIMPORT_BINDING_no_arguments, call
    : __kimport_call_no_arguments, unbound : __kimport_unbound_no_arguments, symbol :
    "no_arguments", fn () -> ()
}
/// Calls `no_arguments` of the kernel.
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
pub unsafe fn no_arguments() {
    unsafe { __kimport_call_no_arguments() }
}
#[allow(non_upper_case_globals)]
const __KIMPORT_TYPE_no_arguments: &[u8] = {
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
        { ::kimport::record_size(44, __KIMPORT_TYPE_no_arguments.len()) },
    > = ::kimport::Record::new(
        b"\x02\0\0\0\0\0\0\0\0\0\0\0\x1C\0\0\0\0\0no_arguments\0no_arguments\0",
        __KIMPORT_TYPE_no_arguments,
    );
};
::kimport::__declare_function! {
    trampoline : "__SCT__kimport_demo_0_explicit_unit", key :
    "__SCK__kimport_demo_0_explicit_unit", binding : __KIMPORT_BINDING_explicit_unit,
    call : __kimport_call_explicit_unit, unbound : __kimport_unbound_explicit_unit,
    symbol : "explicit_unit", fn () -> ()
}
/// Calls `explicit_unit` of the kernel.
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
pub unsafe fn explicit_unit() -> () {
    unsafe { __kimport_call_explicit_unit() }
}
#[allow(non_upper_case_globals)]
const __KIMPORT_TYPE_explicit_unit: &[u8] = {
    const __KIMPORT_ENCODING: ::kimport::types::Encoding = ::kimport::types::Encoding::function(
        &[],
        ::kimport::types::describe!(()),
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
        { ::kimport::record_size(46, __KIMPORT_TYPE_explicit_unit.len()) },
    > = ::kimport::Record::new(
        b"\x02\0\0\0\0\0\0\0\0\0\0\0\x1E\0\0\0\0\0explicit_unit\0explicit_unit\0",
        __KIMPORT_TYPE_explicit_unit,
    );
};
::kimport::__declare_function! {
    trampoline : "__SCT__kimport_demo_0_qualified", key :
    "__SCK__kimport_demo_0_qualified", binding : __KIMPORT_BINDING_qualified, call :
    __kimport_call_qualified, unbound : __kimport_unbound_qualified, symbol :
    "qualified", fn (__kimport_arg_a : u8) -> u8
}
/// Calls `qualified` of the kernel.
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
pub unsafe fn qualified(__kimport_arg_a: u8) -> u8 {
    unsafe { __kimport_call_qualified(__kimport_arg_a) }
}
#[allow(non_upper_case_globals)]
const __KIMPORT_TYPE_qualified: &[u8] = {
    const __KIMPORT_ENCODING: ::kimport::types::Encoding = ::kimport::types::Encoding::function(
        &[::kimport::types::describe!(u8)],
        ::kimport::types::describe!(u8),
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
        { ::kimport::record_size(38, __KIMPORT_TYPE_qualified.len()) },
    > = ::kimport::Record::new(
        b"\x02\0\0\0\0\0\0\0\0\0\0\0\x16\0\0\0\0\0qualified\0qualified\0",
        __KIMPORT_TYPE_qualified,
    );
};
::kimport::__declare_function! {
    trampoline : "__SCT__kimport_demo_0_default_abi", key :
    "__SCK__kimport_demo_0_default_abi", binding : __KIMPORT_BINDING_default_abi, call :
    __kimport_call_default_abi, unbound : __kimport_unbound_default_abi, symbol :
    "default_abi", fn (__kimport_arg_a : u8) -> u8
}
/// Calls `default_abi` of the kernel.
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
pub unsafe fn default_abi(__kimport_arg_a: u8) -> u8 {
    unsafe { __kimport_call_default_abi(__kimport_arg_a) }
}
#[allow(non_upper_case_globals)]
const __KIMPORT_TYPE_default_abi: &[u8] = {
    const __KIMPORT_ENCODING: ::kimport::types::Encoding = ::kimport::types::Encoding::function(
        &[::kimport::types::describe!(u8)],
        ::kimport::types::describe!(u8),
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
        { ::kimport::record_size(42, __KIMPORT_TYPE_default_abi.len()) },
    > = ::kimport::Record::new(
        b"\x02\0\0\0\0\0\0\0\0\0\0\0\x1A\0\0\0\0\0default_abi\0default_abi\0",
        __KIMPORT_TYPE_default_abi,
    );
};
::kimport::__declare_function! {
    trampoline : "__SCT__kimport_demo_0_unnamed", key : "__SCK__kimport_demo_0_unnamed",
    binding : __KIMPORT_BINDING_unnamed, call : __kimport_call_unnamed, unbound :
    __kimport_unbound_unnamed, symbol : "unnamed", fn (__kimport_arg_0 : u8,
    __kimport_arg_1 : u16, __kimport_arg_named : u32) -> ()
}
/// Calls `unnamed` of the kernel.
///
/// Arguments: _, _, `named`.
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
pub unsafe fn unnamed(
    __kimport_arg_0: u8,
    __kimport_arg_1: u16,
    __kimport_arg_named: u32,
) {
    unsafe {
        __kimport_call_unnamed(__kimport_arg_0, __kimport_arg_1, __kimport_arg_named)
    }
}
#[allow(non_upper_case_globals)]
const __KIMPORT_TYPE_unnamed: &[u8] = {
    const __KIMPORT_ENCODING: ::kimport::types::Encoding = ::kimport::types::Encoding::function(
        &[
            ::kimport::types::describe!(u8),
            ::kimport::types::describe!(u16),
            ::kimport::types::describe!(u32),
        ],
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
        { ::kimport::record_size(34, __KIMPORT_TYPE_unnamed.len()) },
    > = ::kimport::Record::new(
        b"\x02\0\0\0\0\0\0\0\0\0\0\0\x12\0\0\0\0\0unnamed\0unnamed\0",
        __KIMPORT_TYPE_unnamed,
    );
};
::kimport::__declare_function! {
    trampoline : "__SCT__kimport_demo_0_taken", key : "__SCK__kimport_demo_0_taken",
    binding : __KIMPORT_BINDING_taken, call : __kimport_call_taken, unbound :
    __kimport_unbound_taken, symbol : "taken", fn (__kimport_arg_0 : u8,
    __kimport_arg_arg0 : u16, __kimport_arg_arg0_ : u32, __kimport_arg_3 : u64) -> ()
}
/// Calls `taken` of the kernel.
///
/// Arguments: _, `arg0`, `arg0_`, _.
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
pub unsafe fn taken(
    __kimport_arg_0: u8,
    __kimport_arg_arg0: u16,
    __kimport_arg_arg0_: u32,
    __kimport_arg_3: u64,
) {
    unsafe {
        __kimport_call_taken(
            __kimport_arg_0,
            __kimport_arg_arg0,
            __kimport_arg_arg0_,
            __kimport_arg_3,
        )
    }
}
#[allow(non_upper_case_globals)]
const __KIMPORT_TYPE_taken: &[u8] = {
    const __KIMPORT_ENCODING: ::kimport::types::Encoding = ::kimport::types::Encoding::function(
        &[
            ::kimport::types::describe!(u8),
            ::kimport::types::describe!(u16),
            ::kimport::types::describe!(u32),
            ::kimport::types::describe!(u64),
        ],
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
        { ::kimport::record_size(30, __KIMPORT_TYPE_taken.len()) },
    > = ::kimport::Record::new(
        b"\x02\0\0\0\0\0\0\0\0\0\0\0\x0E\0\0\0\0\0taken\0taken\0",
        __KIMPORT_TYPE_taken,
    );
};
::kimport::__declare_function! {
    trampoline : "__SCT__kimport_demo_0_raw", key : "__SCK__kimport_demo_0_raw", binding
    : __KIMPORT_BINDING_raw, call : __kimport_call_raw, unbound : __kimport_unbound_raw,
    symbol : "raw", fn (__kimport_arg_type : u8) -> ()
}
/// Calls `raw` of the kernel.
///
/// Arguments: `type`.
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
pub unsafe fn raw(__kimport_arg_type: u8) {
    unsafe { __kimport_call_raw(__kimport_arg_type) }
}
#[allow(non_upper_case_globals)]
const __KIMPORT_TYPE_raw: &[u8] = {
    const __KIMPORT_ENCODING: ::kimport::types::Encoding = ::kimport::types::Encoding::function(
        &[::kimport::types::describe!(u8)],
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
        { ::kimport::record_size(26, __KIMPORT_TYPE_raw.len()) },
    > = ::kimport::Record::new(
        b"\x02\0\0\0\0\0\0\0\0\0\0\0\n\0\0\0\0\0raw\0raw\0",
        __KIMPORT_TYPE_raw,
    );
};
::kimport::__declare_function! {
    trampoline : "__SCT__kimport_demo_0_never", key : "__SCK__kimport_demo_0_never",
    binding : __KIMPORT_BINDING_never, call : __kimport_call_never, unbound :
    __kimport_unbound_never, symbol : "never", fn () -> ()
}
/// Calls `never` of the kernel.
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
pub unsafe fn never() -> ! {
    {
        unsafe { __kimport_call_never() };
        ::kimport::macro_support::returned("never")
    }
}
#[allow(non_upper_case_globals)]
const __KIMPORT_TYPE_never: &[u8] = {
    const __KIMPORT_ENCODING: ::kimport::types::Encoding = ::kimport::types::Encoding::function(
        &[],
        ::kimport::types::describe!(!),
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
        { ::kimport::record_size(30, __KIMPORT_TYPE_never.len()) },
    > = ::kimport::Record::new(
        b"\x02\0\0\0\0\0\0\0\0\0\0\0\x0E\0\0\0\0\0never\0never\0",
        __KIMPORT_TYPE_never,
    );
};
::kimport::__declare_function! {
    trampoline : "__SCT__kimport_demo_0_reference", key :
    "__SCK__kimport_demo_0_reference", binding : __KIMPORT_BINDING_reference, call :
    __kimport_call_reference, unbound : __kimport_unbound_reference, symbol :
    "reference", fn (__kimport_arg_0 : & u8) -> & u8
}
/// Calls `reference` of the kernel.
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
pub unsafe fn reference(__kimport_arg_0: &u8) -> &u8 {
    unsafe { __kimport_call_reference(__kimport_arg_0) }
}
#[allow(non_upper_case_globals)]
const __KIMPORT_TYPE_reference: &[u8] = {
    const __KIMPORT_ENCODING: ::kimport::types::Encoding = ::kimport::types::Encoding::function(
        &[::kimport::types::describe!(& 'static u8)],
        ::kimport::types::describe!(& 'static u8),
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
        { ::kimport::record_size(38, __KIMPORT_TYPE_reference.len()) },
    > = ::kimport::Record::new(
        b"\x02\0\0\0\0\0\0\0\0\0\0\0\x16\0\0\0\0\0reference\0reference\0",
        __KIMPORT_TYPE_reference,
    );
};
::kimport::__declare_function! {
    trampoline : "__SCT__kimport_demo_0_callback", key :
    "__SCK__kimport_demo_0_callback", binding : __KIMPORT_BINDING_callback, call :
    __kimport_call_callback, unbound : __kimport_unbound_callback, symbol : "callback",
    fn (__kimport_arg_callback : extern "C" fn (* mut u8) -> u8) -> ()
}
/// Calls `callback` of the kernel.
///
/// Arguments: `callback`.
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
pub unsafe fn callback(__kimport_arg_callback: extern "C" fn(*mut u8) -> u8) {
    unsafe { __kimport_call_callback(__kimport_arg_callback) }
}
#[allow(non_upper_case_globals)]
const __KIMPORT_TYPE_callback: &[u8] = {
    const __KIMPORT_ENCODING: ::kimport::types::Encoding = ::kimport::types::Encoding::function(
        &[::kimport::types::describe!(extern "C" fn (* mut u8) -> u8)],
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
        { ::kimport::record_size(36, __KIMPORT_TYPE_callback.len()) },
    > = ::kimport::Record::new(
        b"\x02\0\0\0\0\0\0\0\0\0\0\0\x14\0\0\0\0\0callback\0callback\0",
        __KIMPORT_TYPE_callback,
    );
};
::kimport::__declare_function! {
    trampoline : "__SCT__kimport_demo_0_parenthesized", key :
    "__SCK__kimport_demo_0_parenthesized", binding : __KIMPORT_BINDING_parenthesized,
    call : __kimport_call_parenthesized, unbound : __kimport_unbound_parenthesized,
    symbol : "parenthesized", fn (__kimport_arg_0 : u8) -> ()
}
/// Calls `parenthesized` of the kernel.
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
pub unsafe fn parenthesized(__kimport_arg_0: u8) {
    unsafe { __kimport_call_parenthesized(__kimport_arg_0) }
}
#[allow(non_upper_case_globals)]
const __KIMPORT_TYPE_parenthesized: &[u8] = {
    const __KIMPORT_ENCODING: ::kimport::types::Encoding = ::kimport::types::Encoding::function(
        &[::kimport::types::describe!(u8)],
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
        { ::kimport::record_size(46, __KIMPORT_TYPE_parenthesized.len()) },
    > = ::kimport::Record::new(
        b"\x02\0\0\0\0\0\0\0\0\0\0\0\x1E\0\0\0\0\0parenthesized\0parenthesized\0",
        __KIMPORT_TYPE_parenthesized,
    );
};
::kimport::__declare_function! {
    trampoline : "__SCT__kimport_demo_0_restricted", key :
    "__SCK__kimport_demo_0_restricted", binding : __KIMPORT_BINDING_restricted, call :
    __kimport_call_restricted, unbound : __kimport_unbound_restricted, symbol :
    "restricted", fn () -> ()
}
/// Calls `restricted` of the kernel.
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
pub(crate) unsafe fn restricted() {
    unsafe { __kimport_call_restricted() }
}
#[allow(non_upper_case_globals)]
const __KIMPORT_TYPE_restricted: &[u8] = {
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
        { ::kimport::record_size(40, __KIMPORT_TYPE_restricted.len()) },
    > = ::kimport::Record::new(
        b"\x02\0\0\0\0\0\0\0\0\0\0\0\x18\0\0\0\0\0restricted\0restricted\0",
        __KIMPORT_TYPE_restricted,
    );
};
static __KIMPORT_SYMBOLS: &[::kimport::Symbol] = &[
    ::kimport::Symbol::function(c"no_arguments", &__KIMPORT_BINDING_no_arguments)
        .described(__KIMPORT_TYPE_no_arguments),
    ::kimport::Symbol::function(c"explicit_unit", &__KIMPORT_BINDING_explicit_unit)
        .described(__KIMPORT_TYPE_explicit_unit),
    ::kimport::Symbol::function(c"qualified", &__KIMPORT_BINDING_qualified)
        .described(__KIMPORT_TYPE_qualified),
    ::kimport::Symbol::function(c"default_abi", &__KIMPORT_BINDING_default_abi)
        .described(__KIMPORT_TYPE_default_abi),
    ::kimport::Symbol::function(c"unnamed", &__KIMPORT_BINDING_unnamed)
        .described(__KIMPORT_TYPE_unnamed),
    ::kimport::Symbol::function(c"taken", &__KIMPORT_BINDING_taken)
        .described(__KIMPORT_TYPE_taken),
    ::kimport::Symbol::function(c"raw", &__KIMPORT_BINDING_raw)
        .described(__KIMPORT_TYPE_raw),
    ::kimport::Symbol::function(c"never", &__KIMPORT_BINDING_never)
        .described(__KIMPORT_TYPE_never),
    ::kimport::Symbol::function(c"reference", &__KIMPORT_BINDING_reference)
        .described(__KIMPORT_TYPE_reference),
    ::kimport::Symbol::function(c"callback", &__KIMPORT_BINDING_callback)
        .described(__KIMPORT_TYPE_callback),
    ::kimport::Symbol::function(c"parenthesized", &__KIMPORT_BINDING_parenthesized)
        .described(__KIMPORT_TYPE_parenthesized),
    ::kimport::Symbol::function(c"restricted", &__KIMPORT_BINDING_restricted)
        .described(__KIMPORT_TYPE_restricted),
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
