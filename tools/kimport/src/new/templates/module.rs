// SPDX-License-Identifier: GPL-2.0

//! A module that imports symbols which the kernel does not export.

use kernel::prelude::*;
use kimport::Imports;

@DECLARED@

module! {
    type: @TYPE@,
    name: "@NAME@",
    description: "Imports symbols that the kernel does not export",
    license: "GPL",
}

struct @TYPE@ {
    // Dropped last: no import may be called any more then.
    _imports: [Imports; @COUNT@],
}

impl kernel::Module for @TYPE@ {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let imports = [@RESOLVED@];
        for import in imports.iter().flat_map(Imports::iter) {
            pr_info!("{import}\n");
        }
        Ok(Self { _imports: imports })
    }
}
