// SPDX-License-Identifier: GPL-2.0

use kimport_macros::import_symbols;
#[allow(non_upper_case_globals)]
static __KIMPORT_BINDING_plain: ::kimport::DataBinding = ::kimport::DataBinding::new(
    "plain",
);
/// The address of the kernel's `plain`.
#[allow(dead_code, non_snake_case, unreachable_pub)]
#[inline]
pub fn plain() -> *mut u32 {
    __KIMPORT_BINDING_plain.address().cast()
}
#[allow(non_upper_case_globals)]
const __KIMPORT_TYPE_plain: &[u8] = {
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
        { ::kimport::record_size(30, __KIMPORT_TYPE_plain.len()) },
    > = ::kimport::Record::new(
        b"\x02\x01\0\0\0\0\0\0\0\0\0\0\x0E\0\0\0\0\0plain\0plain\0",
        __KIMPORT_TYPE_plain,
    );
};
#[allow(non_upper_case_globals)]
static __KIMPORT_BINDING_path: ::kimport::DataBinding = ::kimport::DataBinding::new(
    "path",
);
/// The address of the kernel's `path`.
#[allow(dead_code, non_snake_case, unreachable_pub)]
#[inline]
pub fn path() -> *mut kernel::bindings::task_struct {
    __KIMPORT_BINDING_path.address().cast()
}
#[allow(non_upper_case_globals)]
const __KIMPORT_TYPE_path: &[u8] = {
    const __KIMPORT_ENCODING: ::kimport::types::Encoding = ::kimport::types::describe!(
        kernel::bindings::task_struct
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
        { ::kimport::record_size(28, __KIMPORT_TYPE_path.len()) },
    > = ::kimport::Record::new(
        b"\x02\x01\0\0\0\0\0\0\0\0\0\0\x0C\0\0\0\0\0path\0path\0",
        __KIMPORT_TYPE_path,
    );
};
#[allow(non_upper_case_globals)]
static __KIMPORT_BINDING_array: ::kimport::DataBinding = ::kimport::DataBinding::new(
    "array",
);
/// The address of the kernel's `array`.
#[allow(dead_code, non_snake_case, unreachable_pub)]
#[inline]
pub fn array() -> *mut [u8; 4] {
    __KIMPORT_BINDING_array.address().cast()
}
#[allow(non_upper_case_globals)]
const __KIMPORT_TYPE_array: &[u8] = {
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
        { ::kimport::record_size(30, __KIMPORT_TYPE_array.len()) },
    > = ::kimport::Record::new(
        b"\x02\x01\0\0\0\0\0\0\0\0\0\0\x0E\0\0\0\0\0array\0array\0",
        __KIMPORT_TYPE_array,
    );
};
#[allow(non_upper_case_globals)]
static __KIMPORT_BINDING_tuple: ::kimport::DataBinding = ::kimport::DataBinding::new(
    "tuple",
);
/// The address of the kernel's `tuple`.
#[allow(dead_code, non_snake_case, unreachable_pub)]
#[inline]
pub fn tuple() -> *mut (u8, u16) {
    __KIMPORT_BINDING_tuple.address().cast()
}
#[allow(non_upper_case_globals)]
const __KIMPORT_TYPE_tuple: &[u8] = {
    const __KIMPORT_ENCODING: ::kimport::types::Encoding = ::kimport::types::describe!(
        (u8, u16)
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
        { ::kimport::record_size(30, __KIMPORT_TYPE_tuple.len()) },
    > = ::kimport::Record::new(
        b"\x02\x01\0\0\0\0\0\0\0\0\0\0\x0E\0\0\0\0\0tuple\0tuple\0",
        __KIMPORT_TYPE_tuple,
    );
};
#[allow(non_upper_case_globals)]
static __KIMPORT_BINDING_pointer: ::kimport::DataBinding = ::kimport::DataBinding::new(
    "pointer",
);
/// The address of the kernel's `pointer`.
#[allow(dead_code, non_snake_case, unreachable_pub)]
#[inline]
pub fn pointer() -> *mut *mut u8 {
    __KIMPORT_BINDING_pointer.address().cast()
}
#[allow(non_upper_case_globals)]
const __KIMPORT_TYPE_pointer: &[u8] = {
    const __KIMPORT_ENCODING: ::kimport::types::Encoding = ::kimport::types::describe!(
        * mut u8
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
        { ::kimport::record_size(34, __KIMPORT_TYPE_pointer.len()) },
    > = ::kimport::Record::new(
        b"\x02\x01\0\0\0\0\0\0\0\0\0\0\x12\0\0\0\0\0pointer\0pointer\0",
        __KIMPORT_TYPE_pointer,
    );
};
#[allow(non_upper_case_globals)]
static __KIMPORT_BINDING_reference: ::kimport::DataBinding = ::kimport::DataBinding::new(
    "reference",
);
/// The address of the kernel's `reference`.
#[allow(dead_code, non_snake_case, unreachable_pub)]
#[inline]
pub fn reference() -> *mut &'static Foo<'static, &'a u8> {
    __KIMPORT_BINDING_reference.address().cast()
}
#[allow(non_upper_case_globals)]
const __KIMPORT_TYPE_reference: &[u8] = {
    const __KIMPORT_ENCODING: ::kimport::types::Encoding = ::kimport::types::describe!(
        & 'static Foo < 'static, & 'a u8 >
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
        { ::kimport::record_size(38, __KIMPORT_TYPE_reference.len()) },
    > = ::kimport::Record::new(
        b"\x02\x01\0\0\0\0\0\0\0\0\0\0\x16\0\0\0\0\0reference\0reference\0",
        __KIMPORT_TYPE_reference,
    );
};
#[allow(non_upper_case_globals)]
static __KIMPORT_BINDING_function_pointer: ::kimport::DataBinding = ::kimport::DataBinding::new(
    "function_pointer",
);
/// The address of the kernel's `function_pointer`.
#[allow(dead_code, non_snake_case, unreachable_pub)]
#[inline]
pub fn function_pointer() -> *mut Option<fn(&u8) -> &u8> {
    __KIMPORT_BINDING_function_pointer.address().cast()
}
#[allow(non_upper_case_globals)]
const __KIMPORT_TYPE_function_pointer: &[u8] = {
    const __KIMPORT_ENCODING: ::kimport::types::Encoding = ::kimport::types::describe!(
        Option < fn (& u8) -> & u8 >
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
        { ::kimport::record_size(52, __KIMPORT_TYPE_function_pointer.len()) },
    > = ::kimport::Record::new(
        b"\x02\x01\0\0\0\0\0\0\0\0\0\0$\0\0\0\0\0function_pointer\0function_pointer\0",
        __KIMPORT_TYPE_function_pointer,
    );
};
#[allow(non_upper_case_globals)]
static __KIMPORT_BINDING_object: ::kimport::DataBinding = ::kimport::DataBinding::new(
    "object",
);
/// The address of the kernel's `object`.
#[allow(dead_code, non_snake_case, unreachable_pub)]
#[inline]
pub fn object() -> *mut *const dyn Fn(&u8) -> &u8 {
    __KIMPORT_BINDING_object.address().cast()
}
#[allow(non_upper_case_globals)]
const __KIMPORT_TYPE_object: &[u8] = {
    const __KIMPORT_ENCODING: ::kimport::types::Encoding = ::kimport::types::describe!(
        * const dyn Fn(& u8) -> & u8
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
        { ::kimport::record_size(32, __KIMPORT_TYPE_object.len()) },
    > = ::kimport::Record::new(
        b"\x02\x01\0\0\0\0\0\0\0\0\0\0\x10\0\0\0\0\0object\0object\0",
        __KIMPORT_TYPE_object,
    );
};
#[allow(non_upper_case_globals)]
static __KIMPORT_BINDING_macro_type: ::kimport::DataBinding = ::kimport::DataBinding::new(
    "macro_type",
);
/// The address of the kernel's `macro_type`.
#[allow(dead_code, non_snake_case, unreachable_pub)]
#[inline]
pub fn macro_type() -> *mut some_type!(u8) {
    __KIMPORT_BINDING_macro_type.address().cast()
}
#[allow(non_upper_case_globals)]
const __KIMPORT_TYPE_macro_type: &[u8] = {
    const __KIMPORT_ENCODING: ::kimport::types::Encoding = ::kimport::types::describe!(
        some_type!(u8)
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
        { ::kimport::record_size(40, __KIMPORT_TYPE_macro_type.len()) },
    > = ::kimport::Record::new(
        b"\x02\x01\0\0\0\0\0\0\0\0\0\0\x18\0\0\0\0\0macro_type\0macro_type\0",
        __KIMPORT_TYPE_macro_type,
    );
};
#[allow(non_upper_case_globals)]
static __KIMPORT_BINDING_restricted: ::kimport::DataBinding = ::kimport::DataBinding::new(
    "restricted",
);
/// The address of the kernel's `restricted`.
#[allow(dead_code, non_snake_case, unreachable_pub)]
#[inline]
pub(in crate::a) fn restricted() -> *mut u32 {
    __KIMPORT_BINDING_restricted.address().cast()
}
#[allow(non_upper_case_globals)]
const __KIMPORT_TYPE_restricted: &[u8] = {
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
        { ::kimport::record_size(40, __KIMPORT_TYPE_restricted.len()) },
    > = ::kimport::Record::new(
        b"\x02\x01\0\0\0\0\0\0\0\0\0\0\x18\0\0\0\0\0restricted\0restricted\0",
        __KIMPORT_TYPE_restricted,
    );
};
static __KIMPORT_SYMBOLS: &[::kimport::Symbol] = &[
    ::kimport::Symbol::data(
            c"plain",
            &__KIMPORT_BINDING_plain,
            ::core::mem::size_of::<u32>(),
        )
        .described(__KIMPORT_TYPE_plain),
    ::kimport::Symbol::data(
            c"path",
            &__KIMPORT_BINDING_path,
            ::core::mem::size_of::<kernel::bindings::task_struct>(),
        )
        .described(__KIMPORT_TYPE_path),
    ::kimport::Symbol::data(
            c"array",
            &__KIMPORT_BINDING_array,
            ::core::mem::size_of::<[u8; 4]>(),
        )
        .described(__KIMPORT_TYPE_array),
    ::kimport::Symbol::data(
            c"tuple",
            &__KIMPORT_BINDING_tuple,
            ::core::mem::size_of::<(u8, u16)>(),
        )
        .described(__KIMPORT_TYPE_tuple),
    ::kimport::Symbol::data(
            c"pointer",
            &__KIMPORT_BINDING_pointer,
            ::core::mem::size_of::<*mut u8>(),
        )
        .described(__KIMPORT_TYPE_pointer),
    ::kimport::Symbol::data(
            c"reference",
            &__KIMPORT_BINDING_reference,
            ::core::mem::size_of::<&'static Foo<'static, &'a u8>>(),
        )
        .described(__KIMPORT_TYPE_reference),
    ::kimport::Symbol::data(
            c"function_pointer",
            &__KIMPORT_BINDING_function_pointer,
            ::core::mem::size_of::<Option<fn(&u8) -> &u8>>(),
        )
        .described(__KIMPORT_TYPE_function_pointer),
    ::kimport::Symbol::data(
            c"object",
            &__KIMPORT_BINDING_object,
            ::core::mem::size_of::<*const dyn Fn(&u8) -> &u8>(),
        )
        .described(__KIMPORT_TYPE_object),
    ::kimport::Symbol::data(
            c"macro_type",
            &__KIMPORT_BINDING_macro_type,
            ::core::mem::size_of::<some_type!(u8)>(),
        )
        .described(__KIMPORT_TYPE_macro_type),
    ::kimport::Symbol::data(
            c"restricted",
            &__KIMPORT_BINDING_restricted,
            ::core::mem::size_of::<u32>(),
        )
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
