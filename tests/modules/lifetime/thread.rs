// SPDX-License-Identifier: GPL-2.0

//! Kernel threads that repeat one step until they are dropped.

use core::ptr::NonNull;
use kernel::bindings;
use kernel::error::from_err_ptr;
use kernel::ffi::{c_int, c_void};
use kernel::prelude::*;
use kernel::sync::Arc;

/// The work of a thread.
pub(crate) trait Work: Send + Sync + 'static {
    fn step(&self);
}

/// A running thread.
///
/// # Invariants
///
/// `task` is a kthread that runs until it is told to stop, which only `drop` does.
pub(crate) struct Thread<W: Work> {
    task: NonNull<bindings::task_struct>,
    // The thread has a pointer to this.
    _work: Arc<W>,
}

// SAFETY: A thread may be stopped by any other.
unsafe impl<W: Work> Send for Thread<W> {}
// SAFETY: Nothing can be done with a shared reference.
unsafe impl<W: Work> Sync for Thread<W> {}

impl<W: Work> Thread<W> {
    pub(crate) fn new(work: Arc<W>) -> Result<Self> {
        let data: *const W = &*work;
        // SAFETY: `data` lives until the thread has ended, because `_work` keeps it; the format
        // takes no arguments.
        let task = unsafe {
            bindings::kthread_create_on_node(
                Some(Self::main),
                data.cast_mut().cast(),
                bindings::NUMA_NO_NODE,
                c"kimport_test".as_char_ptr(),
            )
        };
        let task = NonNull::new(from_err_ptr(task)?).ok_or(ENOMEM)?;
        // SAFETY: The thread was just created, and nothing has stopped it.
        unsafe { bindings::wake_up_process(task.as_ptr()) };
        // INVARIANT: `main` runs until it is told to stop.
        Ok(Self { task, _work: work })
    }

    /// # Safety
    ///
    /// `data` is a `W` that lives until this returns.
    unsafe extern "C" fn main(data: *mut c_void) -> c_int {
        // SAFETY: By the contract of this function.
        let work = unsafe { &*data.cast::<W>() };
        // SAFETY: This is a kthread.
        while !unsafe { bindings::kthread_should_stop() } {
            work.step();
            // SAFETY: The thread holds no lock. Without this, it would keep a CPU for ever if the
            // kernel preempts voluntarily, as that of 6.12.
            unsafe { bindings::might_resched() };
        }
        0
    }
}

impl<W: Work> Drop for Thread<W> {
    fn drop(&mut self) {
        // SAFETY: By the type invariants the thread is running, and only this stops it.
        unsafe { bindings::kthread_stop(self.task.as_ptr()) };
    }
}
