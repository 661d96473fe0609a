// SPDX-License-Identifier: GPL-2.0

//! What [`batch`](super) takes from the kernel, none of it exported: imported with the crate's own macro, and bound by the
//! resolver. The types are those of the kernel's headers, but for `static_call_mutex`, which is static. Until 6.15 the functions were called `text_poke_queue` and
//! `text_poke_finish`; where a kernel has other names again, they belong here.

use crate::table::Symbol;

kimport_macros::import_symbols! {
    use crate::bindings;

    pub(super) smp_text_poke_batch_add: _,
    pub(super) smp_text_poke_batch_finish: _,
    #[cfg(CONFIG_MITIGATION_CALL_DEPTH_TRACKING)]
    pub(super) callthunks_translate_call_dest: _,
    // Data, so these two need KALLSYMS_ALL.
    pub(super) text_mutex: _,
    pub(super) static_call_mutex: _,
}

/// The entries, in the order of their declaration.
pub(super) fn symbols() -> &'static [Symbol] {
    __KIMPORT_BLOCK.symbols
}
