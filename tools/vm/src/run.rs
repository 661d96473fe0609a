// SPDX-License-Identifier: GPL-2.0

//! One run, from the caller's options to the verdict.

use crate::image::{Archive, Base};
use crate::modules::Stock;
use crate::qemu::{Accel, Architecture, Event, Machine, Vm};
use crate::session::{Limits, Progress, Session, Stop, Verdict};
use anyhow::{bail, ensure, Context, Result};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

const INIT: &str = include_str!("../guest/init");
/// The shell libraries in `/test` that suites may source.
const LIBRARIES: &[(&str, &str)] = &[
    ("ktap.sh", include_str!("../guest/ktap.sh")),
    ("lio.sh", include_str!("../guest/lio.sh")),
];

/// The reason that a test was skipped because its name does not contain [`Options::test`].
/// `ktap.sh` writes the same text.
pub const NOT_CHOSEN: &str = "not chosen";

/// The time between two checks of the limits.
const TICK: Duration = Duration::from_millis(200);

/// The options of a run.
#[derive(Debug)]
pub struct Options {
    /// The kernel.
    pub stock: Stock,
    /// The build root that the userland is taken from.
    pub root: PathBuf,
    /// The cache directory, which holds the bases.
    pub cache: PathBuf,
    /// The suites in the order in which they run.
    pub suites: Vec<PathBuf>,
    /// A text that the names of the tests to run contain.
    pub test: Option<String>,
    /// Modules under test, put into `/test/modules`.
    pub modules: Vec<PathBuf>,
    /// Extra files and their places in the guest.
    pub files: Vec<(PathBuf, String)>,
    /// Stock modules besides the usual ones.
    pub stock_modules: Vec<String>,
    /// Programs besides the usual ones.
    pub programs: Vec<String>,
    /// Sizes of extra virtio disks.
    pub disks: Vec<u64>,
    /// The QEMU program, if another one than the architecture's usual one.
    pub qemu: Option<PathBuf>,
    /// The number of virtual CPUs.
    pub smp: u32,
    /// The size of the memory, as QEMU writes it.
    pub memory: String,
    /// The accelerator.
    pub accel: Accel,
    /// Set if TCG emulates the CPUs in turns.
    pub one_thread: bool,
    /// The time limits.
    pub limits: Limits,
    /// Words to add to the kernel's command line.
    pub append: String,
    /// Further arguments for QEMU.
    pub qemu_args: Vec<String>,
    /// The file to which both channels are logged.
    pub log: PathBuf,
}

/// Returns the name of a suite.
pub fn suite_name(path: &Path) -> Result<String> {
    let name = path
        .file_stem()
        .and_then(|name| name.to_str())
        .with_context(|| format!("{} is no name for a suite", path.display()))?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-+".contains(c);
    ensure!(
        !name.is_empty() && name.chars().all(plain),
        "a suite's name is made of letters, digits and ._-+: {name}"
    );
    Ok(name.to_owned())
}

fn file_name(path: &Path) -> Result<&str> {
    path.file_name()
        .and_then(|name| name.to_str())
        .with_context(|| format!("{} has no usable file name", path.display()))
}

/// Writes the archive with the files of this run.
fn write_run_part(options: &Options, names: &[String], token: &str, out: impl Write) -> Result<()> {
    let mut archive = Archive::new(BufWriter::new(out));
    archive.file("init", 0o755, INIT.as_bytes())?;
    for (name, text) in LIBRARIES {
        archive.file(&format!("test/{name}"), 0o644, text.as_bytes())?;
    }
    archive.file("test/token", 0o644, format!("{token}\n").as_bytes())?;
    archive.file(
        "test/order",
        0o644,
        format!("{}\n", names.join("\n")).as_bytes(),
    )?;
    let preload = if options.disks.is_empty() {
        ""
    } else {
        "virtio_blk\n"
    };
    archive.file("test/preload", 0o644, preload.as_bytes())?;
    let chosen = options.test.as_deref().unwrap_or_default();
    archive.file("test/chosen", 0o644, chosen.as_bytes())?;
    archive.directory("test/modules")?;
    for (path, name) in options.suites.iter().zip(names) {
        let script = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        ensure!(
            script.starts_with(b"#!"),
            "{} does not begin with #!",
            path.display()
        );
        archive.file(&format!("test/suites/{name}"), 0o755, &script)?;
    }
    for path in &options.modules {
        archive.copy(&format!("test/modules/{}", file_name(path)?), path)?;
    }
    for (from, to) in &options.files {
        archive.copy(to, from)?;
    }
    archive.finish()?.flush()?;
    Ok(())
}

/// Rejects a name that occurs twice: the later file would silently replace the earlier one.
fn check_unique<'a>(what: &str, names: impl Iterator<Item = &'a str>) -> Result<()> {
    let mut seen = BTreeSet::new();
    for name in names {
        ensure!(seen.insert(name), "two {what} are named {name}");
    }
    Ok(())
}

fn token() -> Result<String> {
    let mut bytes = [0u8; 8];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(format!("{:016x}", u64::from_ne_bytes(bytes)))
}

/// Runs the suites. `show` is called for each event as it happens.
pub fn run(options: &Options, mut show: impl FnMut(&Progress)) -> Result<Verdict> {
    let names: Vec<_> = options
        .suites
        .iter()
        .map(|path| suite_name(path))
        .collect::<Result<_>>()?;
    ensure!(!names.is_empty(), "no suite to run");
    check_unique("suites", names.iter().map(String::as_str))?;
    let modules: Vec<_> = options
        .modules
        .iter()
        .map(|path| file_name(path))
        .collect::<Result<_>>()?;
    check_unique("modules", modules.into_iter())?;

    let base = Base {
        root: &options.root,
        stock: &options.stock,
        programs: &options.programs,
        modules: &options.stock_modules,
    }
    .get(&options.cache)?;
    let token = token()?;
    let mut initrd = tempfile::tempfile_in(&options.cache)?;
    io::copy(&mut File::open(&base)?, &mut initrd)?;
    write_run_part(options, &names, &token, &initrd)?;
    initrd.rewind()?;
    let disks = options.disks.iter().map(|size| {
        let file = tempfile::tempfile_in(&options.cache)?;
        file.set_len(*size)?;
        Ok(file)
    });
    let architecture = Architecture::of(&options.stock.kernel)?;
    let program = options.qemu.clone();
    let machine = Machine {
        program: program.unwrap_or_else(|| architecture.program().into()),
        architecture,
        kernel: options.stock.kernel.clone(),
        initrd,
        // Warnings and worse go to the console. The dump at the end has everything.
        cmdline: format!(
            "{} rdinit=/init loglevel=5 panic=-1 printk.devkmsg=on log_buf_len=16M \
             random.trust_cpu=on {}",
            architecture.append(),
            options.append
        ),
        smp: options.smp,
        memory: options.memory.clone(),
        accel: options.accel,
        one_thread: options.one_thread,
        disks: disks.collect::<io::Result<_>>()?,
        extra: options.qemu_args.clone(),
    };

    if let Some(parent) = options.log.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut log = File::create(&options.log)
        .with_context(|| format!("cannot write {}", options.log.display()))?;
    let mut limits = options.limits;
    let mut session = Session::new(&token, &names, limits);
    let mut stop = watch(machine.start()?, &mut session, &mut log, &mut show)?;
    // About one boot of an emulated machine in some hundred hangs. The cause is not known. Nothing
    // that is under test has run yet.
    if let (Some(Stop::Silence(silence)), false) = (&stop, session.has_booted()) {
        show(&Progress::BootsAgain(*silence));
        limits.boot_silence = limits.boot_silence.max(limits.silence);
        session = Session::new(&token, &names, limits);
        stop = watch(machine.start()?, &mut session, &mut log, &mut show)?;
    }
    let (verdict, rest) = session.finish(stop.as_ref());
    rest.iter().for_each(&mut show);
    Ok(verdict)
}

/// Follows a VM until it ends, or until it has to be ended for the reason that is returned.
fn watch(
    mut vm: Vm,
    session: &mut Session,
    log: &mut File,
    show: &mut impl FnMut(&Progress),
) -> Result<Option<Stop>> {
    let start = Instant::now();
    let mut checked = Duration::ZERO;
    let mut stop = None;
    let mut complaints = Vec::new();
    loop {
        let event = vm.events.recv_timeout(TICK);
        let now = start.elapsed();
        match event {
            Ok(Event::Console(line)) => {
                writeln!(log, "{:9.3} console| {line}", now.as_secs_f64())?;
                session.console(&line, now);
            }
            Ok(Event::Channel(line)) => {
                writeln!(log, "{:9.3} channel| {line}", now.as_secs_f64())?;
                session.channel(&line, now).iter().for_each(&mut *show);
            }
            Ok(Event::Qemu(line)) => {
                writeln!(log, "{:9.3} qemu| {line}", now.as_secs_f64())?;
                complaints.push(line);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if stop.is_none() && now.saturating_sub(checked) >= TICK {
            checked = now;
            stop = session.check(now);
            if let Some(reason) = &stop {
                writeln!(log, "{:9.3} stopped| {reason}", now.as_secs_f64())?;
                // The lines that were under way still come.
                vm.kill();
            }
        }
    }
    let status = vm.wait()?;
    if stop.is_none() && !status.success() {
        bail!("QEMU failed ({status}): {}", complaints.join("\n"));
    }
    Ok(stop)
}
