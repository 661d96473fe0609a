// SPDX-License-Identifier: GPL-2.0

//! A command that runs beside set-up once the build root is there. `make` has the host commands
//! built so while set-up waits for the network and for programs that use one CPU.

use crate::{
    error::{At, Result},
    process,
    steps::Steps,
    times::HOST_COMMANDS,
};
use std::{
    fs::File,
    process::{Child, Command, Stdio},
};

/// The shell command of the variable `KIMPORT_BESIDE`, while it runs. Its output goes to a log. It
/// is in this process's group, so Ctrl-C ends both.
#[derive(Debug)]
pub(crate) struct Beside(Child);

impl Beside {
    /// Starts the command.
    pub(crate) fn start(steps: &Steps, command: &str) -> Result<Self> {
        let path = steps.place.cache.join("log/beside.log");
        let log = File::create(&path).at(&path)?;
        let mut shell = Command::new("sh");
        shell.args(["-c", command]).stdin(Stdio::null());
        shell.stdout(log.try_clone().at(&path)?).stderr(log);
        Ok(Self(steps.start(&mut shell)?))
    }

    /// Waits for the command. If it failed, its caller meets the same fault and shows it.
    pub(crate) fn wait(mut self, steps: &mut Steps) -> Result<()> {
        steps.step(HOST_COMMANDS, |_, _| {
            self.0.wait().at("sh")?;
            process::check()
        })
    }
}
