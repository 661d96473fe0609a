// SPDX-License-Identifier: GPL-2.0

//! Writes addresses into the symbol table of a module without changing any other byte.

use super::plan::FilledSymbol;
use crate::error::{printable, Error, Result};
use object::{
    elf::{FileHeader64, Sym64, SHN_ABS, SHN_UNDEF, SHT_SYMTAB},
    pod::slice_from_bytes_mut,
    read::elf::{FileHeader, SectionHeader, Sym},
    Endianness, U16, U64,
};
use std::{
    collections::{HashMap, HashSet},
    fmt,
};

/// Returns the module `elf` with the addresses of `filled` in place of undefined symbols.
pub fn fill(elf: &[u8], filled: &[FilledSymbol]) -> Result<Vec<u8>> {
    let addresses: HashMap<&[u8], u64> = filled
        .iter()
        .map(|symbol| (symbol.name.as_bytes(), symbol.address))
        .collect();
    let header = FileHeader64::<Endianness>::parse(elf).map_err(unusable)?;
    let endian = header.endian().map_err(unusable)?;
    let sections = header.sections(endian, elf).map_err(unusable)?;
    let table = sections
        .symbols(endian, elf, SHT_SYMTAB)
        .map_err(unusable)?;
    let section = sections.section(table.section()).map_err(unusable)?;
    let offset = usize::try_from(section.sh_offset(endian)).map_err(unusable)?;

    let mut found = Vec::new();
    let mut names = HashSet::new();
    // The first entry of a symbol table is no symbol.
    for (index, symbol) in table.iter().enumerate().skip(1) {
        if symbol.st_shndx(endian) != SHN_UNDEF {
            continue;
        }
        let name = table.symbol_name(endian, symbol).map_err(unusable)?;
        if let Some(&address) = addresses.get(name) {
            found.push((index, address));
            names.insert(name);
        }
    }
    if found.len() != addresses.len() || names.len() != addresses.len() {
        let names = filled.iter().map(|symbol| symbol.name.as_str());
        let names = names.collect::<Vec<_>>().join(", ");
        return Err(unusable(format_args!(
            "not each of {} is undefined there once",
            printable(names)
        )));
    }

    let mut bytes = elf.to_vec();
    let (symbols, _) = bytes
        .get_mut(offset..)
        .and_then(|rest| slice_from_bytes_mut::<Sym64<Endianness>>(rest, table.len()).ok())
        .ok_or_else(|| unusable("its symbol table is outside the file"))?;
    for (index, address) in found {
        let symbol = &mut symbols[index];
        symbol.st_shndx = U16::new(endian, SHN_ABS);
        symbol.st_value = U64::new(endian, address);
    }
    Ok(bytes)
}

fn unusable(what: impl fmt::Display) -> Error {
    Error::unusable(format_args!(
        "cannot write addresses into the module: {what}"
    ))
}
