// SPDX-License-Identifier: GPL-2.0

use kimport_macros::import_symbols;
/// Symbols imported from the kernel module `provider`.
mod m {
    #[allow(unused_imports)]
    use super::*;
    ::kimport::__declare_function! {
        trampoline : "__SCT__kimport_demo_0_optional_function", key :
        "__SCK__kimport_demo_0_optional_function", binding :
        __KIMPORT_BINDING_optional_function, call : __kimport_call_optional_function,
        unbound : __kimport_unbound_optional_function, symbol :
        "provider:optional_function", fn (__kimport_arg_a : u8) -> u8
    }
    /// Calls `provider:optional_function` of the kernel.
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
    pub unsafe fn optional_function(__kimport_arg_a: u8) -> ::core::option::Option<u8> {
        if __KIMPORT_BINDING_optional_function.is_bound() {
            ::core::option::Option::Some(unsafe {
                __kimport_call_optional_function(__kimport_arg_a)
            })
        } else {
            ::core::option::Option::None
        }
    }
    #[allow(non_upper_case_globals)]
    const __KIMPORT_TYPE_optional_function: &[u8] = {
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
            { ::kimport::record_size(63, __KIMPORT_TYPE_optional_function.len()) },
        > = ::kimport::Record::new(
            b"\x02\0\x01\0\0\0\0\0\0\0\0\0/\0\0\0m\0provider\0optional_function\0optional_function\0",
            __KIMPORT_TYPE_optional_function,
        );
    };
    ::kimport::__declare_function! {
        trampoline : "__SCT__kimport_demo_0_optional_unit", key :
        "__SCK__kimport_demo_0_optional_unit", binding : __KIMPORT_BINDING_optional_unit,
        call : __kimport_call_optional_unit, unbound : __kimport_unbound_optional_unit,
        symbol : "provider:optional_unit", fn () -> ()
    }
    /// Calls `provider:optional_unit` of the kernel.
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
    pub unsafe fn optional_unit() -> ::core::option::Option<()> {
        if __KIMPORT_BINDING_optional_unit.is_bound() {
            ::core::option::Option::Some(unsafe { __kimport_call_optional_unit() })
        } else {
            ::core::option::Option::None
        }
    }
    #[allow(non_upper_case_globals)]
    const __KIMPORT_TYPE_optional_unit: &[u8] = {
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
            { ::kimport::record_size(55, __KIMPORT_TYPE_optional_unit.len()) },
        > = ::kimport::Record::new(
            b"\x02\0\x01\0\0\0\0\0\0\0\0\0'\0\0\0m\0provider\0optional_unit\0optional_unit\0",
            __KIMPORT_TYPE_optional_unit,
        );
    };
    ::kimport::__declare_function! {
        trampoline : "__SCT__kimport_demo_0_optional_never", key :
        "__SCK__kimport_demo_0_optional_never", binding :
        __KIMPORT_BINDING_optional_never, call : __kimport_call_optional_never, unbound :
        __kimport_unbound_optional_never, symbol : "provider:optional_never", fn () -> ()
    }
    /// Calls `provider:optional_never` of the kernel.
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
    pub unsafe fn optional_never() -> ::core::option::Option<
        ::core::convert::Infallible,
    > {
        if __KIMPORT_BINDING_optional_never.is_bound() {
            {
                unsafe { __kimport_call_optional_never() };
                ::kimport::macro_support::returned("provider:optional_never")
            }
        } else {
            ::core::option::Option::None
        }
    }
    #[allow(non_upper_case_globals)]
    const __KIMPORT_TYPE_optional_never: &[u8] = {
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
            { ::kimport::record_size(57, __KIMPORT_TYPE_optional_never.len()) },
        > = ::kimport::Record::new(
            b"\x02\0\x01\0\0\0\0\0\0\0\0\0)\0\0\0m\0provider\0optional_never\0optional_never\0",
            __KIMPORT_TYPE_optional_never,
        );
    };
    #[allow(non_upper_case_globals)]
    static __KIMPORT_BINDING_optional_data: ::kimport::DataBinding = ::kimport::DataBinding::new(
        "provider:optional_data",
    );
    /// The address of the kernel's `provider:optional_data`.
    #[allow(dead_code, non_snake_case, unreachable_pub)]
    #[inline]
    pub fn optional_data() -> ::core::option::Option<*mut &'static u32> {
        __KIMPORT_BINDING_optional_data.get().map(<*mut _>::cast)
    }
    #[allow(non_upper_case_globals)]
    const __KIMPORT_TYPE_optional_data: &[u8] = {
        const __KIMPORT_ENCODING: ::kimport::types::Encoding = ::kimport::types::describe!(
            & 'static u32
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
            { ::kimport::record_size(55, __KIMPORT_TYPE_optional_data.len()) },
        > = ::kimport::Record::new(
            b"\x02\x01\x01\0\0\0\0\0\0\0\0\0'\0\0\0m\0provider\0optional_data\0optional_data\0",
            __KIMPORT_TYPE_optional_data,
        );
    };
    ::kimport::__declare_function! {
        trampoline : "__SCT__kimport_demo_0_named_function", key :
        "__SCK__kimport_demo_0_named_function", binding :
        __KIMPORT_BINDING_named_function, call : __kimport_call_named_function, unbound :
        __kimport_unbound_named_function, symbol : "provider:kernel.isra.0", fn () -> ()
    }
    /// Calls `provider:kernel.isra.0` of the kernel.
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
    pub unsafe fn named_function() {
        unsafe { __kimport_call_named_function() }
    }
    #[allow(non_upper_case_globals)]
    const __KIMPORT_TYPE_named_function: &[u8] = {
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
            { ::kimport::record_size(56, __KIMPORT_TYPE_named_function.len()) },
        > = ::kimport::Record::new(
            b"\x02\0\0\0\0\0\0\0\0\0\0\0(\0\0\0m\0provider\0kernel.isra.0\0named_function\0",
            __KIMPORT_TYPE_named_function,
        );
    };
    #[allow(non_upper_case_globals)]
    static __KIMPORT_BINDING_named_data: ::kimport::DataBinding = ::kimport::DataBinding::new(
        "provider:kernel_data",
    );
    /// The address of the kernel's `provider:kernel_data`.
    #[allow(dead_code, non_snake_case, unreachable_pub)]
    #[inline]
    pub fn named_data() -> *mut u32 {
        __KIMPORT_BINDING_named_data.address().cast()
    }
    #[allow(non_upper_case_globals)]
    const __KIMPORT_TYPE_named_data: &[u8] = {
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
            { ::kimport::record_size(50, __KIMPORT_TYPE_named_data.len()) },
        > = ::kimport::Record::new(
            b"\x02\x01\0\0\0\0\0\0\0\0\0\0\"\0\0\0m\0provider\0kernel_data\0named_data\0",
            __KIMPORT_TYPE_named_data,
        );
    };
    ::kimport::__declare_function! {
        trampoline : "__SCT__kimport_demo_0_nth_function", key :
        "__SCK__kimport_demo_0_nth_function", binding : __KIMPORT_BINDING_nth_function,
        call : __kimport_call_nth_function, unbound : __kimport_unbound_nth_function,
        symbol : "provider:nth_function", fn () -> ()
    }
    /// Calls `provider:nth_function` of the kernel.
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
    pub unsafe fn nth_function() {
        unsafe { __kimport_call_nth_function() }
    }
    #[allow(non_upper_case_globals)]
    const __KIMPORT_TYPE_nth_function: &[u8] = {
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
            { ::kimport::record_size(53, __KIMPORT_TYPE_nth_function.len()) },
        > = ::kimport::Record::new(
            b"\x02\0\0\0\x01\0\0\0\0\0\0\0%\0\0\0m\0provider\0nth_function\0nth_function\0",
            __KIMPORT_TYPE_nth_function,
        );
    };
    #[allow(non_upper_case_globals)]
    static __KIMPORT_BINDING_nth_data: ::kimport::DataBinding = ::kimport::DataBinding::new(
        "provider:nth_data",
    );
    /// The address of the kernel's `provider:nth_data`.
    #[allow(dead_code, non_snake_case, unreachable_pub)]
    #[inline]
    pub fn nth_data() -> *mut u32 {
        __KIMPORT_BINDING_nth_data.address().cast()
    }
    #[allow(non_upper_case_globals)]
    const __KIMPORT_TYPE_nth_data: &[u8] = {
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
            { ::kimport::record_size(45, __KIMPORT_TYPE_nth_data.len()) },
        > = ::kimport::Record::new(
            b"\x02\x01\0\0\xFF\xFF\xFF\xFF\0\0\0\0\x1D\0\0\0m\0provider\0nth_data\0nth_data\0",
            __KIMPORT_TYPE_nth_data,
        );
    };
    ::kimport::__declare_function! {
        trampoline : "__SCT__kimport_demo_0_unverified_function", key :
        "__SCK__kimport_demo_0_unverified_function", binding :
        __KIMPORT_BINDING_unverified_function, call : __kimport_call_unverified_function,
        unbound : __kimport_unbound_unverified_function, symbol :
        "provider:unverified_function", fn () -> ()
    }
    /// Calls `provider:unverified_function` of the kernel.
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
    pub unsafe fn unverified_function() {
        unsafe { __kimport_call_unverified_function() }
    }
    #[allow(non_upper_case_globals)]
    const __KIMPORT_TYPE_unverified_function: &[u8] = &[];
    const _: () = {
        #[used]
        #[link_section = ".kimport"]
        static RECORD: ::kimport::Record<
            { ::kimport::record_size(67, __KIMPORT_TYPE_unverified_function.len()) },
        > = ::kimport::Record::new(
            b"\x02\0\x02\0\0\0\0\0\0\0\0\x003\0\0\0m\0provider\0unverified_function\0unverified_function\0",
            __KIMPORT_TYPE_unverified_function,
        );
    };
    #[allow(non_upper_case_globals)]
    static __KIMPORT_BINDING_unverified_data: ::kimport::DataBinding = ::kimport::DataBinding::new(
        "provider:unverified_data",
    );
    /// The address of the kernel's `provider:unverified_data`.
    #[allow(dead_code, non_snake_case, unreachable_pub)]
    #[inline]
    pub fn unverified_data() -> *mut u32 {
        __KIMPORT_BINDING_unverified_data.address().cast()
    }
    #[allow(non_upper_case_globals)]
    const __KIMPORT_TYPE_unverified_data: &[u8] = &[];
    const _: () = {
        #[used]
        #[link_section = ".kimport"]
        static RECORD: ::kimport::Record<
            { ::kimport::record_size(59, __KIMPORT_TYPE_unverified_data.len()) },
        > = ::kimport::Record::new(
            b"\x02\x01\x02\0\0\0\0\0\0\0\0\0+\0\0\0m\0provider\0unverified_data\0unverified_data\0",
            __KIMPORT_TYPE_unverified_data,
        );
    };
    #[cfg(CONFIG_X86)]
    #[cfg(not(CONFIG_SMP))]
    ::kimport::__declare_function! {
        trampoline : "__SCT__kimport_demo_0_everything", key :
        "__SCK__kimport_demo_0_everything", binding : __KIMPORT_BINDING_everything, call
        : __kimport_call_everything, unbound : __kimport_unbound_everything, symbol :
        "provider:kernel_name", fn (__kimport_arg_a : u8) -> u8
    }
    /// Everything at once.
    ///
    /// Arguments: `a`.
    ///
    /// # Safety
    ///
    /// The caller must meet everything that the kernel's function requires of its callers, and the declared type must be the type of that function.
    #[cfg(CONFIG_X86)]
    #[cfg(not(CONFIG_SMP))]
    #[allow(
        dead_code,
        non_snake_case,
        unreachable_pub,
        clippy::missing_safety_doc,
        clippy::too_many_arguments,
        clippy::undocumented_unsafe_blocks,
    )]
    #[inline(always)]
    pub(crate) unsafe fn everything(__kimport_arg_a: u8) -> ::core::option::Option<u8> {
        if __KIMPORT_BINDING_everything.is_bound() {
            ::core::option::Option::Some(unsafe {
                __kimport_call_everything(__kimport_arg_a)
            })
        } else {
            ::core::option::Option::None
        }
    }
    #[cfg(CONFIG_X86)]
    #[cfg(not(CONFIG_SMP))]
    #[allow(non_upper_case_globals)]
    const __KIMPORT_TYPE_everything: &[u8] = &[];
    #[cfg(CONFIG_X86)]
    #[cfg(not(CONFIG_SMP))]
    const _: () = {
        #[used]
        #[link_section = ".kimport"]
        static RECORD: ::kimport::Record<
            { ::kimport::record_size(50, __KIMPORT_TYPE_everything.len()) },
        > = ::kimport::Record::new(
            b"\x02\0\x03\0\x10\0\0\0\0\0\0\0\"\0\0\0m\0provider\0kernel_name\0everything\0",
            __KIMPORT_TYPE_everything,
        );
    };
    #[cfg(CONFIG_X86)]
    #[allow(non_upper_case_globals)]
    static __KIMPORT_BINDING_everything_data: ::kimport::DataBinding = ::kimport::DataBinding::new(
        "provider:kernel_name",
    );
    /// The address of the kernel's `provider:kernel_name`.
    #[cfg(CONFIG_X86)]
    #[allow(dead_code, non_snake_case, unreachable_pub)]
    #[inline]
    pub fn everything_data() -> ::core::option::Option<*mut u32> {
        __KIMPORT_BINDING_everything_data.get().map(<*mut _>::cast)
    }
    #[cfg(CONFIG_X86)]
    #[allow(non_upper_case_globals)]
    const __KIMPORT_TYPE_everything_data: &[u8] = &[];
    #[cfg(CONFIG_X86)]
    const _: () = {
        #[used]
        #[link_section = ".kimport"]
        static RECORD: ::kimport::Record<
            { ::kimport::record_size(55, __KIMPORT_TYPE_everything_data.len()) },
        > = ::kimport::Record::new(
            b"\x02\x01\x03\0\x02\0\0\0\0\0\0\0'\0\0\0m\0provider\0kernel_name\0everything_data\0",
            __KIMPORT_TYPE_everything_data,
        );
    };
    static __KIMPORT_SYMBOLS: &[::kimport::Symbol] = &[
        ::kimport::Symbol::function(
                c"optional_function",
                &__KIMPORT_BINDING_optional_function,
            )
            .described(__KIMPORT_TYPE_optional_function)
            .optional(),
        ::kimport::Symbol::function(c"optional_unit", &__KIMPORT_BINDING_optional_unit)
            .described(__KIMPORT_TYPE_optional_unit)
            .optional(),
        ::kimport::Symbol::function(c"optional_never", &__KIMPORT_BINDING_optional_never)
            .described(__KIMPORT_TYPE_optional_never)
            .optional(),
        ::kimport::Symbol::data(
                c"optional_data",
                &__KIMPORT_BINDING_optional_data,
                ::core::mem::size_of::<&'static u32>(),
            )
            .described(__KIMPORT_TYPE_optional_data)
            .optional(),
        ::kimport::Symbol::function(c"kernel.isra.0", &__KIMPORT_BINDING_named_function)
            .rust_name("named_function")
            .described(__KIMPORT_TYPE_named_function),
        ::kimport::Symbol::data(
                c"kernel_data",
                &__KIMPORT_BINDING_named_data,
                ::core::mem::size_of::<u32>(),
            )
            .rust_name("named_data")
            .described(__KIMPORT_TYPE_named_data),
        ::kimport::Symbol::function(c"nth_function", &__KIMPORT_BINDING_nth_function)
            .described(__KIMPORT_TYPE_nth_function)
            .position(1),
        ::kimport::Symbol::data(
                c"nth_data",
                &__KIMPORT_BINDING_nth_data,
                ::core::mem::size_of::<u32>(),
            )
            .described(__KIMPORT_TYPE_nth_data)
            .position(4294967295),
        ::kimport::Symbol::function(
                c"unverified_function",
                &__KIMPORT_BINDING_unverified_function,
            )
            .described(__KIMPORT_TYPE_unverified_function)
            .unverified(),
        ::kimport::Symbol::data(
                c"unverified_data",
                &__KIMPORT_BINDING_unverified_data,
                ::core::mem::size_of::<u32>(),
            )
            .described(__KIMPORT_TYPE_unverified_data)
            .unverified(),
        #[cfg(CONFIG_X86)]
        #[cfg(not(CONFIG_SMP))]
        ::kimport::Symbol::function(c"kernel_name", &__KIMPORT_BINDING_everything)
            .rust_name("everything")
            .described(__KIMPORT_TYPE_everything)
            .optional()
            .position(16)
            .unverified(),
        #[cfg(CONFIG_X86)]
        ::kimport::Symbol::data(
                c"kernel_name",
                &__KIMPORT_BINDING_everything_data,
                ::core::mem::size_of::<u32>(),
            )
            .rust_name("everything_data")
            .described(__KIMPORT_TYPE_everything_data)
            .optional()
            .position(2)
            .unverified(),
    ];
    static __KIMPORT_BLOCK: ::kimport::Block = ::kimport::Block::new(
        c"m",
        ::core::option::Option::Some(c"provider"),
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
}
