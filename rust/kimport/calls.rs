// SPDX-License-Identifier: GPL-2.0

//! Who is inside the calls of a block.
//!
//! A direct call leaves no trace: nobody can tell when the last caller has left a function that may sleep (a grace
//! period of RCU-tasks ends at any voluntary sleep, also at one inside the function). While an [`Imports`](crate::Imports) is
//! only ever dropped last, that does no harm. But a block whose provider is exchanged ([`Imports::rebind`]) or comes and goes
//! ([`LateImports`](crate::LateImports)) must know. The wrappers of such a block enter an SRCU read section around the call:
//! two increments of a per-CPU counter with full barriers, no shared cache line, and the callee may sleep. Whoever
//! re-points the call sites then waits for a grace period of that SRCU.
//!
//! What that costs, in instructions executed for one call on the stock 7.3.4 kernel (QEMU's `-icount`): a wrapper of a
//! rebindable block 88 more than the bare call, one of a late block 154 more, two of them locked ones on the provider's
//! reference count (`make bench`). Other blocks stay bare calls.
//!
//! # Where calls may be made
//!
//! A bare call is one instruction, and may be made wherever its callee may be: in NMIs as well, and while it is being re-pointed,
//! when the kernel's breakpoint handler makes the call instead. (One through a function pointer is a load and a call.)
//!
//! A wrapper that enters may be called in tasks, softirqs and hard interrupts, with interrupts or preemption disabled. But not
//!
//! - in NMIs, and what runs like one (machine checks, breakpoints and what kprobes and tracing call from there): SRCU's
//!   readers have another interface there, which the `kernel` crate lacks;
//! - where RCU does not watch: in the idle loop, on the way into and out of the kernel, on a CPU that is going offline;
//! - for a `#[rebindable]` block, in whatever `rebind` or the drop of its `Imports` waits for.
//!
//! [`Imports::rebind`]: crate::Imports::rebind

use crate::bindings;
use crate::provider::Provider;
use core::pin::Pin;
use core::ptr::{null_mut, NonNull};
use kernel::new_srcu;
use kernel::prelude::*;
use kernel::sync::atomic::{Acquire, Atomic, Relaxed, Release};
use kernel::sync::{rcu, srcu, Srcu};

/// The calls of one block, from the wrappers' side.
///
/// # Invariants
///
/// `srcu` is null or points to the [`Srcu`] of an [`OpenCalls`]. That one is dropped only after `srcu` was null for a grace
/// period of RCU, and for one of the SRCU after that.
#[doc(hidden)]
pub struct Calls {
    srcu: Atomic<*mut Srcu>,
}

/// Shows that the current task is inside a call.
#[doc(hidden)]
pub struct Inside {
    _guard: srcu::Guard<'static>,
}

impl Calls {
    /// Calls that are closed.
    pub const fn closed() -> Self {
        Self {
            srcu: Atomic::new(null_mut()),
        }
    }

    /// Enters, unless the calls are closed. Not in NMIs, see [`calls`](self).
    pub fn try_enter(&self) -> Option<Inside> {
        let _rcu = rcu::read_lock();
        // Pairs with the release in `open`: who sees the SRCU sees the call sites bound.
        let srcu = NonNull::new(self.srcu.load(Acquire))?;
        // SAFETY: By the type invariants it lives until the guard of RCU is gone, and after that as long as somebody is
        // inside, which the returned value is.
        let srcu: &'static Srcu = unsafe { srcu.as_ref() };
        Some(Inside {
            _guard: srcu.read_lock(),
        })
    }

    /// Enters. Not in NMIs, see [`calls`](self).
    ///
    /// # Panics
    ///
    /// Ends in a `BUG` that names `symbol` when the calls are closed.
    pub fn enter(&self, symbol: &str) -> Inside {
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
    /// Makes what `calls` need. They stay closed.
    pub(crate) fn new(calls: &'static Calls) -> Result<Self> {
        let srcu = KBox::pin_init(new_srcu!(), GFP_KERNEL)?;
        Ok(Self { calls, srcu })
    }

    /// Lets callers in, once the call sites are bound.
    pub(crate) fn open(&self) {
        // INVARIANT: `srcu` is dropped only by `drop`, which closes before.
        self.calls.srcu.store(self.srcu(), Release);
    }

    /// Whether callers are let in.
    pub(crate) fn is_open(&self) -> bool {
        self.calls.srcu.load(Relaxed) == self.srcu()
    }

    fn srcu(&self) -> *mut Srcu {
        let srcu: &Srcu = &self.srcu;
        core::ptr::from_ref(srcu).cast_mut()
    }

    /// Waits until everybody who is inside now has left. May sleep, for as long as the callees do.
    pub(crate) fn wait(&self) {
        self.srcu.synchronize();
    }

    /// Lets nobody in any more, and waits until all have left. May sleep.
    pub(crate) fn close(&self) {
        if !self.is_open() {
            return;
        }
        self.calls.srcu.store(null_mut(), Relaxed);
        // SAFETY: Callers of this function may sleep. From here on, who saw the SRCU is counted in it.
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
/// The block does not hold its provider, or that could never go. So each call holds it, which works only as long as it
/// is live: nobody is inside when the provider's exit begins, and nobody gets in later.
///
/// # Invariants
///
/// While `calls` are open, and until all have left after they were closed, `provider` is a module that is not freed.
#[doc(hidden)]
pub struct LateCalls {
    pub(crate) calls: Calls,
    provider: Atomic<*mut bindings::module>,
}

/// Shows that the current task is inside a call, and holds the provider.
#[doc(hidden)]
pub struct InsideLate {
    _provider: Provider,
    _inside: Inside,
}

impl LateCalls {
    /// Calls that are closed.
    pub const fn closed() -> Self {
        Self {
            calls: Calls::closed(),
            provider: Atomic::new(null_mut()),
        }
    }

    /// Enters, if the block is bound and its provider live. Not in NMIs, see [`calls`](self).
    pub fn enter(&self) -> Option<InsideLate> {
        let inside = self.calls.try_enter()?;
        let module = NonNull::new(self.provider.load(Relaxed))?;
        // SAFETY: By the type invariants, as this is inside.
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
    /// The calls are closed, and all have left. They are opened at most until `provider` is freed, and all have left then.
    pub(crate) unsafe fn set_provider(&self, provider: &Provider) {
        // INVARIANT: By the contract of this function.
        self.provider.store(provider.module().as_ptr(), Relaxed);
    }

    /// Whether `module` was set last. Who is told that a provider is going sees that it was set: it was held then.
    pub(crate) fn is_provider(&self, module: *mut bindings::module) -> bool {
        self.provider.load(Relaxed) == module
    }
}
