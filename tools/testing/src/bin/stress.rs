// SPDX-License-Identifier: GPL-2.0

//! Loads and unloads modules in random order from several threads, in a VM:
//! `stress SEED OPERATIONS THREADS FILE.ko[!][:PARAMETERS]...`.
//!
//! The name of a module is that of its file; files in different directories may be variants of one
//! module. A module with `!` is also unloaded as `rmmod --force` does. The threads also read the
//! files of `/sys/kernel/debug/kimport`. Each has its own random choices, which follow from the
//! seed. A load or unload may fail with an error that the order explains, for example because the
//! provider is not there. In the end all modules are unloaded. Then nothing of them may be left: no
//! module, no file in debugfs, no memory.

use kimport_testing::prototypes::rng;
use proptest::prelude::Rng;
use rustix::{
    io::Errno,
    system::{delete_module, finit_module},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
    ffi::CString,
    fs::{self, File},
    path::Path,
    process::ExitCode,
    sync::Mutex,
    thread,
    time::Duration,
};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

const DEBUGFS: &str = "/sys/kernel/debug/kimport";
/// The errors of a load: the module is there; its provider is not (`INVAL` for a relinked module),
/// or is going, or is in its init.
const LOAD_ERRORS: [Errno; 6] = [
    Errno::EXIST,
    Errno::NODEV,
    Errno::BUSY,
    Errno::AGAIN,
    Errno::NOENT,
    Errno::INVAL,
];
/// The errors of an unload: the module is not there, or in use, or in its init.
const UNLOAD_ERRORS: [Errno; 3] = [Errno::NOENT, Errno::AGAIN, Errno::BUSY];
/// The growth of memory, in KiB, that says nothing: the kernel's own caches.
const NOISE: u64 = 1024;

/// A module that is loaded and unloaded.
struct Module {
    name: CString,
    path: String,
    parameters: CString,
    /// The flags of an unload, of which one is chosen at random.
    flags: &'static [i32],
}

const O_NONBLOCK: i32 = 0o4000;
const O_TRUNC: i32 = 0o1000;

impl Module {
    fn new(argument: &str) -> Result<Self> {
        let (path, parameters) = argument.split_once(':').unwrap_or((argument, ""));
        let (path, flags): (_, &[_]) = match path.strip_suffix('!') {
            Some(path) => (path, &[O_NONBLOCK, O_NONBLOCK | O_TRUNC]),
            None => (path, &[O_NONBLOCK]),
        };
        let name = Path::new(path).file_stem().unwrap_or_default();
        Ok(Self {
            name: CString::new(name.as_encoded_bytes())?,
            path: path.to_owned(),
            parameters: CString::new(parameters)?,
            flags,
        })
    }

    fn load(&self) -> std::result::Result<(), Errno> {
        let file = File::open(&self.path).map_err(|_| Errno::IO)?;
        finit_module(file, &self.parameters, 0)
    }

    fn unload(&self, flags: i32) -> std::result::Result<(), Errno> {
        delete_module(&self.name, flags)
    }
}

/// The outcomes of all operations: how often each came for each module.
type Outcomes = BTreeMap<(String, &'static str, String), usize>;

/// Reads all files in debugfs. One that is removed meanwhile may fail.
fn read_debugfs() {
    for entry in fs::read_dir(DEBUGFS).into_iter().flatten().flatten() {
        let _ = fs::read(entry.path());
    }
}

/// Does the operations of one thread. Returns the first error that is not allowed.
fn operate(
    modules: &[Module],
    seed: u64,
    operations: usize,
    outcomes: &Mutex<Outcomes>,
) -> Result<()> {
    let mut rng = rng(seed);
    for number in 0..operations {
        let module = &modules[rng.random_range(0..modules.len())];
        let (what, outcome, allowed) = match rng.random_range(0..10) {
            0 => {
                read_debugfs();
                continue;
            }
            1..=5 => ("load", module.load(), LOAD_ERRORS.as_slice()),
            _ => {
                let flags = module.flags[rng.random_range(0..module.flags.len())];
                ("unload", module.unload(flags), UNLOAD_ERRORS.as_slice())
            }
        };
        let text = outcome.map_or_else(|error| error.to_string(), |()| "done".to_owned());
        let is_allowed = outcome.err().is_none_or(|error| allowed.contains(&error));
        if !is_allowed {
            let path = &module.path;
            return Err(format!("operation {number}: {what} {path}: {text}").into());
        }
        let name = module.name.to_string_lossy().into_owned();
        let mut outcomes = outcomes.lock().map_err(|_| "a thread has died")?;
        *outcomes.entry((name, what, text)).or_default() += 1;
    }
    Ok(())
}

/// Lets threads do the operations, and unloads everything.
fn round(modules: &[Module], seed: u64, operations: usize, threads: usize) -> Result<Outcomes> {
    let outcomes = Mutex::default();
    thread::scope(|scope| {
        let outcomes = &outcomes;
        let thread = |number| {
            let seed = seed.wrapping_add(number as u64);
            scope.spawn(move || operate(modules, seed, operations / threads, outcomes))
        };
        let threads = Vec::from_iter((0..threads).map(thread));
        threads
            .into_iter()
            .try_for_each(|thread| match thread.join() {
                Ok(result) => result,
                Err(_) => Err("a thread has died".into()),
            })
    })?;
    unload_all(modules);
    Ok(outcomes.into_inner()?)
}

/// Unloads all modules, whichever order that needs. If one stays, the time of the VM ends.
fn unload_all(modules: &[Module]) {
    let is_loaded = |module: &Module| module.unload(O_NONBLOCK) != Err(Errno::NOENT);
    while modules.iter().filter(|module| is_loaded(module)).count() > 0 {
        thread::sleep(Duration::from_millis(50));
    }
}

/// The state of the kernel, as far as modules may not change it.
#[derive(Debug)]
struct State {
    /// Modules with their references and users, links in the `holders/` of modules, and files of
    /// kimport in debugfs.
    things: BTreeSet<String>,
    /// KiB of slabs that are not caches of files, and of vmalloc.
    slab: u64,
    vmalloc: u64,
}

impl State {
    fn read() -> Result<Self> {
        fs::write("/proc/sys/vm/drop_caches", "3")?;
        let mut things = BTreeSet::new();
        for line in fs::read_to_string("/proc/modules")?.lines() {
            // The disk that is written and read meanwhile may be open or not.
            let is_open = ["sd_mod ", "tcm_loop "]
                .iter()
                .any(|name| line.starts_with(name));
            let words = Vec::from_iter(line.split(' ').take(if is_open { 1 } else { 4 }));
            things.insert(words.join(" "));
            let holders = Path::new("/sys/module").join(words[0]).join("holders");
            for entry in fs::read_dir(holders)? {
                let holder = entry?.path();
                things.insert(holder.display().to_string());
            }
        }
        for entry in fs::read_dir(DEBUGFS).into_iter().flatten() {
            things.insert(entry?.path().display().to_string());
        }
        let meminfo = fs::read_to_string("/proc/meminfo")?;
        let number = |name: &str| {
            let line = meminfo.lines().find(|line| line.starts_with(name));
            let number = line.and_then(|line| line.split_ascii_whitespace().nth(1));
            number.and_then(|number| number.parse().ok()).unwrap_or(0)
        };
        Ok(Self {
            things,
            slab: number("SUnreclaim:"),
            vmalloc: number("VmallocUsed:"),
        })
    }

    /// Returns whether nothing is left that was not there `before`.
    fn is_back_at(&self, before: &Self) -> bool {
        let grew = |after: u64, before: u64| after > before + NOISE;
        let has_grown = grew(self.slab, before.slab) || grew(self.vmalloc, before.vmalloc);
        self.things == before.things && !has_grown
    }

    /// Waits until the kernel is back at the state `before`: RCU and work queues free memory later.
    fn wait_for(before: &Self) -> Result<()> {
        let mut state = Self::read()?;
        for _ in 0..60 {
            if state.is_back_at(before) {
                return Ok(());
            }
            thread::sleep(Duration::from_secs(1));
            state = Self::read()?;
        }
        Err(format!("something is left; before: {before:?}; after: {state:?}").into())
    }
}

fn run() -> Result<()> {
    let arguments = Vec::from_iter(std::env::args().skip(1));
    let [seed, operations, threads, files @ ..] = arguments.as_slice() else {
        return Err("usage: stress SEED OPERATIONS THREADS FILE.ko[:PARAMETERS]...".into());
    };
    let (seed, operations, threads) = (seed.parse()?, operations.parse()?, threads.parse()?);
    let modules: Vec<_> = files
        .iter()
        .map(|file| Module::new(file))
        .collect::<Result<_>>()?;
    println!("seed {seed}, {operations} operations, {threads} threads");
    // The first round brings what stays: caches, and memory of the kernel's own tables.
    round(&modules, seed ^ u64::MAX, operations / 5, threads)?;
    thread::sleep(Duration::from_secs(2));
    let before = State::read()?;
    let outcomes = round(&modules, seed, operations, threads)?;
    for ((module, what, outcome), count) in &outcomes {
        println!("{module}: {what}: {outcome}: {count}");
    }
    let done = |wanted: &'static str| {
        let done = outcomes.iter();
        let done = done.filter(|((_, what, outcome), _)| *what == wanted && outcome == "done");
        done.map(|(_, count)| count).sum::<usize>()
    };
    let (loads, unloads) = (done("load"), done("unload"));
    println!("{loads} loads and {unloads} unloads succeeded");
    if loads * 10 < operations || unloads * 20 < operations {
        return Err("these are too few".into());
    }
    State::wait_for(&before)
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("stress: {error}");
            ExitCode::from(1)
        }
    }
}
