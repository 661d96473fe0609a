// SPDX-License-Identifier: GPL-2.0

use kimport_macros::import_symbols;
/// Symbols imported from the kernel image.
mod image {
    #[allow(unused_imports)]
    use super::*;
    ::kimport::__declare_function! {
        trampoline : "__SCT__kimport_demo_0_complete", key :
        "__SCK__kimport_demo_0_complete", binding : __KIMPORT_BINDING_complete, call :
        __kimport_call_complete, unbound : __kimport_unbound_complete, symbol :
        "complete", fn (__kimport_arg_cmd : * mut crate ::bindings::se_cmd,
        __kimport_arg_status : crate ::bindings::u32_) -> ()
    }
    /// Calls `complete` of the kernel.
    ///
    /// Arguments: `cmd`, `status`.
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
    pub unsafe fn complete(
        __kimport_arg_cmd: *mut crate::bindings::se_cmd,
        __kimport_arg_status: crate::bindings::u32_,
    ) {
        unsafe { __kimport_call_complete(__kimport_arg_cmd, __kimport_arg_status) }
    }
    #[allow(non_upper_case_globals)]
    const __KIMPORT_TYPE_complete: &[u8] = {
        const __KIMPORT_ENCODING: ::kimport::types::Encoding = ::kimport::types::Encoding::function(
            &[
                ::kimport::types::describe!(* mut crate ::bindings::se_cmd),
                ::kimport::types::describe!(crate ::bindings::u32_),
            ],
            ::kimport::types::Encoding::VOID,
            false,
        );
        const __KIMPORT_BYTES: [u8; __KIMPORT_ENCODING.len()] = __KIMPORT_ENCODING
            .to_array();
        &__KIMPORT_BYTES
    };
    #[allow(clippy::type_complexity)]
    const _: unsafe extern "C" fn(*mut crate::bindings::se_cmd, crate::bindings::u32_) = crate::bindings::complete;
    const _: () = {
        #[used]
        #[link_section = ".kimport"]
        static RECORD: ::kimport::Record<
            { ::kimport::record_size(41, __KIMPORT_TYPE_complete.len()) },
        > = ::kimport::Record::new(
            b"\x02\0\0\0\0\0\0\0\0\0\0\0\x19\0\0\0image\0\0complete\0complete\0",
            __KIMPORT_TYPE_complete,
        );
    };
    ::kimport::__declare_function! {
        trampoline : "__SCT__kimport_demo_0_for_each", key :
        "__SCK__kimport_demo_0_for_each", binding : __KIMPORT_BINDING_for_each, call :
        __kimport_call_for_each, unbound : __kimport_unbound_for_each, symbol :
        "for_each", fn (__kimport_arg_fn_ : ::core::option::Option < unsafe extern "C" fn
        (arg1 : * mut ::kernel::ffi::c_void, cmds : * mut [crate ::bindings::se_cmd;
        2usize]) -> ::kernel::ffi::c_int, >, __kimport_arg_data : * mut
        ::kernel::ffi::c_void) -> ::kernel::ffi::c_int
    }
    /// Calls `for_each` of the kernel.
    ///
    /// Arguments: `fn_`, `data`.
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
    pub unsafe fn for_each(
        __kimport_arg_fn_: ::core::option::Option<
            unsafe extern "C" fn(
                arg1: *mut ::kernel::ffi::c_void,
                cmds: *mut [crate::bindings::se_cmd; 2usize],
            ) -> ::kernel::ffi::c_int,
        >,
        __kimport_arg_data: *mut ::kernel::ffi::c_void,
    ) -> ::kernel::ffi::c_int {
        unsafe { __kimport_call_for_each(__kimport_arg_fn_, __kimport_arg_data) }
    }
    #[allow(non_upper_case_globals)]
    const __KIMPORT_TYPE_for_each: &[u8] = {
        const __KIMPORT_ENCODING: ::kimport::types::Encoding = ::kimport::types::Encoding::function(
            &[
                ::kimport::types::describe!(
                    ::core::option::Option < unsafe extern "C" fn (arg1 : * mut
                    ::kernel::ffi::c_void, cmds : * mut [crate ::bindings::se_cmd;
                    2usize]) -> ::kernel::ffi::c_int, >
                ),
                ::kimport::types::describe!(* mut ::kernel::ffi::c_void),
            ],
            ::kimport::types::describe!(::kernel::ffi::c_int),
            false,
        );
        const __KIMPORT_BYTES: [u8; __KIMPORT_ENCODING.len()] = __KIMPORT_ENCODING
            .to_array();
        &__KIMPORT_BYTES
    };
    #[allow(clippy::type_complexity)]
    const _: unsafe extern "C" fn(
        ::core::option::Option<
            unsafe extern "C" fn(
                arg1: *mut ::kernel::ffi::c_void,
                cmds: *mut [crate::bindings::se_cmd; 2usize],
            ) -> ::kernel::ffi::c_int,
        >,
        *mut ::kernel::ffi::c_void,
    ) -> ::kernel::ffi::c_int = crate::bindings::for_each;
    const _: () = {
        #[used]
        #[link_section = ".kimport"]
        static RECORD: ::kimport::Record<
            { ::kimport::record_size(41, __KIMPORT_TYPE_for_each.len()) },
        > = ::kimport::Record::new(
            b"\x02\0\0\0\0\0\0\0\0\0\0\0\x19\0\0\0image\0\0for_each\0for_each\0",
            __KIMPORT_TYPE_for_each,
        );
    };
    ::kimport::__declare_function! {
        trampoline : "__SCT__kimport_demo_0_completed", key :
        "__SCK__kimport_demo_0_completed", binding : __KIMPORT_BINDING_completed, call :
        __kimport_call_completed, unbound : __kimport_unbound_completed, symbol :
        "completed", fn (__kimport_arg_a : * mut se_cmd) -> bool
    }
    /// Calls `completed` of the kernel.
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
    pub unsafe fn completed(__kimport_arg_a: *mut se_cmd) -> bool {
        unsafe { __kimport_call_completed(__kimport_arg_a) }
    }
    #[allow(non_upper_case_globals)]
    const __KIMPORT_TYPE_completed: &[u8] = {
        const __KIMPORT_ENCODING: ::kimport::types::Encoding = ::kimport::types::Encoding::function(
            &[::kimport::types::describe!(* mut se_cmd)],
            ::kimport::types::describe!(bool),
            false,
        );
        const __KIMPORT_BYTES: [u8; __KIMPORT_ENCODING.len()] = __KIMPORT_ENCODING
            .to_array();
        &__KIMPORT_BYTES
    };
    #[allow(clippy::type_complexity)]
    const _: unsafe extern "C" fn(*mut se_cmd) -> bool = crate::bindings::completed;
    const _: () = {
        #[used]
        #[link_section = ".kimport"]
        static RECORD: ::kimport::Record<
            { ::kimport::record_size(43, __KIMPORT_TYPE_completed.len()) },
        > = ::kimport::Record::new(
            b"\x02\0\0\0\0\0\0\0\0\0\0\0\x1B\0\0\0image\0\0completed\0completed\0",
            __KIMPORT_TYPE_completed,
        );
    };
    ::kimport::__declare_function! {
        trampoline : "__SCT__kimport_demo_0_unverified", key :
        "__SCK__kimport_demo_0_unverified", binding : __KIMPORT_BINDING_unverified, call
        : __kimport_call_unverified, unbound : __kimport_unbound_unverified, symbol :
        "unverified", fn () -> ()
    }
    /// Calls `unverified` of the kernel.
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
    pub unsafe fn unverified() {
        unsafe { __kimport_call_unverified() }
    }
    #[allow(non_upper_case_globals)]
    const __KIMPORT_TYPE_unverified: &[u8] = &[];
    const _: () = {
        #[used]
        #[link_section = ".kimport"]
        static RECORD: ::kimport::Record<
            { ::kimport::record_size(45, __KIMPORT_TYPE_unverified.len()) },
        > = ::kimport::Record::new(
            b"\x02\0\x02\0\0\0\0\0\0\0\0\0\x1D\0\0\0image\0\0unverified\0unverified\0",
            __KIMPORT_TYPE_unverified,
        );
    };
    #[cfg(CONFIG_CMD)]
    #[allow(non_upper_case_globals)]
    static __KIMPORT_BINDING_first_cmd: ::kimport::DataBinding = ::kimport::DataBinding::new(
        "first_cmd",
    );
    /// The address of the kernel's `first_cmd`.
    #[cfg(CONFIG_CMD)]
    #[allow(dead_code, non_snake_case, unreachable_pub)]
    #[inline]
    pub fn first_cmd() -> *mut *mut crate::bindings::se_cmd {
        __KIMPORT_BINDING_first_cmd.address().cast()
    }
    #[cfg(CONFIG_CMD)]
    #[allow(non_upper_case_globals)]
    const __KIMPORT_TYPE_first_cmd: &[u8] = {
        const __KIMPORT_ENCODING: ::kimport::types::Encoding = ::kimport::types::describe!(
            * mut crate ::bindings::se_cmd
        )
            .into_data();
        const __KIMPORT_BYTES: [u8; __KIMPORT_ENCODING.len()] = __KIMPORT_ENCODING
            .to_array();
        &__KIMPORT_BYTES
    };
    #[cfg(CONFIG_CMD)]
    const _: () = {
        #[allow(dead_code)]
        fn __kimport_compare() {
            let _: *const *mut crate::bindings::se_cmd = &raw const crate::bindings::first_cmd;
        }
    };
    #[cfg(CONFIG_CMD)]
    const _: () = {
        #[used]
        #[link_section = ".kimport"]
        static RECORD: ::kimport::Record<
            { ::kimport::record_size(43, __KIMPORT_TYPE_first_cmd.len()) },
        > = ::kimport::Record::new(
            b"\x02\x01\0\0\0\0\0\0\0\0\0\0\x1B\0\0\0image\0\0first_cmd\0first_cmd\0",
            __KIMPORT_TYPE_first_cmd,
        );
    };
    #[allow(non_upper_case_globals)]
    static __KIMPORT_BINDING_start: ::kimport::DataBinding = ::kimport::DataBinding::new(
        "start",
    );
    /// The address of the kernel's `start`.
    #[allow(dead_code, non_snake_case, unreachable_pub)]
    #[inline]
    pub fn start() -> *mut u8 {
        __KIMPORT_BINDING_start.address().cast()
    }
    #[allow(non_upper_case_globals)]
    const __KIMPORT_TYPE_start: &[u8] = {
        const __KIMPORT_ENCODING: ::kimport::types::Encoding = ::kimport::types::describe!(
            u8
        )
            .into_data();
        const __KIMPORT_BYTES: [u8; __KIMPORT_ENCODING.len()] = __KIMPORT_ENCODING
            .to_array();
        &__KIMPORT_BYTES
    };
    const _: () = {
        #[allow(dead_code)]
        fn __kimport_compare() {
            let _: *const u8 = &raw const crate::bindings::start;
        }
    };
    const _: () = {
        #[used]
        #[link_section = ".kimport"]
        static RECORD: ::kimport::Record<
            { ::kimport::record_size(35, __KIMPORT_TYPE_start.len()) },
        > = ::kimport::Record::new(
            b"\x02\x01\0\0\0\0\0\0\0\0\0\0\x13\0\0\0image\0\0start\0start\0",
            __KIMPORT_TYPE_start,
        );
    };
    static __KIMPORT_SYMBOLS: &[::kimport::Symbol] = &[
        ::kimport::Symbol::function(c"complete", &__KIMPORT_BINDING_complete)
            .described(__KIMPORT_TYPE_complete),
        ::kimport::Symbol::function(c"for_each", &__KIMPORT_BINDING_for_each)
            .described(__KIMPORT_TYPE_for_each),
        ::kimport::Symbol::function(c"completed", &__KIMPORT_BINDING_completed)
            .described(__KIMPORT_TYPE_completed),
        ::kimport::Symbol::function(c"unverified", &__KIMPORT_BINDING_unverified)
            .described(__KIMPORT_TYPE_unverified)
            .unverified(),
        #[cfg(CONFIG_CMD)]
        ::kimport::Symbol::data(
                c"first_cmd",
                &__KIMPORT_BINDING_first_cmd,
                ::core::mem::size_of::<*mut crate::bindings::se_cmd>(),
            )
            .described(__KIMPORT_TYPE_first_cmd),
        ::kimport::Symbol::data(
                c"start",
                &__KIMPORT_BINDING_start,
                ::core::mem::size_of::<u8>(),
            )
            .described(__KIMPORT_TYPE_start),
    ];
    static __KIMPORT_BLOCK: ::kimport::Block = ::kimport::Block::new(
        c"image",
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
}
::kimport::__declare_function! {
    trampoline : "__SCT__kimport_demo_0_sched_yield", key :
    "__SCK__kimport_demo_0_sched_yield", binding : __KIMPORT_BINDING_sched_yield, call :
    __kimport_call_sched_yield, unbound : __kimport_unbound_sched_yield, symbol :
    "yield", fn () -> ()
}
/// Calls `yield` of the kernel.
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
pub unsafe fn sched_yield() {
    unsafe { __kimport_call_sched_yield() }
}
#[allow(non_upper_case_globals)]
const __KIMPORT_TYPE_sched_yield: &[u8] = {
    const __KIMPORT_ENCODING: ::kimport::types::Encoding = ::kimport::types::Encoding::function(
        &[],
        ::kimport::types::Encoding::VOID,
        false,
    );
    const __KIMPORT_BYTES: [u8; __KIMPORT_ENCODING.len()] = __KIMPORT_ENCODING
        .to_array();
    &__KIMPORT_BYTES
};
#[allow(clippy::type_complexity)]
const _: unsafe extern "C" fn() = ::kernel::bindings::yield_;
const _: () = {
    #[used]
    #[link_section = ".kimport"]
    static RECORD: ::kimport::Record<
        { ::kimport::record_size(36, __KIMPORT_TYPE_sched_yield.len()) },
    > = ::kimport::Record::new(
        b"\x02\0\x0C\0\0\0\0\0\0\0\0\0\x14\0\0\0\0\0yield\0sched_yield\0",
        __KIMPORT_TYPE_sched_yield,
    );
};
static __KIMPORT_SYMBOLS: &[::kimport::Symbol] = &[
    ::kimport::Symbol::function(c"yield", &__KIMPORT_BINDING_sched_yield)
        .rust_name("sched_yield")
        .described(__KIMPORT_TYPE_sched_yield),
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
