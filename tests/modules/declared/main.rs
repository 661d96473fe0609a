// SPDX-License-Identifier: GPL-2.0

//! Imports functions of the stock kernel and of LIO that were chosen at random, as `kimport
//! declare` declares them, and compares the layouts of the structs and unions that it defines.

#![allow(
    dead_code,
    improper_ctypes,
    non_camel_case_types,
    clippy::type_complexity
)]

use core::mem::{offset_of, size_of};
use kernel::prelude::*;
use kimport::compat::code::EBADMSG;
use kimport::Imports;

module! {
    type: ImportsDeclared,
    name: "imports_declared",
    authors: ["The kimport developers"],
    description: "Imports functions as kimport declare writes them, for the tests of kimport",
    license: "GPL",
}

include!(env!("KIMPORT_DECLARED"));

struct ImportsDeclared {
    _imports: [Imports; 2],
}

impl kernel::Module for ImportsDeclared {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        for (what, compiled, expected) in LAYOUTS {
            if compiled != expected {
                pr_err!("{what}: {compiled}, but {expected} in BTF\n");
                return Err(EBADMSG);
            }
        }
        let imports = [
            image::resolve_imports()?,
            target_core_mod::resolve_imports()?,
        ];
        let all = imports.iter().flat_map(Imports::iter);
        let count = all.filter(|import| import.address().is_some()).count();
        if count != IMPORTS {
            return Err(EBADMSG);
        }
        let layouts = LAYOUTS.len();
        pr_info!("{count} imports, {layouts} sizes and offsets, chosen with KIMPORT_SEED={SEED}\n");
        Ok(Self { _imports: imports })
    }
}
