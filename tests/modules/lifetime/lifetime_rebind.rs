// SPDX-License-Identifier: GPL-2.0

//! Moves a block between two providers while threads call through it without pause.
//!
//! An error ends the load with `EBADMSG`. The threads continue until the module is unloaded.

mod thread;

use core::ptr::NonNull;
use kernel::bindings::atomic_t;
use kernel::ffi::{c_int, c_uint};
use kernel::prelude::*;
use kernel::sync::atomic::{Atomic, Relaxed};
use kernel::sync::Arc;
use kimport::compat::{
    code::{EALREADY, EBADMSG, ENODEV, ENOENT, EPROTOTYPE},
    parameter,
};
use kimport::{import_symbols, Imports, Rebindable};
use thread::{Thread, Work};
use How::{Optional, Short, Sleeping};

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
    },
}

import_symbols! {
    #[rebindable]
    mod side from "kimport_side_a" {
        side_id: fn() -> c_int,
        side_sleep: fn(usecs: c_uint) -> c_int,
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

const A: c_int = 1;
const B: c_int = 2;

/// The kind of calls that a thread makes.
#[derive(Clone, Copy)]
enum How {
    Short,
    Sleeping,
    Optional,
}

/// The counts of the results of one thread's calls.
struct Calls {
    how: How,
    /// The numbers of calls in `a`, in `b`, that returned `None`, and of wrong results.
    counts: [Atomic<i64>; 4],
}

impl Work for Calls {
    fn step(&self) {
        let result = match self.how {
            // SAFETY: The threads end before the imports do. The function takes nothing.
            Short => Some(unsafe { side::side_id() }),
            // SAFETY: As above; kthreads may sleep.
            Sleeping => Some(unsafe { side::side_sleep(100) }),
            // SAFETY: As for `side_id`.
            Optional => unsafe { side::side_only_a() },
        };
        let [a, b, missing, wrong] = &self.counts;
        let count = match (self.how, result) {
            (Short | Sleeping, Some(A)) | (Optional, Some(11)) => a,
            (Short | Sleeping, Some(B)) => b,
            (Optional, None) => missing,
            _ => wrong,
        };
        count.fetch_add(1, Relaxed);
    }
}

struct LifetimeRebind {
    // Dropped before the imports, through which the threads call.
    _threads: KVec<Thread<Calls>>,
    _imports: Imports<Rebindable>,
}

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

impl kernel::Module for LifetimeRebind {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let moves = parameter(&module_parameters::moves);
        let mut imports = side::resolve_imports()?;
        let mut work = KVec::new();
        // Dropped before the imports, also on errors.
        let mut threads = KVec::new();
        if moves == 0 {
            all_or_nothing(&mut imports)?;
        } else {
            for how in [Short, Short, Sleeping, Sleeping, Optional] {
                let counts = [const { Atomic::<i64>::new(0) }; 4];
                let calls = Arc::new(Calls { how, counts }, GFP_KERNEL)?;
                work.push(calls.clone(), GFP_KERNEL)?;
                threads.push(Thread::new(calls)?, GFP_KERNEL)?;
            }
            move_about(&mut imports, moves)?;
        }
        for calls in &work {
            let how = match calls.how {
                Short => "short",
                Sleeping => "sleeping",
                Optional => "optional",
            };
            let [a, b, missing, wrong] = calls.counts.each_ref().map(|count| count.load(Relaxed));
            pr_info!("{how}: {a} calls in a, {b} in b, {missing} missing, {wrong} wrong\n");
            ensure(a > 0 && b + missing > 0 && wrong == 0)?;
        }
        Ok(Self {
            _threads: threads,
            _imports: imports,
        })
    }
}
