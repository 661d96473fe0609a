// SPDX-License-Identifier: GPL-2.0

//! The functions that the compiler inlined, from debug information (DWARF).

use crate::{
    compression::{read_limited, Format, MAX_SIZE},
    error::{Error, Result},
};
use flate2::read::ZlibDecoder;
use gimli::{
    AttributeValue, DebuggingInformationEntry, Dwarf, DwarfSections, EndianSlice, Relocate,
    RelocateReader, RunTimeEndian, SectionId, Unit, UnitHeader,
};
use object::{
    read::{elf::ElfFile64, RelocationMap},
    CompressionFormat, Object, ObjectSection, ReadRef,
};
use rayon::prelude::*;
use std::{borrow::Cow, collections::HashSet, io};

/// The sections that tell the names of functions. The first is the largest by far, about 250 MiB
/// for a distribution's kernel.
const SECTIONS: [SectionId; 7] = [
    SectionId::DebugInfo,
    SectionId::DebugAbbrev,
    SectionId::DebugAddr,
    SectionId::DebugLine,
    SectionId::DebugLineStr,
    SectionId::DebugStr,
    SectionId::DebugStrOffsets,
];

/// A section, and the relocations that a linker would apply: modules are not linked.
#[derive(Default)]
struct RelocatedSection<'data> {
    data: Cow<'data, [u8]>,
    relocations: Relocations,
}

#[derive(Debug, Default)]
struct Relocations(RelocationMap);

type Reader<'a> = RelocateReader<EndianSlice<'a, RunTimeEndian>, &'a Relocations>;

impl Relocate for &Relocations {
    fn relocate_address(&self, offset: usize, value: u64) -> gimli::Result<u64> {
        Ok(self.0.relocate(offset as u64, value))
    }

    fn relocate_offset(&self, offset: usize, value: usize) -> gimli::Result<usize> {
        usize::try_from(self.0.relocate(offset as u64, value as u64))
            .map_err(|_| gimli::Error::UnsupportedOffset)
    }
}

/// Returns the functions that were inlined somewhere, by the names that their symbols would have.
/// The result is empty if `file` has no debug information.
pub fn inlined<'data>(file: impl ReadRef<'data>) -> Result<HashSet<String>> {
    let file = ElfFile64::<object::Endianness, _>::parse(file).map_err(Error::unusable)?;
    let endian = if file.is_little_endian() {
        RunTimeEndian::Little
    } else {
        RunTimeEndian::Big
    };
    let sections = DwarfSections::load(|id| section(&file, id))?;
    let dwarf: Dwarf<Reader<'_>> = sections.borrow(|section| {
        RelocateReader::new(
            EndianSlice::new(&section.data, endian),
            &section.relocations,
        )
    });
    let mut headers = Vec::new();
    let mut units = dwarf.units();
    while let Some(header) = units.next().map_err(Error::unusable)? {
        headers.push(header);
    }
    headers
        .into_par_iter()
        .map(|header| of_unit(&dwarf, header))
        .try_reduce(HashSet::new, |mut all, names| {
            all.extend(names);
            Ok(all)
        })
        .map_err(Error::unusable)
}

fn section<'data, R: ReadRef<'data>>(
    file: &ElfFile64<'data, object::Endianness, R>,
    id: SectionId,
) -> Result<RelocatedSection<'data>> {
    let wanted = SECTIONS.contains(&id);
    let Some(section) = file.section_by_name(id.name()).filter(|_| wanted) else {
        return Ok(RelocatedSection::default());
    };
    let data = section.compressed_data().map_err(Error::unusable)?;
    if data.uncompressed_size > MAX_SIZE {
        return Err(Error::unusable(format_args!("{} is too large", id.name())));
    }
    let unpacked = match data.format {
        CompressionFormat::None => Ok(Cow::Borrowed(data.data)),
        CompressionFormat::Zlib => read_limited(ZlibDecoder::new(data.data)).map(Cow::Owned),
        CompressionFormat::Zstandard => {
            let reader = Format::Zstd.reader(data.data);
            reader.and_then(read_limited).map(Cow::Owned)
        }
        other => Err(io::Error::other(format!("{} is {other:?}", id.name()))),
    };
    Ok(RelocatedSection {
        data: unpacked.map_err(Error::unusable)?,
        relocations: Relocations(section.relocation_map().map_err(Error::unusable)?),
    })
}

fn of_unit(
    dwarf: &Dwarf<Reader<'_>>,
    header: UnitHeader<Reader<'_>>,
) -> gimli::Result<HashSet<String>> {
    let unit = dwarf.unit(header)?;
    let mut names = HashSet::new();
    let mut entries = unit.entries();
    while let Some((_, entry)) = entries.next_dfs()? {
        if entry.tag() == gimli::DW_TAG_subprogram && is_inlined(entry)? {
            names.extend(symbol(dwarf, &unit, entry)?);
        }
    }
    Ok(names)
}

/// Returns whether an entry describes what all inlined copies of a function have in common.
fn is_inlined(entry: &DebuggingInformationEntry<'_, '_, Reader<'_>>) -> gimli::Result<bool> {
    Ok(matches!(
        entry.attr_value(gimli::DW_AT_inline)?,
        Some(AttributeValue::Inline(
            gimli::DW_INL_inlined | gimli::DW_INL_declared_inlined
        ))
    ))
}

/// Returns the name that the function's symbol would have. In Rust it is not the function's name.
fn symbol(
    dwarf: &Dwarf<Reader<'_>>,
    unit: &Unit<Reader<'_>>,
    entry: &DebuggingInformationEntry<'_, '_, Reader<'_>>,
) -> gimli::Result<Option<String>> {
    let name = match entry.attr_value(gimli::DW_AT_linkage_name)? {
        None => entry.attr_value(gimli::DW_AT_name)?,
        linkage => linkage,
    };
    let Some(name) = name else { return Ok(None) };
    let name = dwarf.attr_string(unit, name)?;
    Ok(Some(gimli::Reader::to_string_lossy(&name)?.into_owned()))
}
