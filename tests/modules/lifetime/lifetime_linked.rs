// SPDX-License-Identifier: GPL-2.0

//! A module that links against its provider's exports and also imports from it. kimport must leave
//! the loader's own link in `holders/` as it is.

use kernel::ffi::c_int;
use kernel::prelude::*;
use kimport::compat::code::EBADMSG;
use kimport::import_symbols;

module! {
    type: LifetimeLinked,
    name: "lifetime_linked",
    authors: ["The kimport developers"],
    description: "Links against and imports from one provider, for the tests of kimport",
    license: "GPL",
}

import_symbols! {
    mod side from "kimport_side_a" {
        side_id: fn() -> c_int,
    }
}

extern "C" {
    fn side_a_exported() -> c_int;
}

struct LifetimeLinked;

impl kernel::Module for LifetimeLinked {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let imports = side::resolve_imports()?;
        // SAFETY: The imports are resolved.
        let imported = unsafe { side::side_id() };
        drop(imports);
        // SAFETY: The function takes nothing.
        let linked = unsafe { side_a_exported() };
        (imported == linked).then_some(Self).ok_or(EBADMSG)
    }
}
