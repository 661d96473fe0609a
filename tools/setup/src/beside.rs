// SPDX-License-Identifier: GPL-2.0

//! A command that runs beside set-up once the build root is there. `make` has the host commands
//! built so while set-up waits for the network and for programs that use one CPU.

use crate::{
    error::{At, Result},
    process,
    steps::Steps,
    times::HOST_COMMANDS,
};
use rustix::process::{kill_process, Pid, Signal};
use std::{
    fs::File,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

/// The command of the variable `KIMPORT_BESIDE`, while it runs. Its output goes to a log. It
/// is in this process's group, so Ctrl-C ends both. If set-up fails, or another signal comes, it is
/// ended on drop.
#[derive(Debug)]
pub(crate) struct Beside(Child);

impl Beside {
    /// Starts the command.
    pub(crate) fn start(steps: &Steps, command: &str) -> Result<Self> {
        let path = steps.place.cache.join("log/beside.log");
        let log = File::create(&path).at(&path)?;
        let mut shell = Command::new("sh");
        // Without a shell in between, a signal reaches the command itself.
        let command = format!("exec {command}");
        shell.args(["-c", &command]).stdin(Stdio::null());
        shell.stdout(log.try_clone().at(&path)?).stderr(log);
        Ok(Self(steps.start(&mut shell)?))
    }

    /// Waits for the command. If it failed, its caller meets the same fault and shows it.
    pub(crate) fn wait(mut self, steps: &mut Steps) -> Result<()> {
        steps.step(HOST_COMMANDS, |_, _| {
            while self.0.try_wait().at("sh")?.is_none() {
                process::check()?;
                thread::sleep(Duration::from_millis(100));
            }
            process::check()
        })
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        if let (Ok(None), Ok(id)) = (self.0.try_wait(), i32::try_from(self.0.id())) {
            // Nothing could be done about an error here.
            let _ = Pid::from_raw(id).map(|id| kill_process(id, Signal::TERM));
            let _ = self.0.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::Place;
    use std::path::Path;

    #[test]
    fn the_command_ends_when_set_up_fails() {
        let cache = tempfile::tempdir().unwrap();
        let place = Place {
            top: cache.path().into(),
            cache: cache.path().into(),
            ..Place::default()
        };
        let steps = Steps::begin(place, 1).unwrap();
        let beside = Beside::start(&steps, "sleep 36000").unwrap();
        let process = format!("/proc/{}", beside.0.id());
        assert!(Path::new(&process).exists());
        drop(beside);
        assert!(!Path::new(&process).exists());
    }
}
