// SPDX-License-Identifier: GPL-2.0

//! The symbols that [`batch`](super) takes from the kernel. None of them is exported; the crate
//! imports them with its own macro, and the resolver binds them.
//!
//! Static calls work without them. So the types are stated here and not taken from the kernel's
//! headers, and the crate also compiles for a kernel that renamed one. The functions are only
//! used if the kernel's BTF has them with these types. Of the two mutexes, which BTF lacks, only
//! the size is checked.

use crate::bindings::mutex;
use crate::block::Symbol;
use core::ffi::c_void;
use core::mem::size_of;

kimport_macros::import_symbols! {
    // Kernels before 6.16 have these two by older names.
    #[optional]
    pub(super) smp_text_poke_batch_add: fn(
        addr: *mut c_void,
        opcode: *const c_void,
        len: usize,
        emulate: *const c_void,
    ),
    #[optional]
    pub(super) smp_text_poke_batch_finish: fn(),
    #[cfg(CONFIG_MITIGATION_CALL_DEPTH_TRACKING)]
    pub(super) callthunks_translate_call_dest: fn(dest: *mut c_void) -> *mut c_void,
    // These two are data, so they need KALLSYMS_ALL.
    pub(super) text_mutex: mutex,
    pub(super) static_call_mutex: mutex,
}

/// Returns the entries in the order of their declaration.
pub(super) fn symbols() -> &'static [Symbol] {
    __KIMPORT_BLOCK.symbols
}

/// The same entries, in their order, by the names that two functions had until 6.15.
pub(super) static OLDER: &[Symbol] = &[
    Symbol::function(
        c"text_poke_queue",
        &__KIMPORT_BINDING_smp_text_poke_batch_add,
    )
    .described(__KIMPORT_TYPE_smp_text_poke_batch_add),
    Symbol::function(
        c"text_poke_finish",
        &__KIMPORT_BINDING_smp_text_poke_batch_finish,
    )
    .described(__KIMPORT_TYPE_smp_text_poke_batch_finish),
    #[cfg(CONFIG_MITIGATION_CALL_DEPTH_TRACKING)]
    Symbol::function(
        c"callthunks_translate_call_dest",
        &__KIMPORT_BINDING_callthunks_translate_call_dest,
    )
    .described(__KIMPORT_TYPE_callthunks_translate_call_dest),
    Symbol::data(
        c"text_mutex",
        &__KIMPORT_BINDING_text_mutex,
        size_of::<mutex>(),
    )
    .described(__KIMPORT_TYPE_text_mutex),
    Symbol::data(
        c"static_call_mutex",
        &__KIMPORT_BINDING_static_call_mutex,
        size_of::<mutex>(),
    )
    .described(__KIMPORT_TYPE_static_call_mutex),
];
