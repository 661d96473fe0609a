// SPDX-License-Identifier: GPL-2.0

//! The exports of a module: the tables that the linker script collects from `EXPORT_SYMBOL`.

use crate::error::{printable, Error, Result};
use object::build::elf::{Builder, Section, SectionData};

/// The prefix of the sections that list the exports.
pub const TABLE: &str = "__ksymtab";
/// The prefixes of all sections that belong to exports: names, checksums, licenses.
const TABLES: [&str; 3] = [TABLE, "__kcrctab", "__kflagstab"];

/// Returns whether the module exports anything.
pub fn are_there(builder: &Builder<'_>) -> bool {
    builder.sections.iter().any(|section| {
        section.name.starts_with(TABLE.as_bytes()) && section.is_alloc() && section.sh_size > 0
    })
}

/// Removes the tables, and the symbols and relocations that belong to them.
pub fn remove(builder: &mut Builder<'_>) -> Result<()> {
    let is_table = |section: &Section<'_>| {
        let mut tables = TABLES.iter();
        tables.any(|table| section.name.starts_with(table.as_bytes()))
    };
    for section in &mut builder.sections {
        section.delete |= is_table(section);
    }
    let of_table = |section: &&Section<'_>| {
        let target = section.sh_info_section;
        target.is_some_and(|target| builder.sections.get(target).delete)
    };
    let relocations = builder.sections.iter().filter(of_table);
    let relocations: Vec<_> = relocations.map(Section::id).collect();
    for id in relocations {
        builder.sections.get_mut(id).delete = true;
    }
    builder.delete_orphan_symbols();
    for section in builder.sections.iter().filter(|section| !section.delete) {
        let SectionData::Relocation(relocations) = &section.data else {
            continue;
        };
        let symbols = relocations
            .iter()
            .filter_map(|relocation| relocation.symbol);
        if let Some(symbol) = symbols.map(|id| builder.symbols.get(id)).find(|s| s.delete) {
            return Err(Error::finding(format_args!(
                "{} refers to {}, which is part of the exports",
                printable(&*section.name),
                printable(&*symbol.name)
            )));
        }
    }
    Ok(())
}
