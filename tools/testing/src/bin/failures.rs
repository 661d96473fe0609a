// SPDX-License-Identifier: GPL-2.0

//! Makes the allocations of an operation fail, one after the other, in a VM whose kernel has
//! `CONFIG_FAILSLAB`, `CONFIG_FAIL_PAGE_ALLOC` and `CONFIG_FAULT_INJECTION_STACKTRACE_FILTER`. Only
//! those that modules ask for count, also through functions of the kernel image: the kernel's own
//! loader warns if one of its allocations fails.
//!
//! ```text
//! failures STEP [, STEP]...
//! ```
//!
//! The steps are done in turn, again and again. One begins with `fail`: its first allocation fails
//! the first time, its second one the second time, and so on, until it has no more. After the
//! 100th, only every tenth fails. After that, all allocations fail from some point on, because some
//! are tried again in another way. A step is `load FILE.ko [PARAMETERS]`, `unload MODULE`, `mkdir
//! DIRECTORY`, `rmdir DIRECTORY`, `write FILE TEXT`, or `contains FILE TEXT`, which fails if the
//! file does not. The step with the failing allocations succeeds, or fails with `ENOMEM`. If it
//! fails, the following ones undo what is there, and then all succeed if no allocation fails.
//! Nothing of the steps may be left.

use rustix::{
    fs::Mode,
    io::{pread, pwrite, Errno},
    system::{delete_module, finit_module},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
    ffi::CString,
    fs::{self, File, OpenOptions},
    path::Path,
    process::ExitCode,
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const DEBUGFS: &str = "/sys/kernel/debug/kimport";
const O_NONBLOCK: i32 = 0o4000;
/// The addresses that the code of modules has on x86-64.
const MODULES: (&str, &str) = ("0xffffffffa0000000", "0xffffffffff000000");

/// A step.
enum Step {
    Load { path: String, parameters: CString },
    Unload(CString),
    Mkdir(String),
    Rmdir(String),
    Write { path: String, text: String },
    Contains { path: String, text: String },
}

/// The allocations that fail.
#[derive(Clone, Copy, PartialEq)]
enum Fault {
    None,
    /// The one with this number, counted from 1.
    Nth(usize),
    /// All of the slab allocator, after this number of bytes.
    After(i32),
}

/// The failing of allocations of this thread.
struct Failing {
    /// The number of the allocation that fails, counted down; 0 for none.
    nth: File,
}

/// The number of points from which on all allocations fail.
const POINTS: i32 = 10;
/// More bytes than a step allocates.
const MOST_BYTES: i32 = 1 << 30;
/// More allocations than a step has.
const MOST: i32 = 1 << 30;
const FAILSLAB: &str = "/sys/kernel/debug/failslab";

impl Step {
    fn new(words: &[String]) -> Result<Self> {
        let words = Vec::from_iter(words.iter().map(String::as_str));
        Ok(match words.as_slice() {
            ["load", path, parameters @ ..] => Self::Load {
                path: path.to_string(),
                parameters: CString::new(parameters.join(" "))?,
            },
            ["unload", name] => Self::Unload(CString::new(*name)?),
            ["mkdir", path] => Self::Mkdir(path.to_string()),
            ["rmdir", path] => Self::Rmdir(path.to_string()),
            ["write", path, text] => Self::Write {
                path: path.to_string(),
                text: text.to_string(),
            },
            ["contains", path, text] => Self::Contains {
                path: path.to_string(),
                text: text.to_string(),
            },
            _ => return Err(format!("no step: {}", words.join(" ")).into()),
        })
    }

    /// Does the step with that fault. Returns whether any allocation failed, too.
    fn run(&self, failing: &Failing, fault: Fault) -> std::result::Result<(bool, Outcome), Errno> {
        let file = match self {
            Self::Load { path, .. } => Some(File::open(path)),
            Self::Write { path, .. } => Some(OpenOptions::new().write(true).open(path)),
            _ => None,
        };
        let file = file
            .transpose()
            .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
        failing.begin(fault)?;
        let outcome = match (self, file) {
            (Self::Load { parameters, .. }, Some(file)) => finit_module(file, parameters, 0),
            (Self::Write { text, .. }, Some(file)) => {
                rustix::io::write(file, text.as_bytes()).map(drop)
            }
            (Self::Unload(name), _) => delete_module(name, O_NONBLOCK),
            (Self::Mkdir(path), _) => rustix::fs::mkdir(path.as_str(), Mode::RWXU),
            (Self::Rmdir(path), _) => rustix::fs::rmdir(path.as_str()),
            (Self::Contains { path, text }, _) => match fs::read_to_string(path) {
                Ok(content) if content.contains(text) => Ok(()),
                Ok(_) => Err(Errno::NOMSG),
                Err(error) => Err(Errno::from_io_error(&error).unwrap_or(Errno::IO)),
            },
            _ => unreachable!("the file is open"),
        };
        Ok((failing.end(fault)?, outcome))
    }
}

type Outcome = std::result::Result<(), Errno>;

impl Failing {
    fn new() -> Result<Self> {
        let write = |name, file, text| {
            fs::write(Path::new("/sys/kernel/debug").join(name).join(file), text)
        };
        for name in ["failslab", "fail_page_alloc"] {
            write(name, "ignore-gfp-wait", "N")?;
            write(name, "verbose", "0")?;
            write(name, "stacktrace-depth", "32")?;
            write(name, "require-start", MODULES.0)?;
            write(name, "require-end", MODULES.1)?;
        }
        write("fail_page_alloc", "ignore-gfp-highmem", "N")?;
        write("fail_page_alloc", "min-order", "0")?;
        write("failslab", "probability", "0")?;
        write("failslab", "task-filter", "Y")?;
        fs::write("/proc/thread-self/make-it-fail", "1")?;
        let mut nth = OpenOptions::new();
        let nth = nth
            .read(true)
            .write(true)
            .open("/proc/thread-self/fail-nth")?;
        Ok(Self { nth })
    }

    fn begin(&self, fault: Fault) -> Outcome {
        match fault {
            Fault::None => Ok(()),
            Fault::Nth(number) => self.set(number),
            Fault::After(bytes) => {
                write_number("space", bytes)?;
                write_number("times", MOST)?;
                write_number("probability", 100)
            }
        }
    }

    /// Makes none fail any more. Returns whether one has.
    fn end(&self, fault: Fault) -> std::result::Result<bool, Errno> {
        match fault {
            Fault::None => Ok(false),
            Fault::Nth(_) => {
                let mut left = [0; 16];
                let length = pread(&self.nth, &mut left, 0)?;
                self.set(0)?;
                Ok(&left[..length] == b"0\n")
            }
            Fault::After(_) => {
                write_number("probability", 0)?;
                Ok(read_number("times")? != MOST)
            }
        }
    }

    /// Makes the next allocation with this number fail.
    fn set(&self, number: usize) -> Outcome {
        pwrite(&self.nth, number.to_string().as_bytes(), 0).map(drop)
    }
}

fn write_number(file: &str, number: i32) -> Outcome {
    let written = fs::write(Path::new(FAILSLAB).join(file), number.to_string());
    written.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))
}

fn read_number(file: &str) -> std::result::Result<i32, Errno> {
    let text = fs::read_to_string(Path::new(FAILSLAB).join(file));
    let text = text.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    text.trim().parse().map_err(|_| Errno::IO)
}

/// The state that steps may not change: modules with their references and users, files of kimport
/// in debugfs, and links in the `holders/` of modules.
#[derive(PartialEq, Eq)]
struct State(BTreeSet<String>);

impl State {
    fn read() -> Result<Self> {
        let mut state = BTreeSet::new();
        for line in fs::read_to_string("/proc/modules")?.lines() {
            let words = Vec::from_iter(line.split(' ').take(4));
            state.insert(words.join(" "));
            let holders = Path::new("/sys/module").join(words[0]).join("holders");
            for entry in fs::read_dir(holders)? {
                let holder = entry?.file_name().into_string().unwrap_or_default();
                state.insert(format!("{holder} in the holders of {}", words[0]));
            }
        }
        for entry in fs::read_dir(DEBUGFS).into_iter().flatten() {
            state.insert(entry?.path().display().to_string());
        }
        Ok(Self(state))
    }

    fn check(&self, before: &Self) -> Result<()> {
        let differences = Vec::from_iter(self.0.symmetric_difference(&before.0));
        match differences.is_empty() {
            true => Ok(()),
            false => Err(format!("something has changed: {differences:?}").into()),
        }
    }
}

/// Does all steps. Returns whether any allocation failed, and the outcome of the step that begins
/// with `fail`.
fn round(failing: &Failing, steps: &[(bool, Step)], fault: Fault) -> Result<(bool, Outcome)> {
    let mut failed = (false, Ok(()));
    for (position, (fails, step)) in steps.iter().enumerate() {
        let error = |error| format!("step {}: {error}", position + 1);
        match step.run(failing, if *fails { fault } else { Fault::None }) {
            Ok((has_failed, outcome)) if *fails => failed = (has_failed, outcome),
            Ok((_, Ok(()))) => {}
            // There may be less to undo.
            Ok((_, Err(Errno::NOENT))) | Err(Errno::NOENT) if failed.1.is_err() => {}
            Ok((_, Err(other))) | Err(other) => return Err(error(other).into()),
        }
    }
    Ok(failed)
}

fn run() -> Result<()> {
    let arguments = Vec::from_iter(std::env::args().skip(1));
    let mut steps = Vec::new();
    for words in arguments.split(|word| word == ",") {
        steps.push(match words {
            [fail, words @ ..] if fail == "fail" => (true, Step::new(words)?),
            words => (false, Step::new(words)?),
        });
    }
    let failing = Failing::new()?;
    // The first round brings what stays.
    round(&failing, &steps, Fault::None)?.1?;
    let before = State::read()?;
    let once = |fault| -> Result<_> {
        let result = round(&failing, &steps, fault)?;
        State::read()?.check(&before)?;
        Ok(result)
    };
    let mut outcomes = BTreeMap::<_, usize>::new();
    // Returns whether any allocation failed.
    let mut try_fault = |fault, what: String| -> Result<bool> {
        let (has_failed, outcome) =
            once(fault).map_err(|error| format!("{what} fails: {error}"))?;
        if !has_failed {
            outcome?;
            return Ok(false);
        }
        let outcome = match outcome {
            Ok(()) => "success",
            Err(Errno::NOMEM) => "ENOMEM",
            Err(other) => return Err(format!("{what} fails: {other}").into()),
        };
        // This may take minutes.
        println!("{what} failed: {outcome}");
        *outcomes.entry(outcome).or_default() += 1;
        // A success is followed by another one, but for the allocation that fails there.
        if outcome == "ENOMEM" {
            let after = |error| format!("after {what} failed: {error}");
            let (_, outcome) = once(Fault::None).map_err(|error| after(error.to_string()))?;
            outcome.map_err(|error| after(error.to_string()))?;
        }
        Ok(true)
    };
    // A pool is filled with hundreds of equal allocations.
    for number in (1..100).chain((100..).step_by(10)) {
        if !try_fault(Fault::Nth(number), format!("allocation {number}"))? {
            break;
        }
    }
    try_fault(Fault::After(MOST_BYTES), "no allocation".to_owned())?;
    let bytes = MOST_BYTES - read_number("space")?;
    for point in 0..POINTS {
        let start = i32::try_from(i64::from(bytes) * i64::from(point) / i64::from(POINTS))?;
        try_fault(
            Fault::After(start),
            format!("each allocation after {start} of {bytes} bytes"),
        )?;
    }
    let number = outcomes.values().sum::<usize>();
    println!("{number} allocations failed: {outcomes:?}");
    Ok(())
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("failures: {error}");
            ExitCode::from(1)
        }
    }
}
