// SPDX-License-Identifier: GPL-2.0

//! The kernel function that the guard uses to find the modules that are loaded already, imported
//! with the crate's own macro and bound by [`Guard::new`](super::Guard::new).

use crate::block::Symbol;

kimport_macros::import_symbols! {
    use crate::bindings;

    pub(super) module_kallsyms_on_each_symbol: _,
}

/// Returns the entries.
pub(super) fn symbols() -> &'static [Symbol] {
    __KIMPORT_BLOCK.symbols
}
