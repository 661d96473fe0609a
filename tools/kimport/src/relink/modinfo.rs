// SPDX-License-Identifier: GPL-2.0

//! The `.modinfo` section: `key=value` strings, each ended by a NUL.

use crate::error::{Error, Result};
use std::ops::Range;

/// The section's name.
pub const SECTION: &str = ".modinfo";

/// The edited section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edited {
    /// The new content.
    pub bytes: Vec<u8>,
    /// The place of each string before and after the edit, with the NUL.
    spans: Vec<(Range<u64>, Range<u64>)>,
}

impl Edited {
    /// Returns the new offset and size of a symbol of offset `value` and size `size`.
    pub fn relocate(&self, value: u64, size: u64) -> (u64, u64) {
        match self.spans.iter().find(|(old, _)| old.contains(&value)) {
            Some((old, new)) if old.start == value && old.end - old.start == size => {
                (new.start, new.end - new.start)
            }
            Some((old, new)) => (value - old.start + new.start, size),
            None => (value, size),
        }
    }
}

/// Returns the values of `key`.
pub fn values<'a>(section: &'a [u8], key: &'a str) -> impl Iterator<Item = &'a [u8]> {
    section
        .split(|&byte| byte == 0)
        .filter_map(move |field| field.strip_prefix(key.as_bytes())?.strip_prefix(b"="))
}

/// Returns the only value of `key`, as text.
pub fn value<'a>(section: &'a [u8], key: &'a str) -> Result<Option<&'a str>> {
    let mut found = values(section, key);
    let Some(value) = found.next() else {
        return Ok(None);
    };
    if found.next().is_some() {
        return Err(Error::unusable(format_args!(
            "the module information has more than one '{key}='"
        )));
    }
    std::str::from_utf8(value)
        .map(Some)
        .map_err(|_| Error::unusable(format_args!("the module's '{key}=' is not text")))
}

/// Returns the modules that have to be loaded before this one.
pub fn depends(section: &[u8]) -> Result<Vec<String>> {
    let depends = value(section, "depends")?.unwrap_or_default();
    let depends = depends.split(',').filter(|module| !module.is_empty());
    Ok(depends.map(str::to_owned).collect())
}

/// Returns the license that the kernel goes by: the first one that is stated.
pub fn license(section: &[u8]) -> Option<String> {
    let license = values(section, "license").next()?;
    Some(String::from_utf8_lossy(license).into_owned())
}

/// Gives keys new values, each where the key is first. A new key is added at the end.
pub fn edit(section: &[u8], changes: &[(&str, String)]) -> Result<Edited> {
    let mut left: Vec<_> = changes.iter().collect();
    let mut bytes = Vec::with_capacity(section.len());
    let mut spans = Vec::new();
    let mut rest = section;
    while !rest.is_empty() {
        let old_start = section.len() - rest.len();
        let length = rest
            .iter()
            .position(|&byte| byte == 0)
            .ok_or_else(|| Error::unusable("the module information does not end in a NUL"))?;
        let (field, after) = rest.split_at(length);
        let new_start = bytes.len();
        let change = left.iter().position(|(key, _)| {
            field
                .strip_prefix(key.as_bytes())
                .is_some_and(|field| field.starts_with(b"="))
        });
        match change.map(|index| left.remove(index)) {
            Some((key, value)) => bytes.extend(format!("{key}={value}").as_bytes()),
            None => bytes.extend(field),
        }
        bytes.push(0);
        spans.push((
            old_start as u64..(old_start + length + 1) as u64,
            new_start as u64..bytes.len() as u64,
        ));
        rest = &after[1..];
    }
    for (key, value) in left {
        bytes.extend(format!("{key}={value}\0").as_bytes());
    }
    Ok(Edited { bytes, spans })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECTION: &[u8] = b"license=GPL\0\0depends=a,b\0name=old\0rename=x\0";

    #[test]
    fn keys_are_whole_words() {
        assert_eq!(value(SECTION, "name").unwrap(), Some("old"));
        assert_eq!(value(SECTION, "depends").unwrap(), Some("a,b"));
        assert_eq!(value(SECTION, "dep").unwrap(), None);
        assert!(value(b"name=a\0name=b\0", "name").is_err());
        assert!(value(b"name=\xff\0", "name").is_err());
        assert_eq!(license(SECTION).as_deref(), Some("GPL"));
        let first = license(b"license=BSD\0license=GPL\0");
        assert_eq!(first.as_deref(), Some("BSD"));
        assert_eq!(license(b"name=a\0"), None);
    }

    #[test]
    fn symbols_follow_their_strings() {
        let changes = [("name", "longer".into()), ("depends", String::new())];
        let edited = edit(SECTION, &changes).unwrap();
        let bytes = b"license=GPL\0\0depends=\0name=longer\0rename=x\0";
        assert_eq!(edited.bytes, bytes);
        for field in ["license=GPL\0", "depends=a,b\0", "name=old\0", "rename=x\0"] {
            let find = |section: &[u8], field: &[u8]| {
                section.windows(field.len()).position(|part| part == field)
            };
            let old = find(SECTION, field.as_bytes()).unwrap() as u64;
            let (new, size) = edited.relocate(old, field.len() as u64);
            let now = match field {
                "depends=a,b\0" => "depends=\0",
                "name=old\0" => "name=longer\0",
                same => same,
            };
            let new = new as usize;
            assert_eq!(&edited.bytes[new..new + size as usize], now.as_bytes());
        }
    }

    #[test]
    fn a_missing_key_is_added_and_no_change_is_none() {
        let edited = edit(b"license=GPL\0", &[("depends", "a".into())]).unwrap();
        assert_eq!(edited.bytes, b"license=GPL\0depends=a\0");
        assert_eq!(edit(SECTION, &[]).unwrap().bytes, SECTION);
        let twice = edit(b"a=1\0a=2\0", &[("a", "3".into())]).unwrap();
        assert_eq!(twice.bytes, b"a=3\0a=2\0");
        assert!(edit(b"license=GPL", &[]).is_err());
    }

    fn field() -> impl Strategy<Value = String> {
        "((name|depends|license|n)=)?[a-z,]{0,6}"
    }

    proptest! {
        #[test]
        fn only_what_is_edited_changes(
            fields in prop::collection::vec(field(), 0..8),
            name in "[a-z_]{0,8}",
        ) {
            let first = fields.iter().position(|field| field.starts_with("name="));
            let section: String = fields.iter().flat_map(|field| [field.as_str(), "\0"]).collect();
            let edited = edit(section.as_bytes(), &[("name", name.clone())]).unwrap();
            let mut now: Vec<String> = fields.iter().map(|field| format!("{field}\0")).collect();
            match first {
                Some(first) => now[first] = format!("name={name}\0"),
                None => now.push(format!("name={name}\0")),
            }
            let expected = now.concat();
            prop_assert_eq!(&edited.bytes, expected.as_bytes());
            let mut at = 0;
            for (field, now) in fields.iter().zip(&now) {
                let (new, size) = edited.relocate(at, field.len() as u64 + 1);
                let string = &edited.bytes[new as usize..][..size as usize];
                prop_assert_eq!(string, now.as_bytes());
                at += field.len() as u64 + 1;
            }
        }

        #[test]
        fn any_bytes_are_no_panic(
            section in prop::collection::vec(
                prop_oneof![Just(0), Just(b'='), Just(b'n'), any::<u8>()],
                0..40,
            ),
        ) {
            let _ = (value(&section, "n"), edit(&section, &[("n", "x".to_owned())]));
        }
    }
}
