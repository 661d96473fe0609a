// SPDX-License-Identifier: GPL-2.0

use kimport_macros::import_symbols;
/// Symbols imported from the kernel module `provider`.
mod module {
    #[allow(unused_imports)]
    use super::*;
    ::kimport::__declare_livepatch_data! {
        livepatch : ".klp.sym.provider.data,0", loaded : __KIMPORT_LOADED_data
    }
    #[allow(non_upper_case_globals)]
    static __KIMPORT_BINDING_data: ::kimport::DataBinding = ::kimport::DataBinding::unbound();
    /// The address of the kernel's `provider:data`.
    #[allow(dead_code, non_snake_case, unreachable_pub)]
    #[inline]
    pub fn data() -> *mut u32 {
        __KIMPORT_BINDING_data.address(&__KIMPORT_BLOCK).cast()
    }
    #[allow(non_upper_case_globals)]
    const __KIMPORT_TYPE_data: &[u8] = ::kimport::types::encoded!(
        ::kimport::types::describe!(u32) .into_data()
    );
    ::kimport::types::import_record! {
        Data, policy : Strict, optional : false, unverified : false, position : 0, block
        : "module", provider : "provider", name : "data", rust_name : "data", description
        : __KIMPORT_TYPE_data,
    }
    static __KIMPORT_SYMBOLS: &[::kimport::Symbol] = &[
        ::kimport::Symbol::data(
                c"data",
                &__KIMPORT_BINDING_data,
                ::core::mem::size_of::<u32>(),
            )
            .described(__KIMPORT_TYPE_data)
            .loaded(&__KIMPORT_LOADED_data),
    ];
    static __KIMPORT_BLOCK: ::kimport::Block = ::kimport::Block::new(
        ::kimport::__importer!(c"demo_module"),
        c"module",
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
    /// See [`Imports`](::kimport::Imports#errors). After an error nothing is bound and no
    /// module is held.
    #[allow(dead_code, unreachable_pub)]
    pub fn resolve_imports() -> ::kernel::error::Result<::kimport::Imports> {
        ::kimport::Imports::resolve(&__KIMPORT_BLOCK)
    }
}
