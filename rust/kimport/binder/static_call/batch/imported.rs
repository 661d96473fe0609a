// SPDX-License-Identifier: GPL-2.0

//! The symbols that [`batch`](super) takes from the kernel. None of them is exported; the crate
//! imports them with its own macro, and the resolver binds them.
//!
//! Static calls work without them. So the types are stated here and not taken from the kernel's
//! headers, and the crate also compiles for a kernel that renamed one. The functions are only
//! used if the kernel's BTF has them with these types. Of the two mutexes, which BTF lacks, only
//! the size is checked. The build looks in the kernel's headers for the names that two functions
//! had until 6.15.

use crate::bindings::mutex;
use crate::block::Symbol;
use core::ffi::c_void;

kimport_macros::import_symbols! {
    #[cfg(not(kimport_text_poke_queue))]
    pub(super) smp_text_poke_batch_add: fn(
        addr: *mut c_void,
        opcode: *const c_void,
        len: usize,
        emulate: *const c_void,
    ),
    #[cfg(not(kimport_text_poke_queue))]
    pub(super) smp_text_poke_batch_finish: fn(),
    #[cfg(kimport_text_poke_queue)]
    #[name = "text_poke_queue"]
    pub(super) smp_text_poke_batch_add: fn(
        addr: *mut c_void,
        opcode: *const c_void,
        len: usize,
        emulate: *const c_void,
    ),
    #[cfg(kimport_text_poke_queue)]
    #[name = "text_poke_finish"]
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
