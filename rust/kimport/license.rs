// SPDX-License-Identifier: GPL-2.0

//! The check of the importing module's license. kimport gives access to symbols for GPL-compatible
//! modules only, as do the exports that the crate itself uses.
//!
//! The loader refuses a module under another license before this check runs, unless the module
//! reached those exports around the loader's own check, as livepatch relocations do.

use crate::bindings;
use crate::this_module::this_module;

/// The message that the loader has marked this module as proprietary.
pub(crate) const INCOMPATIBLE: &str =
    "this module's license, or that of a module that it links against, is not GPL-compatible; \
     imports are for modules whose `license:` is \"GPL\" or another that include/linux/license.h lists";

/// Returns whether the loader accepted this module's license as GPL-compatible. The kernel image,
/// with what is built in, is GPL.
pub(crate) fn is_compatible() -> bool {
    let module = this_module();
    if module.is_null() {
        return true;
    }
    // SAFETY: `module` is this module's own `struct module`.
    let taints = unsafe { &raw const (*module).taints };
    // SAFETY: As above. The kernel may set other bits of the word at any time, hence the volatile
    // read.
    let taints = unsafe { taints.read_volatile() };
    taints & (1 << bindings::TAINT_PROPRIETARY_MODULE) == 0
}
