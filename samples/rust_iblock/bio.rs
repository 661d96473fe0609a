// SPDX-License-Identifier: GPL-2.0

//! Block I/O requests.

use crate::bdev::BlockDevice;
use crate::bindings;
use crate::scatterlist::Segment;
use core::mem::ManuallyDrop;
use core::pin::Pin;
use core::ptr::NonNull;
use kernel::error::to_result;
use kernel::ffi::c_void;
use kernel::prelude::*;
use kernel::types::Opaque;

/// The number of bios that are kept in reserve, so that there is progress when memory is short.
const POOL_SIZE: u32 = 128;

/// The number of bios that are submitted together.
const BATCH_SIZE: usize = 32;

/// A pool of bios.
///
/// # Invariants
///
/// `set` was initialized by `bioset_init`.
#[pin_data(PinnedDrop)]
#[repr(transparent)]
pub(crate) struct BioSet {
    #[pin]
    set: Opaque<bindings::bio_set>,
}

// SAFETY: A `struct bio_set` is not bound to a thread.
unsafe impl Send for BioSet {}

// SAFETY: A `struct bio_set` does its own locking.
unsafe impl Sync for BioSet {}

impl BioSet {
    /// Creates a pool.
    pub(crate) fn new() -> impl PinInit<Self, Error> {
        let flags = bindings::BIOSET_NEED_BVECS as i32;
        // INVARIANT: The set is initialized by `bioset_init`.
        try_pin_init!(Self {
            set <- Opaque::try_ffi_init(move |slot: *mut bindings::bio_set| {
                // SAFETY: `slot` is valid for writes.
                unsafe { slot.write_bytes(0, 1) };
                // SAFETY: `slot` is zeroed, and stays where it is until `bioset_exit`.
                to_result(unsafe { bindings::bioset_init(slot, POOL_SIZE, 0, flags) })
            }),
        })
    }

    fn as_ptr(&self) -> *mut bindings::bio_set {
        self.set.get()
    }
}

#[pinned_drop]
impl PinnedDrop for BioSet {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the type invariants the set is initialized. All bios that came from it have
        // been put.
        unsafe { bindings::bioset_exit(self.as_ptr()) }
    }
}

/// The status with which a bio ended.
#[derive(Clone, Copy)]
pub(crate) struct Status(bindings::blk_status_t);

impl Status {
    /// Returns whether there was no error.
    pub(crate) fn is_ok(self) -> bool {
        self.0 == bindings::BLK_STS_OK as bindings::blk_status_t
    }

    /// Returns whether another host's reservation forbids the access.
    pub(crate) fn is_reservation_conflict(self) -> bool {
        self.0 == bindings::BLK_STS_RESV_CONFLICT
    }

    /// The `blk_status_t`.
    pub(crate) fn into_raw(self) -> u8 {
        self.0
    }
}

/// A value that a bio carries until it is done.
pub(crate) trait Context: Send + Sized {
    /// Turns the context into a pointer, for `bi_private`.
    fn into_private(self) -> *mut c_void;

    /// Turns the pointer into the context again.
    ///
    /// # Safety
    ///
    /// `private` must come from [`Self::into_private`], and be used once only.
    unsafe fn from_private(private: *mut c_void) -> Self;

    /// Called when the bio is done, in any context, including interrupts. This must not sleep.
    fn done(self, status: Status);
}

/// A bio that is not under way.
///
/// # Invariants
///
/// The pointer refers to a bio that is not under way. This value owns the only reference to it.
pub(crate) struct Bio(NonNull<bindings::bio>);

impl Bio {
    /// Allocates a bio that begins at `sector`, with room for `segments` segments, or for as many
    /// as a bio can have if that is less.
    ///
    /// # Safety
    ///
    /// `bdev` and `pool` must outlive the bio.
    pub(crate) unsafe fn new(
        bdev: &BlockDevice,
        pool: &BioSet,
        segments: u32,
        op: u32,
        sector: u64,
    ) -> Option<Self> {
        let segments = segments.min(bindings::BIO_MAX_VECS) as u16;
        let (bdev, pool) = (bdev.as_ptr(), pool.as_ptr());
        let gfp = bindings::GFP_NOIO;
        // SAFETY: The block device is open, and the pool initialized; by the requirements of this
        // function they outlive the bio.
        let bio = unsafe { bindings::bio_alloc_bioset(bdev, segments, op, gfp, pool) };
        // INVARIANT: `bio_alloc_bioset` returns the only reference.
        let mut bio = Self(NonNull::new(bio)?);
        bio.inner().bi_iter.bi_sector = sector;
        Some(bio)
    }

    fn inner(&mut self) -> &mut bindings::bio {
        // SAFETY: By the type invariants nobody else refers to the bio.
        unsafe { self.0.as_mut() }
    }

    /// Adds a segment. Returns false if the bio is full.
    pub(crate) fn add(&mut self, segment: &Segment<'_>) -> bool {
        let (len, offset) = (segment.len(), segment.offset());
        // SAFETY: The bio is valid and not submitted. The segment's pages stay until the command is
        // completed.
        let added = unsafe { bindings::bio_add_page(self.0.as_ptr(), segment.page(), len, offset) };
        u32::try_from(added) == Ok(len)
    }

    /// Submits the bio. [`Context::done`] of `context` is called when the bio is done.
    pub(crate) fn submit<C: Context>(self, context: C) {
        let mut this = ManuallyDrop::new(self);
        let bio = this.inner();
        bio.bi_private = context.into_private();
        bio.bi_end_io = Some(Self::end_io::<C>);
        // SAFETY: The bio is valid and not submitted. Its reference is left to `Self::end_io`,
        // because `this` is not dropped.
        unsafe { bindings::submit_bio(bio) }
    }

    /// Called by the block layer, in any context.
    ///
    /// # Safety
    ///
    /// `bio` must be done, and must have been submitted by [`Self::submit`] with a context of type
    /// `C`. This must be called only once for it.
    unsafe extern "C" fn end_io<C: Context>(bio: *mut bindings::bio) {
        // SAFETY: The bio is done, so this function owns the reference that `submit` left.
        // INVARIANT: As above.
        let mut bio = Self(unsafe { NonNull::new_unchecked(bio) });
        let status = Status(bio.inner().bi_status);
        let private = bio.inner().bi_private;
        drop(bio);

        // SAFETY: `submit` got the pointer from `into_private`, and only this function uses it.
        let context = unsafe { C::from_private(private) };
        context.done(status);
    }
}

impl Drop for Bio {
    fn drop(&mut self) {
        // SAFETY: By the type invariants this value owns the reference.
        unsafe { bindings::bio_put(self.0.as_ptr()) }
    }
}

/// Bios that wait to be submitted together.
pub(crate) struct Batch {
    bios: [Option<Bio>; BATCH_SIZE],
    len: usize,
}

impl Batch {
    /// Creates an empty batch.
    pub(crate) fn new() -> Self {
        Self {
            bios: [const { None }; BATCH_SIZE],
            len: 0,
        }
    }

    /// Adds a bio. If the batch is full, submits it first.
    pub(crate) fn push<C: Context + Clone>(&mut self, bio: Bio, context: &C) {
        if self.len == BATCH_SIZE {
            self.submit(context);
        }
        self.bios[self.len] = Some(bio);
        self.len += 1;
    }

    /// Submits all bios, each with a clone of `context`, in the order they were added.
    ///
    /// The block layer handles nested plugs, so this is also correct when the device is plugged.
    pub(crate) fn submit<C: Context + Clone>(&mut self, context: &C) {
        let count = core::mem::take(&mut self.len);
        let plug = Opaque::<bindings::blk_plug>::uninit();

        // SAFETY: `plug` is valid for writes, and stays where it is until `blk_finish_plug`.
        unsafe { bindings::blk_start_plug(plug.get()) };
        for bio in self.bios[..count].iter_mut().filter_map(Option::take) {
            bio.submit(context.clone());
        }
        // SAFETY: The plug was started above, by this task.
        unsafe { bindings::blk_finish_plug(plug.get()) };
    }
}
