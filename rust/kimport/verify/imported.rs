// SPDX-License-Identifier: GPL-2.0

//! The kernel functions that give access to BTF, imported with the crate's own macro and bound by
//! [`KernelTypes::of`](super::kernel_types::KernelTypes::of).

use crate::bindings::{btf, btf_type, module, s32};
use crate::block::Symbol;
use kernel::ffi::c_char;

kimport_macros::import_symbols! {
    pub(super) btf_get_module_btf: fn(module: *const module) -> *mut btf,
    pub(super) btf_put: fn(btf: *mut btf),
    pub(super) btf_nr_types: fn(btf: *const btf) -> u32,
    pub(super) btf_type_by_id: fn(btf: *const btf, id: u32) -> *const btf_type,
    pub(super) btf_name_by_offset: fn(btf: *const btf, offset: u32) -> *const c_char,
    pub(super) btf_find_by_name_kind: fn(btf: *const btf, name: *const c_char, kind: u8) -> s32,
}

/// Returns the entries.
pub(super) fn symbols() -> &'static [Symbol] {
    __KIMPORT_BLOCK.symbols
}
