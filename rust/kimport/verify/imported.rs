// SPDX-License-Identifier: GPL-2.0

//! The kernel functions that give access to BTF, imported with the crate's own macro and bound by
//! [`KernelTypes::of`](super::kernel_types::KernelTypes::of).

use crate::bindings::{btf, btf_type, s32};
use crate::block::Symbol;
use kernel::ffi::c_char;

kimport_macros::import_symbols! {
    pub(super) bpf_get_btf_vmlinux: fn() -> *mut btf,
    pub(super) btf_type_by_id: fn(btf: *const btf, id: u32) -> *const btf_type,
    pub(super) btf_name_by_offset: fn(btf: *const btf, offset: u32) -> *const c_char,
    pub(super) btf_find_by_name_kind: fn(btf: *const btf, name: *const c_char, kind: u8) -> s32,
}

/// Returns the functions that are needed for the types of the kernel image.
pub(super) fn symbols() -> &'static [Symbol] {
    __KIMPORT_BLOCK.symbols
}

/// The functions that are needed for those of a module, too.
pub(super) mod of_modules {
    use crate::bindings::{btf, module};
    use crate::block::Symbol;

    kimport_macros::import_symbols! {
        pub(in super::super) btf_get_module_btf: fn(module: *const module) -> *mut btf,
        pub(in super::super) btf_put: fn(btf: *mut btf),
        pub(in super::super) btf_nr_types: fn(btf: *const btf) -> u32,
    }

    /// Returns the functions.
    pub(in super::super) fn symbols() -> &'static [Symbol] {
        __KIMPORT_BLOCK.symbols
    }
}
