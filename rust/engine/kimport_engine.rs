// SPDX-License-Identifier: GPL-2.0

//! Contains the crate `kimport` for all modules that were built with `kimport-engine := shared`,
//! see `scripts/Makefile.kimport`. Such a module has only its own declarations and call sites. The
//! loader holds this module while one of them is loaded.

// This links the crate.
use kimport as _;

use kernel::prelude::*;

module! {
    type: Engine,
    name: "kimport_engine",
    authors: ["The kimport developers"],
    description: "Imports symbols for modules that share this engine",
    license: "GPL",
}

struct Engine;

impl kernel::Module for Engine {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        Ok(Self)
    }
}
