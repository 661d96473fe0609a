// SPDX-License-Identifier: GPL-2.0

use kimport_macros::import_symbols;

import_symbols! {
    target_complete_cmd: fn(*mut se_cmd, u8),
    /// Documented.
    pub(super) jiffies: u64
}
