// SPDX-License-Identifier: GPL-2.0

//! Runs the crate's own tests when it is loaded, and prints KTAP. If the kernel has KUnit, KUnit
//! runs the tests.

use kernel::prelude::*;

module! {
    type: KimportSelftest,
    name: "kimport_selftest",
    authors: ["The kimport developers"],
    description: "Tests of kimport's own parts",
    license: "GPL",
}

struct KimportSelftest;

impl kernel::Module for KimportSelftest {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        kimport::selftest::run(|line| pr_info!("{line}\n"));
        Ok(Self)
    }
}

impl Drop for KimportSelftest {
    fn drop(&mut self) {
        pr_info!("after init: {:?}\n", kimport::selftest::after_init());
    }
}
