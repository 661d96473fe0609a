// SPDX-License-Identifier: GPL-2.0

//! Imports functions of the stock kernel that were chosen at random. Each is declared either right
//! or with one difference. The members of all structs in the block `right` are known, and those in
//! `opaque` are not.

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

/// The imports of one block, or of two.
struct ImportsTyped(Imports, Option<Imports>);

impl kernel::Module for ImportsTyped {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let this = if parameter(&module_parameters::wrong) == 0 {
            Self(right::resolve_imports()?, Some(opaque::resolve_imports()?))
        } else {
            Self(wrong::resolve_imports()?, None)
        };
        let blocks = || [Some(&this.0), this.1.as_ref()].into_iter().flatten();
        let imports = || blocks().flat_map(Imports::iter);
        if imports().any(|import| import.address().is_none()) {
            return Err(EBADMSG);
        }
        let count = imports().count();
        pr_info!("{count} imports, chosen with KIMPORT_SEED={SEED}\n");
        Ok(this)
    }
}
