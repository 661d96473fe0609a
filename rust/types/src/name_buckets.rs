// SPDX-License-Identifier: GPL-2.0

//! A search for many wanted names together, in which each name of the kernel is hashed once.

/// The end of a list.
const NONE: u16 = u16::MAX;
/// A power of two.
const BUCKETS: usize = 256;

/// Lists of a slice's elements by a hash of their names.
///
/// The elements hold the links, so that nothing is allocated: an element keeps what
/// [`link`](Self::link) returns for it, and a walk goes from [`first`](Self::first) along these
/// links. A link that is no index of the slice ends the walk.
pub struct NameBuckets {
    heads: [u16; BUCKETS],
}

impl Default for NameBuckets {
    /// Makes lists without elements.
    fn default() -> Self {
        Self {
            heads: [NONE; BUCKETS],
        }
    }
}

impl NameBuckets {
    /// The most elements that can be linked; others are never found.
    pub const CAPACITY: usize = NONE as usize;
    /// A link that leads to no element.
    pub const END: u16 = NONE;

    /// Puts the element at `index`, which is called `name`, into its list. Returns the link that
    /// the element keeps.
    pub fn link(&mut self, name: &[u8], index: usize) -> u16 {
        match u16::try_from(index) {
            Ok(index) if index != NONE => {
                core::mem::replace(&mut self.heads[Self::bucket(name)], index)
            }
            _ => NONE,
        }
    }

    /// Returns the link to the first element of the list that has the elements called `name`, among
    /// others.
    pub fn first(&self, name: &[u8]) -> u16 {
        self.heads[Self::bucket(name)]
    }

    fn bucket(name: &[u8]) -> usize {
        /// 2^64 divided by the golden ratio, which spreads numbers well (Knuth, TAOCP 6.4).
        const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

        // The ends of names differ most.
        let tail = match name.last_chunk() {
            Some(tail) => u64::from_le_bytes(*tail),
            None => name
                .iter()
                .fold(0, |tail, &byte| (tail << 8) | u64::from(byte)),
        };
        let hash = (tail ^ name.len() as u64).wrapping_mul(SPREAD);
        (hash >> (u64::BITS - BUCKETS.ilog2())) as usize
    }
}
