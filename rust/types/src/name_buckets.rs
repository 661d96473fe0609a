// SPDX-License-Identifier: GPL-2.0

//! A search for many wanted names together, in which each name of the kernel is hashed once.

/// The end of a list.
const NONE: u16 = u16::MAX;
const BUCKETS: usize = 64;

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
        // The ends of names differ most.
        let tail = name.len().saturating_sub(8);
        let tail = name.get(tail..).unwrap_or_default();
        let hash = tail.iter().fold(name.len() as u32, |hash, &byte| {
            hash.wrapping_mul(31).wrapping_add(byte.into())
        });
        (hash ^ (hash >> 12)) as usize % BUCKETS
    }
}
