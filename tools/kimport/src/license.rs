// SPDX-License-Identifier: GPL-2.0

//! The licenses of modules. Only modules under a GPL-compatible license may import symbols that the
//! kernel does not export, or exports to GPL-compatible modules only. The module loader does not
//! check the license for livepatch symbols and absolute symbols, so this module checks it.

use crate::error::{printable, Error, Result};

/// The licenses that the kernel takes for GPL-compatible: `license_is_gpl_compatible()` of
/// `include/linux/license.h`.
const COMPATIBLE: &[&str] = &[
    "GPL",
    "GPL v2",
    "GPL and additional rights",
    "Dual BSD/GPL",
    "Dual MIT/GPL",
    "Dual MPL/GPL",
];

/// Refuses a module whose license is not GPL-compatible, or that states none.
pub fn require_gpl_compatible(license: Option<&str>) -> Result<()> {
    if license.is_some_and(|license| COMPATIBLE.contains(&license)) {
        return Ok(());
    }
    let which = match license {
        Some(license) => format!("its license '{}'", printable(license)),
        None => "it states no license, which".to_owned(),
    };
    Err(Error::finding(format_args!(
        "{which} is not GPL-compatible, and imports are for GPL-compatible modules only"
    ))
    .help("nothing was done; if the module is yours, state \"GPL\" or another license of include/linux/license.h"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_words_exactly() {
        for license in COMPATIBLE {
            assert!(require_gpl_compatible(Some(license)).is_ok(), "{license}");
        }
        for license in ["", "gpl", "GPL-2.0", "GPL v3", "BSD", "Proprietary", "GPL "] {
            let error = require_gpl_compatible(Some(license)).unwrap_err();
            let error = error.to_string();
            assert!(error.contains(&format!("'{license}'")), "{error}");
        }
        let error = require_gpl_compatible(None).unwrap_err();
        assert!(error.to_string().starts_with("it states no license"));
    }
}
