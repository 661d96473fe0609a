// SPDX-License-Identifier: GPL-2.0

//! The memory that a command transfers.

use crate::bindings;
use core::marker::PhantomData;

/// A scatter list.
///
/// # Invariants
///
/// `first` is the first of `count` entries that neither change nor go away during `'a`.
#[derive(Clone, Copy)]
pub(crate) struct ScatterList<'a> {
    first: *mut bindings::scatterlist,
    count: u32,
    lifetime: PhantomData<&'a bindings::scatterlist>,
}

impl<'a> ScatterList<'a> {
    /// # Safety
    ///
    /// `first` must be the first of `count` entries that neither change nor go away during `'a`.
    pub(crate) unsafe fn from_raw(first: *mut bindings::scatterlist, count: u32) -> Self {
        // INVARIANT: By the requirements of this function.
        Self {
            first,
            count,
            lifetime: PhantomData,
        }
    }

    /// The number of segments.
    pub(crate) fn len(&self) -> u32 {
        self.count
    }

    /// The segments.
    pub(crate) fn iter(&self) -> Segments<'a> {
        // INVARIANT: By the type invariants.
        Segments {
            next: self.first,
            left: self.count,
            lifetime: PhantomData,
        }
    }
}

/// The segments of a [`ScatterList`].
///
/// # Invariants
///
/// `next` is the first of `left` entries that neither change nor go away during `'a`.
pub(crate) struct Segments<'a> {
    next: *mut bindings::scatterlist,
    left: u32,
    lifetime: PhantomData<&'a bindings::scatterlist>,
}

impl<'a> Iterator for Segments<'a> {
    type Item = Segment<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        // SAFETY: By the type invariants `next` is an entry, which does not change during `'a`.
        // INVARIANT: Nor do its pages go away.
        let segment = Segment(unsafe { &*self.next });
        if self.left > 0 {
            // INVARIANT: One entry less is left from the next one on.
            // SAFETY: `next` is an entry of the list, and not the last one.
            self.next = unsafe { bindings::sg_next(self.next) };
        }
        Some(segment)
    }
}

/// One piece of memory of a [`ScatterList`].
///
/// # Invariants
///
/// The pages of the entry do not go away during `'a`.
#[derive(Clone, Copy)]
pub(crate) struct Segment<'a>(&'a bindings::scatterlist);

impl Segment<'_> {
    /// The page that the segment begins in.
    pub(crate) fn page(&self) -> *mut bindings::page {
        // The other bits tell links and the last entry.
        core::ptr::with_exposed_provenance_mut(self.0.page_link & !bindings::SG_PAGE_LINK_MASK)
    }

    /// The offset of the segment in the page.
    pub(crate) fn offset(&self) -> u32 {
        self.0.offset
    }

    /// The length of the segment in bytes.
    pub(crate) fn len(&self) -> u32 {
        self.0.length
    }

    /// The length of the segment in sectors of 512 bytes.
    pub(crate) fn sectors(&self) -> u64 {
        (self.len() >> bindings::SECTOR_SHIFT).into()
    }

    /// Returns whether all bytes are zero. Returns false also if the segment crosses the end of the
    /// page.
    pub(crate) fn is_zero(&self) -> bool {
        let (offset, len) = (self.offset() as usize, self.len() as usize);
        if offset + len > kernel::page::PAGE_SIZE {
            return false;
        }

        // SAFETY: By the type invariants the page is valid.
        let page = unsafe { bindings::kmap_local_page(self.page()) };
        // SAFETY: The page is mapped, and the range lies in it.
        let start = unsafe { page.cast::<u8>().add(offset) };
        // SAFETY: `len` bytes from `start` are in the mapped page. Only `memchr_inv` reads them,
        // because the initiator may change them meanwhile.
        let nonzero = unsafe { bindings::memchr_inv(start.cast(), 0, len) };
        // SAFETY: The page was mapped above, by this task, and this is the last mapping that was
        // made.
        unsafe { bindings::kunmap_local(page) };
        nonzero.is_null()
    }
}
