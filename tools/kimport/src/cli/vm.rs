// SPDX-License-Identifier: GPL-2.0

//! `kimport vm`.

use crate::error::{Error, Outcome, Result};
use clap::Args;
use std::{
    env, ffi::OsString, os::unix::process::CommandExt as _, path::PathBuf, process::Command,
};

/// Runs tests of modules in a virtual machine
///
/// Runs kimport-vm with these arguments; `kimport vm run --help` lists them. It takes QEMU and the
/// guest's programs (busybox, dash, kmod, coreutils) from this system.
#[derive(Debug, Args)]
#[command(disable_help_flag = true)]
pub(super) struct Vm {
    /// The arguments of kimport-vm
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "ARGUMENT"
    )]
    arguments: Vec<OsString>,
}

impl Vm {
    pub(super) fn run(&self) -> Result<Outcome> {
        let beside = env::current_exe()
            .ok()
            .map(|program| program.with_file_name("kimport-vm"));
        let program = beside.filter(|program| program.is_file());
        let program = program.unwrap_or_else(|| PathBuf::from("kimport-vm"));
        let error = Command::new(&program).args(&self.arguments).exec();
        Err(
            Error::unusable(format_args!("{}: {error}", program.display()))
                .help("install it beside kimport: make install does so"),
        )
    }
}
