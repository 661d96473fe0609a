// SPDX-License-Identifier: GPL-2.0

//! Starts QEMU and hands on the lines of its two channels.
//!
//! The kernel's console and the suites' results travel separately: the first on the serial port,
//! the second on a virtio port, so that no message of the kernel can tear a result apart. QEMU
//! never outlives the runner: it is killed on drop, and the kernel kills it when the runner dies.

use crate::accelerator::Accelerator;
use crate::options::Options;
use anyhow::{Context, Result};
use rustix::io::{fcntl_setfd, FdFlags};
use rustix::process::{getppid, set_parent_process_death_signal, Pid, Signal};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

/// The architecture of a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Architecture {
    Amd64,
    Arm64,
}

impl Architecture {
    /// Returns the architecture of a boot image.
    pub(crate) fn of(kernel: &Path) -> Result<Self> {
        // Documentation/arch/arm64/booting.rst
        const ARM64: (u64, [u8; 4]) = (56, *b"ARM\x64");

        let read = || -> io::Result<_> {
            let mut magic = [0; 4];
            let length = File::open(kernel)?.read_at(&mut magic, ARM64.0)?;
            Ok(length == magic.len() && magic == ARM64.1)
        };
        let cannot = || format!("cannot read {}", kernel.display());
        Ok(match read().with_context(cannot)? {
            true => Self::Arm64,
            false => Self::Amd64,
        })
    }

    /// Returns QEMU for this architecture.
    pub(crate) const fn qemu(self) -> &'static str {
        match self {
            Self::Amd64 => "qemu-system-x86_64",
            Self::Arm64 => "qemu-system-aarch64",
        }
    }

    /// Returns the QEMU that the options name, or the usual one.
    pub(crate) fn program(self, options: &Options) -> &Path {
        options.qemu.as_deref().unwrap_or(Path::new(self.qemu()))
    }

    /// Returns QEMU's arguments for machine and CPU.
    fn machine(self) -> [&'static str; 4] {
        match self {
            Self::Amd64 => ["-machine", "q35", "-cpu", "max"],
            // The architecture's own pointer authentication takes half of the time of an emulator.
            Self::Arm64 => ["-machine", "virt", "-cpu", "max,pauth-impdef=on"],
        }
    }

    /// Returns the words of the kernel's command line that depend on the machine. The VM has a
    /// timer, but on a busy host it may be too late for x86's check.
    pub(crate) fn append(self) -> &'static str {
        match self {
            Self::Amd64 => "console=ttyS0 no_timer_check",
            Self::Arm64 => "console=ttyAMA0",
        }
    }
}

/// The machine.
#[derive(Debug)]
pub(crate) struct Machine<'a> {
    /// The options, of which QEMU's program and arguments, the CPUs and the memory are used.
    pub(crate) options: &'a Options,
    pub(crate) architecture: Architecture,
    pub(crate) accelerator: Accelerator,
    pub(crate) kernel: PathBuf,
    /// The initramfs. The file need not have a name any more.
    pub(crate) initrd: File,
    pub(crate) cmdline: String,
    /// The contents of extra virtio disks. The files need not have names any more.
    pub(crate) disks: Vec<File>,
}

/// One line from the VM.
#[derive(Debug)]
pub(crate) enum Event {
    /// From the kernel's console.
    Console(String),
    /// From the guest's result channel.
    Channel(String),
    /// From QEMU itself.
    Qemu(String),
}

/// A running VM.
#[derive(Debug)]
pub(crate) struct Vm {
    child: Child,
    /// The lines of the VM. Disconnected when QEMU has ended and everything was read.
    pub(crate) events: Receiver<Event>,
}

impl Machine<'_> {
    fn arguments(&self, console: RawFd, channel: RawFd) -> Vec<String> {
        let mut arguments: Vec<String> = Vec::new();
        let mut add = |words: &[&str]| arguments.extend(words.iter().map(|w| (*w).to_owned()));
        add(&["-nodefaults", "-no-user-config", "-display", "none"]);
        add(&["-no-reboot"]);
        add(&self.architecture.machine());
        let options = self.options;
        add(&["-smp", &options.smp.to_string(), "-m", &options.memory]);
        let initrd = format!("/proc/self/fd/{}", self.initrd.as_raw_fd());
        add(&["-kernel", &self.kernel.to_string_lossy(), "-initrd"]);
        add(&[&initrd, "-append", &self.cmdline]);
        add(&["-chardev", &format!("socket,id=console,fd={console}")]);
        add(&["-serial", "chardev:console"]);
        add(&["-chardev", &format!("socket,id=channel,fd={channel}")]);
        add(&["-device", "virtio-serial-pci", "-device"]);
        add(&["virtserialport,chardev=channel,name=kimport.channel"]);
        add(&["-object", "rng-random,id=rng,filename=/dev/urandom"]);
        add(&["-device", "virtio-rng-pci,rng=rng"]);
        for (index, disk) in self.disks.iter().enumerate() {
            let fd = disk.as_raw_fd();
            let drive = format!("file=/proc/self/fd/{fd},if=none,id=disk{index},format=raw");
            add(&["-drive", &(drive + ",cache=unsafe,discard=unmap")]);
            let device = format!("virtio-blk-pci,drive=disk{index},serial=kimport{index}");
            add(&["-device", &device]);
        }
        arguments.extend_from_slice(&options.qemu_arg);
        arguments
    }

    /// Starts the VM.
    pub(crate) fn start(&self) -> Result<Vm> {
        let program = self.architecture.program(self.options);
        let (console, console_guest) = UnixStream::pair().context("console socket")?;
        let (channel, channel_guest) = UnixStream::pair().context("channel socket")?;
        let mut inherited = vec![console_guest.as_raw_fd(), channel_guest.as_raw_fd()];
        inherited.push(self.initrd.as_raw_fd());
        inherited.extend(self.disks.iter().map(AsRawFd::as_raw_fd));
        let runner = rustix::process::getpid();
        let mut command = Command::new(program);
        command
            .args(self.accelerator.arguments(self.options.one_thread))
            .args(self.arguments(console_guest.as_raw_fd(), channel_guest.as_raw_fd()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        // SAFETY: Between fork and exec the closure only makes system calls and touches memory
        // that was allocated before; it takes no lock and allocates nothing.
        unsafe { command.pre_exec(move || prepare_child(runner, &inherited)) };
        let mut child = command
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        drop((console_guest, channel_guest));

        let (sender, events) = mpsc::channel();
        forward(console, sender.clone(), Event::Console);
        forward(channel, sender.clone(), Event::Channel);
        if let Some(stderr) = child.stderr.take() {
            forward(stderr, sender, Event::Qemu);
        }
        Ok(Vm { child, events })
    }
}

/// Runs in the child before QEMU does.
fn prepare_child(runner: Pid, inherited: &[RawFd]) -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // The runner may have died before the line above.
    if getppid() != Some(runner) {
        return Err(rustix::io::Errno::SRCH.into());
    }
    for fd in inherited {
        // SAFETY: The descriptor was opened by the parent, which keeps it open until after the
        // fork, and `ManuallyDrop` keeps it open here.
        let fd = std::mem::ManuallyDrop::new(unsafe { OwnedFd::from_raw_fd(*fd) });
        fcntl_setfd(&*fd, FdFlags::empty())?;
    }
    Ok(())
}

/// Sends each line of `source` on. Bytes that are not UTF-8 are replaced.
fn forward<S>(source: S, sender: Sender<Event>, event: fn(String) -> Event)
where
    S: Read + Send + 'static,
{
    thread::spawn(move || {
        for line in BufReader::new(source).split(b'\n').map_while(Result::ok) {
            let text = String::from_utf8_lossy(&line);
            if sender.send(event(text.trim_end().to_owned())).is_err() {
                break;
            }
        }
    });
}

impl Vm {
    /// Kills the VM. The events that were under way can still be received.
    pub(crate) fn kill(&mut self) {
        // It fails only when the process has been waited for already.
        let _ = self.child.kill();
    }

    /// Waits for QEMU's end.
    pub(crate) fn wait(&mut self) -> Result<ExitStatus> {
        self.child.wait().context("cannot wait for QEMU")
    }
}

impl Drop for Vm {
    fn drop(&mut self) {
        self.kill();
        // A killed child can be waited for, and nothing could be done about an error here.
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boot_image_tells_its_architecture() {
        let directory = tempfile::tempdir().unwrap();
        let kernel = directory.path().join("vmlinuz");
        let mut image = vec![0; 64];
        for (magic, architecture) in [
            (*b"ARM\x64", Architecture::Arm64),
            (*b"\xcd\x23\x82\x81", Architecture::Amd64),
        ] {
            image[56..60].copy_from_slice(&magic);
            std::fs::write(&kernel, &image).unwrap();
            assert_eq!(Architecture::of(&kernel).unwrap(), architecture);
        }
        std::fs::write(&kernel, "").unwrap();
        assert_eq!(Architecture::of(&kernel).unwrap(), Architecture::Amd64);
        assert!(Architecture::of(&directory.path().join("none")).is_err());
    }
}
