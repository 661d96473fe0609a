// SPDX-License-Identifier: GPL-2.0

use super::{is_empty, Inside};
use crate::bindings;
use crate::selftest::{check, check_eq, suite};
use core::ffi::c_void;
use core::ptr::from_mut;
use kernel::ffi::c_int;
use kernel::sync::atomic::Relaxed;

crate::__declare_calls! { CALLS: Calls }

/// Lets the caller leave when [`Calls::drain`] waits for the first time. Returns how often it
/// waited.
fn pauses_for(caller: Inside) -> usize {
    let mut caller = Some(caller);
    let mut pauses = 0;
    CALLS.drain(|| {
        pauses += 1;
        caller = None;
    });
    pauses
}

/// Runs `function` in an interrupt of `cpu`. Returns whether that CPU is there.
// The type of the last argument of the kernel's function depends on the kernel.
#[allow(clippy::useless_conversion)]
fn on_cpu(
    cpu: c_int,
    function: unsafe extern "C" fn(*mut c_void),
    caller: &mut Option<Inside>,
) -> bool {
    let (caller, wait) = (from_mut(caller).cast(), true.into());
    // SAFETY: The functions here take a pointer to an `Option<Inside>`, which nobody else uses
    // until this returns.
    unsafe { bindings::smp_call_function_single(cpu, Some(function), caller, wait) == 0 }
}

/// # Safety
///
/// `caller` points to an `Option<Inside>` that nobody else uses.
unsafe extern "C" fn enter(caller: *mut c_void) {
    // SAFETY: By the contract of this function.
    unsafe { *caller.cast() = Some(CALLS.enter()) };
}

/// # Safety
///
/// `caller` points to an `Option<Inside>` that nobody else uses.
unsafe extern "C" fn leave(caller: *mut c_void) {
    // SAFETY: By the contract of this function.
    unsafe { *caller.cast::<Option<Inside>>() = None };
}

suite! {
    kimport_calls:

    fn nobody_is_waited_for_when_nobody_is_inside() {
        drop(CALLS.enter());
        CALLS.drain(|| unreachable!("nobody is inside"));
        Ok(())
    }

    fn a_caller_that_is_inside_is_waited_for() {
        check_eq!(pauses_for(CALLS.enter()), 1);
        Ok(())
    }

    fn a_caller_that_entered_a_side_late_is_waited_for() {
        let caller = CALLS.enter();
        // This is as if the caller had loaded the side before, and somebody has waited since.
        CALLS.flip();
        check_eq!(pauses_for(caller), 1);
        Ok(())
    }

    fn callers_that_come_later_are_not_waited_for() {
        let mut caller = Some(CALLS.enter());
        let mut pauses = 0;
        CALLS.drain(|| {
            pauses += 1;
            // Somebody is inside all the time, but not for ever if this test fails.
            let next = (pauses < 100).then(|| CALLS.enter());
            caller = next;
        });
        check_eq!(pauses, 2);
        check!(caller.is_some());
        Ok(())
    }

    fn callers_leave_on_other_cpus() {
        let mut caller = None;
        // CPUs that are not there are refused.
        let cpus = || 0..16;
        for (enters, leaves) in cpus().flat_map(|a| cpus().map(move |b| (a, b))) {
            let side = CALLS.side.load(Relaxed);
            if on_cpu(enters, enter, &mut caller) {
                // SAFETY: This is the side of the static.
                check!(!unsafe { is_empty(side) });
                if !on_cpu(leaves, leave, &mut caller) {
                    caller = None;
                }
                // SAFETY: As above.
                check!(unsafe { is_empty(side) });
            }
        }
        Ok(())
    }
}
