// SPDX-License-Identifier: GPL-2.0

//! `kimport`, the host command.
//!
//! It works on built kernel modules: [`list`] tells what one imports, [`relink`] sends undefined
//! symbols of one to a provider that does not export them. Nothing here runs or loads anything.

pub mod cli;
pub mod elf;
pub mod error;
pub mod import_table;
pub mod list;
pub mod module_file;
pub mod relink;
pub mod symvers;
