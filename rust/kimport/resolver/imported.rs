// SPDX-License-Identifier: GPL-2.0

//! The kernel symbols that the resolver itself uses, none of them exported. They are imported with
//! the crate's own macro, but bound by [`Kallsyms::get`](super::Kallsyms::get), because the
//! generated `resolve_imports` needs them already. Their types are taken from the kernel's headers.
//! The crate does not compile for a kernel that declares them differently.

use crate::block::Symbol;

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

    // The beginnings and ends of the kernel image's parts.
    pub(super) _sinittext: _,
    pub(super) _einittext: _,
    // Without KALLSYMS_ALL, kallsyms lists no data: neither these four symbols nor the data that is
    // compared with them.
    #[optional]
    pub(super) __init_begin: _,
    #[optional]
    pub(super) __init_end: _,
    #[optional]
    pub(super) __per_cpu_start: _,
    #[optional]
    pub(super) __per_cpu_end: _,
}

/// Returns the symbols, in the order of their declaration.
pub(super) fn symbols() -> &'static [Symbol] {
    __KIMPORT_BLOCK.symbols
}

/// Returns the functions, which come before the data.
pub(super) fn functions() -> &'static [Symbol] {
    let count = symbols().partition_point(|symbol| symbol.binding.function().is_some());
    symbols().get(..count).unwrap_or_default()
}
