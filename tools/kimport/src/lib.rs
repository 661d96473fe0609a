// SPDX-License-Identifier: GPL-2.0

//! `kimport`, the host command.
//!
//! It works on built kernel modules: [`list`] tells what one imports, [`check`] whether a kernel has
//! it all, [`compare`] what becomes of it from kernel to kernel, [`relink`] sends undefined symbols
//! to a provider that does not export them ([`kbuild`] does so while a module is built), [`sign`] signs
//! what changed, [`load`] loads a module with the addresses written into it. [`prepare`] makes what
//! modules are built against. [`kernel`] is where facts about kernels come from.

pub mod check;
pub mod cli;
pub mod compare;
pub mod compression;
pub mod elf;
pub mod error;
pub mod import_table;
pub mod kbuild;
pub mod kernel;
pub mod licence;
pub mod list;
pub mod load;
pub mod loader;
pub mod module_file;
pub mod prepare;
pub mod progress;
pub mod relink;
pub mod resolve;
pub mod schema;
pub mod sign;
pub mod symvers;
pub mod table;
pub mod verify;
