// SPDX-License-Identifier: GPL-2.0

//! Protection information (T10 PI): eight bytes for each block, which the initiator, the device or
//! the core made, and which the others check.

use crate::bindings;
use crate::scatterlist::{ScatterList, Segment, Segments};

/// The protection information of a block device, whose guard is a CRC.
pub(crate) struct Integrity {
    /// The number of sectors of 512 bytes that are protected together, as a power of two.
    pub(crate) interval_shift: u32,
    /// Set if the reference tag is the number of the block.
    pub(crate) has_reference_tag: bool,
}

impl Integrity {
    /// The number of bytes for each interval.
    pub(crate) const TUPLE: u32 = 8;

    /// Describes `profile`. Returns [`None`] if the core does not know that kind of protection
    /// information. Then the block layer makes it and checks it alone.
    pub(crate) fn new(profile: &bindings::blk_integrity) -> Option<Self> {
        let known = profile.csum_type == bindings::blk_integrity_checksum_BLK_INTEGRITY_CSUM_CRC
            && u32::from(profile.metadata_size) == Self::TUPLE;
        let reference_tag = bindings::blk_integrity_flags_BLK_INTEGRITY_REF_TAG;
        known.then(|| Self {
            interval_shift: u32::from(profile.interval_exp).saturating_sub(bindings::SECTOR_SHIFT),
            has_reference_tag: u32::from(profile.flags) & reference_tag != 0,
        })
    }

    /// The `enum target_prot_type`.
    pub(crate) fn kind(&self) -> bindings::target_prot_type {
        if self.has_reference_tag {
            bindings::target_prot_type_TARGET_DIF_TYPE1_PROT
        } else {
            bindings::target_prot_type_TARGET_DIF_TYPE3_PROT
        }
    }
}

/// The protection information of a command that is not in bios yet.
pub(crate) struct Protection<'a> {
    rest: Segments<'a>,
    count: u32,
    current: Option<Segment<'a>>,
    /// The number of bytes of `current` that are in bios.
    used: u32,
    /// The `bip_flags` of all bios.
    pub(crate) flags: u16,
}

impl<'a> Protection<'a> {
    /// Begins with the first byte of `list`.
    pub(crate) fn new(list: ScatterList<'a>, flags: u16) -> Self {
        Self {
            rest: list.iter(),
            count: list.len(),
            current: None,
            used: 0,
            flags,
        }
    }

    /// The number of segments of the command.
    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    /// Takes the next bytes that are in one piece, at most `most` of them. Returns the segment, the
    /// offset in its page and the length.
    pub(crate) fn take(&mut self, most: u32) -> Option<(Segment<'a>, u32, u32)> {
        if self
            .current
            .is_none_or(|segment| self.used >= segment.len())
        {
            self.current = self.rest.next();
            self.used = 0;
        }
        let segment = self.current?;
        let offset = segment.offset() + self.used;
        let len = most.min(segment.len() - self.used);
        self.used += len;
        Some((segment, offset, len))
    }
}
