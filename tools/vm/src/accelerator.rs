// SPDX-License-Identifier: GPL-2.0

//! The choice of QEMU's accelerator.
//!
//! `/dev/kvm` may be there and not work, as in many virtual machines: QEMU then ends with a failed
//! assertion when it starts the CPUs. So a VM that executes three instructions is tried first.
//!
//! Even then, KVM may give up later. It has to emulate instructions if a nested CPU cannot execute
//! them as they are, and it does not know all of them. A kernel that does not boot with KVM is
//! booted without. If it boots then, and KVM had given up, KVM is not taken again before the host
//! itself has booted: a file in the cache says so.

use crate::options::{Accel, Options};
use crate::qemu::Architecture;
use anyhow::{Context, Result};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
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

/// The beginnings of the lines that QEMU prints when KVM gives up. QEMU does not end then.
const GIVES_UP: [&str; 3] = [
    "KVM internal error",
    "error: kvm run failed",
    "KVM: entry failed",
];

/// The accelerators of a VM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Accelerator {
    /// KVM, because it was asked for.
    Kvm,
    /// KVM, because it seems to work. QEMU falls back to TCG if it does not start.
    KvmOrTcg,
    /// TCG.
    Tcg,
}

impl Accelerator {
    /// Chooses the accelerators. `cache` has what [`keep_failure`] wrote.
    pub(crate) fn choose(
        options: &Options,
        program: &Path,
        architecture: Architecture,
        cache: &Path,
    ) -> Result<Self> {
        // Only TCG counts instructions.
        let needs_tcg = options
            .qemu_arg
            .iter()
            .any(|argument| argument == "-icount");
        Ok(match options.accel {
            Accel::Kvm => Self::Kvm,
            Accel::Tcg => Self::Tcg,
            Accel::Auto if needs_tcg || has_failed(cache) => Self::Tcg,
            Accel::Auto if kvm_works(program, architecture)? => Self::KvmOrTcg,
            Accel::Auto => Self::Tcg,
        })
    }

    /// Returns QEMU's arguments.
    pub(crate) fn arguments(self, one_thread: bool) -> Vec<String> {
        let thread = if one_thread { "single" } else { "multi" };
        let tcg = format!("tcg,thread={thread}");
        let accelerators = match self {
            Self::Kvm => vec!["kvm"],
            Self::KvmOrTcg => vec!["kvm", &tcg],
            Self::Tcg => vec![&*tcg],
        };
        let arguments = accelerators.into_iter();
        arguments
            .flat_map(|accelerator| ["-accel".into(), accelerator.into()])
            .collect()
    }
}

/// Returns whether a line of QEMU says that KVM gives up.
pub(crate) fn gives_up(line: &str) -> bool {
    GIVES_UP.iter().any(|beginning| line.starts_with(beginning))
}

/// Returns the file that names the boot of the host during which KVM failed.
fn failure(cache: &Path) -> PathBuf {
    cache.join("kvm-failed")
}

fn boot() -> Option<String> {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()
}

fn has_failed(cache: &Path) -> bool {
    let failed = fs::read_to_string(failure(cache)).ok();
    failed.is_some() && failed == boot()
}

/// Keeps it in mind that KVM does not boot a kernel that TCG boots.
pub(crate) fn keep_failure(cache: &Path) -> Result<()> {
    let file = failure(cache);
    let boot = boot().context("the host's boot_id")?;
    fs::write(&file, boot).with_context(|| format!("cannot write {}", file.display()))
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
    fs::write(&path, rom).context("a ROM")?;
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
    use clap::Parser;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        options: Options,
    }

    #[test]
    fn kvm_is_not_taken_again_after_it_failed() {
        let cache = tempfile::tempdir().unwrap();
        let program = Path::new("/no/such/qemu");
        let choose = |arguments: &[&str]| {
            let arguments = [&["run", "--suite=x", "--stock=/"], arguments].concat();
            let options = Cli::parse_from(arguments).options;
            Accelerator::choose(&options, program, Architecture::Amd64, cache.path())
        };
        // Another boot of the host.
        fs::write(failure(cache.path()), "another\n").unwrap();
        assert!(!has_failed(cache.path()));
        keep_failure(cache.path()).unwrap();
        assert!(has_failed(cache.path()));
        assert_eq!(choose(&["--accel=auto"]).unwrap(), Accelerator::Tcg);
        assert_eq!(choose(&["--accel=kvm"]).unwrap(), Accelerator::Kvm);
        fs::remove_file(failure(cache.path())).unwrap();
        let counts = ["--accel=auto", "--qemu-arg=-icount", "--qemu-arg=1"];
        assert_eq!(choose(&counts).unwrap(), Accelerator::Tcg);
    }

    #[test]
    fn arguments_of_accelerators() {
        let of = |accelerator: Accelerator, one| accelerator.arguments(one).join(" ");
        assert_eq!(of(Accelerator::Kvm, false), "-accel kvm");
        assert_eq!(
            of(Accelerator::KvmOrTcg, false),
            "-accel kvm -accel tcg,thread=multi"
        );
        assert_eq!(of(Accelerator::Tcg, true), "-accel tcg,thread=single");
    }

    #[test]
    fn a_vm_works_if_it_executes_the_code() {
        let qemu = Path::new(Architecture::Amd64.qemu());
        // A busy machine takes longer.
        let patience = 100 * PATIENCE;
        assert!(works(qemu, "tcg", &CODE, patience).unwrap());
        assert!(!works(qemu, "no-such-accelerator", &CODE, patience).unwrap());
        assert!(works(Path::new("/no/such/qemu"), "tcg", &CODE, patience).is_err());
    }

    #[test]
    fn a_vm_that_hangs_does_not_work() {
        let qemu = Path::new(Architecture::Amd64.qemu());
        let jump_to_itself = [0xeb, 0xfe];
        let patience = Duration::from_millis(500);
        assert!(!works(qemu, "tcg", &jump_to_itself, patience).unwrap());
    }
}
