// SPDX-License-Identifier: GPL-2.0

//! The cache, which only one process changes at a time, and the steps, which are shown on standard
//! error.

use crate::{
    error::{self, At, Error, Result},
    host::variable,
    place::Place,
    process::{self, Log},
    times::{self, Times},
};
use rustix::{
    fs::{access, flock, statvfs, Access, FlockOperation},
    io::{fcntl_setfd, FdFlags},
};
use std::{
    fs::{self, File, OpenOptions},
    io::{IsTerminal, Read, Write},
    path::{Path, PathBuf},
    process::{Child, Command},
    sync::mpsc::{channel, RecvTimeoutError},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// Shows a line that belongs to no step.
pub fn note(text: &str) {
    eprintln!("kimport: {text}");
}

/// Removes a directory below the cache, even if it is read-only.
pub(crate) fn remove(place: &Place, path: &Path) -> Result<()> {
    // A link may lead nowhere.
    if path.symlink_metadata().is_err() {
        return Ok(());
    }
    if path == place.cache || !path.starts_with(&place.cache) {
        return Err(Error::new(format_args!(
            "Refusing to remove {}.",
            path.display()
        )));
    }
    let remove = |chmod: &str| {
        let script = format!("{chmod} rm -rf -- \"$1\"");
        let mut command = Command::new("sh");
        process::query(command.args(["-c", &script, "sh"]).arg(path))
    };
    if remove("")?.is_none() && remove("chmod -R u+rwX -- \"$1\" &&")?.is_none() {
        return Err(Error::Failed(format!("cannot remove {}", path.display())));
    }
    Ok(())
}

/// Moves a complete directory to its place, whose parent may be missing.
pub(crate) fn move_to(from: &Path, to: &Path) -> Result<()> {
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent).at(parent)?;
    }
    fs::rename(from, to).at(to)
}

/// Fails if `megabytes` are not free in `directory`, which the user can move by setting `variable`.
pub(crate) fn need_space(
    megabytes: u64,
    what: &str,
    directory: &Path,
    variable: &str,
) -> Result<()> {
    let space = statvfs(directory).at(directory)?;
    let free = (space.f_bavail * space.f_frsize) >> 20;
    if free >= megabytes {
        return Ok(());
    }
    let directory = directory.display();
    Err(Error::new(format_args!(
        "{what} needs {megabytes} MB in {directory}, where {free} MB are free."
    ))
    .help(format_args!(
        "Free some space there, or set {variable} to a directory on a larger disk."
    )))
}

/// A lock that this process and the programs that it starts hold. Other processes wait for it.
#[derive(Debug)]
pub(crate) struct Lock(File);

impl Lock {
    /// Takes the lock of `path`. If another process holds it, `busy` makes a message for people
    /// from the text that the holder wrote there.
    pub(crate) fn take(path: &Path, busy: impl FnOnce(&str) -> String) -> Result<Self> {
        process::handle_signals()?;
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        let mut file = options.open(path).at(path)?;
        // Programs that outlive this process keep the lock.
        fcntl_setfd(&file, FdFlags::empty()).at(path)?;
        let mut busy = Some(busy);
        while flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            if let Some(busy) = busy.take() {
                let mut holder = String::new();
                file.read_to_string(&mut holder).at(path)?;
                note(&busy(holder.lines().next().unwrap_or("unknown")));
            }
            thread::sleep(Duration::from_millis(500));
            process::check()?;
        }
        file.set_len(0).at(path)?;
        writeln!(file, "{}", std::process::id()).at(path)?;
        Ok(Self(file))
    }

    /// Runs `work`, which starts programs that do not hold the lock.
    fn keep_from<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        fcntl_setfd(&self.0, FdFlags::CLOEXEC).at("the lock")?;
        let result = work();
        fcntl_setfd(&self.0, FdFlags::empty()).at("the lock")?;
        result
    }
}

/// A running set-up. While it lives, no other process changes the cache.
#[derive(Debug)]
pub(crate) struct Steps {
    pub(crate) place: Place,
    /// The directory of temporary files, which is removed on drop.
    pub(crate) tmp: PathBuf,
    step: usize,
    steps: usize,
    shown: Shown,
    lock: Lock,
}

impl Steps {
    /// Waits until other set-ups have ended, removes what interrupted ones left, and begins one
    /// with this number of steps.
    pub(crate) fn begin(place: Place, steps: usize) -> Result<Self> {
        let cache = place.cache.display();
        let mut bytes = place.cache.as_os_str().as_encoded_bytes().iter();
        if bytes.any(|byte| b" \t\n:".contains(byte)) {
            return Err(Error::new(format_args!(
                "The cache's path, {cache}, contains a space or a colon, which the kernel's build \
                 does not accept."
            ))
            .help("Set KIMPORT_CACHE to another directory."));
        }
        let log = place.cache.join("log");
        let is_writable = |path| access(path, Access::WRITE_OK).is_ok();
        if fs::create_dir_all(&log).is_err() || !is_writable(&place.cache) || !is_writable(&log) {
            return Err(Error::new(format_args!(
                "The cache directory {cache} cannot be written."
            ))
            .help("Set KIMPORT_CACHE to one that can."));
        }
        let lock = Lock::take(&place.cache.join("lock"), |holder| {
            format!("waiting for another set-up of {cache} (process {holder}) ...")
        })?;
        let tmp = place.cache.join("tmp");
        Self::with(place, steps, lock, tmp)
    }

    /// Begins as [`Self::begin`] does, but with another lock, which keeps others from `tmp`.
    pub(crate) fn with(place: Place, steps: usize, lock: Lock, tmp: PathBuf) -> Result<Self> {
        remove(&place, &tmp)?;
        fs::create_dir(&tmp).at(&tmp)?;
        Ok(Self {
            shown: Shown::new(&place),
            place,
            tmp,
            step: 0,
            steps,
            lock,
        })
    }

    fn line(&mut self, name: &str) -> String {
        self.step += 1;
        format!("[{}/{}] {name} ...", self.step, self.steps)
    }

    /// Shows that a step has nothing to do.
    pub(crate) fn skip(&mut self, name: &str) {
        eprintln!("{} there", self.line(name));
    }

    /// Does a step. Its output goes to a log; its name and the time it takes are shown.
    pub(crate) fn step<T>(
        &mut self,
        name: &str,
        work: impl FnOnce(&Self, &Log) -> Result<T>,
    ) -> Result<T> {
        let line = self.line(name);
        let mut shown = self.shown.clone();
        let result = shown.step(&line, name, |log| work(self, log));
        self.shown = shown;
        result
    }

    /// Starts a program that does not hold the lock of the cache.
    pub(crate) fn start(&self, command: &mut Command) -> Result<Child> {
        self.lock
            .keep_from(|| command.spawn().at(command.get_program()))
    }

    /// Fails if the cache has less than `megabytes` of free space.
    pub(crate) fn need_space(&self, megabytes: u64, what: &str) -> Result<()> {
        need_space(megabytes, what, &self.place.cache, "KIMPORT_CACHE")
    }
}

impl Drop for Steps {
    fn drop(&mut self) {
        // This does not run `rm` as `remove` does, because no program is started after a signal.
        // The next set-up removes what is left.
        let _ = fs::remove_dir_all(&self.tmp);
    }
}

/// The steps of a command, as they are shown on standard error.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    logs: PathBuf,
    times: Times,
    /// The time when the whole command began.
    began: SystemTime,
}

impl Shown {
    /// Reads what the variable `KIMPORT_DEMO` says: the time when `make demo` began, in seconds of
    /// the epoch. Without it, the command is set-up alone, which begins now.
    pub(crate) fn new(place: &Place) -> Self {
        let demo = variable("KIMPORT_DEMO").and_then(|seconds| seconds.parse().ok());
        let began = demo.and_then(|seconds| UNIX_EPOCH.checked_add(Duration::from_secs(seconds)));
        Self {
            logs: place.cache.join("log"),
            times: Times::read(&place.cache, began.is_some()),
            began: began.unwrap_or_else(SystemTime::now),
        }
    }

    /// Shows `line` and does the step `name`. Shows the time that it took when it is done, and an
    /// estimate of what remains. On a terminal, both are also shown while it runs.
    pub(crate) fn step<T>(
        &mut self,
        line: &str,
        name: &str,
        work: impl FnOnce(&Log) -> Result<T>,
    ) -> Result<T> {
        let file = name.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
        let path = self.logs.join(file + ".log");
        let log = Log(File::create(&path).at(&path)?);
        let start = Instant::now();
        match self.show(line, name, start, || work(&log)) {
            Err(Error::Failed(message)) => {
                // The disk may be full.
                let _ = log.line(&message);
                Err(error::step_failed(name, &path))
            }
            Ok(value) => {
                self.times.keep(name, start.elapsed());
                Ok(value)
            }
            result => result,
        }
    }

    /// Does the step `name`, which shows its own output. Its time is kept if it succeeds.
    pub(crate) fn open(&mut self, name: &str, work: impl FnOnce() -> Result<bool>) -> Result<bool> {
        let start = Instant::now();
        eprintln!("{name} ...{}", self.rest(name, Duration::ZERO));
        let succeeded = work()?;
        if succeeded {
            self.times.keep(name, start.elapsed());
        }
        Ok(succeeded)
    }

    /// Returns the end of a line that says what remains.
    fn rest(&self, name: &str, time: Duration) -> String {
        match self.times.remaining(name, time) {
            Some(remaining) if !remaining.is_zero() => format!("; {}", times::words(remaining)),
            _ => String::new(),
        }
    }

    fn show<T>(
        &self,
        line: &str,
        name: &str,
        start: Instant,
        work: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        const TICK: Duration = Duration::from_millis(200);
        let is_terminal = std::io::stderr().is_terminal();
        if !is_terminal {
            eprintln!("{line}");
        }
        let (done, end) = channel::<()>();
        let result = thread::scope(|scope| {
            scope.spawn(move || {
                while is_terminal && end.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                    let time = start.elapsed();
                    let mut line = format!("{line} {} s", time.as_secs());
                    if let Some(remaining) = self.times.remaining(name, time) {
                        let elapsed = self.began.elapsed().unwrap_or_default();
                        let bar = times::bar(elapsed, remaining);
                        line = format!("{bar} {line}, {}", times::words(remaining));
                    }
                    // The terminal cuts a line that is too long, instead of wrapping it.
                    eprint!("\r\x1b[K\x1b[?7l{line}\x1b[?7h");
                }
            });
            let result = work();
            drop(done);
            result
        });
        if is_terminal {
            eprint!("\r\x1b[K");
        }
        if result.is_ok() {
            let rest = self.rest(name, Duration::MAX);
            eprintln!("{line} {} s{rest}", start.elapsed().as_secs());
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(cache: &Path) -> Place {
        Place {
            top: cache.to_owned(),
            cache: cache.to_owned(),
            ..Place::default()
        }
    }

    #[test]
    fn a_step_that_fails_is_explained_and_leaves_nothing() {
        let cache = tempfile::tempdir().unwrap();
        let mut steps = Steps::begin(place(cache.path()), 2).unwrap();
        let value = steps.step("one", |steps, log| {
            fs::write(steps.tmp.join("half"), "").unwrap();
            log.output(Command::new("echo").arg("yes"))
        });
        assert_eq!(value.unwrap(), "yes\n");
        let failed = steps.step("two & more", |_, log| {
            log.run(Command::new("sh").args(["-c", "echo to the log; exit 3"]))
        });
        let Err(Error::Explained { message, log, .. }) = failed else {
            panic!("{failed:?}");
        };
        assert_eq!(message, "The step 'two & more' failed.");
        assert!(log.starts_with("  | to the log\n"), "{log}");
        assert!(cache.path().join("log/two---more.log").is_file());
        // An error that explains itself stays as it is.
        let said = steps.step("three", |_, _| Err::<(), _>(Error::new("Said.")));
        assert_eq!(said, Err(Error::new("Said.")));
        drop(steps);
        assert!(!cache.path().join("tmp").exists());
    }

    #[test]
    fn what_an_interrupted_one_left_is_removed() {
        let cache = tempfile::tempdir().unwrap();
        let left = cache.path().join("tmp/a/b");
        fs::create_dir_all(&left).unwrap();
        fs::set_permissions(
            left.parent().unwrap(),
            std::os::unix::fs::PermissionsExt::from_mode(0o500),
        )
        .unwrap();
        let steps = Steps::begin(place(cache.path()), 1).unwrap();
        assert!(!left.exists() && steps.tmp.is_dir());
        let lock = fs::read_to_string(cache.path().join("lock")).unwrap();
        assert_eq!(lock, format!("{}\n", std::process::id()));
    }

    #[test]
    fn only_the_cache_is_removed_from() {
        let cache = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let place = place(cache.path());
        for path in [elsewhere.path(), cache.path()] {
            assert!(remove(&place, path).is_err(), "{}", path.display());
            assert!(path.is_dir());
        }
        remove(&place, &cache.path().join("absent")).unwrap();
    }

    #[test]
    fn another_process_waits_for_the_lock() {
        let cache = tempfile::tempdir().unwrap();
        let path = cache.path().join("lock");
        let lock = Lock::take(&path, |_| unreachable!()).unwrap();
        let (said, heard) = channel();
        let waiting = thread::spawn({
            let path = path.clone();
            move || {
                Lock::take(&path, |holder| {
                    said.send(holder.to_owned()).unwrap();
                    String::new()
                })
            }
        });
        assert_eq!(heard.recv().unwrap(), std::process::id().to_string());
        assert!(!waiting.is_finished());
        drop(lock);
        waiting.join().unwrap().unwrap();
    }

    #[test]
    fn too_little_space_is_said() {
        let error = need_space(u64::MAX >> 20, "The disk", Path::new("/"), "X").unwrap_err();
        let text = error.to_string();
        assert!(
            text.starts_with("The disk needs 17592186044415 MB in /, where "),
            "{text}"
        );
        assert!(
            text.contains("set X to a directory on a larger disk"),
            "{text}"
        );
    }
}
