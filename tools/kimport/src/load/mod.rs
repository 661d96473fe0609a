// SPDX-License-Identifier: GPL-2.0

//! `kimport load`: loads a module whose undefined symbols the kernel does not export.
//!
//! For modules with plain declarations, where there is no livepatch: the addresses that `/proc/kallsyms` shows
//! to root are written into the module, as absolute symbols, just before it is handed to the kernel.
//! [`system`] knows the running system, [`plan`] works out what to write, [`rewrite`] writes it, and
//! [`failure`] says why the kernel refused.

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

/// The parameter of every module that uses the kernel-side crate.
pub const LOOKUP: &str = "kallsyms_lookup_name";

/// What a module says of itself that matters for loading it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The modules that it wants to be loaded before.
    pub depends: Vec<String>,
    /// Whether it takes the address of [`LOOKUP`] as a parameter.
    pub takes_lookup: bool,
}

impl Facts {
    /// Reads the module.
    pub fn new(file: &ModuleFile) -> Result<Self> {
        let image = Image::new(file.elf())?;
        let builder = image.builder()?;
        let Some(section) = elf::section(&builder, modinfo::SECTION)? else {
            return Ok(Self::default());
        };
        let section = elf::contents(section)?;
        let depends = modinfo::value(section, "depends")?.unwrap_or_default();
        let depends = depends.split(',').filter(|module| !module.is_empty());
        let is_lookup =
            |value: &[u8]| value.split(|&byte| byte == b':').next() == Some(LOOKUP.as_bytes());
        let takes_lookup = modinfo::values(section, "parmtype").any(is_lookup);
        Ok(Self {
            depends: depends.map(str::to_owned).collect(),
            takes_lookup,
        })
    }
}
