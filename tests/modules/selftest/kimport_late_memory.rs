// SPDX-License-Identifier: GPL-2.0

//! A late block whose first resolution finds no memory. The resolution is tried again when the next
//! module goes live.

use kernel::ffi::c_int;
use kernel::prelude::*;
use kimport::{import_symbols, LateImports, ProviderEvents};

module! {
    type: LateMemory,
    name: "kimport_late_memory",
    authors: ["The kimport developers"],
    description: "Binds late after memory was short, for the tests of kimport",
    license: "GPL",
}

import_symbols! {
    #[late]
    mod late from "kimport_test_provider" {
        provider_add: fn(c_int, c_int) -> c_int,
    }
}

/// Prints the result of a call.
struct Events;

impl ProviderEvents for Events {
    fn provider_live(&self) {
        // SAFETY: The function takes any numbers and may be called anywhere.
        let sum = unsafe { late::provider_add(40, 2) };
        pr_info!("live: {sum:?}\n");
    }

    fn provider_going(&self) {}
}

struct LateMemory(#[expect(dead_code)] Pin<KBox<LateImports<Events>>>);

impl kernel::Module for LateMemory {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        kimport::selftest::lack_memory_once();
        Ok(Self(KBox::pin_init(late::bind_late(Events), GFP_KERNEL)?))
    }
}
