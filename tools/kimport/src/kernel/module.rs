// SPDX-License-Identifier: GPL-2.0

//! A module of a kernel, and its types.

use super::{exports, files::FilePlace, image, kallsyms, symbols::SymbolTable};
use crate::{
    elf::Image,
    error::{Error, Result},
    loader::Marks,
    module_file::ModuleFile,
    symvers::Symvers,
};
use object::{
    elf::{FileHeader64, Sym64, SHT_SYMTAB},
    read::elf::{FileHeader, Sym},
    Endianness,
};
use std::collections::HashSet;

/// A module of a kernel.
#[derive(Clone, Debug)]
pub struct Module {
    /// Its symbols.
    pub symbols: SymbolTable,
    /// Its type information, if there is some.
    pub types: Option<ModuleTypes>,
    /// Its exports, where its file tells.
    pub(super) exports: Symvers,
}

impl Module {
    /// Makes a module from its lines in `/proc/kallsyms`, or in a copy.
    pub(super) fn loaded(entries: kallsyms::Entries, types: Option<ModuleTypes>) -> Self {
        Self {
            symbols: SymbolTable::of_loaded(entries),
            types,
            exports: Symvers::default(),
        }
    }
}

/// The type information of a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleTypes {
    /// The section `.BTF`, which continues the type information of the kernel image or
    /// [`base`](Self::base).
    pub btf: Vec<u8>,
    /// The section `.BTF.base` of a module built out of tree. It holds the types that the module
    /// needs of the image, because the image's numbers of these types are only known when the
    /// module is loaded.
    pub base: Option<Vec<u8>>,
}

fn module_file(place: &FilePlace) -> Result<ModuleFile> {
    ModuleFile::from_bytes(place.unpacked().map_err(Error::unusable)?)
}

/// Reads the properties of a module that the module loader checks.
pub(super) fn marks(place: &FilePlace) -> Result<Marks> {
    Marks::new(&Image::new(module_file(place)?.elf())?.builder()?)
}

/// Returns the names of the symbols that are in a module.
fn names(file: &ModuleFile) -> Option<Vec<&[u8]>> {
    let header = FileHeader64::<Endianness>::parse(file.elf()).ok()?;
    let endian = header.endian().ok()?;
    let sections = header.sections(endian, file.elf()).ok()?;
    let symbols = sections.symbols(endian, file.elf(), SHT_SYMTAB).ok()?;
    let name = |symbol: &Sym64<_>| symbol.name(endian, symbols.strings()).ok();
    let own = symbols.iter().filter(|symbol| !symbol.is_undefined(endian));
    Some(own.filter_map(name).collect())
}

/// Returns the symbols of a module that can be read and has one of these names. For other modules,
/// this is faster than to make the table.
pub(super) fn symbols_with(any_of: &HashSet<&[u8]>, place: &FilePlace) -> Option<SymbolTable> {
    let file = module_file(place).ok()?;
    let has_one = names(&file)?.iter().any(|name| any_of.contains(name));
    has_one.then(|| SymbolTable::of_module(&file).ok())?
}

/// Returns the checksums of all names in a module that can be read, sorted.
pub(super) fn checksums(place: &FilePlace) -> Option<Vec<u32>> {
    let file = module_file(place).ok()?;
    let names = names(&file)?.into_iter();
    let mut checksums: Vec<u32> = names.map(crc32fast::hash).collect();
    checksums.sort_unstable();
    checksums.dedup();
    Some(checksums)
}

/// Returns the exports of a module that can be read.
pub(super) fn exports(name: &str, place: &FilePlace) -> Option<Symvers> {
    Some(exports::of_module(&module_file(place).ok()?, name))
}

pub(super) fn read_module(name: &str, place: &FilePlace) -> Result<Module> {
    let file = module_file(place)?;
    let section = |name| image::section(file.elf(), name).map(<[u8]>::to_vec);
    Ok(Module {
        symbols: SymbolTable::of_module(&file)?,
        exports: exports::of_module(&file, name),
        types: section(".BTF").map(|btf| ModuleTypes {
            btf,
            base: section(".BTF.base"),
        }),
    })
}
