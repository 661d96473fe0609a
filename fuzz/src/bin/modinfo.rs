// SPDX-License-Identifier: GPL-2.0

//! The module information: an edit changes exactly the requested values, and symbols follow their
//! strings. The input begins with the new values.

#![no_main]

use kimport_cli::relink::modinfo::{edit, value, values};
use kimport_fuzz::stock;
use libfuzzer_sys::fuzz_target;

fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = vec![b"new\xffa,b\xfflicense=GPL\0\0depends=a\0name=old\0rename=x\0".to_vec()];
    for section in stock::sections(".modinfo") {
        seeds.push([b"new\xffa,b\xff".as_slice(), &section].concat());
    }
    seeds
}

fuzz_target!(init: kimport_fuzz::seeds(seeds), |data: &[u8]| {
    let mut parts = data.splitn(3, |&byte| byte == 0xff);
    let (Some(name), Some(depends), Some(section)) = (parts.next(), parts.next(), parts.next()) else {
        return;
    };
    let (Ok(name), Ok(depends)) = (std::str::from_utf8(name), std::str::from_utf8(depends)) else {
        return;
    };
    if name.contains('\0') || depends.contains('\0') {
        return;
    }
    let changes = [("name", name.to_owned()), ("depends", depends.to_owned())];
    let edited = match edit(section, &changes) {
        Ok(edited) => edited,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    for (key, new) in &changes {
        assert_eq!(values(&edited.bytes, key).next(), Some(new.as_bytes()));
        if let Ok(Some(_)) = value(section, key) {
            assert_eq!(value(&edited.bytes, key), Ok(Some(new.as_str())));
        }
    }
    // The same edit again changes nothing.
    let again = edit(&edited.bytes, &changes).expect("it was written by the editor");
    assert!(again.bytes == edited.bytes);
    // Each string is at the new place of the symbol that named it.
    let mut at = 0;
    let mut left = changes.to_vec();
    for field in section.split_inclusive(|&byte| byte == 0) {
        let (new, size) = edited.relocate(at as u64, field.len() as u64);
        let now = &edited.bytes[new as usize..][..size as usize];
        let is_of = |key: &str| field.starts_with(format!("{key}=").as_bytes());
        // The first value of a key counts.
        match left.iter().position(|(key, _)| is_of(key)) {
            Some(index) => {
                let (key, new) = left.remove(index);
                assert_eq!(now, format!("{key}={new}\0").as_bytes());
            }
            None => assert_eq!(now, field),
        }
        at += field.len();
    }
});
