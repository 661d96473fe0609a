// SPDX-License-Identifier: GPL-2.0

//! BTF for the tests: made by hand, and that of the stock kernel.

#![allow(dead_code, unreachable_pub)] // Each test uses a part.

pub mod prototypes;

use kimport_types::{Btf, Encoding};
use object::{Object, ObjectSection};
use std::collections::HashSet;
use std::io::Read;
use std::path::PathBuf;

/// The directory that the variable `name` holds; `make check-host` sets it.
pub fn directory(name: &str) -> PathBuf {
    match std::env::var_os(name) {
        Some(path) => path.into(),
        None => panic!("{name} is not set: run the tests by `make check-host`"),
    }
}

/// The names that the stock kernel and its modules export.
pub fn exports() -> HashSet<String> {
    let path = directory("KIMPORT_KDIR").join("Module.symvers");
    let symvers = std::fs::read_to_string(path).expect("Module.symvers can be read");
    symvers
        .lines()
        .filter_map(|line| Some(line.split('\t').nth(1)?.to_owned()))
        .collect()
}

/// What belongs to the release of the stock kernel: the modules, vmlinuz.
pub fn stock_release() -> PathBuf {
    let releases = directory("KIMPORT_STOCK").join("usr/lib/modules");
    let release = std::fs::read_dir(&releases)
        .expect("the stock kernel has modules")
        .next()
        .expect("there is one release")
        .expect("the directory can be read");
    release.path()
}

/// The BTF of the stock kernel's image.
pub fn stock_btf() -> Vec<u8> {
    let path = directory("KIMPORT_KDIR").join("vmlinux");
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let file = object::File::parse(&*bytes).expect("vmlinux is ELF");
    let section = file.section_by_name(".BTF").expect("vmlinux has BTF");
    section.data().expect("the section is in the file").to_vec()
}

/// The BTF of a module of the stock kernel, `path` below its modules.
pub fn stock_module_btf(path: &str) -> Vec<u8> {
    let path = stock_release().join("kernel").join(path);
    let file = std::fs::File::open(path).expect("the module is there");
    let mut bytes = Vec::new();
    liblzma::read::XzDecoder::new(file)
        .read_to_end(&mut bytes)
        .expect("the module is compressed with xz");
    let file = object::File::parse(&*bytes).expect("a module is ELF");
    assert!(
        file.section_by_name(".BTF.base").is_none(),
        "it is based on the image"
    );
    let section = file.section_by_name(".BTF").expect("the module has BTF");
    section.data().expect("the section is in the file").to_vec()
}

/// An index for the types of `bytes`.
pub fn index(bytes: &[u8]) -> Vec<u32> {
    vec![0; Btf::count(bytes).expect("it is BTF")]
}

/// Takes an encoding for which the type is to be a description of data.
pub fn data(ty: Encoding) -> Vec<u8> {
    ty.into_data().as_bytes().to_vec()
}

/// Takes the description of a function.
pub fn function(arguments: &[Encoding], returned: Encoding) -> Vec<u8> {
    Encoding::function(arguments, returned, false)
        .as_bytes()
        .to_vec()
}

/// Makes BTF.
pub struct Maker {
    types: Vec<u8>,
    strings: Vec<u8>,
    next: u32,
    first_string: u32,
}

impl Maker {
    pub fn new() -> Self {
        Self {
            types: Vec::new(),
            strings: vec![0],
            next: 1,
            first_string: 0,
        }
    }

    /// For BTF that continues `base`.
    pub fn split(base: &Self) -> Self {
        Self {
            types: Vec::new(),
            strings: Vec::new(),
            next: base.next,
            first_string: base.first_string + base.strings.len() as u32,
        }
    }

    fn string(&mut self, string: &str) -> u32 {
        if string.is_empty() {
            return 0;
        }
        let offset = self.first_string + self.strings.len() as u32;
        self.strings.extend_from_slice(string.as_bytes());
        self.strings.push(0);
        offset
    }

    /// Adds a type of `kind` with `vlen` and the words `trailing`.
    pub fn raw(
        &mut self,
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
            self.types.extend_from_slice(&word.to_le_bytes());
        }
        self.next += 1;
        self.next - 1
    }

    pub fn int(&mut self, name: &str, size: u32, encoding: u32) -> u32 {
        self.raw(1, false, 0, name, size, &[(encoding << 24) | (size * 8)])
    }

    pub fn unsigned(&mut self, size: u32) -> u32 {
        self.int("unsigned", size, 0)
    }

    pub fn signed(&mut self, size: u32) -> u32 {
        self.int("signed", size, 1)
    }

    pub fn bool(&mut self) -> u32 {
        self.int("_Bool", 1, 4)
    }

    pub fn char(&mut self, signed: bool) -> u32 {
        self.int("char", 1, u32::from(signed))
    }

    pub fn pointer(&mut self, to: u32) -> u32 {
        self.raw(2, false, 0, "", to, &[])
    }

    pub fn array(&mut self, element: u32, length: u32) -> u32 {
        self.raw(3, false, 0, "", 0, &[element, 1, length])
    }

    pub fn structure(&mut self, name: &str, size: u32) -> u32 {
        self.raw(4, false, 0, name, size, &[])
    }

    pub fn union(&mut self, name: &str, size: u32) -> u32 {
        self.raw(5, false, 0, name, size, &[])
    }

    pub fn enumeration(&mut self, name: &str, size: u32) -> u32 {
        self.raw(6, false, 0, name, size, &[])
    }

    pub fn forward(&mut self, name: &str) -> u32 {
        self.raw(7, false, 0, name, 0, &[])
    }

    pub fn typedef(&mut self, name: &str, of: u32) -> u32 {
        self.raw(8, false, 0, name, of, &[])
    }

    pub fn volatile(&mut self, of: u32) -> u32 {
        self.raw(9, false, 0, "", of, &[])
    }

    pub fn constant(&mut self, of: u32) -> u32 {
        self.raw(10, false, 0, "", of, &[])
    }

    pub fn restrict(&mut self, of: u32) -> u32 {
        self.raw(11, false, 0, "", of, &[])
    }

    pub fn type_tag(&mut self, of: u32) -> u32 {
        self.raw(18, false, 0, "tag", of, &[])
    }

    pub fn float(&mut self, size: u32) -> u32 {
        self.raw(16, false, 0, "float", size, &[])
    }

    pub fn prototype(&mut self, parameters: &[u32], returned: u32) -> u32 {
        let words: Vec<u32> = parameters.iter().flat_map(|&ty| [0, ty]).collect();
        self.raw(13, false, parameters.len() as u32, "", returned, &words)
    }

    pub fn function(&mut self, name: &str, parameters: &[u32], returned: u32) -> u32 {
        let prototype = self.prototype(parameters, returned);
        self.raw(12, false, 0, name, prototype, &[])
    }

    pub fn variable(&mut self, name: &str, ty: u32) -> u32 {
        self.raw(14, false, 0, name, ty, &[1])
    }

    /// The section.
    pub fn bytes(&self) -> Vec<u8> {
        self.with_layout(&[])
    }

    /// The section, with the layouts of kinds (from 0) that Linux 7.1 introduced.
    pub fn with_layout(&self, layout: &[[u8; 4]]) -> Vec<u8> {
        let words: &[u32] = if layout.is_empty() { &[] } else { &[0; 2] };
        let header_len = 24 + 4 * words.len() as u32;
        let (types, strings) = (self.types.len() as u32, self.strings.len() as u32);
        let mut bytes = vec![0x9f, 0xeb, 1, 0];
        let mut words = vec![header_len, 0, types, types, strings];
        if !layout.is_empty() {
            words.extend([types + strings, 4 * layout.len() as u32]);
        }
        for word in words {
            bytes.extend_from_slice(&word.to_le_bytes());
        }
        bytes.extend_from_slice(&self.types);
        bytes.extend_from_slice(&self.strings);
        bytes.extend(layout.iter().flatten());
        bytes
    }
}
