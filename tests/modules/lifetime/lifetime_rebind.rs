// SPDX-License-Identifier: GPL-2.0

//! Moves a block between two providers while threads call through it without pause.
//!
//! An error ends the load with `EBADMSG`. The threads continue until the module is unloaded.

mod thread;

use core::ptr::{from_ref, NonNull};
use kernel::bindings::{atomic_t, msleep};
use kernel::ffi::{c_int, c_uint, c_void};
use kernel::prelude::*;
use kernel::sync::atomic::{Atomic, Relaxed};
use kernel::sync::Arc;
use kimport::compat::{
    code::{EALREADY, EBADMSG, ENODEV, ENOENT, EPROTOTYPE},
    parameter,
};
use kimport::{import_symbols, Imports, Rebindable};
use thread::{Thread, Work};
use How::{Interrupt, Moving, Nmi, Optional, Short, Sleeping};

module! {
    type: LifetimeRebind,
    name: "lifetime_rebind",
    authors: ["The kimport developers"],
    description: "Moves imports between providers, for the tests of kimport",
    license: "GPL",
    params: {
        moves: u32 {
            default: 0,
            description: "How often the block moves while threads call through it",
        },
        ends: u32 {
            default: 0,
            description: "How often the imports end while threads call an optional function",
        },
        unbound: u8 {
            default: 0,
            description: "1: call before the imports are resolved, which ends in a BUG",
        },
        sleep_ms: u32 {
            default: 0,
            description: "Milliseconds that a call sleeps while the block moves and ends; 0: no such call",
        },
    },
}

import_symbols! {
    #[rebindable]
    mod side from "kimport_side_a" {
        side_id: fn() -> c_int,
        side_sleep: fn(usecs: c_uint) -> c_int,
        side_move: fn() -> c_int,
        #[optional]
        side_only_a: fn() -> c_int,
        side_value: c_int,
    }
    // These two blocks give access to the counters of both providers while `side` moves.
    mod a from "kimport_side_a" {
        side_inside: atomic_t,
    }
    mod b from "kimport_side_b" {
        side_inside: atomic_t,
    }
}

extern "C" {
    // These are exported by lifetime_interrupts.c.
    fn call_in_interrupt(function: unsafe extern "C" fn(*mut c_void), argument: *mut c_void);
    #[cfg(CONFIG_X86)]
    fn call_in_nmi(function: unsafe extern "C" fn(*mut c_void), argument: *mut c_void);
}

const A: c_int = 1;
const B: c_int = 2;

/// The kind of calls that a thread makes.
#[derive(Clone, Copy)]
enum How {
    Short,
    Sleeping,
    /// The call returns on another CPU.
    Moving,
    Optional,
    Interrupt,
    /// In a non-maskable interrupt.
    #[cfg_attr(not(CONFIG_X86), allow(dead_code))]
    Nmi,
}

/// The kinds of the threads' calls.
const KINDS: &[How] = &[
    Short,
    Short,
    Sleeping,
    Sleeping,
    Moving,
    Optional,
    Interrupt,
    #[cfg(CONFIG_X86)]
    Nmi,
];

/// The counts of the results of one thread's calls.
struct Calls {
    how: How,
    /// The numbers of calls in `a`, in `b`, that returned `None`, and of wrong results.
    counts: [Atomic<i64>; 4],
}

impl Calls {
    /// Calls, and counts the result.
    fn call(&self) {
        let result = match self.how {
            // SAFETY: The threads end before the imports do. The function takes nothing and may be
            // called anywhere.
            Short | Interrupt | Nmi => Some(unsafe { side::side_id() }),
            // SAFETY: As above; kthreads may sleep.
            Sleeping => Some(unsafe { side::side_sleep(100) }),
            // SAFETY: As above.
            Moving => Some(unsafe { side::side_move() }),
            // SAFETY: As for `side_id`.
            Optional => unsafe { side::side_only_a() },
        };
        let [a, b, missing, wrong] = &self.counts;
        let count = match (self.how, result) {
            (Optional, Some(11)) => a,
            (Optional, None) => missing,
            (Optional, _) => wrong,
            (_, Some(A)) => a,
            (_, Some(B)) => b,
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

impl Work for Calls {
    fn step(&self) {
        let this = from_ref(self).cast_mut().cast();
        match self.how {
            // SAFETY: The function takes a pointer to this value, and has returned at the end.
            Interrupt => unsafe { call_in_interrupt(Self::call_from_c, this) },
            #[cfg(CONFIG_X86)]
            // SAFETY: As above, and there is only one such thread.
            Nmi => unsafe { call_in_nmi(Self::call_from_c, this) },
            _ => self.call(),
        }
    }
}

/// A thread's single call, which sleeps.
struct Sleeper {
    sleep_ms: u32,
    /// The result of the call; 0 before that.
    result: Atomic<c_int>,
}

impl Work for Sleeper {
    fn step(&self) {
        if self.result.load(Relaxed) == 0 {
            // SAFETY: The imports end after the call. Threads may sleep.
            let result = unsafe { side::side_sleep(self.sleep_ms * 1000) };
            self.result.store(result, Relaxed);
        }
        // SAFETY: As above.
        unsafe { msleep(10) };
    }
}

/// Threads that call without pause.
struct Callers {
    calls: KVec<Arc<Calls>>,
    _threads: KVec<Thread<Calls>>,
}

impl Callers {
    /// Starts a thread of each of the `kinds`.
    fn start(kinds: &[How]) -> Result<Self> {
        let (mut calls, mut threads) = (KVec::new(), KVec::new());
        for &how in kinds {
            let counts = [const { Atomic::<i64>::new(0) }; 4];
            let of_thread = Arc::new(Calls { how, counts }, GFP_KERNEL)?;
            calls.push(of_thread.clone(), GFP_KERNEL)?;
            threads.push(Thread::new(of_thread)?, GFP_KERNEL)?;
        }
        Ok(Self {
            calls,
            _threads: threads,
        })
    }

    /// Prints the counts. Returns an error if a thread never saw one of the two results, or saw a
    /// wrong one.
    fn report(&self) -> Result {
        for calls in &self.calls {
            let how = match calls.how {
                Short => "short",
                Sleeping => "sleeping",
                Moving => "moving",
                Optional => "optional",
                Interrupt => "interrupt",
                Nmi => "nmi",
            };
            let [a, b, missing, wrong] = calls.counts.each_ref().map(|count| count.load(Relaxed));
            pr_info!("{how}: {a} calls in a, {b} in b, {missing} missing, {wrong} wrong\n");
            ensure(a > 0 && b + missing > 0 && wrong == 0)?;
        }
        Ok(())
    }
}

/// The callers are dropped before the imports, through which they call.
struct LifetimeRebind(#[expect(dead_code)] Option<(Callers, Imports<Rebindable>)>);

fn ensure(condition: bool) -> Result {
    condition.then_some(()).ok_or(EBADMSG)
}

/// Returns the number of calls that are inside a provider.
fn inside(counter: *mut atomic_t) -> Result<c_int> {
    let counter = NonNull::new(counter).ok_or(EBADMSG)?;
    // SAFETY: The caller's imports are resolved. The counter is one aligned word that changes at
    // any time, hence the volatile read.
    Ok(unsafe { counter.cast::<c_int>().read_volatile() })
}

/// Returns an error unless calls land in the provider `side`.
fn ensure_side(side: c_int) -> Result {
    // SAFETY: The imports are resolved.
    ensure(unsafe { side::side_id() } == side)?;
    // SAFETY: As above.
    ensure(unsafe { side::side_sleep(1) } == side)?;
    // SAFETY: As above.
    ensure(unsafe { side::side_move() } == side)?;
    // SAFETY: As above.
    ensure(unsafe { side::side_only_a() } == (side == A).then_some(11))?;
    // SAFETY: As above; nobody writes the datum.
    ensure(unsafe { *side::side_value() } == side)
}

/// Checks that errors leave everything as it is.
fn all_or_nothing(imports: &mut Imports<Rebindable>) -> Result {
    ensure_side(A)?;
    imports.rebind(c"kimport_side_a")?;
    ensure_side(A)?;
    ensure(imports.rebind(c"no_such_provider") == Err(ENODEV))?;
    ensure_side(A)?;
    // This provider has none of the symbols.
    ensure(imports.rebind(c"kimport_test_provider") == Err(ENOENT))?;
    ensure_side(A)?;
    // This provider has all but the optional symbol, but one is of another type.
    ensure(imports.rebind(c"kimport_side_c") == Err(EPROTOTYPE))?;
    ensure_side(A)?;
    ensure(side::resolve_imports().err() == Some(EALREADY))?;
    ensure(side::resolve_imports_from(c"kimport_side_b").err() == Some(EALREADY))?;
    ensure_side(A)?;
    for import in imports.iter() {
        ensure(import.provider() == Some(c"kimport_side_a"))?;
        pr_info!("{import}\n");
    }
    Ok(())
}

/// Moves the block while `threads` call through it. It ends at the second provider if `moves` is
/// odd.
fn move_about(imports: &mut Imports<Rebindable>, moves: u32) -> Result {
    let a = a::resolve_imports()?;
    let b = b::resolve_imports()?;
    for count in 1..=moves {
        let (new, name, left) = if count % 2 == 1 {
            (B, c"kimport_side_b", a::side_inside())
        } else {
            (A, c"kimport_side_a", b::side_inside())
        };
        imports.rebind(name)?;
        // No call is in the old provider, and none enters it.
        ensure(inside(left)? == 0)?;
        ensure_side(new)?;
        ensure(inside(left)? == 0)?;
    }
    drop((a, b));
    Ok(())
}

/// Calls `end` while a call sleeps inside the provider that has this counter. Returns an error if
/// the call is still inside when `end` has returned.
fn sleep_through<R>(
    sleep_ms: u32,
    counter: *mut atomic_t,
    end: impl FnOnce() -> Result<R>,
) -> Result<R> {
    let (sleeper, thread) = loop {
        let result = Atomic::new(0);
        let sleeper = Arc::new(Sleeper { sleep_ms, result }, GFP_KERNEL)?;
        let thread = Thread::new(sleeper.clone())?;
        while inside(counter)? == 0 && sleeper.result.load(Relaxed) == 0 {
            // SAFETY: The module's init may sleep.
            unsafe { msleep(1) };
        }
        // On a busy machine, the call may have ended before this task saw it.
        if inside(counter)? > 0 {
            break (sleeper, thread);
        }
    };
    let result = end()?;
    ensure(inside(counter)? == 0)?;
    drop(thread);
    ensure(sleeper.result.load(Relaxed) > 0)?;
    Ok(result)
}

/// Checks that a move and the end of the imports wait for a call that sleeps.
fn wait_for_sleepers(mut imports: Imports<Rebindable>, sleep_ms: u32) -> Result {
    let a = a::resolve_imports()?;
    let b = b::resolve_imports()?;
    sleep_through(sleep_ms, a::side_inside(), || {
        let moved = imports.rebind(c"kimport_side_b");
        if moved.is_err() {
            ensure_side(A)?;
        }
        moved
    })?;
    ensure_side(B)?;
    sleep_through(sleep_ms, b::side_inside(), || {
        drop(imports);
        Ok(())
    })?;
    drop((a, b));
    Ok(())
}

/// Checks that an optional function is called or missing while the imports end, again and again.
fn end_about(mut imports: Imports<Rebindable>, ends: u32) -> Result {
    let a = a::resolve_imports()?;
    let callers = Callers::start(&[Optional, Optional, Optional])?;
    for _ in 0..ends {
        ensure_side(A)?;
        drop(imports);
        ensure(inside(a::side_inside())? == 0)?;
        imports = side::resolve_imports()?;
    }
    callers.report()?;
    drop((callers, imports, a));
    Ok(())
}

impl kernel::Module for LifetimeRebind {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let moves = parameter(&module_parameters::moves);
        let ends = parameter(&module_parameters::ends);
        let sleep_ms = parameter(&module_parameters::sleep_ms);
        if parameter(&module_parameters::unbound) != 0 {
            // SAFETY: The conditions do not hold: the imports are not resolved. The call ends in a
            // `BUG`.
            unsafe { side::side_id() };
        }
        let mut imports = side::resolve_imports()?;
        if sleep_ms > 0 {
            wait_for_sleepers(imports, sleep_ms)?;
            return Ok(Self(None));
        }
        if ends > 0 {
            end_about(imports, ends)?;
            return Ok(Self(None));
        }
        // Dropped before the imports, also on errors.
        let callers;
        if moves > 0 {
            callers = Callers::start(KINDS)?;
            move_about(&mut imports, moves)?;
            callers.report()?;
        } else {
            callers = Callers::start(&[])?;
            all_or_nothing(&mut imports)?;
        }
        Ok(Self(Some((callers, imports))))
    }
}
