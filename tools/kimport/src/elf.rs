// SPDX-License-Identifier: GPL-2.0

//! The ELF file of a kernel module, checked and opened for editing.
//!
//! [`object::build::elf::Builder`] reads and writes the file. It trusts some header fields when it
//! writes, and it does not know allocated relocation sections that refer to the static symbol
//! table, as livepatch relocation sections do. This module deals with both before the builder sees
//! the file.

use crate::error::{printable, Error, Result};
use hashbrown::HashMap;
use kimport_types::TAKEN_SECTION;
use object::{
    build::{
        elf::{Builder, Section, SectionData, SectionId, Symbol, SymbolId},
        Id,
    },
    elf::{self, FileHeader64},
    read::elf::{FileHeader, SectionHeader},
    Endianness,
};
use std::{borrow::Cow, fmt};

/// The section flag of relocations that the livepatch code applies: `SHF_RELA_LIVEPATCH`.
pub const SHF_RELA_LIVEPATCH: u64 = 0x0010_0000;
/// The section index of symbols that the livepatch code resolves: `SHN_LIVEPATCH`.
pub const SHN_LIVEPATCH: u16 = 0xff20;
/// The type of clang's list of the symbols whose address is taken, by their indices:
/// `SHT_LLVM_ADDRSIG`.
const SHT_LLVM_ADDRSIG: u32 = 0x6fff_4c03;
/// The prefix of livepatch relocation sections whose relocations are applied while the module
/// itself loads.
pub const LIVEPATCH_SECTION: &str = ".klp.rela.vmlinux.";
/// The prefix of livepatch symbols.
const LIVEPATCH_SYMBOL: &str = ".klp.sym.";

/// An undefined symbol that the linker adds on x86, and that the module loader ignores.
pub const IGNORED: &str = "_GLOBAL_OFFSET_TABLE_";

/// The largest alignment that a section of a module can use: a page of any architecture.
const MAX_ALIGNMENT: u64 = 1 << 16;

/// A checked module.
#[derive(Clone, Debug)]
pub struct Image<'a> {
    bytes: Cow<'a, [u8]>,
    /// The sections whose headers differ in `bytes`.
    changed: Vec<Changed>,
}

impl<'a> Image<'a> {
    /// Checks that `file` is a module that can be edited.
    pub fn new(file: &'a [u8]) -> Result<Self> {
        let mut bytes = Cow::Borrowed(file);
        let changed = check(file)?;
        for Changed { at, field, .. } in &changed {
            bytes
                .to_mut()
                .get_mut(*at..at + field.len())
                .ok_or_else(|| not_a_module("its section headers are outside the file"))?
                .copy_from_slice(field);
        }
        Ok(Self { bytes, changed })
    }

    /// Opens the module for editing.
    pub fn builder(&self) -> Result<Builder<'_>> {
        let mut builder = Builder::read(&*self.bytes).map_err(not_a_module)?;
        let ids: Vec<SectionId> = builder.sections.iter().map(Section::id).collect();
        for section in &mut builder.sections {
            let index = section.id().index() + 1;
            match self.changed.iter().find(|changed| changed.index == index) {
                Some(changed) if changed.is_livepatch => {
                    section.sh_flags |= u64::from(elf::SHF_ALLOC);
                }
                // An edited module has other indices of symbols, and only a linker reads the list.
                Some(_) => section.delete = true,
                None => {}
            }
            // Not every tool marks that `sh_info` of a relocation section is the index of a
            // section.
            if section.sh_type == elf::SHT_RELA && section.sh_info_section.is_none() {
                let index = (section.sh_info as usize).checked_sub(1);
                let target = index.and_then(|index| ids.get(index));
                section.sh_info_section = Some(*target.ok_or_else(|| {
                    not_a_module(format_args!(
                        "section {} relocates no section",
                        printable(&*section.name)
                    ))
                })?);
            }
        }
        Ok(builder)
    }
}

/// Writes the module.
pub fn write(builder: Builder<'_>) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    builder
        .write(&mut bytes)
        .map_err(|error| Error::unusable(format_args!("cannot write the module: {error}")))?;
    Ok(bytes)
}

/// Returns the section of that name, if there is one. More than one is an error.
pub fn section<'a, 'data>(
    builder: &'a Builder<'data>,
    name: &str,
) -> Result<Option<&'a Section<'data>>> {
    let sections = builder.sections.iter();
    let mut found = sections.filter(|section| section.name.as_slice() == name.as_bytes());
    let section = found.next();
    if found.next().is_some() {
        return Err(not_a_module(format_args!("more than one {name} section")));
    }
    Ok(section)
}

/// Returns the content of a section that holds plain data.
pub fn contents<'a>(section: &'a Section<'_>) -> Result<&'a [u8]> {
    match &section.data {
        SectionData::Data(data) | SectionData::Note(data) => Ok(data),
        _ => {
            let name = printable(&*section.name);
            Err(not_a_module(format_args!("section {name} has no data")))
        }
    }
}

/// Returns the content of the section of that name, if there is one.
pub fn data<'a>(builder: &'a Builder<'_>, name: &str) -> Result<Option<&'a [u8]>> {
    section(builder, name)?.map(contents).transpose()
}

/// Returns whether the module loader has to find this symbol elsewhere.
pub fn is_undefined(symbol: &Symbol<'_>) -> bool {
    symbol.section.is_none() && symbol.st_shndx == elf::SHN_UNDEF && !symbol.name.is_empty()
}

/// A symbol that the kernel's livepatch code resolves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LivepatchSymbol {
    /// The module that has it, or `vmlinux`.
    pub object: String,
    /// The name it has there.
    pub name: String,
    /// The position among several symbols of that name; 0: there is only one.
    pub position: u64,
}

impl LivepatchSymbol {
    /// Parses the name of a livepatch symbol like the kernel.
    pub fn parse(name: &[u8]) -> Option<Self> {
        let name = std::str::from_utf8(name).ok()?;
        let (object, rest) = name.strip_prefix(LIVEPATCH_SYMBOL)?.split_once('.')?;
        let (name, position) = rest.split_once(',')?;
        (!object.is_empty() && !name.is_empty()).then_some(Self {
            object: object.to_owned(),
            name: name.to_owned(),
            position: position.parse().ok()?,
        })
    }

    /// Reads `symbol`, if it is a livepatch symbol.
    pub fn of(symbol: &Symbol<'_>) -> Option<Self> {
        (symbol.section.is_none() && symbol.st_shndx == SHN_LIVEPATCH)
            .then(|| Self::parse(&symbol.name))
            .flatten()
    }
}

impl fmt::Display for LivepatchSymbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (object, name) = (&self.object, &self.name);
        write!(f, "{LIVEPATCH_SYMBOL}{object}.{name},{}", self.position)
    }
}

/// Counts the relocations of the module's code and data that refer to each symbol, for
/// [`count_of`]. Those of the records that `kimport relink` adds are not counted.
pub fn relocation_counts(builder: &Builder<'_>) -> HashMap<usize, usize> {
    let mut counts = HashMap::<usize, usize>::new();
    let is_of_records = |section: &Section<'_>| {
        let target = section.sh_info_section.map(|id| builder.sections.get(id));
        target.is_some_and(|target| target.name.as_slice() == TAKEN_SECTION.as_bytes())
    };
    for section in builder
        .sections
        .iter()
        .filter(|section| !is_of_records(section))
    {
        if let SectionData::Relocation(relocations) = &section.data {
            for symbol in relocations.iter().filter_map(|entry| entry.symbol) {
                *counts.entry(symbol.index()).or_default() += 1;
            }
        }
    }
    counts
}

/// Returns the count in [`relocation_counts`] for `symbol`.
pub fn count_of(counts: &HashMap<usize, usize>, symbol: SymbolId) -> usize {
    counts.get(&symbol.index()).copied().unwrap_or(0)
}

fn not_a_module(what: impl fmt::Display) -> Error {
    Error::unusable(format_args!("not a usable kernel module: {what}"))
        .help("give a built .ko file of a 64-bit architecture")
}

/// Returns the kernel's error for a module that does not have exactly one symbol table.
pub fn stripped() -> Error {
    Error::finding("module has no symbols (stripped?)").help(
        "the kernel does not load it; take the module from its package again, and strip no more than \
         debug information from it (strip --strip-debug)",
    )
}

/// A section whose header is changed for the builder: an allocated livepatch relocation section,
/// or else a list of symbols by [`SHT_LLVM_ADDRSIG`].
#[derive(Clone, Debug)]
struct Changed {
    index: usize,
    is_livepatch: bool,
    /// The offset of the changed field in the file.
    at: usize,
    /// The field, in the file's byte order.
    field: Vec<u8>,
}

/// Checks the fields that the builder trusts, and finds the sections that it would not read.
fn check(file: &[u8]) -> Result<Vec<Changed>> {
    let header = FileHeader64::<Endianness>::parse(file).map_err(not_a_module)?;
    let endian = header.endian().map_err(not_a_module)?;
    if header.e_type(endian) != elf::ET_REL {
        return Err(not_a_module("not a relocatable file"));
    }
    let segments = header.program_headers(endian, file).map_err(not_a_module)?;
    if !segments.is_empty() {
        return Err(not_a_module("it has program headers"));
    }

    let sections = header.section_headers(endian, file).map_err(not_a_module)?;
    let table = usize::try_from(header.e_shoff(endian)).map_err(not_a_module)?;
    let ordered = |bytes: &[u8]| match header.is_little_endian() {
        true => bytes.to_vec(),
        false => bytes.iter().rev().copied().collect(),
    };
    let mut changed = Vec::new();
    let mut total: u64 = 0;
    let is_table = |section: &&_| SectionHeader::sh_type(*section, endian) == elf::SHT_SYMTAB;
    if sections.iter().filter(is_table).count() != 1 {
        return Err(stripped());
    }
    for (index, section) in sections.iter().enumerate().skip(1) {
        let wrong = |what: &str| not_a_module(format_args!("section {index} {what}"));
        let at = table + index * size_of_val(section);
        match section.sh_type(endian) {
            elf::SHT_REL => return Err(wrong("has relocations without addends")),
            elf::SHT_NOBITS => {}
            elf::SHT_PROGBITS
            | elf::SHT_SYMTAB
            | elf::SHT_SYMTAB_SHNDX
            | elf::SHT_STRTAB
            | elf::SHT_RELA
            | elf::SHT_NOTE
            | elf::SHT_INIT_ARRAY
            | elf::SHT_FINI_ARRAY
            | elf::SHT_X86_64_UNWIND => total = total.saturating_add(section.sh_size(endian)),
            SHT_LLVM_ADDRSIG => changed.push(Changed {
                index,
                is_livepatch: false,
                // `sh_type` comes after the word `sh_name`. The builder takes a section without
                // data.
                at: at + 4,
                field: ordered(&elf::SHT_NOBITS.to_le_bytes()),
            }),
            other => {
                return Err(wrong(&format!(
                    "is of type {other:#x}, which no module has"
                )))
            }
        }
        let alignment = section.sh_addralign(endian);
        if alignment > MAX_ALIGNMENT || (alignment != 0 && !alignment.is_power_of_two()) {
            return Err(wrong(&format!("has alignment {alignment:#x}")));
        }
        let flags = section.sh_flags(endian);
        let allocated = flags & u64::from(elf::SHF_ALLOC) != 0;
        if section.sh_type(endian) == elf::SHT_RELA && allocated {
            if flags & SHF_RELA_LIVEPATCH == 0 {
                return Err(wrong("has relocations to be loaded"));
            }
            let flags = flags & !u64::from(elf::SHF_ALLOC);
            changed.push(Changed {
                index,
                is_livepatch: true,
                // `sh_flags` comes after the two words `sh_name` and `sh_type`.
                at: at + 8,
                field: ordered(&flags.to_le_bytes()),
            });
        }
    }
    // If sections shared their bytes, the output could become arbitrarily large.
    if total > file.len() as u64 {
        return Err(not_a_module("its sections overlap"));
    }
    Ok(changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn livepatch_names_are_read_as_they_are_written() {
        let name = ".klp.sym.target_core_mod_new.target_complete_cmd,0";
        let symbol = LivepatchSymbol::parse(name.as_bytes()).unwrap();
        assert_eq!(symbol.object, "target_core_mod_new");
        assert_eq!(symbol.name, "target_complete_cmd");
        assert_eq!(symbol.position, 0);
        assert_eq!(symbol.to_string(), name);

        let clone = LivepatchSymbol::parse(b".klp.sym.vmlinux.f.isra.0,2").unwrap();
        assert_eq!((clone.name.as_str(), clone.position), ("f.isra.0", 2));
        let wrong = ".klp.sym.a.b .klp.sym.a,0 .klp.sym..b,0 a.b,0 .klp.sym.a.b,x";
        for wrong in wrong.split(' ') {
            assert_eq!(LivepatchSymbol::parse(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
