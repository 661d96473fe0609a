// SPDX-License-Identifier: GPL-2.0

//! Imports from the kernel image and from a module: functions or, with the parameter `data=1`,
//! data.

use kernel::ffi::{c_char, c_int};
use kernel::prelude::*;
use kimport::compat::{code::EBADMSG, parameter};
use kimport::{import_symbols, Imports};

module! {
    type: WaysCrate,
    name: "ways_crate",
    authors: ["The kimport developers"],
    description: "Imports with import_symbols!, for the test of docs/ways.md",
    license: "GPL",
    params: {
        data: u32 {
            default: 0,
            description: "Import data, not functions",
        },
    },
}

import_symbols! {
    mod image_functions {
        nr_processes: fn() -> c_int,
    }
    mod provider_functions from "ways_provider" {
        ways_add: fn(a: c_int, b: c_int) -> c_int,
    }
    mod image_data {
        saved_command_line: *const c_char,
    }
    mod provider_data from "ways_provider" {
        ways_value: c_int,
    }
}

struct WaysCrate(#[expect(dead_code)] [Imports; 2]);

impl kernel::Module for WaysCrate {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        match parameter(&module_parameters::data) {
            0 => functions(),
            _ => data(),
        }
    }
}

fn functions() -> Result<WaysCrate> {
    let image = image_functions::resolve_imports()?;
    let provider = provider_functions::resolve_imports()?;
    // SAFETY: The imports are resolved; the function takes nothing and may be called anywhere.
    let processes = unsafe { image_functions::nr_processes() };
    // SAFETY: The imports are resolved; the function only adds.
    let sum = unsafe { provider_functions::ways_add(40, 2) };
    pr_info!("{processes} processes, sum {sum}\n");
    if processes <= 0 || sum != 42 {
        return Err(EBADMSG);
    }
    Ok(WaysCrate([image, provider]))
}

fn data() -> Result<WaysCrate> {
    let image = image_data::resolve_imports()?;
    let provider = provider_data::resolve_imports()?;
    // SAFETY: The imports are resolved. The pointer was written once, early at boot.
    let line = unsafe { *image_data::saved_command_line() };
    // SAFETY: The command line is NUL-terminated and is never freed.
    let line = unsafe { CStr::from_char_ptr(line) };
    // SAFETY: The imports are resolved, and nothing writes the datum.
    let value = unsafe { *provider_data::ways_value() };
    pr_info!("command line {line}, value {value}\n");
    if value != 42 {
        return Err(EBADMSG);
    }
    Ok(WaysCrate([image, provider]))
}
