// SPDX-License-Identifier: GPL-2.0

//! The licences of modules. Only modules under a GPL-compatible licence may import symbols that the
//! kernel does not export, or exports to GPL-compatible modules only. The module loader does not
//! check the licence for livepatch symbols and absolute symbols, so this module checks it.

use crate::error::{printable, Error, Result};

/// The licences that the kernel takes for GPL-compatible: `license_is_gpl_compatible()` of
/// `include/linux/license.h`.
const COMPATIBLE: &[&str] = &[
    "GPL",
    "GPL v2",
    "GPL and additional rights",
    "Dual BSD/GPL",
    "Dual MIT/GPL",
    "Dual MPL/GPL",
];

/// Refuses a module whose licence is not GPL-compatible, or that states none.
pub fn require_gpl_compatible(licence: Option<&str>) -> Result<()> {
    if licence.is_some_and(|licence| COMPATIBLE.contains(&licence)) {
        return Ok(());
    }
    let which = match licence {
        Some(licence) => format!("its licence '{}'", printable(licence)),
        None => "it states no licence, which".to_owned(),
    };
    Err(Error::finding(format_args!(
        "{which} is not GPL-compatible, and imports are for GPL-compatible modules only"
    ))
    .help("nothing was done; if the module is yours, state \"GPL\" or another licence of include/linux/license.h"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_words_exactly() {
        for licence in COMPATIBLE {
            assert!(require_gpl_compatible(Some(licence)).is_ok(), "{licence}");
        }
        for licence in ["", "gpl", "GPL-2.0", "GPL v3", "BSD", "Proprietary", "GPL "] {
            let error = require_gpl_compatible(Some(licence)).unwrap_err();
            let error = error.to_string();
            assert!(error.contains(&format!("'{licence}'")), "{error}");
        }
        let error = require_gpl_compatible(None).unwrap_err();
        assert!(error.to_string().starts_with("it states no licence"));
    }
}
