// SPDX-License-Identifier: GPL-2.0

//! Counting of the callers that are inside a block.
//!
//! A direct call leaves no trace. Nobody can tell when the last caller has left a function that may
//! sleep: a grace period of RCU-tasks ends at any voluntary sleep, also at one inside the function.
//! That does no harm to an [`Imports`](crate::Imports) that is only ever dropped last. But a block
//! whose provider is exchanged ([`Imports::rebind`]), or comes and goes
//! ([`LateImports`](crate::LateImports)), must know when its callers have left. So the wrappers of
//! such a block count. Each CPU has four counters for the block: two *sides*, each with the numbers
//! of callers that have `entered` and `left`. A pointer in the block says which side callers use
//! now. On x86-64, the wrapper of a rebindable block does this:
//!
//! ```text
//! mov  side(%rip), %reg    # the side that callers use now, a per-CPU address
//! incq %gs:(%reg)          # entered
//! call function
//! incq %gs:8(%reg)         # left
//! ```
//!
//! The two increments may happen on different CPUs. Only the sums over all CPUs mean something: if
//! as many callers have left a side as have entered it, nobody is inside.
//!
//! The wrapper of a late block also loads the provider after the first increment. If there is one,
//! the wrapper takes a reference to it before the call, and drops the reference before the second
//! increment.
//!
//! # Why nobody is missed
//!
//! A task first makes a change: it re-points call sites, clears the flag of an optional function,
//! or closes a late block. Then it calls [`Calls::wait`]. When that returns, each caller that may
//! not have seen the change has left. The algorithm is that of SRCU, in the variant whose readers
//! have no barriers (SRCU-fast, `kernel/rcu/srcutree.c`):
//!
//! 1. The task waits for a grace period of RCU.
//! 2. It sends callers to the other side. Then it takes the sum of the old side's `left`, and after
//!    that the sum of the old side's `entered`, until the two are equal.
//! 3. It repeats step 2, which sends callers back to the first side.
//!
//! An increment is a read-side critical section of RCU, because nothing can come between its read
//! and its write: it is one instruction. (On other architectures it is one atomic operation.) So,
//! for each increment of `entered`, RCU guarantees one of two things. Either the increment is
//! visible to all that the task does after step 1, or all that the caller does after the increment
//! sees all that the task did before step 1. Let a sum of `entered` be taken that is equal to the
//! sum of `left` before it.
//!
//! - *A caller is not in the sum.* The sum was taken after step 1, so the second guarantee holds:
//!   the caller sees the change.
//! - *A caller is in the sum.* Then it has left. A sum of `left` that has a caller is followed by a
//!   sum of `entered` that has the same caller, because an increment has release semantics (as
//!   every store on x86-64), and sums are taken with acquire loads. So the callers in the sum of
//!   `left` are among those in the sum of `entered`. The sums are equal, so these are the same
//!   callers. And all that they did inside happened before the task goes on.
//!
//! Each side passes this test after step 1, whichever side callers use at that time. Hence it does
//! no harm if a caller is delayed between its load of the pointer and its increment, for however
//! long: the side that it enters is one of the two. The sides are there for progress only. While
//! new callers come all the time, the sums of the side that they enter may never be equal. The
//! other side is only entered by callers that were delayed. The counters wrap around, which does
//! not change the comparison. (SRCU-fast waits for a grace period in each comparison. Here, release
//! and acquire order the two sums, and one grace period is enough.)
//!
//! # Costs
//!
//! In instructions for one call on the stock 7.3.4 kernel (QEMU's `-icount`, `make bench`), where a
//! bare call of an empty function takes 6:
//!
//! | block | instructions beyond the bare call |
//! | --- | --- |
//! | `#[rebindable]` | 3: the two increments, and the load of the side |
//! | `#[late]` | 18: the same, a test of the provider and of its state, and two locked instructions on the provider's reference count |
//!
//! The first row is the least that a count by increments can take. Other blocks use bare calls.
//!
//! A block takes 32 bytes of each CPU's memory. In a module they are a part of the memory for
//! per-CPU variables of modules, of which x86-64 has 8 KiB for all modules together. The loader
//! refuses a module for which too little is left.
//!
//! # Where calls may be made
//!
//! A bare call is one instruction. It may be made wherever its callee may be called, also in NMIs,
//! and while it is being re-pointed: then the kernel's breakpoint handler makes the call instead.
//! (A call through a function pointer is a load and a call.)
//!
//! A wrapper that counts may be called in tasks, softirqs, hard interrupts and NMIs, and in code
//! that runs like an NMI (machine checks, breakpoints, and what kprobes and tracing call from
//! there). The callee must allow it. The wrapper may not be called
//!
//! - where RCU does not watch: in the idle loop, on the way into and out of the kernel, on a CPU
//!   that is going offline;
//! - for a `#[rebindable]` block, in code that `rebind` or the drop of its `Imports` waits for.
//!
//! [`Imports::rebind`]: crate::Imports::rebind

mod counters;

use crate::bindings;
use crate::provider::{InlineHold, Provider};
use core::ptr::{null_mut, NonNull};
pub use counters::Counters;
use counters::{increment, other, sum, Side, ENTERED, LEFT};
use kernel::sync::atomic::{Atomic, Relaxed, Release};
use kernel::time::{delay::fsleep, Delta};

/// The calls of one block.
///
/// # Invariants
///
/// `side` is the per-CPU address of one of the two sides of a [`Counters`], which lives as long as
/// this value.
#[doc(hidden)]
pub struct Calls {
    side: Atomic<*mut Side>,
}

impl Calls {
    /// Creates calls that nobody is inside.
    ///
    /// # Safety
    ///
    /// `counters` is a static in the section of per-CPU variables.
    pub const unsafe fn new(counters: *const Counters) -> Self {
        // INVARIANT: By the contract of this function.
        Self {
            side: Atomic::new(counters.cast_mut().cast()),
        }
    }

    /// Enters. The caller is inside until it drops the guard.
    #[inline(always)]
    pub fn enter(&self) -> Inside {
        let side = load_acquire(&self.side);
        // SAFETY: By the type invariants.
        unsafe { increment::<ENTERED>(side) };
        // INVARIANT: The caller has entered.
        Inside(side)
    }

    /// Waits until each caller has left that may not have seen all that this task has changed. Does
    /// not wait for callers that come later. May sleep, for as long as the callees do.
    pub(crate) fn wait(&self) {
        // This interrupts all CPUs to be fast, as the kernel does to patch call sites.
        #[cfg(CONFIG_TREE_RCU)]
        // SAFETY: Callers of this function may sleep.
        unsafe {
            bindings::synchronize_rcu_expedited()
        };
        #[cfg(not(CONFIG_TREE_RCU))]
        // SAFETY: As above.
        unsafe {
            bindings::synchronize_rcu()
        };
        let mut micros = 100;
        self.drain(|| {
            fsleep(Delta::from_micros(micros));
            micros = (2 * micros).min(50_000);
        });
    }

    /// Waits until each side was seen empty. Calls `pause` before it looks once more.
    fn drain(&self, mut pause: impl FnMut()) {
        for _ in 0..2 {
            let old = self.flip();
            // SAFETY: By the type invariants.
            while !unsafe { is_empty(old) } {
                pause();
            }
        }
    }

    /// Sends callers to the other side, and returns the side that they have used.
    fn flip(&self) -> *mut Side {
        let old = self.side.load(Relaxed);
        // INVARIANT: This is the other side of the same counters.
        self.side.store(other(old), Relaxed);
        old
    }
}

/// Returns whether as many callers have left `side` as have entered it.
///
/// # Safety
///
/// `side` is the per-CPU address of a side.
unsafe fn is_empty(side: *const Side) -> bool {
    // SAFETY: By the contract of this function.
    let left = unsafe { sum(side, LEFT) };
    // This sum has to be taken after the other one.
    // SAFETY: As above.
    let entered = unsafe { sum(side, ENTERED) };
    left == entered
}

/// Proof that somebody is inside a call.
///
/// # Invariants
///
/// This is the per-CPU address of a side, which somebody has entered and not left.
#[doc(hidden)]
pub struct Inside(*const Side);

impl Drop for Inside {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: By the type invariants.
        unsafe { increment::<LEFT>(self.0) };
    }
}

/// Loads with acquire semantics. The atomics of the `kernel` crate are calls of C functions. On
/// x86-64, Rust's own are the same instruction as the kernel's.
#[inline(always)]
fn load_acquire<T>(pointer: &Atomic<*mut T>) -> *mut T {
    #[cfg(CONFIG_X86_64)]
    {
        use core::sync::atomic::{AtomicPtr, Ordering};

        // SAFETY: The pointer lives as long as the reference, and is accessed atomically only.
        unsafe { AtomicPtr::from_ptr(pointer.as_ptr()) }.load(Ordering::Acquire)
    }
    #[cfg(not(CONFIG_X86_64))]
    pointer.load(kernel::sync::atomic::Acquire)
}

/// The calls of one late-bound block.
///
/// The block does not hold its provider, because the provider could then never be unloaded.
/// Instead, each call holds the provider, which succeeds only while the provider is live: no caller
/// is inside when the provider's exit begins, and none gets in later.
///
/// # Invariants
///
/// `provider` is null, or a module that is not freed before `provider` is null and all callers that
/// saw it have left. In the latter case the block is bound to symbols of that module.
#[doc(hidden)]
pub struct LateCalls {
    calls: Calls,
    provider: Atomic<*mut bindings::module>,
}

/// Proof that somebody is inside a call, and a reference to the provider.
#[doc(hidden)]
pub struct InsideLate {
    // The fields are dropped in their order.
    _provider: InlineHold,
    _inside: Inside,
}

impl LateCalls {
    /// Creates calls that are closed.
    ///
    /// # Safety
    ///
    /// `counters` is a static in the section of per-CPU variables.
    pub const unsafe fn new(counters: *const Counters) -> Self {
        Self {
            // SAFETY: By the contract of this function.
            calls: unsafe { Calls::new(counters) },
            provider: Atomic::new(null_mut()),
        }
    }

    /// Enters, if the block is bound and its provider is live.
    #[inline(always)]
    pub fn enter(&self) -> Option<InsideLate> {
        let inside = self.calls.enter();
        // Pairs with the release in `open`: a caller that sees the provider also sees the call
        // sites bound.
        let module = NonNull::new(load_acquire(&self.provider))?;
        // SAFETY: This caller is inside, so the module is not freed by the type invariants.
        let provider = unsafe { InlineHold::new(module) }?;
        Some(InsideLate {
            _provider: provider,
            _inside: inside,
        })
    }

    /// Lets callers in, which will hold `provider`.
    ///
    /// # Safety
    ///
    /// The block is bound to symbols of `provider`, and until [`close`](Self::close) has returned,
    /// it stays so and `provider` is not freed.
    pub(crate) unsafe fn open(&self, provider: &Provider) {
        // INVARIANT: By the contract of this function.
        self.provider.store(provider.module().as_ptr(), Release);
    }

    /// Returns whether callers are let in.
    pub(crate) fn are_open(&self) -> bool {
        !self.provider.load(Relaxed).is_null()
    }

    /// Lets no caller in any more, and waits until all callers have left. May sleep.
    pub(crate) fn close(&self) {
        if self.are_open() {
            self.provider.store(null_mut(), Relaxed);
            self.calls.wait();
        }
    }
}

/// Defines a static of the type [`Calls`] or [`LateCalls`], and its counters.
#[doc(hidden)]
#[macro_export]
macro_rules! __declare_calls {
    ($calls:ident: $type:ident) => {
        static $calls: $crate::$type = {
            // As C's `DEFINE_PER_CPU()`. The linker or the module loader writes the address into
            // the static above, as into a `struct srcu_struct`.
            #[cfg_attr(CONFIG_SMP, link_section = ".data..percpu")]
            static COUNTERS: $crate::Counters = $crate::Counters::zero();

            // SAFETY: The counters are in the section of per-CPU variables.
            unsafe { $crate::$type::new(&raw const COUNTERS) }
        };
    };
}

#[cfg(kimport_selftest)]
pub(crate) mod tests;
