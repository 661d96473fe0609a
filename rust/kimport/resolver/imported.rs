// SPDX-License-Identifier: GPL-2.0

//! The kernel functions that the crate itself takes, none of them exported: imported with its own
//! macro, but bound by [`Kallsyms::get`](super::Kallsyms::get), since the generated
//! `resolve_imports` goes through them. Their types are those of the kernel's headers: a kernel
//! that has others is one that this crate does not compile for.

use crate::block::Symbol;
pub(super) use bounds::{
    __init_begin, __init_end, __per_cpu_end, __per_cpu_start, _einittext, _sinittext,
};

kimport_macros::import_symbols! {
    use crate::bindings;

    // The first entry is the one that finds the others, the second tells whether they are the
    // kernel image's.
    pub(super) kallsyms_lookup_name: _,
    pub(super) __module_address: _,
    pub(super) find_module: _,
    pub(super) kallsyms_on_each_match_symbol: _,
    pub(super) kallsyms_lookup_size_offset: _,
    pub(super) kallsyms_on_each_symbol: _,
    pub(super) kernel_text_address: _,
}

/// The functions, in the order of their declaration.
pub(super) fn symbols() -> &'static [Symbol] {
    __KIMPORT_BLOCK.symbols
}

/// The symbols at the beginnings and ends of the kernel image's parts.
pub(super) fn bounds() -> &'static [Symbol] {
    bounds::symbols()
}

mod bounds {
    use super::Symbol;

    kimport_macros::import_symbols! {
        use crate::bindings;

        pub(crate) _sinittext: _,
        pub(crate) _einittext: _,
        // Without KALLSYMS_ALL, kallsyms knows no data: neither these four nor what they are
        // compared with.
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
