// SPDX-License-Identifier: GPL-2.0

//! Claims to blocks: only one caller at a time may resolve a block.

use crate::block::Block;
use kernel::sync::atomic::{Acquire, Release};

/// A block that nobody else can resolve while this value lives.
///
/// # Invariants
///
/// The block's `claimed` flag was set by this value.
pub(crate) struct Claim(&'static Block);

impl Claim {
    /// Claims `block`; [`None`] when somebody else has.
    pub(crate) fn new(block: &'static Block) -> Option<Self> {
        block.claimed.cmpxchg(false, true, Acquire).ok()?;
        #[cfg(CONFIG_KIMPORT_DEBUGFS)]
        crate::debugfs::show(block);
        // INVARIANT: The flag was just set, and nobody else had set it.
        Some(Self(block))
    }

    pub(crate) fn block(&self) -> &'static Block {
        self.0
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        #[cfg(CONFIG_KIMPORT_DEBUGFS)]
        crate::debugfs::hide(self.0);
        self.0.claimed.store(false, Release);
    }
}
