// SPDX-License-Identifier: GPL-2.0

//! `kimport prepare`: the tree that Rust modules for a Debian kernel are built against.
//!
//! The work is that of `scripts/prepare-kernel`, which also sets up a checkout, where there is no
//! command yet. [`scripts`] has it with the command; it reports an [`event`] for all that people
//! want to see.

mod event;
mod scripts;

use crate::{
    error::{Error, Result},
    progress::Steps,
};
use event::Event;
use rustix::process::{kill_process, Pid, Signal};
use schemars::JsonSchema;
use serde::Serialize;
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};
use std::{
    env,
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
};

/// A kernel that modules can be built for.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Prepared {
    /// What `uname -r` says on it.
    pub release: String,
    /// The version of its packages.
    pub version: String,
    /// The tree to build against: `make -C KDIR M=...`.
    pub kdir: PathBuf,
    /// Its unpacked packages.
    pub stock: PathBuf,
    /// Its source.
    pub source: PathBuf,
    /// The system that has the compilers.
    pub root: PathBuf,
    /// Runs a command in that system.
    pub in_root: PathBuf,
}

/// Prepares a kernel, named by what `scripts/prepare-kernel` takes as its argument.
pub fn prepare(kernel: Option<&str>) -> Result<Prepared> {
    let cache = cache()?;
    let scripts = scripts::unpack(&cache)?;
    let script = scripts.join("prepare-kernel");
    // The signals end the script, which cleans up; its end ends this.
    let signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(cannot_run)?;
    let mut child = Command::new(&script)
        .args(kernel)
        .env("KIMPORT_CACHE", &cache)
        .env("KIMPORT_COMMAND", "kimport prepare")
        .env("KIMPORT_EVENTS", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(cannot_run)?;
    let handle = signals.handle();
    let forwarder = forward(signals, &child);
    let (prepared, failure) = follow(&mut child).map_err(cannot_run)?;
    let status = child.wait().map_err(cannot_run)?;
    handle.close();
    let interrupted = forwarder.join().unwrap_or(false);

    match (prepared, failure) {
        _ if interrupted && !status.success() => {
            Err(Error::finding("interrupted")
                .help("run it again to go on; what was finished is kept"))
        }
        (_, Some(failure)) => Err(failure),
        (Some(prepared), None) if status.success() => Ok(Prepared {
            in_root: scripts.join("in-root"),
            ..prepared
        }),
        _ => Err(cannot_run(format_args!("it ended with {status}"))),
    }
}

/// Reads the name of a kernel: a release, or a directory.
pub fn kernel(argument: &str) -> std::result::Result<String, String> {
    let release = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.~_".contains(&byte);
    if Path::new(argument).is_dir() {
        // The script would take one that begins with a dash for an option.
        std::path::absolute(argument)
            .map_err(|error| error.to_string())?
            .into_os_string()
            .into_string()
            .map_err(|_| "its path is not text".to_owned())
    } else if argument.starts_with(|first: char| first.is_ascii_digit())
        && argument.bytes().all(release)
    {
        Ok(argument.to_owned())
    } else {
        Err("neither a directory nor a kernel's release such as 7.3.4+deb13-amd64".to_owned())
    }
}

/// Where set-up keeps things, as `scripts/env` has it.
fn cache() -> Result<PathBuf> {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty());
    let cache = set("KIMPORT_CACHE").map(PathBuf::from).or_else(|| {
        set("XDG_CACHE_HOME")
            .map(PathBuf::from)
            .or_else(|| set("HOME").map(|home| PathBuf::from(home).join(".cache")))
            .map(|cache| cache.join("kimport"))
    });
    let cache = cache.ok_or_else(|| {
        Error::unusable("there is no cache directory: neither KIMPORT_CACHE nor HOME is set")
            .help("set KIMPORT_CACHE to a directory with 5 GB of space")
    })?;
    std::path::absolute(cache).map_err(Error::unusable)
}

/// Sends the signals to `child` that come while it runs, and tells whether there were any.
fn forward(mut signals: Signals, child: &Child) -> thread::JoinHandle<bool> {
    let child = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    thread::spawn(move || {
        let mut any = false;
        for _ in signals.forever() {
            any = true;
            if let Some(child) = child {
                // It may have ended already.
                let _ = kill_process(child, Signal::TERM);
            }
        }
        any
    })
}

/// Shows what the script does until it ends.
fn follow(child: &mut Child) -> io::Result<(Option<Prepared>, Option<Error>)> {
    let (mut prepared, mut failure) = (None, None);
    let mut log = String::new();
    let mut steps = Steps::default();
    for record in child
        .stdout
        .take()
        .into_iter()
        .flat_map(|out| BufReader::new(out).split(event::END))
    {
        match Event::parse(&record?) {
            Some(Event::Begin(name)) => steps.begin(name),
            Some(Event::End) => steps.end(),
            Some(Event::Skip(name)) => steps.line(&format!("{name} ... there")),
            Some(Event::Note(note)) => steps.line(&format!("kimport: {note}")),
            Some(Event::Log(text)) => log = text,
            Some(Event::Error { message, help }) => {
                let error = match log.as_str() {
                    "" => Error::finding(message),
                    log => Error::finding(format_args!("{message}\n{log}")),
                };
                failure = Some(match help.join("\n  ").as_str() {
                    "" => error,
                    help => error.help(help),
                });
            }
            Some(Event::Kernel(kernel)) => prepared = Some(kernel),
            None => {}
        }
    }
    Ok((prepared, failure))
}

fn cannot_run(error: impl std::fmt::Display) -> Error {
    Error::unusable(format_args!("the set-up script cannot be run: {error}"))
        .help("it needs bash and the usual programs of a Linux system")
}
