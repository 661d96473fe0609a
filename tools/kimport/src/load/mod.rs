// SPDX-License-Identifier: GPL-2.0

//! `kimport load`: loads a module whose undefined symbols the kernel does not export.
//!
//! This is for modules with plain declarations on kernels without livepatch. The addresses that
//! `/proc/kallsyms` shows to root are written into the module, as absolute symbols, just before the
//! module is handed to the kernel. [`system`] reads the state of the running system, [`plan`] works
//! out what to write, [`rewrite`] writes it, and [`failure`] explains why the kernel refused.

pub mod failure;
pub mod plan;
pub mod rewrite;
pub mod system;

use crate::{
    elf::{self, Image},
    error::Result,
    module_file::ModuleFile,
    relink::modinfo,
};

/// The parameter that every module with a copy of the kernel-side crate has.
pub const LOOKUP: &str = "kallsyms_lookup_name";

/// The facts about a module that matter for loading it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The modules that have to be loaded before it.
    pub depends: Vec<String>,
    /// Set if it takes the address of [`LOOKUP`] as a parameter.
    pub takes_lookup: bool,
}

impl Facts {
    /// Reads the module.
    pub fn new(file: &ModuleFile) -> Result<Self> {
        let image = Image::new(file.elf())?;
        let builder = image.builder()?;
        let section = elf::data(&builder, modinfo::SECTION)?.unwrap_or_default();
        let is_lookup =
            |value: &[u8]| value.split(|&byte| byte == b':').next() == Some(LOOKUP.as_bytes());
        let takes_lookup = modinfo::values(section, "parmtype").any(is_lookup);
        Ok(Self {
            depends: modinfo::depends(section)?,
            takes_lookup,
        })
    }
}
