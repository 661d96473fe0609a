// SPDX-License-Identifier: GPL-2.0

//! The options of `kimport-vm run`.

use crate::needs::{parse_file, Feature, Size};
use std::path::PathBuf;

/// The way to run the guest's instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Accel {
    /// KVM where it can be used, TCG otherwise.
    Auto,
    /// KVM only.
    Kvm,
    /// TCG only.
    Tcg,
}

/// The options of a run. What suites need is added to them.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// The root of the unpacked kernel packages (or of a system) that has lib/modules/RELEASE.
    #[arg(long, env = "KIMPORT_STOCK", value_name = "DIR")]
    pub stock: PathBuf,
    /// The release of the kernel, needed if there are several.
    #[arg(long)]
    pub release: Option<String>,
    /// The root of the system that the guest's programs are taken from.
    #[arg(long, default_value = "/", value_name = "DIR")]
    pub root: PathBuf,
    /// A suite: an executable script that prints KTAP. Suites run in the given order. A suite may
    /// state its needs in comments at its top, in lines `# kimport-vm: KEY VALUE...`. The options
    /// below add to them.
    #[arg(long, required = true, num_args = 1.., value_name = "PATH")]
    pub suite: Vec<PathBuf>,
    /// Runs only the tests whose names contain this text.
    #[arg(long, value_name = "TEXT")]
    pub test: Option<String>,
    /// The directory of the modules that suites need.
    #[arg(
        long,
        env = "KIMPORT_BUILD",
        default_value = "build",
        value_name = "DIR"
    )]
    pub build: PathBuf,
    /// Takes the modules that suites need from OTHER instead of DIR, both directories of the build.
    /// May be given several times.
    #[arg(long, value_parser = parse_instead, value_name = "DIR=OTHER")]
    pub instead: Vec<(String, String)>,
    /// A module under test, put into /test/modules.
    #[arg(long, num_args = 1.., value_name = "FILE")]
    pub module: Vec<PathBuf>,
    /// A feature that the kernel lacks. Modules that suites need only on kernels with it are left
    /// out.
    #[arg(long, value_enum, value_name = "FEATURE")]
    pub without: Vec<Feature>,
    /// An extra file and its place in the guest.
    #[arg(long, value_parser = parse_file, value_name = "SRC:DST")]
    pub file: Vec<(String, String)>,
    /// Stock modules besides the usual ones. Their dependencies come along.
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    pub modules_from_stock: Vec<String>,
    /// Further ones that the kernel may lack.
    #[arg(skip)]
    pub optional_modules: Vec<String>,
    /// Programs besides the usual ones, for instance chrt.
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    pub program: Vec<String>,
    /// Adds an empty virtio disk of this size (suffixes K, M, G).
    #[arg(long, value_name = "SIZE")]
    pub disk: Vec<Size>,
    /// Keeps the disks in this directory as disk0, disk1 and so on. A disk that is there is used as
    /// it is.
    #[arg(long, value_name = "DIR")]
    pub disks: Option<PathBuf>,
    /// Kills the VM as soon as a suite prints this line, as if the power failed. The run passes if
    /// it comes that far, with at least one test passed and none failed.
    #[arg(long, value_name = "LINE")]
    pub kill_at: Option<String>,
    /// The number of virtual CPUs.
    #[arg(long, default_value_t = 2)]
    pub smp: u32,
    /// The size of the memory, as QEMU writes it.
    #[arg(long, default_value = "1G")]
    pub memory: String,
    /// The accelerator. `auto` takes KVM if a VM that executes a few instructions works with it,
    /// and no argument of QEMU has TCG count instructions. If KVM gives up later, TCG runs the VM,
    /// and each one until the host boots again; the file vm/kvm-failed in the cache says so.
    #[arg(long, env = "KIMPORT_ACCEL", value_enum, default_value_t = Accel::Auto)]
    pub accel: Accel,
    /// Has TCG emulate the CPUs in turns. For suites that keep patching code that other CPUs run:
    /// with a thread for each CPU, TCG now and then runs a stale translation of such code.
    #[arg(long)]
    pub one_thread: bool,
    /// The maximum time of a run, from the VM's start [default: 300 for each suite]. This limit and
    /// --hang-timeout grow with the time that the boot takes, if that is longer than 4 seconds.
    #[arg(long, value_name = "SECS")]
    pub timeout: Option<u64>,
    /// The maximum time without output before the VM has booted. After that the VM is started once
    /// more, because nothing under test has run. The second time the limit is --hang-timeout, if
    /// that is longer.
    #[arg(long, default_value_t = 60, value_name = "SECS")]
    pub boot_timeout: u64,
    /// The maximum time without output once the VM has booted.
    #[arg(long, default_value_t = 60, value_name = "SECS")]
    pub hang_timeout: u64,
    /// Words to add to the kernel's command line.
    #[arg(
        long,
        default_value = "",
        hide_default_value = true,
        allow_hyphen_values = true
    )]
    pub append: String,
    /// A further argument for QEMU.
    #[arg(long, allow_hyphen_values = true, value_name = "ARG")]
    pub qemu_arg: Vec<String>,
    /// The QEMU program [default: qemu-system-... of the kernel's architecture].
    #[arg(long, value_name = "PROGRAM")]
    pub qemu: Option<PathBuf>,
    /// Keeps the log of both channels in this file. Without this option the log is kept in the
    /// cache, and only if something failed.
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
    /// Writes the verdict to this file.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Does not run what has passed in the last seven days, if the guest's files, the kernel, the
    /// options and this program are the same. No log is written then.
    #[arg(long, conflicts_with = "disks")]
    pub reuse: bool,
    /// Shows the suite's `# show: TEXT` lines with each result, and a table of all results at the
    /// end.
    #[arg(long)]
    pub show: bool,
    /// Shows all output of the suites.
    #[arg(short, long)]
    pub verbose: bool,
    /// The directory of bases and logs [default: kimport in the user's cache directory].
    #[arg(long, env = "KIMPORT_CACHE", value_name = "DIR")]
    pub cache: Option<PathBuf>,
}

fn parse_instead(text: &str) -> Result<(String, String), String> {
    let (from, to) = text.split_once('=').ok_or("DIR=OTHER is wanted")?;
    Ok((from.to_owned(), to.to_owned()))
}
