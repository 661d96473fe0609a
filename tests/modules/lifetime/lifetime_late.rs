// SPDX-License-Identifier: GPL-2.0

//! Blocks that are bound while their provider is loaded. The module prints what it sees to the
//! kernel log.

mod thread;

use core::ptr::from_ref;
use kernel::bindings::atomic_t;
use kernel::ffi::{c_int, c_uint, c_void};
use kernel::prelude::*;
use kernel::sync::atomic::{Atomic, Relaxed};
use kernel::sync::Arc;
use kimport::compat::{code::EALREADY, parameter};
use kimport::{import_symbols, LateImports, ProviderEvents};
use thread::{Thread, Work};

module! {
    type: LifetimeLate,
    name: "lifetime_late",
    authors: ["The kimport developers"],
    description: "Imports from providers that come and go, for the tests of kimport",
    license: "GPL",
    params: {
        threads: u32 {
            default: 0,
            description: "Number of threads that call without pause, each second one in interrupts",
        },
        sleep_ms: u32 {
            default: 0,
            description: "Milliseconds that calls of one more thread sleep; 0: no such thread",
        },
    },
}

import_symbols! {
    #[late]
    mod side from "kimport_side_a" {
        side_id: fn() -> c_int,
        side_sleep: fn(usecs: c_uint) -> c_int,
        #[optional]
        side_only_b: fn() -> c_int,
    }
    // This block gives access to the provider's counter.
    mod a from "kimport_side_a" {
        side_inside: atomic_t,
    }
    // The provider lacks the symbol.
    #[late]
    mod lacking from "kimport_test_provider" {
        side_id: fn() -> c_int,
        provider_add: fn(c_int, c_int) -> c_int,
        provider_init_only: fn() -> c_int,
    }
    // The first symbol of each name is in init memory, which still exists when the provider goes
    // live.
    #[late]
    mod phases from "kimport_test_provider" {
        #[name = "provider_phase"]
        #[position = 1]
        first: fn() -> c_int,
        #[name = "provider_phase"]
        #[position = 2]
        second: fn() -> c_int,
        provider_staying: fn() -> c_int,
        #[optional]
        provider_init_only: fn() -> c_int,
    }
}

/// Prints each event, and the result of a call at that moment.
struct Events;

impl ProviderEvents for Events {
    fn provider_live(&self) {
        // SAFETY: The function takes nothing and may be called anywhere.
        let id = unsafe { side::side_id() };
        // SAFETY: As above. The function does not exist.
        let missing = unsafe { side::side_only_b() };
        pr_info!("live: {id:?} {missing:?}\n");
    }

    fn provider_going(&self) {
        // SAFETY: As above.
        let id = unsafe { side::side_id() };
        pr_info!("going: {id:?}\n");
    }
}

/// Prints the results of the calls.
struct Phases;

impl ProviderEvents for Phases {
    fn provider_live(&self) {
        // SAFETY: The functions take nothing, and may be called anywhere.
        let first = unsafe { phases::first() };
        // SAFETY: As above.
        let second = unsafe { phases::second() };
        // SAFETY: As above.
        let staying = unsafe { phases::provider_staying() };
        // SAFETY: As above; no symbol that stays has the name.
        let init_only = unsafe { phases::provider_init_only() };
        pr_info!("phases: {first:?} {second:?} {staying:?} {init_only:?}\n");
    }

    fn provider_going(&self) {}
}

/// Reports an error for each event, because the block must never be bound.
struct NoEvents;

impl ProviderEvents for NoEvents {
    fn provider_live(&self) {
        // SAFETY: The function takes nothing.
        let id = unsafe { lacking::side_id() };
        pr_err!("wrong: a block that lacks a symbol is bound: {id:?}\n");
    }

    fn provider_going(&self) {
        pr_err!("wrong: a block that was not bound is unbound\n");
    }
}

/// The counts of the results of one thread's calls.
struct Calls {
    /// The time that each call sleeps.
    sleep_ms: u32,
    /// Set if the calls are made in hard interrupts.
    in_interrupts: bool,
    /// The numbers of calls that returned `Some`, `None`, and a wrong value.
    counts: [Atomic<i64>; 3],
}

impl Calls {
    fn new(sleep_ms: u32, in_interrupts: bool) -> Result<Arc<Self>> {
        let calls = Self {
            sleep_ms,
            in_interrupts,
            counts: [const { Atomic::<i64>::new(0) }; 3],
        };
        Ok(Arc::new(calls, GFP_KERNEL)?)
    }

    /// Calls, and counts the result.
    fn call(&self) {
        let result = if self.sleep_ms == 0 {
            // SAFETY: The function takes nothing.
            unsafe { side::side_id() }
        } else {
            // SAFETY: Threads may sleep.
            unsafe { side::side_sleep(self.sleep_ms * 1000) }
        };
        let [some, none, wrong] = &self.counts;
        let count = match result {
            Some(1) => some,
            None => none,
            _ => wrong,
        };
        count.fetch_add(1, Relaxed);
    }

    /// # Safety
    ///
    /// `calls` points to a `Self`.
    unsafe extern "C" fn call_from_c(calls: *mut c_void) {
        // SAFETY: By the contract of this function.
        unsafe { &*calls.cast::<Self>() }.call();
    }
}

extern "C" {
    // This is exported by lifetime_interrupts.c.
    fn call_in_interrupt(function: unsafe extern "C" fn(*mut c_void), argument: *mut c_void);
}

impl Work for Calls {
    fn step(&self) {
        if self.in_interrupts {
            let this = from_ref(self).cast_mut().cast();
            // SAFETY: The function takes a pointer to this value, and has returned at the end.
            unsafe { call_in_interrupt(Self::call_from_c, this) };
        } else {
            self.call();
        }
    }
}

struct LifetimeLate {
    threads: KVec<Thread<Calls>>,
    calls: KVec<Arc<Calls>>,
    side: Option<Pin<KBox<LateImports<Events>>>>,
    _lacking: Pin<KBox<LateImports<NoEvents>>>,
    _phases: Pin<KBox<LateImports<Phases>>>,
}

impl kernel::Module for LifetimeLate {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        // SAFETY: The function takes nothing.
        let early = unsafe { side::side_id() };
        let side = KBox::pin_init(side::bind_late(Events), GFP_KERNEL)?;
        pr_info!("before: {early:?}, bound: {}\n", side.is_bound());
        for _ in 0..2 {
            let again = KBox::pin_init(side::bind_late_from(c"kimport_side_b", ()), GFP_KERNEL);
            if again.err() != Some(EALREADY) {
                pr_err!("wrong: a block is bound twice\n");
            }
        }
        let lacking = KBox::pin_init(lacking::bind_late(NoEvents), GFP_KERNEL)?;
        let phases = KBox::pin_init(phases::bind_late(Phases), GFP_KERNEL)?;

        let mut calls = KVec::new();
        for number in 0..parameter(&module_parameters::threads) {
            calls.push(Calls::new(0, number % 2 == 1)?, GFP_KERNEL)?;
        }
        let sleep_ms = parameter(&module_parameters::sleep_ms);
        if sleep_ms > 0 {
            calls.push(Calls::new(sleep_ms, false)?, GFP_KERNEL)?;
        }
        let mut threads = KVec::new();
        for calls in &calls {
            threads.push(Thread::new(calls.clone())?, GFP_KERNEL)?;
        }
        Ok(Self {
            threads,
            calls,
            side: Some(side),
            _lacking: lacking,
            _phases: phases,
        })
    }
}

/// Returns the number of calls that are inside the provider.
fn inside() -> Result<c_int> {
    let imports = a::resolve_imports()?;
    // SAFETY: The imports are resolved. The counter is one aligned word that changes at any time,
    // hence the volatile read.
    let inside = unsafe { a::side_inside().cast::<c_int>().read_volatile() };
    drop(imports);
    Ok(inside)
}

impl Drop for LifetimeLate {
    fn drop(&mut self) {
        let is_bound = self.side.as_ref().is_some_and(|side| side.is_bound());
        // The threads continue: calls of a late block may be made at any time.
        drop(self.side.take());
        // The provider may be in its exit now.
        if is_bound && inside().is_ok_and(|inside| inside > 0) {
            pr_err!("wrong: a call is inside after the drop\n");
        }
        // SAFETY: The function takes nothing.
        let id = unsafe { side::side_id() };
        pr_info!("after: {id:?}\n");
        self.threads.clear();
        for calls in &self.calls {
            let [some, none, wrong] = calls.counts.each_ref().map(|count| count.load(Relaxed));
            pr_info!("calls: {some} some, {none} none, {wrong} wrong\n");
        }
    }
}
