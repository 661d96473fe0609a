// SPDX-License-Identifier: GPL-2.0

//! Counters of which each CPU has its own.
//!
//! A per-CPU address is that of the variable in the section of per-CPU variables, as the linker or
//! the module loader has placed it. The variable of a CPU is at a distance from there that the CPU
//! knows. On x86-64 it is the base of the segment `gs`. Without `CONFIG_SMP` there is one variable,
//! at that address.

use crate::bindings;
use kernel::sync::atomic::{Acquire, Atomic};

/// The counters of one block on one CPU.
#[doc(hidden)]
#[repr(C, align(32))]
pub struct Counters([Side; 2]);

impl Counters {
    /// Creates counters that are 0.
    pub const fn zero() -> Self {
        Self([const { Side([const { Atomic::new(0) }; 2]) }; 2])
    }
}

/// The numbers of callers that have entered and left.
#[repr(transparent)]
pub(crate) struct Side([Counter; 2]);

type Counter = Atomic<i64>;

const _: () = assert!(size_of::<Counters>() == 2 * size_of::<Side>());
const _: () = assert!(align_of::<Counters>() == size_of::<Counters>());

/// The indices of the counters of a [`Side`].
pub(super) const ENTERED: usize = 0;
pub(super) const LEFT: usize = 1;

/// Returns the other side of the same counters. Both are per-CPU addresses. The counters are
/// aligned to their size, and so is each CPU's copy.
pub(super) fn other(side: *mut Side) -> *mut Side {
    side.map_addr(|address| address ^ size_of::<Side>())
}

/// Adds 1 to the counter `INDEX` of this CPU. This is a read-side critical section of RCU, and has
/// release semantics. The compiler moves nothing across it.
///
/// # Safety
///
/// `side` is the per-CPU address of a side, and `INDEX` is below 2.
#[inline(always)]
pub(super) unsafe fn increment<const INDEX: usize>(side: *const Side) {
    #[cfg(all(CONFIG_X86_64, CONFIG_SMP, not(CONFIG_UML)))]
    // SAFETY: By the contract of this function, this is a counter of this CPU, because `gs` begins
    // at the distance to its variables. Others only read the counter.
    unsafe {
        core::arch::asm!(
            "inc qword ptr gs:[{} + {}]",
            in(reg) side,
            const INDEX * size_of::<Counter>(),
            options(nostack),
        );
    }
    #[cfg(not(all(CONFIG_X86_64, CONFIG_SMP, not(CONFIG_UML))))]
    {
        #[cfg(CONFIG_SMP)]
        // SAFETY: The function may be called anywhere. This task may be on another CPU at once,
        // which does not matter to the sum.
        let cpu = unsafe { bindings::raw_smp_processor_id() };
        #[cfg(not(CONFIG_SMP))]
        let cpu = 0;
        // SAFETY: By the contract of this function. The CPU is possible, since this task was
        // running on it.
        unsafe { of_cpu(side, INDEX, cpu) }.fetch_add(1, kernel::sync::atomic::Full);
    }
}

/// Returns the sum of the counters `index` of all CPUs, which is taken with acquire loads.
///
/// # Safety
///
/// `side` is the per-CPU address of a side, and `index` is below 2.
pub(super) unsafe fn sum(side: *const Side, index: usize) -> i64 {
    possible_cpus().fold(0, |sum: i64, cpu| {
        // SAFETY: By the contract of this function, and the CPU is possible.
        sum.wrapping_add(unsafe { of_cpu(side, index, cpu) }.load(Acquire))
    })
}

/// Returns the counter `index` of `cpu`.
///
/// # Safety
///
/// `side` is the per-CPU address of a side, `index` is below 2, and `cpu` is a possible CPU.
unsafe fn of_cpu<'a>(side: *const Side, index: usize, cpu: u32) -> &'a Counter {
    let counter = side.cast::<Counter>().wrapping_add(index);
    #[cfg(CONFIG_SMP)]
    let counter = {
        let distances = (&raw const bindings::__per_cpu_offset).cast::<usize>();
        // SAFETY: The array has an element for each possible CPU, which was written at boot.
        counter.wrapping_byte_add(unsafe { *distances.wrapping_add(cpu as usize) })
    };
    #[cfg(not(CONFIG_SMP))]
    let _ = cpu;
    // SAFETY: By the contract of this function. The counter is accessed atomically only: on x86-64
    // a CPU adds to its own counter with one instruction.
    unsafe { &*counter }
}

/// Returns the CPUs that are there, or may come later.
#[cfg(CONFIG_SMP)]
fn possible_cpus() -> impl Iterator<Item = u32> {
    const CPUS: usize = bindings::NR_CPUS as usize;

    let next = |first| {
        let mask = (&raw const bindings::__cpu_possible_mask).cast();
        // SAFETY: The mask has a bit for each CPU, and does not change after boot.
        let cpu = unsafe { bindings::_find_next_bit(mask, CPUS, first) };
        (cpu < CPUS).then_some(cpu)
    };
    core::iter::successors(next(0), move |cpu| next(cpu + 1)).map(|cpu| cpu as u32)
}

/// Returns the only CPU.
#[cfg(not(CONFIG_SMP))]
fn possible_cpus() -> impl Iterator<Item = u32> {
    core::iter::once(0)
}
