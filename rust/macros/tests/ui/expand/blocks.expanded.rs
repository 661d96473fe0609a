// SPDX-License-Identifier: GPL-2.0

use kimport_macros::import_symbols;
/// The upgraded LIO core.
pub(crate) mod lio {
    #[allow(unused_imports)]
    use super::*;
    ::kimport::__declare_function! {
        trampoline : "__SCT__kimport_demo_0_target_complete_cmd", key :
        "__SCK__kimport_demo_0_target_complete_cmd", binding :
        __KIMPORT_BINDING_target_complete_cmd, call : __kimport_call_target_complete_cmd,
        block : __KIMPORT_BLOCK, symbol : "target_complete_cmd",
        #[allow(improper_ctypes)] fn (__kimport_arg_cmd : * mut se_cmd,
        __kimport_arg_status : u8) -> ()
    }
    /// Completes `cmd` with the SAM status `status`.
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
    pub unsafe fn target_complete_cmd(
        __kimport_arg_cmd: *mut se_cmd,
        __kimport_arg_status: u8,
    ) {
        unsafe {
            __kimport_call_target_complete_cmd(__kimport_arg_cmd, __kimport_arg_status)
        }
    }
    #[allow(non_upper_case_globals)]
    const __KIMPORT_TYPE_target_complete_cmd: &[u8] = ::kimport::types::encoded!(
        ::kimport::types::Encoding::function(& [::kimport::types::describe!(* mut
        se_cmd), ::kimport::types::describe!(u8)], ::kimport::types::Encoding::VOID,
        false)
    );
    ::kimport::types::import_record! {
        Function, policy : Strict, optional : false, unverified : false, position : 0,
        block : "lio", provider : "target_core_mod_new", name : "target_complete_cmd",
        rust_name : "target_complete_cmd", description :
        __KIMPORT_TYPE_target_complete_cmd,
    }
    #[allow(clippy::all, unused)]
    const __KIMPORT_TABLE: ::kimport::types::LayoutTableBuilder = {
        #[allow(unused_imports)]
        use ::kimport::types::macro_support::{
            behind_const, behind_mut, element, size, union_field, DifferentType as _,
            LayoutProbe, OpaqueLayout as _, SameType,
        };
        let mut __kimport_table = ::kimport::types::LayoutTableBuilder::new(
            "lio",
            "target_core_mod_new",
        );
        let __kimport_is_known_0 = true;
        let __kimport_uninit_0 = ::core::mem::MaybeUninit::<se_cmd>::uninit();
        let __kimport_pointer_0 = __kimport_uninit_0.as_ptr();
        if __kimport_is_known_0 {
            __kimport_table
                .begin(
                    ::kimport::types::Keyword::Struct,
                    ::kimport::types::name_hash(b"se_cmd"),
                    size(__kimport_pointer_0),
                    1usize,
                );
            let __kimport_place = unsafe { &raw const (*__kimport_pointer_0).tag };
            let __kimport_offset = unsafe {
                __kimport_place.byte_offset_from(__kimport_pointer_0)
            };
            __kimport_table
                .member(
                    ::kimport::types::member_hash(b"tag"),
                    __kimport_offset as usize * 8 + 0usize,
                    (size(__kimport_place), false),
                    ::kimport::types::Shape::Number,
                    ::core::option::Option::None,
                );
        } else {
            __kimport_table
                .own(
                    ::kimport::types::name_hash(b"se_cmd"),
                    ::core::mem::size_of::<se_cmd>(),
                    LayoutProbe::<se_cmd>::LAYOUT,
                );
        }
        __kimport_table.end_of_declared();
        __kimport_table.finish()
    };
    #[link_section = ".kimport.layouts"]
    #[used]
    static __KIMPORT_LAYOUTS: ::kimport::types::Record<{ __KIMPORT_TABLE.len() }> = ::kimport::types::Record(
        __KIMPORT_TABLE.to_array(),
    );
    ::core::arch::global_asm!(
        ".pushsection .comment.kimport,\"\",%progbits", ".asciz \"tag\"", ".popsection",
    );
    static __KIMPORT_SYMBOLS: &[::kimport::Symbol] = &[
        ::kimport::Symbol::function(
                c"target_complete_cmd",
                &__KIMPORT_BINDING_target_complete_cmd,
            )
            .described(__KIMPORT_TYPE_target_complete_cmd),
    ];
    static __KIMPORT_BLOCK: ::kimport::Block = ::kimport::Block::new(
            ::kimport::__importer!(c"demo_module"),
            c"lio",
            ::core::option::Option::Some(c"target_core_mod_new"),
            __KIMPORT_SYMBOLS,
        )
        .layouts(&__KIMPORT_LAYOUTS.0);
    /// Finds every symbol declared here and binds the wrappers to them.
    ///
    /// The module that provides the symbols stays loaded until the returned
    /// [`Imports`](::kimport::Imports) is dropped; no wrapper may be called after that. Must be
    /// called from a context that may sleep.
    ///
    /// # Errors
    ///
    /// See [`Imports`](::kimport::Imports#errors). After an error nothing is bound and no
    /// module is held.
    #[allow(dead_code, unreachable_pub)]
    pub fn resolve_imports() -> ::kernel::error::Result<::kimport::Imports> {
        ::kimport::Imports::resolve(&__KIMPORT_BLOCK)
    }
    /// Like [`resolve_imports`], with the symbols of the kernel module that is named.
    ///
    /// # Errors
    ///
    /// See [`resolve_imports`].
    #[allow(dead_code, unreachable_pub)]
    pub fn resolve_imports_from(
        __kimport_provider: &::core::ffi::CStr,
    ) -> ::kernel::error::Result<::kimport::Imports> {
        ::kimport::Imports::resolve_from(&__KIMPORT_BLOCK, __kimport_provider)
    }
}
