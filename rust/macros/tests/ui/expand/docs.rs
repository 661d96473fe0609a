// SPDX-License-Identifier: GPL-2.0

use kimport_macros::import_symbols;

import_symbols! {
    undocumented: fn(),
    /// Documented, but no word on safety.
    without_safety: fn(),
    /// Documented.
    ///
    /// # Safety
    ///
    /// The lock must be held.
    with_safety: fn(),
    /**
     * A comment of another form.
     *
     * # Safety
     *
     * None.
     */
    block_comment: fn(),
    #[doc(hidden)]
    hidden: fn(),
    #[doc = include_str!("file.md")]
    included: u32,
    undocumented_data: u32,
}

// has: /// Calls `undocumented` of the kernel. /// /// # Safety ///
// has: /// Documented, but no word on safety. /// /// # Safety /// /// The caller must meet
// has: /// Documented. /// /// # Safety /// /// The lock must be held. #[allow(
// has: * # Safety * * None. */ #[allow(
// has: #[doc(hidden)] /// /// # Safety
// has: #[doc = include_str!("file.md")] #[allow(
// has: /// The address of the kernel's `undocumented_data`.
