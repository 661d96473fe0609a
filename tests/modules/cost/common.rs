// SPDX-License-Identifier: GPL-2.0

/// Pointers to wrappers. They keep the wrappers in the module, and with each its call site.
struct Used<const N: usize>([*const (); N]);

// SAFETY: Nobody follows the pointers.
unsafe impl<const N: usize> Sync for Used<N> {}

// Functions of the kernel image that were chosen at random: the block `few`.
include!(env!("KIMPORT_COST_BLOCK"));

struct Cost(Imports);

impl kernel::Module for Cost {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        Ok(Self(few::resolve_imports()?))
    }
}
