// SPDX-License-Identifier: GPL-2.0

//! The check of the importing module's license. kimport gives access to symbols for GPL-compatible
//! modules only, as do the exports that the crate itself uses.
//!
//! The loader refuses a module under another license before this check runs, unless the module
//! reached those exports around the loader's own check, as livepatch relocations do.

use crate::bindings;
use crate::importer::Importer;

/// The message that the loader has marked the importing module as proprietary.
pub(crate) const INCOMPATIBLE: &str =
    "this module's license, or that of a module that it links against, is not GPL-compatible; \
     imports are for modules whose `license:` is \"GPL\" or another that include/linux/license.h lists";

/// Returns whether the loader accepted the license of `importer` as GPL-compatible. The kernel
/// image, with what is built in, is GPL.
pub(crate) fn is_compatible(importer: &Importer) -> bool {
    let Some(module) = importer.get() else {
        return true;
    };
    // SAFETY: The module is loaded, because its code asks.
    let taints = unsafe { &raw const (*module.as_ptr()).taints };
    // SAFETY: As above. The kernel may set other bits of the word at any time, hence the volatile
    // read.
    let taints = unsafe { taints.read_volatile() };
    taints & (1 << bindings::TAINT_PROPRIETARY_MODULE) == 0
}
