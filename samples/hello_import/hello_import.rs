// SPDX-License-Identifier: GPL-2.0

//! The smallest importing module: it imports two functions and one datum of the kernel image, none
//! of them exported.

use kernel::ffi::{c_char, c_int};
use kernel::prelude::*;
use kimport::{import_symbols, Imports};

module! {
    type: HelloImport,
    name: "hello_import",
    authors: ["The kimport developers"],
    description: "Imports two functions and one datum that the kernel does not export",
    license: "GPL",
}

import_symbols! {
    mod kernel_image {
        /// The number of processes in the system, over all CPUs.
        nr_processes: fn() -> c_int,
        /// The number of context switches since boot.
        nr_context_switches: fn() -> u64,
        /// The kernel's command line, NUL-terminated.
        #[name = "saved_command_line"]
        command_line: *const c_char,
    }
}

struct HelloImport {
    _imports: Imports,
}

impl kernel::Module for HelloImport {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let imports = kernel_image::resolve_imports()?;
        for import in imports.iter() {
            pr_info!("{import}\n");
        }

        // SAFETY: The imports are resolved; the function takes nothing and may be called anywhere.
        let processes = unsafe { kernel_image::nr_processes() };
        // SAFETY: As above.
        let switches = unsafe { kernel_image::nr_context_switches() };
        // SAFETY: The imports are resolved. The pointer was written once, early at boot.
        let command_line = unsafe { *kernel_image::command_line() };
        // SAFETY: The command line is NUL-terminated and is never freed.
        let command_line = unsafe { CStr::from_char_ptr(command_line) };
        pr_info!("{processes} processes, {switches} context switches\n");
        pr_info!("command line: {command_line}\n");

        Ok(Self { _imports: imports })
    }
}
