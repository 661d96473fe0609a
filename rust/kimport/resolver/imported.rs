// SPDX-License-Identifier: GPL-2.0

//! The kernel functions that the crate itself takes, none of them exported: imported with its own macro, but bound
//! by [`Kallsyms::get`](super::Kallsyms::get), since the generated `resolve_imports` goes through them.

use crate::bindings::module;
use crate::table::Symbol;
use kernel::ffi::{c_char, c_int, c_ulong, c_void};

type OnMatch = unsafe extern "C" fn(*mut c_void, c_ulong) -> c_int;
type OnSymbol = unsafe extern "C" fn(*mut c_void, *const c_char, c_ulong) -> c_int;

kimport_macros::import_symbols! {
    // The first entry is the one that finds the others.
    pub(super) kallsyms_lookup_name: fn(name: *const c_char) -> c_ulong,
    pub(super) find_module: fn(name: *const c_char) -> *mut module,
    pub(super) __module_address: fn(address: c_ulong) -> *mut module,
    pub(super) kallsyms_on_each_match_symbol: fn(OnMatch, name: *const c_char, data: *mut c_void) -> c_int,
    pub(super) kallsyms_lookup_size_offset: fn(address: c_ulong, size: *mut c_ulong, offset: *mut c_ulong) -> c_int,
    pub(super) kallsyms_on_each_symbol: fn(OnSymbol, data: *mut c_void) -> c_int,
    pub(super) kernel_text_address: fn(address: c_ulong) -> c_int,
    pub(super) _sinittext: u8,
    pub(super) _einittext: u8,
    // Without KALLSYMS_ALL, kallsyms knows no data: neither these four nor what they are compared with.
    #[optional]
    pub(super) __init_begin: u8,
    #[optional]
    pub(super) __init_end: u8,
    #[optional]
    pub(super) __per_cpu_start: u8,
    #[optional]
    pub(super) __per_cpu_end: u8,
    #[optional]
    pub(super) module_kallsyms_on_each_symbol: fn(module: *const c_char, OnSymbol, data: *mut c_void) -> c_int,
}

/// The entries, in the order of their declaration.
pub(super) fn symbols() -> &'static [Symbol] {
    __KIMPORT_BLOCK.symbols
}
