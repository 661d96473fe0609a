// SPDX-License-Identifier: GPL-2.0

//! A writer of 64-bit little-endian ELF files.

pub const PROGBITS: u32 = 1;
pub const SYMTAB: u32 = 2;
pub const STRTAB: u32 = 3;
pub const RELA: u32 = 4;
pub const NOBITS: u32 = 8;

pub const WRITE: u64 = 1;
pub const ALLOC: u64 = 2;
pub const EXEC: u64 = 4;

pub const RELOCATABLE: u16 = 1;
pub const EXECUTABLE: u16 = 2;

/// A section.
#[derive(Clone, Debug, Default)]
pub struct Section {
    pub name: String,
    pub kind: u32,
    pub flags: u64,
    pub link: u32,
    pub info: u32,
    pub entry: u64,
    pub data: Vec<u8>,
}

impl Section {
    /// Returns a section that refers to no other one.
    pub fn new(name: &str, kind: u32, flags: u64, data: Vec<u8>) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            flags,
            data,
            ..Self::default()
        }
    }
}

/// A symbol.
#[derive(Clone, Debug, Default)]
pub struct ElfSymbol {
    pub name: String,
    pub info: u8,
    pub section: u16,
    pub value: u64,
    pub size: u64,
}

/// Returns a table of strings, and the offset of each string.
fn strings<'a>(names: impl Iterator<Item = &'a str>) -> (Vec<u8>, Vec<u32>) {
    let mut table = vec![0];
    let places = names
        .map(|name| {
            let at = table.len() as u32;
            table.extend(name.as_bytes());
            table.push(0);
            at
        })
        .collect();
    (table, places)
}

/// Returns the sections `.symtab` and `.strtab` for `symbols`, if `.strtab` becomes section
/// `strtab`.
pub fn symbol_table(symbols: &[ElfSymbol], strtab: u32) -> [Section; 2] {
    let (names, places) = strings(symbols.iter().map(|symbol| symbol.name.as_str()));
    let mut data = vec![0; 24];
    for (symbol, name) in symbols.iter().zip(places) {
        data.extend(name.to_le_bytes());
        data.extend([symbol.info, 0]);
        data.extend(symbol.section.to_le_bytes());
        data.extend(symbol.value.to_le_bytes());
        data.extend(symbol.size.to_le_bytes());
    }
    let table = Section {
        link: strtab,
        // The index behind the last local symbol. Local symbols have to come first.
        info: 1 + symbols
            .iter()
            .filter(|symbol| symbol.info >> 4 == 0)
            .count() as u32,
        entry: 24,
        ..Section::new(".symtab", SYMTAB, 0, data)
    };
    [table, Section::new(".strtab", STRTAB, 0, names)]
}

/// Returns the file with these sections, counted from 1, and one more section for their names.
pub fn file(of_type: u16, sections: &[Section]) -> Vec<u8> {
    let names = sections.iter().map(|section| section.name.as_str());
    let (table, places) = strings(names.chain([".shstrtab"]));
    let mut all = sections.to_vec();
    all.push(Section::new(".shstrtab", STRTAB, 0, table));

    let mut file = vec![0; 64];
    let mut headers = vec![0; 64];
    for (section, name) in all.iter().zip(places) {
        file.resize(file.len().next_multiple_of(8), 0);
        let (offset, size) = (file.len() as u64, section.data.len() as u64);
        headers.extend([name, section.kind].map(u32::to_le_bytes).concat());
        headers.extend(
            [section.flags, 0, offset, size]
                .map(u64::to_le_bytes)
                .concat(),
        );
        headers.extend([section.link, section.info].map(u32::to_le_bytes).concat());
        headers.extend([8, section.entry].map(u64::to_le_bytes).concat());
        if section.kind != NOBITS {
            file.extend(&section.data);
        }
    }
    file.resize(file.len().next_multiple_of(8), 0);
    let table = file.len() as u64;
    file.extend(headers);

    file[..8].copy_from_slice(b"\x7fELF\x02\x01\x01\0");
    file[16..18].copy_from_slice(&of_type.to_le_bytes());
    file[18..20].copy_from_slice(&62_u16.to_le_bytes());
    file[20] = 1;
    file[40..48].copy_from_slice(&table.to_le_bytes());
    let count = all.len() as u16 + 1;
    for (at, half) in [(52, 64), (58, 64), (60, count), (62, count - 1)] {
        file[at..at + 2].copy_from_slice(&half.to_le_bytes());
    }
    file
}
