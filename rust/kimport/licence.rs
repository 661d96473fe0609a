// SPDX-License-Identifier: GPL-2.0

//! Whether this module may import at all: what kimport gives access to is for GPL-compatible
//! modules only, as the exports are that it takes itself.
//!
//! The loader refuses another module before this is asked, unless those exports reached it around
//! the loader's check, as livepatch relocations do.

use crate::bindings;
use crate::this_module::this_module;
use kernel::fmt;

/// The loader has marked this module proprietary.
pub(crate) struct Incompatible;

impl fmt::Display for Incompatible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "this module's licence, or that of a module that it links against, is not GPL-compatible; \
             imports are for modules whose `license:` is \"GPL\" or another that include/linux/license.h lists",
        )
    }
}

/// Asks for the loader's judgement. The kernel image, with what is built in, is GPL.
pub(crate) fn check() -> Result<(), Incompatible> {
    let module = this_module();
    if module.is_null() {
        return Ok(());
    }
    // SAFETY: `module` is this module's own `struct module`.
    let taints = unsafe { &raw const (*module).taints };
    // SAFETY: As above. The kernel may set other bits of the word at any time, hence the volatile
    // read.
    let taints = unsafe { taints.read_volatile() };
    if taints & (1 << bindings::TAINT_PROPRIETARY_MODULE) != 0 {
        return Err(Incompatible);
    }
    Ok(())
}
