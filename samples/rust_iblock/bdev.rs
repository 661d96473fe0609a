// SPDX-License-Identifier: GPL-2.0

//! Block devices.

use crate::bindings;
use crate::integrity::Integrity;
use core::ptr::NonNull;
use kernel::error::{from_err_ptr, to_result};
use kernel::ffi::c_void;
use kernel::prelude::*;

/// An open block device.
///
/// # Invariants
///
/// `file` is an open file of a block device, of which this owns a reference, and `bdev` is that
/// block device.
pub(crate) struct BlockDevice {
    file: NonNull<bindings::file>,
    bdev: NonNull<bindings::block_device>,
    readonly: bool,
}

// SAFETY: A `struct file` may be put from any thread.
unsafe impl Send for BlockDevice {}

// SAFETY: All methods that take `&self` may be called from several threads concurrently.
unsafe impl Sync for BlockDevice {}

impl BlockDevice {
    /// Opens the block device at `path`, for reading only if `readonly` is set. `holder` claims it
    /// exclusively, unless it is null.
    pub(crate) fn open(path: &CStr, readonly: bool, holder: *mut c_void) -> Result<Self> {
        let mut flags = bindings::BLK_OPEN_READ;
        if !readonly {
            flags |= bindings::BLK_OPEN_WRITE;
        }

        let path = path.as_char_ptr();
        // SAFETY: `path` is a C string; `holder` is only compared; no holder operations are given.
        let file = from_err_ptr(unsafe {
            bindings::bdev_file_open_by_path(path, flags, holder, core::ptr::null())
        })?;
        let file = NonNull::new(file).ok_or(ENXIO)?;

        // SAFETY: `bdev_file_open_by_path` returned this file.
        let bdev = unsafe { bindings::file_bdev(file.as_ptr()) };
        let Some(bdev) = NonNull::new(bdev) else {
            // SAFETY: This function owns the reference, and does not use it afterwards.
            unsafe { bindings::fput(file.as_ptr()) };
            return Err(ENXIO);
        };

        // INVARIANT: `file` was opened above, its reference is now owned by `Self`, and `bdev` is
        // its block device.
        Ok(Self {
            file,
            bdev,
            readonly,
        })
    }

    /// The `struct block_device`, valid as long as `self`.
    pub(crate) fn as_ptr(&self) -> *mut bindings::block_device {
        self.bdev.as_ptr()
    }

    /// Returns whether the device was opened for reading only. The block layer does not check that
    /// when a bio is submitted.
    pub(crate) fn is_readonly(&self) -> bool {
        self.readonly
    }

    /// The distance of the first naturally aligned block from the start, in bytes; [`None`] if the
    /// device is misaligned.
    pub(crate) fn alignment_offset(&self) -> Option<u32> {
        // SAFETY: By the type invariants the block device is open.
        let offset = unsafe { bindings::bdev_alignment_offset(self.as_ptr()) };
        offset.try_into().ok()
    }

    /// The size in sectors of 512 bytes; 0 after the device was removed.
    pub(crate) fn sectors(&self) -> u64 {
        // SAFETY: By the type invariants the block device is open. The field is a word that may
        // change at any time.
        unsafe { (&raw const (*self.as_ptr()).bd_nr_sectors).read_volatile() }
    }

    fn queue(&self) -> *mut bindings::request_queue {
        // SAFETY: By the type invariants the block device is open; its queue does not change.
        unsafe { (*self.as_ptr()).bd_queue }
    }

    /// The number of requests that the queue takes.
    pub(crate) fn queue_depth(&self) -> u32 {
        // SAFETY: An open block device has a queue. The field is a word that may change at any
        // time.
        unsafe { (&raw const (*self.queue()).nr_requests).read_volatile() }
    }

    /// The smallest unit that can be addressed, in bytes.
    pub(crate) fn logical_block_size(&self) -> u32 {
        // SAFETY: An open block device has a queue. The field is a word that may change at any
        // time.
        unsafe { (&raw const (*self.queue()).limits.logical_block_size).read_volatile() }
    }

    /// The protection information that the device stores, if the core knows its kind.
    pub(crate) fn integrity(&self) -> Option<Integrity> {
        // SAFETY: An open block device has a queue. The profile consists of bytes that may change
        // at any time.
        Integrity::new(&unsafe { (&raw const (*self.queue()).limits.integrity).read_volatile() })
    }

    /// The device number, as major and minor.
    pub(crate) fn number(&self) -> (u32, u32) {
        // SAFETY: By the type invariants the block device is open; its number does not change.
        let dev = unsafe { (*self.as_ptr()).bd_dev };
        (
            dev >> bindings::MINORBITS,
            dev & ((1 << bindings::MINORBITS) - 1),
        )
    }

    /// Writes the name to the beginning of `buffer`, and returns its length.
    pub(crate) fn write_name(&self, buffer: &mut [u8]) -> usize {
        let format = c"%pg".as_char_ptr();
        // SAFETY: `buffer` is valid for writes of its length, and `%pg` takes a `struct
        // block_device`.
        let len = unsafe {
            bindings::scnprintf(buffer.as_mut_ptr(), buffer.len(), format, self.as_ptr())
        };
        len.try_into().unwrap_or(0)
    }

    /// Discards a range of sectors.
    pub(crate) fn discard(&self, sector: u64, count: u64) -> Result {
        // SAFETY: By the type invariants the block device is open.
        to_result(unsafe {
            bindings::blkdev_issue_discard(self.as_ptr(), sector, count, bindings::GFP_KERNEL)
        })
    }

    /// Fills a range of sectors with zeroes that stay allocated.
    pub(crate) fn zero_out(&self, sector: u64, count: u64) -> Result {
        let flags = bindings::BLKDEV_ZERO_NOUNMAP;
        // SAFETY: By the type invariants the block device is open.
        to_result(unsafe {
            bindings::blkdev_issue_zeroout(
                self.as_ptr(),
                sector,
                count,
                bindings::GFP_KERNEL,
                flags,
            )
        })
    }
}

/// Defines methods that ask the block layer for a property of the device.
macro_rules! properties {
    ($($(#[$doc:meta])* $name:ident: $type:ty = $function:ident;)*) => {
        impl BlockDevice {
            $($(#[$doc])*
            pub(crate) fn $name(&self) -> $type {
                // SAFETY: By the type invariants the block device is open.
                unsafe { bindings::$function(self.as_ptr()) }
            })*
        }
    };
}

properties! {
    /// The smallest unit that the device writes without reading it first, in bytes.
    physical_block_size: u32 = rust_helper_bdev_physical_block_size;
    /// The preferred smallest size of an I/O, in bytes.
    io_min: u32 = rust_helper_bdev_io_min;
    /// The optimal size of an I/O, in bytes.
    io_opt: u32 = rust_helper_bdev_io_opt;
    /// The largest request that the hardware takes, in sectors of 512 bytes.
    max_hw_sectors: u32 = rust_helper_bdev_max_hw_sectors;
    /// The longest WRITE ZEROES that the device takes, in sectors of 512 bytes; 0 if it takes none.
    max_write_zeroes_sectors: u32 = rust_helper_bdev_write_zeroes_sectors;
    /// Returns whether there is a volatile write cache.
    has_write_cache: bool = rust_helper_bdev_write_cache;
    /// Returns whether the medium rotates.
    is_rotational: bool = rust_helper_bdev_rot;
}

impl Drop for BlockDevice {
    fn drop(&mut self) {
        // SAFETY: By the type invariants this value owns a reference to the file, and does not use
        // it afterwards.
        unsafe { bindings::fput(self.file.as_ptr()) }
    }
}
