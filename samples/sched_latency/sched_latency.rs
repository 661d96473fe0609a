// SPDX-License-Identifier: GPL-2.0

//! Measures how long tasks wait for a CPU, from their wake-up until they run. Logs the distribution
//! when it is unloaded.
//!
//! The scheduler exports neither its tracepoints `sched_wakeup` and `sched_switch` nor its
//! counters. The sample shows three things that differ from a call of a function:
//!
//! - A tracepoint is data, `struct tracepoint`. It is imported by address, and passed to
//!   `tracepoint_probe_register`, which is exported.
//! - The kernel calls a probe through an untyped pointer. Nothing compares its arguments with those
//!   that the tracepoint passes, and these have changed before (Linux 5.18 gave `sched_switch` a
//!   fourth argument). But the kernel has a function with the same arguments for each tracepoint:
//!   `__traceiter_sched_switch`. The sample imports that, too, and never calls it. So kimport
//!   compares its type with the kernel's BTF, and a kernel with other arguments refuses the module.
//!   The compiler checks that the probe has the arguments of the import, see [`probe5`].
//! - The kernel calls the module. So the order of the end matters: the probes are unregistered,
//!   then nobody is inside of them any more, and only then the imports are dropped.
//!
//! A probe runs with a lock of the scheduler held. It must not log, allocate or wake up a task.

use kernel::bindings::{self, task_struct, tracepoint};
use kernel::error::to_result;
use kernel::ffi::{c_int, c_uint, c_void};
use kernel::prelude::*;
use kernel::sync::atomic::{Atomic, Relaxed};
use kimport::{import_symbols, Imports};

module! {
    type: SchedLatency,
    name: "sched_latency",
    authors: ["The kimport developers"],
    description: "Measures how long tasks wait for a CPU",
    license: "GPL",
}

import_symbols! {
    mod scheduler {
        /// The tracepoint at which a task becomes ready to run.
        #[name = "__tracepoint_sched_wakeup"]
        sched_wakeup: tracepoint,
        /// The tracepoint at which a CPU goes from one task to another.
        #[name = "__tracepoint_sched_switch"]
        sched_switch: tracepoint,
        /// The arguments of a probe of `sched_wakeup`.
        #[name = "__traceiter_sched_wakeup"]
        wakeup_arguments: fn(data: *mut c_void, task: *mut task_struct) -> c_int,
        /// The arguments of a probe of `sched_switch`.
        #[name = "__traceiter_sched_switch"]
        switch_arguments: fn(
            data: *mut c_void,
            preempt: bool,
            prev: *mut task_struct,
            next: *mut task_struct,
            prev_state: c_uint,
        ) -> c_int,
        /// The number of context switches since boot.
        nr_context_switches: fn() -> u64,
    }
}

/// The number of tasks whose wake-up is remembered. If two of them share a place, the wake-up of
/// the earlier one is lost.
const TASKS: usize = 4096;
/// The number of classes of latencies. Class N has those below 2^N microseconds.
const CLASSES: usize = 24;

/// The time of the wake-up in nanoseconds, by the task's number; 0 if it does not wait.
static WOKEN: [Atomic<u64>; TASKS] = [const { Atomic::new(0) }; TASKS];
/// The number of latencies by class.
static LATENCIES: [Atomic<u64>; CLASSES] = [const { Atomic::new(0) }; CLASSES];
/// The number of context switches.
static SWITCHES: Atomic<u64> = Atomic::new(0);

/// Returns the place of a task in [`WOKEN`].
///
/// # Safety
///
/// `task` must point to a task that exists.
unsafe fn place(task: *const task_struct) -> &'static Atomic<u64> {
    // SAFETY: The task exists by the function's contract, and its number never changes.
    let pid = unsafe { (*task).pid };
    &WOKEN[pid as usize % TASKS]
}

fn now() -> u64 {
    // SAFETY: This clock can be read in any context.
    unsafe { bindings::ktime_get_mono_fast_ns() }
}

/// A probe of `sched_wakeup`.
///
/// # Safety
///
/// Only the tracepoint may call it.
unsafe extern "C" fn on_wakeup(_data: *mut c_void, task: *mut task_struct) {
    // SAFETY: The tracepoint passes a task that exists.
    let place = unsafe { place(task) };
    place.store(now(), Relaxed);
}

/// A probe of `sched_switch`.
///
/// # Safety
///
/// Only the tracepoint may call it.
unsafe extern "C" fn on_switch(
    _data: *mut c_void,
    _preempt: bool,
    _prev: *mut task_struct,
    next: *mut task_struct,
    _prev_state: c_uint,
) {
    SWITCHES.fetch_add(1, Relaxed);
    // SAFETY: The tracepoint passes tasks that exist.
    let place = unsafe { place(next) };
    let woken = place.load(Relaxed);
    if woken != 0 {
        place.store(0, Relaxed);
        let micros = now().saturating_sub(woken) / 1000;
        let class = (u64::BITS - micros.leading_zeros()) as usize;
        LATENCIES[class.min(CLASSES - 1)].fetch_add(1, Relaxed);
    }
}

/// Returns the address of a probe with two arguments, which are those of the import.
fn probe2<A, B>(
    _import: unsafe fn(A, B) -> c_int,
    probe: unsafe extern "C" fn(A, B),
) -> *mut c_void {
    probe as *mut c_void
}

/// Returns the address of a probe with five arguments, which are those of the import.
fn probe5<A, B, C, D, E>(
    _import: unsafe fn(A, B, C, D, E) -> c_int,
    probe: unsafe extern "C" fn(A, B, C, D, E),
) -> *mut c_void {
    probe as *mut c_void
}

/// A probe that is registered.
///
/// # Invariants
///
/// `function` is registered with `tracepoint`, which exists.
struct Probe {
    tracepoint: *mut tracepoint,
    function: *mut c_void,
}

// SAFETY: The pointers are only passed to functions that any thread may call.
unsafe impl Send for Probe {}
// SAFETY: As above. A shared reference gives no access.
unsafe impl Sync for Probe {}

impl Probe {
    /// Registers a probe.
    ///
    /// # Safety
    ///
    /// `tracepoint` must exist as long as the probe, and pass the arguments of `function`.
    unsafe fn register(tracepoint: *mut tracepoint, function: *mut c_void) -> Result<Self> {
        // SAFETY: The tracepoint exists and fits the function, by this function's contract. The
        // function is in this module, which unregisters it before it goes.
        to_result(unsafe {
            bindings::tracepoint_probe_register(tracepoint, function, core::ptr::null_mut())
        })?;
        // INVARIANT: It was just registered.
        Ok(Self {
            tracepoint,
            function,
        })
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        // SAFETY: By the type invariant, this probe is registered there. It cannot fail then.
        unsafe {
            bindings::tracepoint_probe_unregister(
                self.tracepoint,
                self.function,
                core::ptr::null_mut(),
            )
        };
        // SAFETY: The structure is always valid, and this may sleep. CPUs that are still inside of
        // the probe are in a section of this SRCU.
        unsafe { bindings::synchronize_srcu(&raw mut bindings::tracepoint_srcu) };
    }
}

struct SchedLatency {
    /// The fields are dropped in this order.
    probes: Option<[Probe; 2]>,
    switches_before: u64,
    _imports: Imports,
}

fn switches() -> u64 {
    // SAFETY: The imports are resolved while this is called, from `init` on until they are dropped.
    // The function takes nothing and may be called anywhere.
    unsafe { scheduler::nr_context_switches() }
}

impl kernel::Module for SchedLatency {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let imports = scheduler::resolve_imports()?;
        let switches_before = switches();
        let on_wakeup = probe2(scheduler::wakeup_arguments, on_wakeup);
        let on_switch = probe5(scheduler::switch_arguments, on_switch);
        // SAFETY: The imports are resolved, so the tracepoint exists, and passes these arguments.
        let wakeup = unsafe { Probe::register(scheduler::sched_wakeup(), on_wakeup)? };
        // SAFETY: As above.
        let switch = unsafe { Probe::register(scheduler::sched_switch(), on_switch)? };
        Ok(Self {
            probes: Some([wakeup, switch]),
            switches_before,
            _imports: imports,
        })
    }
}

impl Drop for SchedLatency {
    fn drop(&mut self) {
        self.probes = None;
        let kernel = switches() - self.switches_before;
        let counted = SWITCHES.load(Relaxed);
        pr_info!("{counted} context switches, the kernel counts {kernel}\n");
        for (class, count) in LATENCIES
            .iter()
            .map(|count| count.load(Relaxed))
            .enumerate()
        {
            if count > 0 {
                pr_info!("waited less than {} us: {count}\n", 1u64 << class);
            }
        }
    }
}
