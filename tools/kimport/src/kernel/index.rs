// SPDX-License-Identifier: GPL-2.0

//! An index of the names of symbols in the files of modules, which is kept from run to run.
//!
//! No file of a distribution tells which module has a symbol that is not exported, so all modules
//! have to be read to find it, and nearly all of the time is that of unpacking them. The index
//! holds the checksums of the names in each module. A module that lacks the checksum of a name
//! lacks the name and need not be read. The others are read, because names can share a checksum.
//!
//! Each set of modules has its own index in the cache directory. Without a cache directory, all
//! modules are read.

use super::{
    cache::{self, Written, PROPERTIES},
    files::FilePlace,
    module::checksums,
};
use crate::compression::read_file;
use rayon::prelude::*;
use std::{borrow::Cow, collections::BTreeSet};

/// The first bytes of an index. They change with its format.
const MAGIC: &[u8] = b"kimport names 1\n";
/// From this number of modules on, there is an index.
const FEW: usize = 64;

/// The names in a module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Entry {
    properties: [u64; PROPERTIES],
    /// The checksums of the names, sorted.
    checksums: Vec<u32>,
}

/// Returns for each module whether it may have a symbol of one of these names. Makes the entries of
/// the index that are missing or hold no longer.
pub(super) fn may_have(modules: &[&FilePlace], names: &BTreeSet<String>) -> Vec<bool> {
    let properties: Option<Vec<_>> = modules
        .iter()
        .map(|&module| cache::properties(module))
        .collect();
    let directory = cache::directory("names");
    let (Some(directory), Some(properties), FEW..) = (directory, properties, modules.len()) else {
        return vec![true; modules.len()];
    };
    let wanted = names.iter().map(|name| crc32fast::hash(name.as_bytes()));
    let wanted: Vec<u32> = wanted.collect();
    let paths = modules.iter().map(|module| match module {
        FilePlace::File(path) => path.as_os_str().as_encoded_bytes(),
        _ => &[],
    });
    let path = directory.join(cache::name_of(paths));
    let old = read_file(&path).ok().and_then(|bytes| decode(&bytes));
    let old = old.unwrap_or_default();
    let entry = |(index, properties): (usize, [u64; PROPERTIES])| {
        let known = old
            .get(index)
            .filter(|known| known.properties == properties);
        let new = || {
            // A module that cannot be read now may be readable the next time.
            let checksums = checksums(modules[index]);
            Entry {
                properties: checksums.as_ref().map_or([0; PROPERTIES], |_| properties),
                checksums: checksums.unwrap_or_default(),
            }
        };
        known.map_or_else(|| Cow::Owned(new()), Cow::Borrowed)
    };
    let entries = properties.into_par_iter().enumerate().map(entry);
    let entries: Vec<Cow<'_, Entry>> = entries.collect();
    if entries.iter().any(|entry| matches!(entry, Cow::Owned(_))) {
        // The next run makes the index if this one cannot write it.
        let _ = Written::new(&path, &[&encode(&entries)]).and_then(Written::keep);
    }
    let has = |entry: &Cow<'_, Entry>| {
        let mut wanted = wanted.iter();
        wanted.any(|checksum| entry.checksums.binary_search(checksum).is_ok())
    };
    entries.iter().map(has).collect()
}

fn encode(entries: &[Cow<'_, Entry>]) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    for entry in entries {
        for property in entry.properties {
            bytes.extend(property.to_le_bytes());
        }
        bytes.extend((entry.checksums.len() as u32).to_le_bytes());
        for checksum in &entry.checksums {
            bytes.extend(checksum.to_le_bytes());
        }
    }
    bytes
}

fn decode(bytes: &[u8]) -> Option<Vec<Entry>> {
    let mut rest = bytes.strip_prefix(MAGIC)?;
    let mut entries = Vec::new();
    while !rest.is_empty() {
        let mut entry = Entry::default();
        for property in &mut entry.properties {
            let (bytes, after) = rest.split_first_chunk()?;
            *property = u64::from_le_bytes(*bytes);
            rest = after;
        }
        let (count, after) = rest.split_first_chunk()?;
        let count = u32::from_le_bytes(*count) as usize;
        let (checksums, after) = after.split_at_checked(count.checked_mul(4)?)?;
        let checksums = checksums.chunks_exact(4);
        let checksum = |bytes: &[u8]| Some(u32::from_le_bytes(bytes.try_into().ok()?));
        entry.checksums = checksums.map(checksum).collect::<Option<_>>()?;
        entries.push(entry);
        rest = after;
    }
    Some(entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn entries_are_read_as_they_are_written(
            entries in prop::collection::vec(
                (any::<[u64; PROPERTIES]>(), prop::collection::vec(any::<u32>(), 0..4)),
                0..4,
            ),
            keep in any::<prop::sample::Index>(),
        ) {
            let entry = |(properties, checksums)| Entry { properties, checksums };
            let entries: Vec<Entry> = entries.into_iter().map(entry).collect();
            let bytes = encode(&entries.iter().map(Cow::Borrowed).collect::<Vec<_>>());
            prop_assert_eq!(decode(&bytes), Some(entries.clone()));
            // Whole entries of an index that is cut off are as good as before.
            let cut = decode(&bytes[..keep.index(bytes.len())]).unwrap_or_default();
            prop_assert!(entries.starts_with(&cut));
        }
    }
}
