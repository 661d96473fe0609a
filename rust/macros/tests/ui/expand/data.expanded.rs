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
const _: () = {
    #[used]
    #[link_section = ".kimport"]
    static RECORD: ::kimport::Record<32> = ::kimport::Record(
        *b"\x01\x01\0\0\0\0\0\0 \0\0\0\x0E\0\0\0\0\0plain\0plain\0\0\0",
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
const _: () = {
    #[used]
    #[link_section = ".kimport"]
    static RECORD: ::kimport::Record<32> = ::kimport::Record(
        *b"\x01\x01\0\0\0\0\0\0 \0\0\0\x0C\0\0\0\0\0path\0path\0\0\0\0\0",
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
const _: () = {
    #[used]
    #[link_section = ".kimport"]
    static RECORD: ::kimport::Record<32> = ::kimport::Record(
        *b"\x01\x01\0\0\0\0\0\0 \0\0\0\x0E\0\0\0\0\0array\0array\0\0\0",
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
const _: () = {
    #[used]
    #[link_section = ".kimport"]
    static RECORD: ::kimport::Record<32> = ::kimport::Record(
        *b"\x01\x01\0\0\0\0\0\0 \0\0\0\x0E\0\0\0\0\0tuple\0tuple\0\0\0",
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
const _: () = {
    #[used]
    #[link_section = ".kimport"]
    static RECORD: ::kimport::Record<40> = ::kimport::Record(
        *b"\x01\x01\0\0\0\0\0\0(\0\0\0\x12\0\0\0\0\0pointer\0pointer\0\0\0\0\0\0\0",
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
const _: () = {
    #[used]
    #[link_section = ".kimport"]
    static RECORD: ::kimport::Record<40> = ::kimport::Record(
        *b"\x01\x01\0\0\0\0\0\0(\0\0\0\x16\0\0\0\0\0reference\0reference\0\0\0",
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
const _: () = {
    #[used]
    #[link_section = ".kimport"]
    static RECORD: ::kimport::Record<56> = ::kimport::Record(
        *b"\x01\x01\0\0\0\0\0\08\0\0\0$\0\0\0\0\0function_pointer\0function_pointer\0\0\0\0\0",
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
const _: () = {
    #[used]
    #[link_section = ".kimport"]
    static RECORD: ::kimport::Record<32> = ::kimport::Record(
        *b"\x01\x01\0\0\0\0\0\0 \0\0\0\x10\0\0\0\0\0object\0object\0",
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
const _: () = {
    #[used]
    #[link_section = ".kimport"]
    static RECORD: ::kimport::Record<40> = ::kimport::Record(
        *b"\x01\x01\0\0\0\0\0\0(\0\0\0\x18\0\0\0\0\0macro_type\0macro_type\0",
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
const _: () = {
    #[used]
    #[link_section = ".kimport"]
    static RECORD: ::kimport::Record<40> = ::kimport::Record(
        *b"\x01\x01\0\0\0\0\0\0(\0\0\0\x18\0\0\0\0\0restricted\0restricted\0",
    );
};
static __KIMPORT_SYMBOLS: &[::kimport::Symbol] = &[
    ::kimport::Symbol::data(
        c"plain",
        &__KIMPORT_BINDING_plain,
        ::core::mem::size_of::<u32>(),
    ),
    ::kimport::Symbol::data(
        c"path",
        &__KIMPORT_BINDING_path,
        ::core::mem::size_of::<kernel::bindings::task_struct>(),
    ),
    ::kimport::Symbol::data(
        c"array",
        &__KIMPORT_BINDING_array,
        ::core::mem::size_of::<[u8; 4]>(),
    ),
    ::kimport::Symbol::data(
        c"tuple",
        &__KIMPORT_BINDING_tuple,
        ::core::mem::size_of::<(u8, u16)>(),
    ),
    ::kimport::Symbol::data(
        c"pointer",
        &__KIMPORT_BINDING_pointer,
        ::core::mem::size_of::<*mut u8>(),
    ),
    ::kimport::Symbol::data(
        c"reference",
        &__KIMPORT_BINDING_reference,
        ::core::mem::size_of::<&'static Foo<'static, &'a u8>>(),
    ),
    ::kimport::Symbol::data(
        c"function_pointer",
        &__KIMPORT_BINDING_function_pointer,
        ::core::mem::size_of::<Option<fn(&u8) -> &u8>>(),
    ),
    ::kimport::Symbol::data(
        c"object",
        &__KIMPORT_BINDING_object,
        ::core::mem::size_of::<*const dyn Fn(&u8) -> &u8>(),
    ),
    ::kimport::Symbol::data(
        c"macro_type",
        &__KIMPORT_BINDING_macro_type,
        ::core::mem::size_of::<some_type!(u8)>(),
    ),
    ::kimport::Symbol::data(
        c"restricted",
        &__KIMPORT_BINDING_restricted,
        ::core::mem::size_of::<u32>(),
    ),
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
/// Like [`resolve_imports`], with the symbols of the kernel module `provider`.
///
/// # Errors
///
/// As [`resolve_imports`].
#[allow(dead_code, unreachable_pub)]
pub fn resolve_imports_from(
    provider: &::core::ffi::CStr,
) -> ::kernel::error::Result<::kimport::Imports> {
    ::kimport::Imports::resolve_from(&__KIMPORT_BLOCK, provider)
}
