// SPDX-License-Identifier: GPL-2.0

//! The choice of QEMU's accelerator.
//!
//! `/dev/kvm` may be there and not work, as in many virtual machines: QEMU then ends with a failed
//! assertion when it starts the CPUs. So a VM that executes three instructions is tried first.

use crate::options::{Accel, Options};
use crate::qemu::Architecture;
use anyhow::{Context, Result};
use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The size of a ROM that QEMU maps below 4 GiB, where x86 begins to execute.
const ROM: usize = 1 << 16;
/// The place of the first instruction.
const RESET: usize = ROM - 16;
/// `mov $42, %al; out %al, $0xf4; hlt`
const CODE: [u8; 5] = [0xb0, NUMBER, 0xe6, 0xf4, 0xf4];
const NUMBER: u8 = 42;
/// The exit status of QEMU after the device `isa-debug-exit` was written to.
const WRITTEN: i32 = 2 * NUMBER as i32 + 1;
/// The time after which the VM hangs. It needs some milliseconds.
const PATIENCE: Duration = Duration::from_secs(20);

/// Returns QEMU's arguments for the accelerators. It falls back from the first one to the second.
pub(crate) fn arguments(
    options: &Options,
    program: &Path,
    architecture: Architecture,
) -> Result<Vec<String>> {
    // Only TCG counts instructions.
    let needs_tcg = options
        .qemu_arg
        .iter()
        .any(|argument| argument == "-icount");
    let kvm = match options.accel {
        Accel::Kvm => true,
        Accel::Tcg => false,
        Accel::Auto => !needs_tcg && kvm_works(program, architecture)?,
    };
    let thread = if options.one_thread {
        "single"
    } else {
        "multi"
    };
    let tcg = format!("tcg,thread={thread}");
    let accelerators = match options.accel {
        Accel::Kvm => vec!["kvm"],
        _ if kvm => vec!["kvm", &tcg],
        _ => vec![&*tcg],
    };
    let arguments = accelerators.into_iter();
    Ok(arguments
        .flat_map(|accelerator| ["-accel".into(), accelerator.into()])
        .collect())
}

fn kvm_works(program: &Path, architecture: Architecture) -> Result<bool> {
    let is_own = cfg!(target_arch = "x86_64") && architecture == Architecture::Amd64;
    let kvm = || File::options().read(true).write(true).open("/dev/kvm");
    Ok(is_own && kvm().is_ok() && works(program, "kvm", &CODE, PATIENCE)?)
}

/// Returns whether a VM executes `code`, which is [`CODE`], with `accelerator`.
fn works(program: &Path, accelerator: &str, code: &[u8], patience: Duration) -> Result<bool> {
    let mut rom = vec![0; ROM];
    rom[RESET..][..code.len()].copy_from_slice(code);
    let directory = tempfile::tempdir().context("a directory for a ROM")?;
    let path = directory.path().join("rom");
    std::fs::write(&path, rom).context("a ROM")?;
    let mut child = Command::new(program)
        .args(["-nodefaults", "-no-user-config", "-display", "none"])
        .args(["-no-reboot", "-machine", "q35", "-cpu", "max"])
        .args(["-accel", accelerator, "-bios"])
        .arg(&path)
        .args(["-device", "isa-debug-exit,iobase=0xf4,iosize=4"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot start {}", program.display()))?;
    let start = Instant::now();
    while start.elapsed() < patience {
        if let Some(status) = child.try_wait().context("cannot wait for QEMU")? {
            return Ok(status.code() == Some(WRITTEN));
        }
        thread::sleep(Duration::from_millis(10));
    }
    // It fails only when the process has ended.
    let _ = child.kill();
    let _ = child.wait();
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vm_works_if_it_executes_the_code() {
        let qemu = Path::new(Architecture::Amd64.program());
        // A busy machine takes longer.
        let patience = 100 * PATIENCE;
        assert!(works(qemu, "tcg", &CODE, patience).unwrap());
        assert!(!works(qemu, "no-such-accelerator", &CODE, patience).unwrap());
        assert!(works(Path::new("/no/such/qemu"), "tcg", &CODE, patience).is_err());
    }

    #[test]
    fn a_vm_that_hangs_does_not_work() {
        let qemu = Path::new(Architecture::Amd64.program());
        let jump_to_itself = [0xeb, 0xfe];
        let patience = Duration::from_millis(500);
        assert!(!works(qemu, "tcg", &jump_to_itself, patience).unwrap());
    }
}
