// SPDX-License-Identifier: GPL-2.0

//! Programs that steps run. Each has its own process group, and a signal ends the whole group.

use crate::error::{At, Error, Result};
use rustix::process::{kill_process_group, test_kill_process_group, Pid, Signal};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};
use std::{
    fs::File,
    io::Read,
    os::unix::process::CommandExt,
    process::{Command, ExitStatus, Stdio},
    sync::{Mutex, MutexGuard, Once, PoisonError},
    thread,
    time::Duration,
};

/// The running program.
#[derive(Default)]
struct Running {
    group: Option<Pid>,
    interrupted: bool,
}

static RUNNING: Mutex<Running> = Mutex::new(Running {
    group: None,
    interrupted: false,
});

fn running() -> MutexGuard<'static, Running> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes SIGINT, SIGTERM and SIGHUP end the running program first, and then set-up.
pub(crate) fn handle_signals() -> Result<()> {
    static ONCE: Once = Once::new();
    let mut result = Ok(());
    ONCE.call_once(|| match Signals::new([SIGINT, SIGTERM, SIGHUP]) {
        Ok(mut signals) => {
            thread::spawn(move || signals.forever().for_each(|_| interrupt()));
        }
        Err(error) => result = Err(Error::new(format_args!("signals: {error}"))),
    });
    result
}

fn interrupt() {
    let group = {
        let mut running = running();
        running.interrupted = true;
        running.group
    };
    let Some(group) = group else { return };
    // The group may have ended already.
    let _ = kill_process_group(group, Signal::TERM);
    await_end(group);
}

/// Waits until all processes of a group that a signal has reached have ended. Kills those that take
/// too long.
fn await_end(group: Pid) {
    for _ in 0..50 {
        if test_kill_process_group(group).is_err() {
            return;
        }
        thread::sleep(Duration::from_millis(100));
    }
    let _ = kill_process_group(group, Signal::KILL);
}

/// Fails when a signal has come.
pub(crate) fn check() -> Result<()> {
    match running().interrupted {
        true => Err(Error::Interrupted),
        false => Ok(()),
    }
}

/// Runs a program to its end. Returns its status, and its standard output if that is piped.
fn finish(command: &mut Command) -> Result<(ExitStatus, String)> {
    let name = command.get_program().to_owned();
    command.stdin(Stdio::null()).process_group(0);
    let mut child = {
        let mut running = running();
        if running.interrupted {
            return Err(Error::Interrupted);
        }
        let child = command.spawn().at(&name)?;
        running.group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        child
    };
    let mut bytes = Vec::new();
    let read = match &mut child.stdout {
        Some(out) => out.read_to_end(&mut bytes).at(&name),
        None => Ok(0),
    };
    let status = child.wait().at(&name)?;
    let mut running = running();
    let group = running.group.take();
    if running.interrupted {
        drop(running);
        // So far, only the first process of the group has ended. This process removes files that
        // the others may be writing, and its end also ends the thread that waits for them.
        if let Some(group) = group {
            await_end(group);
        }
        return Err(Error::Interrupted);
    }
    read?;
    Ok((status, String::from_utf8_lossy(&bytes).into_owned()))
}

/// The file that programs write their output to.
#[derive(Debug)]
pub(crate) struct Log(pub(crate) File);

impl Log {
    fn file(&self) -> Result<File> {
        self.0.try_clone().at("the log")
    }

    /// Adds a line.
    pub(crate) fn line(&self, line: &str) -> Result<()> {
        use std::io::Write;
        writeln!(&self.0, "{line}").at("the log")
    }

    /// Runs a program that has to succeed.
    pub(crate) fn run(&self, command: &mut Command) -> Result<()> {
        if self.succeeds(command)? {
            return Ok(());
        }
        Err(Error::Failed(format!("{command:?} failed")))
    }

    /// Runs a program. Returns whether it succeeded.
    pub(crate) fn succeeds(&self, command: &mut Command) -> Result<bool> {
        command.stdout(self.file()?).stderr(self.file()?);
        Ok(finish(command)?.0.success())
    }

    /// Runs a program that has to succeed, and returns its output.
    pub(crate) fn output(&self, command: &mut Command) -> Result<String> {
        command.stdout(Stdio::piped()).stderr(self.file()?);
        match finish(command)? {
            (status, output) if status.success() => Ok(output),
            (status, _) => Err(Error::Failed(format!("{command:?}: {status}"))),
        }
    }
}

/// Runs a program and returns its output, or nothing if it fails or is not there.
pub(crate) fn query(command: &mut Command) -> Result<Option<String>> {
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    match finish(command) {
        Ok((status, output)) => Ok(status.success().then_some(output)),
        Err(Error::Interrupted) => Err(Error::Interrupted),
        Err(_) => Ok(None),
    }
}

/// Runs a program. Returns whether it succeeded, and both of its outputs as one text.
pub(crate) fn all_output(program: &str, arguments: &[&str]) -> Result<(bool, String)> {
    let mut command = Command::new("sh");
    command.args(["-c", "exec 2>&1; exec \"$@\"", "sh", program]);
    command.args(arguments).stderr(Stdio::null());
    command.stdout(Stdio::piped());
    let (status, output) = finish(&mut command)?;
    Ok((status.success(), output.trim_end().to_owned()))
}
