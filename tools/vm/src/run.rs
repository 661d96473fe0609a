// SPDX-License-Identifier: GPL-2.0

//! One run, from its options to the verdict.

use crate::accelerator::{self, Accelerator};
use crate::earlier::{Earlier, Inputs};
use crate::fingerprint;
use crate::image::{base, Archive};
use crate::modules::Stock;
use crate::needs::SECONDS_PER_SUITE;
use crate::options::Options;
use crate::qemu::{Architecture, Event, Machine, Vm};
use crate::session::{Limits, Progress, Session, Stop, Verdict};
use anyhow::{bail, ensure, Context, Result};
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Seek, Write};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

const INIT: &str = include_str!("../guest/init");

/// The reason that a test was skipped because its name does not contain [`Options::test`].
/// `ktap.sh` writes the same text.
pub const NOT_CHOSEN: &str = "not chosen";

/// The time between two checks of the limits.
const TICK: Duration = Duration::from_millis(200);

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

fn file_name(path: &Path) -> Result<String> {
    path.file_name()
        .and_then(|name| Some(name.to_str()?.to_owned()))
        .with_context(|| format!("{} has no usable file name", path.display()))
}

/// Writes the archive with the files of this run.
fn write_run_part(options: &Options, names: &[String], token: &str, out: impl Write) -> Result<()> {
    let mut archive = Archive::new(BufWriter::new(out));
    archive.file("init", 0o755, INIT.as_bytes())?;
    let preload = match options.disk.as_slice() {
        [] => "",
        _ => "virtio_blk\n",
    };
    for (name, text) in [
        // The shell libraries that suites may source.
        ("ktap.sh", include_str!("../guest/ktap.sh")),
        ("lio.sh", include_str!("../guest/lio.sh")),
        ("token", &format!("{token}\n")),
        ("order", &format!("{}\n", names.join("\n"))),
        ("preload", preload),
        ("chosen", options.test.as_deref().unwrap_or_default()),
    ] {
        archive.file(&format!("test/{name}"), 0o644, text.as_bytes())?;
    }
    archive.directory("test/modules")?;
    for (path, name) in options.suite.iter().zip(names) {
        let script = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        ensure!(
            script.starts_with(b"#!"),
            "{} does not begin with #!",
            path.display()
        );
        archive.file(&format!("test/suites/{name}"), 0o755, &script)?;
    }
    for path in &options.module {
        archive.copy(&format!("test/modules/{}", file_name(path)?), path)?;
    }
    for (from, to) in &options.file {
        archive.copy(to, from.as_ref())?;
    }
    archive.finish()?.flush()?;
    Ok(())
}

/// Returns the names of files. Rejects a name that occurs twice: the later file would silently
/// replace the earlier one.
fn unique(what: &str, paths: &[PathBuf], name: fn(&Path) -> Result<String>) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for path in paths {
        let name = name(path)?;
        ensure!(!names.contains(&name), "two {what} are named {name}");
        names.push(name);
    }
    Ok(names)
}

fn token() -> Result<String> {
    let mut bytes = [0u8; 8];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(format!("{:016x}", u64::from_ne_bytes(bytes)))
}

/// Returns the path of a program, which may be looked up in `PATH`. One that is not there stays as
/// it is.
fn find_program(program: &Path) -> PathBuf {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let mut found = std::env::split_paths(&paths).map(|directory| directory.join(program));
    let found = found.find(|path| path.is_file());
    found.unwrap_or_else(|| program.to_owned())
}

/// Returns the place of the verdict of a run with these options, which depends on the contents of
/// all files that it uses. The token is not among them.
fn earlier(
    options: &Options,
    names: &[String],
    kernel: &Path,
    cmdline: &str,
    base: &Path,
    qemu: &str,
    cache: &Path,
) -> Result<Earlier> {
    let mut inputs = Inputs::default();
    write_run_part(options, names, "", &mut inputs)?;
    // The name of a base tells what is in it.
    for text in [
        &*base.to_string_lossy(),
        cmdline,
        options.memory.as_str(),
        qemu,
    ] {
        inputs.text(text);
    }
    let sizes: Vec<_> = options.disk.iter().map(|size| size.0).collect();
    inputs.text(&format!(
        "{:?}",
        (
            options.smp,
            options.one_thread,
            sizes,
            &options.kill_at,
            &options.qemu,
            &options.qemu_arg,
        )
    ));
    inputs.file(kernel)?;
    inputs.file(Path::new("/proc/self/exe"))?;
    Ok(inputs.place(cache))
}

/// Runs the suites. Both channels are logged to `log`. `show` is called for each event as it
/// happens.
pub fn run(
    options: &Options,
    cache: &Path,
    log: &Path,
    mut show: impl FnMut(&Progress),
) -> Result<Verdict> {
    let stock = Stock::find(&options.stock, options.release.as_deref())?;
    let names = unique("suites", &options.suite, suite_name)?;
    ensure!(!names.is_empty(), "no suite to run");
    unique("modules", &options.module, file_name)?;

    let base = base(options, &stock, cache)?;
    let architecture = Architecture::of(&stock.kernel)?;
    // Warnings and worse go to the console. The dump at the end has everything. A busy host may
    // stop a CPU for longer than the 20 seconds after which the watchdog reports a lockup, and RCU
    // a stall.
    let cmdline = format!(
        "{} rdinit=/init loglevel=5 panic=-1 printk.devkmsg=on log_buf_len=16M \
         random.trust_cpu=on watchdog_thresh=60 rcupdate.rcu_cpu_stall_timeout=120 {}",
        architecture.append(),
        options.append
    );
    let program = architecture.program(options);
    let accelerator = Accelerator::choose(options, program, architecture, cache)?;
    let qemu = format!("{accelerator:?} {}", fingerprint(&find_program(program))?);
    let earlier = earlier(
        options,
        &names,
        &stock.kernel,
        &cmdline,
        &base,
        &qemu,
        cache,
    )?;
    if let Some((verdict, age)) = options.reuse.then(|| earlier.verdict()).flatten() {
        show(&Progress::Earlier(age));
        // That was the boot of another VM.
        let boot_seconds = None;
        return Ok(Verdict {
            boot_seconds,
            ..verdict
        });
    }
    let token = token()?;
    let mut initrd = tempfile::tempfile_in(cache)?;
    io::copy(&mut File::open(&base)?, &mut initrd)?;
    write_run_part(options, &names, &token, &initrd)?;
    initrd.rewind()?;
    let disks = options.disk.iter().enumerate().map(|(index, size)| {
        let file = match &options.disks {
            Some(directory) => {
                let mut open = File::options();
                open.read(true).write(true).create(true).truncate(false);
                open.open(directory.join(format!("disk{index}")))?
            }
            None => tempfile::tempfile_in(cache)?,
        };
        file.set_len(size.0)?;
        Ok(file)
    });
    // If this run ends without a verdict, that of an earlier one does not count any more.
    earlier.forget()?;
    let mut machine = Machine {
        options,
        architecture,
        accelerator,
        kernel: stock.kernel,
        initrd,
        cmdline,
        disks: disks.collect::<io::Result<_>>()?,
    };

    if let Some(parent) = log.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut log = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
    let mut limits = Limits {
        total: Duration::from_secs(options.timeout.unwrap_or(SECONDS_PER_SUITE)),
        boot_silence: Duration::from_secs(options.boot_timeout),
        silence: Duration::from_secs(options.hang_timeout),
    };
    let kill_at = options.kill_at.as_deref();
    let mut session = Session::new(&token, &names, limits);
    let mut stop = watch(machine.start()?, &mut session, kill_at, &mut log, &mut show)?;
    // After a crash, disks that are kept have what suites have written.
    let is_final =
        session.has_booted() && options.disks.is_some() && matches!(stop, Some(Stop::Crash(_)));
    let again = session.failed_boot(stop.as_ref()).filter(|_| !is_final);
    if let Some(reason) = again {
        // A boot may fail for other reasons, too.
        let gave_up = matches!(stop, Some(Stop::Accelerator(_)));
        let avoids_kvm = machine.accelerator == Accelerator::KvmOrTcg;
        if avoids_kvm {
            machine.accelerator = Accelerator::Tcg;
        }
        show(&Progress::BootsAgain { reason, avoids_kvm });
        if options.disks.is_none() {
            // The accelerator may have given up after suites have written to the disks.
            for (disk, size) in machine.disks.iter().zip(&options.disk) {
                disk.set_len(0).and_then(|()| disk.set_len(size.0))?;
            }
        }
        limits.boot_silence = limits.boot_silence.max(limits.silence);
        session = Session::new(&token, &names, limits);
        stop = watch(machine.start()?, &mut session, kill_at, &mut log, &mut show)?;
        if gave_up && avoids_kvm && session.has_booted() {
            accelerator::keep_failure(cache)?;
        }
    }
    let (verdict, rest) = session.finish(stop.as_ref());
    rest.iter().for_each(&mut show);
    if options.disks.is_none() {
        earlier.keep(&verdict)?;
    }
    Ok(verdict)
}

/// Follows a VM until it ends, or until it has to be ended for the reason that is returned.
fn watch(
    mut vm: Vm,
    session: &mut Session,
    kill_at: Option<&str>,
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
                if stop.is_none() && kill_at == Some(line.as_str()) {
                    stop = Some(Stop::Asked(line));
                    vm.kill();
                }
            }
            Ok(Event::Qemu(line)) => {
                writeln!(log, "{:9.3} qemu| {line}", now.as_secs_f64())?;
                if accelerator::gives_up(&line) {
                    session.accelerator_failed(&line);
                }
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
    match stop {
        None if status.signal().is_some() => {
            let line = complaints.last().map_or("", String::as_str);
            Ok(Some(Stop::Crash(format!("{status}: {line}"))))
        }
        None if !status.success() => {
            bail!("QEMU failed ({status}): {}", complaints.join("\n"));
        }
        stop => Ok(stop),
    }
}
