// SPDX-License-Identifier: GPL-2.0

use kimport_macros::import_symbols;

import_symbols! {
    /// The upgraded LIO core.
    pub(crate) mod lio from "target_core_mod_new" {
        /// Completes `cmd` with the SAM status `status`.
        target_complete_cmd: fn(cmd: *mut se_cmd, status: u8),
    }
}
