// SPDX-License-Identifier: GPL-2.0

//! A maker of BTF.

#![expect(missing_docs)] // The functions are named after the types that they add.

use std::cell::{Cell, RefCell};

/// Makes BTF. A type that is made can be the argument of a call that makes another one.
pub struct Maker {
    types: RefCell<Vec<u8>>,
    strings: RefCell<Vec<u8>>,
    next: Cell<u32>,
    first_string: u32,
}

impl Default for Maker {
    fn default() -> Self {
        Self {
            types: RefCell::default(),
            strings: RefCell::new(vec![0]),
            next: Cell::new(1),
            first_string: 0,
        }
    }
}

impl Maker {
    /// Makes BTF that continues `base`.
    pub fn split(base: &Self) -> Self {
        Self {
            types: RefCell::default(),
            strings: RefCell::default(),
            next: base.next.clone(),
            first_string: base.first_string + base.strings.borrow().len() as u32,
        }
    }

    fn string(&self, string: &str) -> u32 {
        if string.is_empty() {
            return 0;
        }
        let mut strings = self.strings.borrow_mut();
        let offset = self.first_string + strings.len() as u32;
        strings.extend_from_slice(string.as_bytes());
        strings.push(0);
        offset
    }

    /// Adds a type of `kind` with `vlen` and the words `trailing`.
    pub fn raw(
        &self,
        kind: u32,
        flag: bool,
        vlen: u32,
        name: &str,
        other: u32,
        trailing: &[u32],
    ) -> u32 {
        let name = self.string(name);
        let info = (u32::from(flag) << 31) | (kind << 24) | vlen;
        for word in [name, info, other].iter().chain(trailing) {
            self.types.borrow_mut().extend(word.to_le_bytes());
        }
        self.next.replace(self.next.get() + 1)
    }

    pub fn int(&self, name: &str, size: u32, encoding: u32) -> u32 {
        self.raw(1, false, 0, name, size, &[(encoding << 24) | (size * 8)])
    }

    pub fn unsigned(&self, size: u32) -> u32 {
        self.int("unsigned", size, 0)
    }

    pub fn signed(&self, size: u32) -> u32 {
        self.int("signed", size, 1)
    }

    pub fn bool(&self) -> u32 {
        self.int("_Bool", 1, 4)
    }

    pub fn char(&self, signed: bool) -> u32 {
        self.int("char", 1, u32::from(signed))
    }

    pub fn pointer(&self, to: u32) -> u32 {
        self.raw(2, false, 0, "", to, &[])
    }

    pub fn array(&self, element: u32, length: u32) -> u32 {
        self.raw(3, false, 0, "", 0, &[element, 1, length])
    }

    pub fn structure(&self, name: &str, size: u32) -> u32 {
        self.raw(4, false, 0, name, size, &[])
    }

    /// Adds a struct (4) or union (5) with members: each name, type, and offset in bits.
    pub fn members(&self, kind: u32, name: &str, size: u32, members: &[(&str, u32, u32)]) -> u32 {
        self.aggregate(kind, false, name, size, members)
    }

    /// Adds a struct (4) or union (5) of whose members the first byte of the offset is the number
    /// of bits, or 0 if it is no bit-field.
    pub fn bit_fields(
        &self,
        kind: u32,
        name: &str,
        size: u32,
        members: &[(&str, u32, u32)],
    ) -> u32 {
        self.aggregate(kind, true, name, size, members)
    }

    fn aggregate(
        &self,
        kind: u32,
        flag: bool,
        name: &str,
        size: u32,
        members: &[(&str, u32, u32)],
    ) -> u32 {
        let words = members.iter();
        let words = words.flat_map(|&(name, ty, offset)| [self.string(name), ty, offset]);
        let words: Vec<u32> = words.collect();
        self.raw(kind, flag, members.len() as u32, name, size, &words)
    }

    pub fn union(&self, name: &str, size: u32) -> u32 {
        self.raw(5, false, 0, name, size, &[])
    }

    pub fn enumeration(&self, name: &str, size: u32) -> u32 {
        self.raw(6, false, 0, name, size, &[])
    }

    /// Adds a signed enum of 4 bytes with enumerators.
    pub fn enumerators(&self, name: &str, enumerators: &[(&str, i32)]) -> u32 {
        let words = enumerators.iter();
        let words: Vec<u32> = words
            .flat_map(|&(name, value)| [self.string(name), value as u32])
            .collect();
        self.raw(6, true, enumerators.len() as u32, name, 4, &words)
    }

    /// Adds an enum of 8 bytes with enumerators.
    pub fn wide_enumerators(&self, name: &str, enumerators: &[(&str, i64)]) -> u32 {
        let words = enumerators.iter();
        let words: Vec<u32> = words
            .flat_map(|&(name, value)| [self.string(name), value as u32, (value >> 32) as u32])
            .collect();
        self.raw(19, true, enumerators.len() as u32, name, 8, &words)
    }

    pub fn forward(&self, name: &str) -> u32 {
        self.raw(7, false, 0, name, 0, &[])
    }

    pub fn typedef(&self, name: &str, of: u32) -> u32 {
        self.raw(8, false, 0, name, of, &[])
    }

    pub fn volatile(&self, of: u32) -> u32 {
        self.raw(9, false, 0, "", of, &[])
    }

    pub fn constant(&self, of: u32) -> u32 {
        self.raw(10, false, 0, "", of, &[])
    }

    pub fn restrict(&self, of: u32) -> u32 {
        self.raw(11, false, 0, "", of, &[])
    }

    pub fn type_tag(&self, of: u32) -> u32 {
        self.raw(18, false, 0, "tag", of, &[])
    }

    pub fn float(&self, size: u32) -> u32 {
        self.raw(16, false, 0, "float", size, &[])
    }

    pub fn prototype(&self, parameters: &[u32], returned: u32) -> u32 {
        let words: Vec<u32> = parameters.iter().flat_map(|&ty| [0, ty]).collect();
        self.raw(13, false, parameters.len() as u32, "", returned, &words)
    }

    pub fn function(&self, name: &str, parameters: &[u32], returned: u32) -> u32 {
        let prototype = self.prototype(parameters, returned);
        self.raw(12, false, 0, name, prototype, &[])
    }

    pub fn variable(&self, name: &str, ty: u32) -> u32 {
        self.raw(14, false, 0, name, ty, &[1])
    }

    /// Returns the section.
    pub fn bytes(&self) -> Vec<u8> {
        self.with_layout(&[])
    }

    /// Returns the section with the layouts of kinds (from 0) that Linux 7.1 introduced.
    pub fn with_layout(&self, layout: &[[u8; 4]]) -> Vec<u8> {
        let (types, strings) = (self.types.borrow(), self.strings.borrow());
        let (types_len, strings_len) = (types.len() as u32, strings.len() as u32);
        let header_len = if layout.is_empty() { 24 } else { 32 };
        let mut words = vec![header_len, 0, types_len, types_len, strings_len];
        if !layout.is_empty() {
            words.extend([types_len + strings_len, 4 * layout.len() as u32]);
        }
        let mut bytes = vec![0x9f, 0xeb, 1, 0];
        bytes.extend(words.into_iter().flat_map(u32::to_le_bytes));
        bytes.extend_from_slice(&types);
        bytes.extend_from_slice(&strings);
        bytes.extend(layout.iter().flatten());
        bytes
    }
}
