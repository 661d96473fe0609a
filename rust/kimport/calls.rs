// SPDX-License-Identifier: GPL-2.0

//! Counting of the callers that are inside a block.
//!
//! A direct call leaves no trace. Nobody can tell when the last caller has left a function that may
//! sleep: a grace period of RCU-tasks ends at any voluntary sleep, also at one inside the function.
//! That does no harm to an [`Imports`](crate::Imports) that is only ever dropped last. But a block
//! whose provider is exchanged ([`Imports::rebind`]), or comes and goes
//! ([`LateImports`](crate::LateImports)), must know when its callers have left. The wrappers of
//! such a block enter an SRCU read-side critical section around the call, in which the callee may
//! sleep. That costs two increments of per-CPU counters and two full barriers, but no shared cache
//! line. The task that re-points the call sites then waits for a grace period of that SRCU.
//!
//! Measured in instructions for one call on the stock 7.3.4 kernel (QEMU's `-icount`,
//! `make bench`), a wrapper of a rebindable block executes 88 more than the bare call, and a
//! wrapper of a late block 154 more. Two of the latter are locked instructions on the provider's
//! reference count. Other blocks use bare calls.
//!
//! # Where calls may be made
//!
//! A bare call is one instruction. It may be made wherever its callee may be called, also in NMIs,
//! and while it is being re-pointed: then the kernel's breakpoint handler makes the call instead.
//! (A call through a function pointer is a load and a call.)
//!
//! A wrapper that enters an SRCU read-side critical section may be called in tasks, softirqs and
//! hard interrupts, also with interrupts or preemption disabled. It may not be called
//!
//! - in NMIs and in code that runs like an NMI (machine checks, breakpoints, and what kprobes and
//!   tracing call from there): there, SRCU's readers have another interface, which the `kernel`
//!   crate lacks;
//! - where RCU does not watch: in the idle loop, on the way into and out of the kernel, on a CPU
//!   that is going offline;
//! - for a `#[rebindable]` block, in code that `rebind` or the drop of its `Imports` waits for.
//!
//! [`Imports::rebind`]: crate::Imports::rebind

use crate::bindings;
use crate::compat::srcu::{self, new_srcu, Srcu};
use crate::provider::Provider;
use core::pin::Pin;
use core::ptr::{null_mut, NonNull};
use kernel::prelude::*;
use kernel::sync::atomic::{Acquire, Atomic, Relaxed, Release};
use kernel::sync::rcu;

/// The calls of one block, from the wrappers' side.
///
/// # Invariants
///
/// `srcu` is null or points to the [`Srcu`] of an [`OpenCalls`]. That [`Srcu`] is dropped only
/// after `srcu` was null for a grace period of RCU, and for a grace period of the [`Srcu`] after
/// that.
#[doc(hidden)]
pub struct Calls {
    srcu: Atomic<*mut Srcu>,
}

impl Calls {
    /// Creates calls that are closed.
    pub const fn closed() -> Self {
        Self {
            srcu: Atomic::new(null_mut()),
        }
    }

    /// Enters, unless the calls are closed. May not be called in NMIs, see [`calls`](self). The
    /// task is inside until it drops the guard.
    pub fn try_enter(&self) -> Option<srcu::Guard<'static>> {
        let _rcu = rcu::read_lock();
        // Pairs with the release in `open`: a caller that sees the SRCU also sees the call sites
        // bound.
        let srcu = NonNull::new(self.srcu.load(Acquire))?;
        // SAFETY: By the type invariants the SRCU lives until the RCU guard is gone, and after that
        // as long as somebody is inside, which the holder of the returned guard is.
        let srcu: &'static Srcu = unsafe { srcu.as_ref() };
        Some(srcu.read_lock())
    }

    /// Enters. May not be called in NMIs, see [`calls`](self).
    ///
    /// # Panics
    ///
    /// Ends in a `BUG` that names `symbol` when the calls are closed.
    pub fn enter(&self, symbol: &str) -> srcu::Guard<'static> {
        self.try_enter()
            .unwrap_or_else(|| crate::binder::unbound(symbol))
    }
}

/// The calls of one block, from its owner's side.
pub(crate) struct OpenCalls {
    calls: &'static Calls,
    srcu: Pin<KBox<Srcu>>,
}

impl OpenCalls {
    /// Creates the SRCU that `calls` need. The calls stay closed.
    pub(crate) fn new(calls: &'static Calls) -> Result<Self> {
        let srcu = KBox::pin_init(new_srcu!(), GFP_KERNEL)?;
        Ok(Self { calls, srcu })
    }

    /// Lets callers in. The call sites must be bound.
    pub(crate) fn open(&self) {
        // INVARIANT: Only `drop` drops `srcu`, and it closes the calls before.
        self.calls.srcu.store(self.srcu(), Release);
    }

    /// Returns whether callers are let in.
    pub(crate) fn is_open(&self) -> bool {
        self.calls.srcu.load(Relaxed) == self.srcu()
    }

    fn srcu(&self) -> *mut Srcu {
        let srcu: &Srcu = &self.srcu;
        core::ptr::from_ref(srcu).cast_mut()
    }

    /// Waits until all callers that are inside now have left. May sleep, for as long as the callees
    /// do.
    pub(crate) fn wait(&self) {
        self.srcu.synchronize();
    }

    /// Lets no caller in any more, and waits until all callers have left. May sleep.
    pub(crate) fn close(&self) {
        if !self.is_open() {
            return;
        }
        self.calls.srcu.store(null_mut(), Relaxed);
        // SAFETY: Callers of this function may sleep. From the return of `synchronize_rcu` on,
        // every caller that saw the SRCU is counted in it.
        unsafe { bindings::synchronize_rcu() };
        self.wait();
    }
}

impl Drop for OpenCalls {
    fn drop(&mut self) {
        self.close();
    }
}

/// The calls of one late-bound block, from the wrappers' side.
///
/// The block does not hold its provider, because the provider could then never be unloaded.
/// Instead, each call holds the provider, which succeeds only while the provider is live: no caller
/// is inside when the provider's exit begins, and none gets in later.
///
/// # Invariants
///
/// While `calls` are open, and until all callers have left after they were closed, `provider` is a
/// module that is not freed.
#[doc(hidden)]
pub struct LateCalls {
    pub(crate) calls: Calls,
    provider: Atomic<*mut bindings::module>,
}

/// Proof that the current task is inside a call, and a reference to the provider.
#[doc(hidden)]
pub struct InsideLate {
    _provider: Provider,
    _inside: srcu::Guard<'static>,
}

impl LateCalls {
    /// Creates calls that are closed.
    pub const fn closed() -> Self {
        Self {
            calls: Calls::closed(),
            provider: Atomic::new(null_mut()),
        }
    }

    /// Enters, if the block is bound and its provider is live. May not be called in NMIs, see
    /// [`calls`](self).
    pub fn enter(&self) -> Option<InsideLate> {
        let inside = self.calls.try_enter()?;
        let module = NonNull::new(self.provider.load(Relaxed))?;
        // SAFETY: This task is inside, so the module is not freed by the type invariants.
        let provider = unsafe { Provider::hold(module) }?;
        Some(InsideLate {
            _provider: provider,
            _inside: inside,
        })
    }

    /// Sets the provider that callers hold.
    ///
    /// # Safety
    ///
    /// The calls are closed, and all callers have left. If the calls are opened later, they are
    /// closed again, and all callers have left, before `provider` is freed.
    pub(crate) unsafe fn set_provider(&self, provider: &Provider) {
        // INVARIANT: By the contract of this function.
        self.provider.store(provider.module().as_ptr(), Relaxed);
    }

    /// Returns whether `module` is the provider that was set last. The `GOING` notification of a
    /// module sees that the module was set, because the module was held at that time.
    pub(crate) fn is_provider(&self, module: *mut bindings::module) -> bool {
        self.provider.load(Relaxed) == module
    }
}
