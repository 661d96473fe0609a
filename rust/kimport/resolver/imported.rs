// SPDX-License-Identifier: GPL-2.0

//! The kernel functions that the crate itself takes, none of them exported: imported with its own macro, but bound
//! by [`Kallsyms::get`](super::Kallsyms::get), since the generated `resolve_imports` goes through them. Their types are those
//! of the kernel's headers: a kernel that has others is one that this crate does not compile for.

use crate::table::Symbol;

kimport_macros::import_symbols! {
    use crate::bindings;

    // The first entry is the one that finds the others, the second tells whether they are the kernel image's.
    pub(super) kallsyms_lookup_name: _,
    pub(super) __module_address: _,
    pub(super) find_module: _,
    pub(super) kallsyms_on_each_match_symbol: _,
    pub(super) kallsyms_lookup_size_offset: _,
    pub(super) kallsyms_on_each_symbol: _,
    pub(super) kernel_text_address: _,
    pub(super) _sinittext: _,
    pub(super) _einittext: _,
    // Without KALLSYMS_ALL, kallsyms knows no data: neither these four nor what they are compared with.
    #[optional]
    pub(super) __init_begin: _,
    #[optional]
    pub(super) __init_end: _,
    #[optional]
    pub(super) __per_cpu_start: _,
    #[optional]
    pub(super) __per_cpu_end: _,
    #[optional]
    pub(super) module_kallsyms_on_each_symbol: _,
}

/// Whether this kernel can list a module's symbols.
pub(super) fn lists_modules() -> bool {
    symbols().iter().any(|symbol| {
        symbol.name == c"module_kallsyms_on_each_symbol" && symbol.address().is_some()
    })
}

/// The entries, in the order of their declaration.
pub(super) fn symbols() -> &'static [Symbol] {
    __KIMPORT_BLOCK.symbols
}
