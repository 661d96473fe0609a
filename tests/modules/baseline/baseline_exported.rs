// SPDX-License-Identifier: GPL-2.0

//! A module that refers to 45 exported functions, and calls none.

use kernel::prelude::*;

module! {
    type: Exported,
    name: "baseline_exported",
    authors: ["The kimport developers"],
    description: "Refers to exported functions, for the bench of kimport",
    license: "GPL",
}

/// Pointers to functions, each of which the loader has to find.
struct Used<const N: usize>([unsafe extern "C" fn(); N]);

// Exported functions of the kernel image that were chosen at random.
include!(env!("KIMPORT_EXPORTED"));

struct Exported;

impl kernel::Module for Exported {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        Ok(Self)
    }
}
