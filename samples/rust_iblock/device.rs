// SPDX-License-Identifier: GPL-2.0

//! A storage device of the core that is backed by a block device.

use crate::backing::Backing;
use crate::bdev::BlockDevice;
use crate::bindings;
use crate::config::{Config, Page};
use crate::imports::lio;
use crate::plug::Plugs;
use crate::scsi::Sense;
use core::pin::Pin;
use kernel::new_mutex;
use kernel::prelude::*;
use kernel::sync::atomic::{
    ordering::{Acquire, Full, Release},
    Atomic,
};
use kernel::sync::Mutex;
use kernel::types::Opaque;

/// The longest WRITE SAME in blocks if the block device has no WRITE ZEROES. WRITE SAME(10) has two
/// bytes for the count.
const MAX_WRITE_SAME_LEN: u32 = 0xffff;

/// Returns the number of sectors of 512 bytes in a logical block, as a power of two.
fn sectors_shift(block_size: u32) -> u32 {
    // The block size is a power of two. It is not smaller than a sector.
    block_size
        .trailing_zeros()
        .saturating_sub(bindings::SECTOR_SHIFT)
}

/// A storage device.
///
/// # Invariants
///
/// `backing` is null, or from `KBox::into_raw` and owned by this value. The [`Backing`] is pinned.
#[pin_data(PinnedDrop)]
pub(crate) struct Device {
    /// The core's part, which the core may change at any time.
    #[pin]
    se_dev: Opaque<bindings::se_device>,
    #[pin]
    config: Mutex<Config>,
    /// The [`Backing`] if the device is configured, else null. It changes only with `config`
    /// locked.
    backing: Atomic<*mut Backing>,
    /// The plugs of all CPUs.
    pub(crate) plugs: Plugs,
}

// SAFETY: The `struct se_device` may be freed on any thread, and all other fields are `Send`.
unsafe impl Send for Device {}

// SAFETY: `se_dev` is accessed only by the core, and by methods of `self` that argue why they may
// do so. All other fields are `Sync`.
unsafe impl Sync for Device {}

impl Device {
    /// Creates a device that is not configured.
    pub(crate) fn new() -> impl PinInit<Self, Error> {
        // INVARIANT: `backing` is null.
        try_pin_init!(Self {
            // The core expects zeroed memory, as from `kzalloc`.
            se_dev <- pin_init::init_zeroed(),
            config <- new_mutex!(Config::DEFAULT),
            backing: Atomic::new(core::ptr::null_mut()),
            plugs: Plugs::new()?,
        })
    }

    /// Hands the device to the core.
    pub(crate) fn into_raw(this: Pin<KBox<Self>>) -> *mut bindings::se_device {
        // SAFETY: The device is not moved: until `from_raw_owned` it is only accessed by shared
        // references.
        let this = KBox::into_raw(unsafe { Pin::into_inner_unchecked(this) });
        // SAFETY: `this` is valid.
        Opaque::cast_into(unsafe { &raw const (*this).se_dev })
    }

    /// # Safety
    ///
    /// `se_dev` must be from [`Self::into_raw`].
    unsafe fn container(se_dev: *mut bindings::se_device) -> *mut Self {
        let se_dev = Opaque::cast_from(se_dev).cast_mut();
        // SAFETY: By the requirements of this function `se_dev` is a field of `Self`.
        unsafe { kernel::container_of!(se_dev, Self, se_dev) }
    }

    /// # Safety
    ///
    /// `se_dev` must be from [`Self::into_raw`], and the device must not be freed during `'a`.
    pub(crate) unsafe fn from_raw<'a>(se_dev: *mut bindings::se_device) -> &'a Self {
        // SAFETY: By the requirements of this function.
        let this = unsafe { Self::container(se_dev) };
        // SAFETY: By the requirements of this function; from `into_raw` on there are only shared
        // references.
        unsafe { &*this }
    }

    /// Takes the device back from the core.
    ///
    /// # Safety
    ///
    /// `se_dev` must be from [`Self::into_raw`], and must not be used afterwards.
    pub(crate) unsafe fn from_raw_owned(se_dev: *mut bindings::se_device) -> Pin<KBox<Self>> {
        // SAFETY: By the requirements of this function.
        let this = unsafe { Self::container(se_dev) };
        // SAFETY: `into_raw` made the pointer from a `KBox`. By the requirements of this function
        // nobody else uses it.
        Pin::from(unsafe { KBox::from_raw(this) })
    }

    fn attributes(&self) -> *mut bindings::se_dev_attrib {
        // SAFETY: This only computes an address, in `se_dev`.
        unsafe { &raw mut (*self.se_dev.get()).dev_attrib }
    }

    /// The size of a block that the device shows, in bytes.
    pub(crate) fn block_size(&self) -> u32 {
        // SAFETY: The attributes live as long as `self`. The field is a word that configfs may
        // change at any time.
        unsafe { (&raw const (*self.attributes()).block_size).read_volatile() }
    }

    /// The kind of protection information that the device shows.
    pub(crate) fn protection(&self) -> bindings::target_prot_type {
        // SAFETY: The attributes live as long as `self`. The field is a word.
        unsafe { (&raw const (*self.attributes()).pi_prot_type).read_volatile() }
    }

    /// Returns the [`Backing`], if the device is configured.
    pub(crate) fn backing(&self) -> Result<&Backing, Sense> {
        let backing = self.backing.load(Acquire);
        // SAFETY: By the type invariants the pointer is null or valid. Only `destroy` frees the
        // [`Backing`], and it requires that there are no references.
        unsafe { backing.as_ref() }.ok_or(Sense::COMMUNICATION_FAILURE)
    }

    /// Returns the [`Backing`], for a command that writes.
    pub(crate) fn writable_backing(&self) -> Result<&Backing, Sense> {
        let backing = self.backing()?;
        if backing.bdev.is_readonly() {
            return Err(Sense::WRITE_PROTECTED);
        }
        Ok(backing)
    }

    /// The block device, if the device is configured.
    pub(crate) fn bdev(&self) -> Option<&BlockDevice> {
        self.backing().ok().map(|backing| &backing.bdev)
    }

    /// Returns whether the block device is empty, which it also is after it was removed.
    pub(crate) fn has_no_medium(&self) -> bool {
        self.bdev().is_some_and(|bdev| bdev.sectors() == 0)
    }

    /// Opens the block device and tells the core about it.
    pub(crate) fn configure(&self) -> Result {
        let config = self.config.lock();
        if self.bdev().is_some() {
            return Err(EEXIST);
        }
        let Some(path) = &config.udev_path else {
            pr_err!("Missing udev_path= parameters for IBLOCK\n");
            return Err(EINVAL);
        };

        let holder = if config.exclusive {
            core::ptr::from_ref(self).cast_mut().cast()
        } else {
            core::ptr::null_mut()
        };
        let backing = KBox::pin_init(Backing::open(path, config.readonly, holder), GFP_KERNEL)?;

        if config.readonly {
            let se_dev = self.se_dev.get();
            // SAFETY: This only computes an address, in `se_dev`.
            let flags = unsafe { &raw mut (*se_dev).dev_flags };
            // SAFETY: `se_dev` is valid. The field is a word.
            let old = unsafe { flags.read_volatile() };
            // SAFETY: As above. The core changes the flags only in this task while it configures
            // the device.
            unsafe { flags.write_volatile(old | bindings::DF_READ_ONLY) };
        }
        self.set_limits(&backing.bdev);

        // SAFETY: The backing is not moved: until `destroy` pins it again, it is used only by
        // reference.
        let backing = KBox::into_raw(unsafe { Pin::into_inner_unchecked(backing) });
        // INVARIANT: The pointer is from a `KBox`, whose ownership moves to `self.backing`.
        self.backing.store(backing, Release);
        Ok(())
    }

    /// Tells the core the limits of the block device.
    fn set_limits(&self, bdev: &BlockDevice) {
        let block_size = bdev.logical_block_size();
        let max_bytes = u64::from(bdev.max_hw_sectors()) << bindings::SECTOR_SHIFT;
        let max_blocks = max_bytes / u64::from(block_size.max(1));

        let attributes = self.attributes();
        /// Writes an attribute. There are no references to the structure, because configfs reads
        /// and writes other attributes at the same time.
        macro_rules! set {
            ($field:ident: $value:expr) => {{
                let value = $value;
                // SAFETY: The attributes live as long as `self`. The field is a word.
                unsafe { (&raw mut (*attributes).$field).write_volatile(value) }
            }};
        }
        set!(hw_block_size: block_size);
        set!(hw_max_sectors: u32::try_from(max_blocks).unwrap_or(u32::MAX));
        set!(hw_queue_depth: bdev.queue_depth());
        set!(max_write_same_len: match bdev.max_write_zeroes_sectors() {
            0 => MAX_WRITE_SAME_LEN,
            sectors => sectors >> sectors_shift(block_size),
        });
        if !bdev.is_rotational() {
            set!(is_nonrot: true);
        }
        if let Some(integrity) = bdev.integrity() {
            set!(pi_prot_type: integrity.kind());
            set!(hw_pi_prot_type: integrity.kind());
        }

        // SAFETY: The attributes are the device's, and the block device is open.
        unsafe { lio::target_configure_write_atomic_from_bdev(attributes, bdev.as_ptr()) };
    }

    /// Tells the core the discard limits of the block device. Returns false if it has none.
    ///
    /// The core also calls this for a write to an attribute, which does not wait for a device that
    /// is being destroyed. So this locks the configuration.
    pub(crate) fn configure_unmap(&self) -> bool {
        let _config = self.config.lock();
        self.bdev().is_some_and(|bdev| {
            // SAFETY: The attributes are the device's, and the block device is open.
            unsafe { lio::target_configure_unmap_from_bdev(self.attributes(), bdev.as_ptr()) }
        })
    }

    /// Undoes [`Self::configure`].
    ///
    /// # Safety
    ///
    /// No reference from [`Self::backing`] or [`Self::bdev`] may exist, other than those for which
    /// `config` is locked, and no command. This must be called in a context that may sleep.
    pub(crate) unsafe fn destroy(&self) {
        let _config = self.config.lock();
        // INVARIANT: `backing` is null, and this function now owns the [`Backing`].
        let backing = self.backing.xchg(core::ptr::null_mut(), Full);
        // SAFETY: By the type invariants the pointer was null or valid.
        if let Some(in_use) = unsafe { backing.as_ref() } {
            in_use.finish();
            // SAFETY: By the type invariants the pointer is from a `KBox`. By the requirements of
            // this function nobody else uses it.
            drop(Pin::from(unsafe { KBox::from_raw(backing) }));
        }
    }

    /// Sets the parameters in `page`, which was written to `control`.
    pub(crate) fn set_parameters(&self, page: &CStr) -> Result {
        let mut config = self.config.lock();
        config.set(page, self.bdev().is_some())
    }

    /// Shows the parameters. Returns the number of bytes that were written.
    pub(crate) fn show_parameters(&self, page: &mut [u8]) -> Result<usize> {
        let mut page = Page::new(page);
        self.config.lock().show(&mut page, self.bdev())?;
        Ok(page.len())
    }

    /// The number of the last block, in blocks of the size that the device shows.
    pub(crate) fn last_block(&self) -> u64 {
        let Some(bdev) = self.bdev() else {
            return 0;
        };
        let own = bdev.logical_block_size();
        let shown = self.block_size();
        let last = (bdev.sectors() >> sectors_shift(own)).saturating_sub(1);
        if own == shown {
            return last;
        }

        // The block sizes that the core offers.
        const SIZES: core::ops::RangeInclusive<u32> = 512..=4096;
        let convertible = |size: u32| size.is_power_of_two() && SIZES.contains(&size);
        if !convertible(own) || !convertible(shown) {
            last
        } else if own >= shown {
            last << (own.trailing_zeros() - shown.trailing_zeros())
        } else {
            last >> (shown.trailing_zeros() - own.trailing_zeros())
        }
    }

    /// The number of the first block that begins a physical block.
    pub(crate) fn alignment_offset(&self) -> u64 {
        self.bdev().map_or(0, |bdev| {
            let offset = bdev.alignment_offset().unwrap_or(0);
            (offset / bdev.logical_block_size().max(1)).into()
        })
    }

    /// The number of blocks in a physical block, as a power of two.
    pub(crate) fn physical_block_exponent(&self) -> u32 {
        self.bdev().map_or(0, |bdev| {
            let blocks = bdev.physical_block_size() / bdev.logical_block_size().max(1);
            blocks.checked_ilog2().unwrap_or(0)
        })
    }
}

#[pinned_drop]
impl PinnedDrop for Device {
    fn drop(self: Pin<&mut Self>) {
        // The core calls `destroy` before it frees the device. If a core does not, nothing is done
        // about it here, because `Drop` may run in a context that must not close a block device.
        debug_assert!(self.backing.load(Acquire).is_null());
    }
}
