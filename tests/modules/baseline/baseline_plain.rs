// SPDX-License-Identifier: GPL-2.0

//! A module that imports nothing.

use kernel::prelude::*;

module! {
    type: Plain,
    name: "baseline_plain",
    authors: ["The kimport developers"],
    description: "Does nothing, for the bench of kimport",
    license: "GPL",
}

struct Plain;

impl kernel::Module for Plain {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        Ok(Self)
    }
}
