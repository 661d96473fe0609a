// SPDX-License-Identifier: GPL-2.0

//! A command that runs beside set-up once the build root is there. `make` has the host commands
//! built so while set-up waits for the network and for programs that use one CPU.

use crate::{
    error::{At, Result},
    place::Place,
    process,
    steps::Steps,
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
    /// Makes the build root and starts the command.
    pub(crate) fn start(place: &Place, command: &str) -> Result<Self> {
        // The command must not inherit the lock of the cache, so these steps end first.
        Steps::begin(place.clone(), 2)?.root()?;
        let path = place.cache.join("log/beside.log");
        let log = File::create(&path).at(&path)?;
        let mut shell = Command::new("sh");
        shell.args(["-c", command]).stdin(Stdio::null());
        shell.stdout(log.try_clone().at(&path)?).stderr(log);
        Ok(Self(shell.spawn().at("sh")?))
    }

    /// Waits for the command. If it failed, its caller meets the same fault and shows it.
    pub(crate) fn wait(mut self) -> Result<()> {
        self.0.wait().at("sh")?;
        process::check()
    }
}
