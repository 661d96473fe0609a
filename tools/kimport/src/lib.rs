// SPDX-License-Identifier: GPL-2.0

//! `kimport`, the host command.
//!
//! It works on built kernel modules. [`list`] shows what a module imports, [`check`] tells whether
//! a kernel has all of that, and [`compare`] shows how the imports change from kernel to kernel.
//! [`declare`] writes the declarations of symbols, and [`new`] a whole module.
//! [`relink`] makes undefined symbols come from a provider that does not export them ([`kbuild`]
//! does so while a module is built), and [`sign`] signs the changed module. [`load`] loads a module
//! with the addresses written into it. [`prepare`] makes the tree that modules are built against.
//! [`kernel`] reads the facts about kernels.

pub mod check;
pub mod cli;
pub mod compare;
pub mod compression;
pub mod declare;
pub mod describe;
pub mod elf;
pub mod error;
pub mod html;
pub mod import_table;
pub mod kbuild;
pub mod kernel;
pub mod layout_tables;
pub mod layouts;
pub mod license;
pub mod list;
pub mod load;
pub mod loader;
pub mod module_file;
pub mod new;
pub mod prepare;
pub mod progress;
pub mod relink;
pub mod relinked_types;
pub mod resolve;
pub mod sign;
pub mod symvers;
pub mod text_table;
pub mod verify;
