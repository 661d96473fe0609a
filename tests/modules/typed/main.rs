// SPDX-License-Identifier: GPL-2.0

//! Imports functions of the stock kernel that were chosen at random. Each is declared either right
//! or with one difference.

#![allow(
    dead_code,
    improper_ctypes,
    non_camel_case_types,
    clippy::type_complexity
)]

use kernel::ffi::c_void;
use kernel::prelude::*;
use kimport::compat::{code::EBADMSG, parameter};
use kimport::{import_symbols, Imports};

module! {
    type: ImportsTyped,
    name: "imports_typed",
    authors: ["The kimport developers"],
    description: "Imports functions with all kinds of prototypes, for the tests of kimport",
    license: "GPL",
    params: {
        wrong: u8 {
            default: 0,
            description: "1: import the functions that are declared wrong",
        },
    },
}

include!(env!("KIMPORT_PROTOTYPES"));

struct ImportsTyped(Imports);

impl kernel::Module for ImportsTyped {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let imports = if parameter(&module_parameters::wrong) == 0 {
            right::resolve_imports()?
        } else {
            wrong::resolve_imports()?
        };
        if imports.iter().any(|import| import.address().is_none()) {
            return Err(EBADMSG);
        }
        let count = imports.iter().count();
        pr_info!("{count} imports, chosen with KIMPORT_SEED={SEED}\n");
        Ok(Self(imports))
    }
}
