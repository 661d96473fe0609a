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
        unbound : __kimport_unbound_target_complete_cmd, symbol :
        "target_core_mod_new:target_complete_cmd", #[allow(improper_ctypes)] fn
        (__kimport_arg_cmd : * mut se_cmd, __kimport_arg_status : u8) -> ()
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
    static __KIMPORT_SYMBOLS: &[::kimport::Symbol] = &[
        ::kimport::Symbol::function(
                c"target_complete_cmd",
                &__KIMPORT_BINDING_target_complete_cmd,
            )
            .described(__KIMPORT_TYPE_target_complete_cmd),
    ];
    static __KIMPORT_BLOCK: ::kimport::Block = ::kimport::Block::new(
        c"lio",
        ::core::option::Option::Some(c"target_core_mod_new"),
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
