// SPDX-License-Identifier: GPL-2.0

//! Holds the providers of relinked modules, and refuses a relinked module whose symbols are not
//! those that it was made for. `rust/kimport/guard.rs` says how.

use kernel::prelude::*;
use kimport::Guard;

module! {
    type: KimportGuard,
    name: "kimport_guard",
    authors: ["The kimport developers"],
    description: "Holds the providers of modules that kimport relink has made, and checks them",
    license: "GPL",
}

struct KimportGuard {
    _guard: Pin<KBox<Guard>>,
}

impl kernel::Module for KimportGuard {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        Ok(Self {
            _guard: KBox::pin_init(Guard::new(), GFP_KERNEL)?,
        })
    }
}
