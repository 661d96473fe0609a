// SPDX-License-Identifier: GPL-2.0

//! Block I/O requests.

use crate::bdev::BlockDevice;
use crate::bindings;
use crate::integrity::{Integrity, Protection};
use crate::scatterlist::Segment;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::pin::Pin;
use core::ptr::NonNull;
use kernel::error::{from_err_ptr, to_result};
use kernel::ffi::c_void;
use kernel::prelude::*;
use kernel::types::Opaque;

/// The number of bios that are kept in reserve, so that there is progress when memory is short.
const POOL_SIZE: u32 = 128;

/// The most bios that a command holds before it submits them. The reserve suffices for four
/// commands that hold as many.
pub(crate) const BATCH_SIZE: usize = 32;

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
        // A bio with few segments comes from a cache of its CPU, unless memory is short.
        let flags = (bindings::BIOSET_NEED_BVECS | bindings::BIOSET_PERCPU_CACHE) as i32;
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

    /// Returns whether protection information does not fit. The block layer does not say which part
    /// of it.
    pub(crate) fn is_protection_error(self) -> bool {
        self.0 == bindings::BLK_STS_PROTECTION
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

/// A bio that is not under way. The memory that it refers to, its block device and its pool outlive
/// `'a`.
///
/// # Invariants
///
/// The pointer refers to a bio that is not under way. This value owns the only reference to it.
pub(crate) struct Bio<'a> {
    bio: NonNull<bindings::bio>,
    lifetime: PhantomData<&'a BioSet>,
}

impl<'a> Bio<'a> {
    /// Allocates a bio that begins at `sector`, with room for `segments` segments, or for as many
    /// as a bio can have if that is less.
    pub(crate) fn new(
        bdev: &'a BlockDevice,
        pool: &'a BioSet,
        segments: u32,
        op: u32,
        sector: u64,
    ) -> Option<Self> {
        let segments = segments.min(bindings::BIO_MAX_VECS) as u16;
        let (bdev, pool) = (bdev.as_ptr(), pool.as_ptr());
        let gfp = bindings::GFP_NOIO;
        // SAFETY: The block device is open, and the pool initialized. Both outlive the bio, as
        // `'a` does not end before the bio is put, or `Self::detach` requires it.
        let bio = unsafe { bindings::bio_alloc_bioset(bdev, segments, op, gfp, pool) };
        // INVARIANT: `bio_alloc_bioset` returns the only reference.
        let mut bio = Self {
            bio: NonNull::new(bio)?,
            lifetime: PhantomData,
        };
        bio.inner().bi_iter.bi_sector = sector;
        Some(bio)
    }

    fn inner(&mut self) -> &mut bindings::bio {
        // SAFETY: By the type invariants nobody else refers to the bio.
        unsafe { self.bio.as_mut() }
    }

    /// Adds a segment. Returns false if the bio is full.
    pub(crate) fn add(&mut self, segment: &Segment<'a>) -> bool {
        let (bio, page) = (self.bio.as_ptr(), segment.page());
        let (len, offset) = (segment.len(), segment.offset());
        // SAFETY: The bio is valid and not submitted. The segment's page stays for `'a`.
        let added = unsafe { bindings::bio_add_page(bio, page, len, offset) };
        u32::try_from(added) == Ok(len)
    }

    /// Attaches the protection information for the segments of the bio, which is the next of
    /// `protection`. Returns false if that is not possible.
    pub(crate) fn protect<'p: 'a>(
        &mut self,
        integrity: &Integrity,
        protection: &mut Protection<'p>,
    ) -> bool {
        let iter = self.inner().bi_iter;
        let shift = integrity.interval_shift;
        let mut left = (iter.bi_size >> bindings::SECTOR_SHIFT >> shift) * Integrity::TUPLE;
        let vectors = protection.count().min(bindings::BIO_MAX_VECS);
        let (bio, gfp) = (self.bio.as_ptr(), bindings::GFP_NOIO);
        // SAFETY: The bio is valid, and has no protection information yet. It frees what is
        // allocated here.
        let payload = from_err_ptr(unsafe { bindings::bio_integrity_alloc(bio, gfp, vectors) });
        let Ok(payload) = payload else {
            return false;
        };
        // The reference tags are those of the blocks, from this number on.
        // SAFETY: Nobody else uses the payload of a bio that is not submitted.
        unsafe { (*payload).bip_iter.bi_sector = iter.bi_sector >> shift };
        // SAFETY: As above.
        unsafe { (*payload).bip_flags |= protection.flags };

        while left > 0 {
            let Some((segment, offset, len)) = protection.take(left) else {
                return false;
            };
            // SAFETY: The bio has a payload. The segment's page stays for `'p`, and so for `'a`.
            let added =
                unsafe { bindings::bio_integrity_add_page(bio, segment.page(), len, offset) };
            if u32::try_from(added) != Ok(len) {
                return false;
            }
            left -= len;
        }
        true
    }

    /// Frees the bio from the lifetime of what it refers to.
    ///
    /// # Safety
    ///
    /// The block device, the pool and the memory of all segments must outlive the bio. If it is
    /// submitted, they must stay until [`Context::done`] is called.
    pub(crate) unsafe fn detach(self) -> Bio<'static> {
        // INVARIANT: The reference moves to the new value.
        Bio {
            bio: ManuallyDrop::new(self).bio,
            lifetime: PhantomData,
        }
    }
}

impl Bio<'static> {
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
        // INVARIANT: The bio is done, so this function owns the reference that `submit` left.
        let mut bio = Self {
            // SAFETY: The block layer passes a bio.
            bio: unsafe { NonNull::new_unchecked(bio) },
            lifetime: PhantomData,
        };
        let status = Status(bio.inner().bi_status);
        let private = bio.inner().bi_private;
        drop(bio);

        // SAFETY: `submit` got the pointer from `into_private`, and only this function uses it.
        let context = unsafe { C::from_private(private) };
        context.done(status);
    }
}

impl Drop for Bio<'_> {
    fn drop(&mut self) {
        // SAFETY: By the type invariants this value owns the reference.
        unsafe { bindings::bio_put(self.bio.as_ptr()) }
    }
}

/// Bios that wait to be submitted together, linked by `bi_next`.
///
/// # Invariants
///
/// `ends` has the first and the last of `len` bios, or nothing if `len` is zero. Each is linked to
/// the next one, and the last one to none. This value owns them as [`Bio`] does.
pub(crate) struct BioList {
    ends: Option<(NonNull<bindings::bio>, NonNull<bindings::bio>)>,
    len: usize,
}

impl BioList {
    /// Creates an empty list.
    pub(crate) fn new() -> Self {
        // INVARIANT: There is no bio.
        Self { ends: None, len: 0 }
    }

    /// The number of bios.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Appends a bio. A bio that is not in a list has no `bi_next`.
    pub(crate) fn push(&mut self, bio: Bio<'static>) {
        // INVARIANT: The reference moves to the list, and the last bio is linked to the new one.
        let new = ManuallyDrop::new(bio).bio;
        let first = match self.ends {
            Some((first, last)) => {
                // SAFETY: By the type invariants the bio is valid, and nobody else refers to it.
                unsafe { (*last.as_ptr()).bi_next = new.as_ptr() };
                first
            }
            None => new,
        };
        self.ends = Some((first, new));
        self.len += 1;
    }

    /// Removes the first bio.
    fn pop(&mut self) -> Option<Bio<'static>> {
        let (first, last) = self.ends?;
        // SAFETY: By the type invariants the bio is valid, and nobody else refers to it.
        let next = unsafe { &mut (*first.as_ptr()).bi_next };
        // INVARIANT: The list begins with the next bio, if there is one.
        self.ends = NonNull::new(core::mem::replace(next, core::ptr::null_mut()))
            .map(|second| (second, last));
        self.len -= 1;
        // INVARIANT: The list owned the only reference.
        Some(Bio {
            bio: first,
            lifetime: PhantomData,
        })
    }

    /// Submits all bios, each with a clone of `context`, in the order in which they were added.
    ///
    /// The block layer handles nested plugs, so this is also correct when the device is plugged.
    pub(crate) fn submit<C: Context + Clone>(&mut self, context: &C) {
        let plug = Opaque::<bindings::blk_plug>::uninit();

        // SAFETY: `plug` is valid for writes, and stays where it is until `blk_finish_plug`.
        unsafe { bindings::blk_start_plug(plug.get()) };
        while let Some(bio) = self.pop() {
            bio.submit(context.clone());
        }
        // SAFETY: The plug was started above, by this task.
        unsafe { bindings::blk_finish_plug(plug.get()) };
    }
}

impl Drop for BioList {
    fn drop(&mut self) {
        while self.pop().is_some() {}
    }
}
