// SPDX-License-Identifier: GPL-2.0

//! The storage below a device: a block device, and the bios that are under way to it.

use crate::bdev::BlockDevice;
use crate::bindings;
use crate::bio::{Bio, BioSet, Context, Status};
use crate::log::pr_err_ratelimited;
use core::mem::ManuallyDrop;
use core::ptr::NonNull;
use kernel::ffi::c_void;
use kernel::prelude::*;
use kernel::sync::atomic::{
    ordering::{Full, Relaxed},
    Atomic,
};
use kernel::sync::Completion;

/// A block device and the pool that its bios come from.
#[pin_data]
pub(crate) struct Backing {
    /// The block device.
    pub(crate) bdev: BlockDevice,
    /// The pool that bios come from; it outlives `bdev`.
    #[pin]
    pub(crate) bios: BioSet,
    /// The number of [`FlushInProgress`] values, plus one until [`Self::finish`].
    flushes: Atomic<i32>,
    /// Completed when `flushes` becomes zero.
    #[pin]
    finished: Completion,
}

impl Backing {
    /// [Opens](BlockDevice::open) a block device and creates a pool of bios for it.
    pub(crate) fn open(
        path: &CStr,
        readonly: bool,
        holder: *mut c_void,
    ) -> impl PinInit<Self, Error> + '_ {
        try_pin_init!(Self {
            bdev: BlockDevice::open(path, readonly, holder)?,
            bios <- BioSet::new(),
            flushes: Atomic::new(1),
            finished <- Completion::new(),
        })
    }

    /// Allocates a bio that begins at `sector`, with room for `segments` segments, or for as many
    /// as a bio can have if that is less.
    pub(crate) fn new_bio(&self, segments: u32, op: u32, sector: u64) -> Option<Bio<'_>> {
        Bio::new(&self.bdev, &self.bios, segments, op, sector)
    }

    /// Allocates a bio that flushes the write cache.
    pub(crate) fn new_flush(&self) -> Option<Bio<'_>> {
        self.new_bio(0, bindings::REQ_OP_WRITE | bindings::REQ_PREFLUSH, 0)
    }

    /// Begins a flush that no command waits for.
    ///
    /// # Safety
    ///
    /// [`Self::finish`] must be called after this, and before `self` goes away.
    pub(crate) unsafe fn begin_flush(&self) -> FlushInProgress {
        self.flushes.add(1, Relaxed);
        // INVARIANT: The flush was counted above, and by the requirements of this function `finish`
        // is called later.
        FlushInProgress(NonNull::from(self))
    }

    fn end_flush(&self) {
        // The ordering is `Full`, so that the caller of `finish` sees everything that was done to
        // `self` before.
        if self.flushes.fetch_sub(1, Full) == 1 {
            self.finished.complete_all();
        }
    }

    /// Waits for the flushes. Must be called once, after the last command.
    pub(crate) fn finish(&self) {
        self.end_flush();
        self.finished.wait_for_completion();
    }
}

/// A flush that no command waits for.
///
/// # Invariants
///
/// The pointer is valid: this is counted in `flushes`, and [`Backing::finish`] waits for it.
pub(crate) struct FlushInProgress(NonNull<Backing>);

// SAFETY: A `Backing` may be used from any thread, and ending a flush does not sleep.
unsafe impl Send for FlushInProgress {}

impl Drop for FlushInProgress {
    fn drop(&mut self) {
        // SAFETY: By the type invariants the pointer is valid.
        unsafe { self.0.as_ref() }.end_flush();
    }
}

impl Context for FlushInProgress {
    fn into_private(self) -> *mut c_void {
        ManuallyDrop::new(self).0.as_ptr().cast()
    }

    unsafe fn from_private(private: *mut c_void) -> Self {
        // SAFETY: By the requirements of this function this is the pointer of a `FlushInProgress`,
        // which is not null.
        // INVARIANT: The original value was not dropped, so it is still counted.
        Self(unsafe { NonNull::new_unchecked(private.cast()) })
    }

    fn done(self, status: Status) {
        if !status.is_ok() {
            pr_err_ratelimited!("cache flush failed: {}\n", status.into_raw());
        }
    }
}
