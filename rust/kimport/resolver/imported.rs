// SPDX-License-Identifier: GPL-2.0

//! The kernel symbols that the resolver itself uses, none of them exported. They are imported with
//! the crate's own macro, but bound by [`Kallsyms::get`](super::Kallsyms::get), because the
//! generated `resolve_imports` needs them already. Their types are taken from the kernel's headers.
//! The crate does not compile for a kernel that declares them differently.

use crate::block::Symbol;
pub(super) use bounds::{
    __init_begin, __init_end, __per_cpu_end, __per_cpu_start, _einittext, _sinittext,
};

kimport_macros::import_symbols! {
    use crate::bindings;

    // The first entry finds the others. The second tells whether a symbol is in a module.
    pub(super) kallsyms_lookup_name: _,
    pub(super) __module_address: _,
    pub(super) find_module: _,
    pub(super) kallsyms_on_each_match_symbol: _,
    pub(super) kallsyms_lookup_size_offset: _,
    pub(super) kallsyms_on_each_symbol: _,
    pub(super) kernel_text_address: _,
}

/// Returns the functions, in the order of their declaration.
pub(super) fn symbols() -> &'static [Symbol] {
    __KIMPORT_BLOCK.symbols
}

/// Returns the symbols at the beginnings and ends of the kernel image's parts.
pub(super) fn bounds() -> &'static [Symbol] {
    bounds::symbols()
}

mod bounds {
    use super::Symbol;

    kimport_macros::import_symbols! {
        use crate::bindings;

        pub(crate) _sinittext: _,
        pub(crate) _einittext: _,
        // Without KALLSYMS_ALL, kallsyms lists no data: neither these four symbols nor the data
        // that is compared with them.
        #[optional]
        pub(crate) __init_begin: _,
        #[optional]
        pub(crate) __init_end: _,
        #[optional]
        pub(crate) __per_cpu_start: _,
        #[optional]
        pub(crate) __per_cpu_end: _,
    }

    pub(super) fn symbols() -> &'static [Symbol] {
        __KIMPORT_BLOCK.symbols
    }
}
