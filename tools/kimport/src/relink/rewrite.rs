// SPDX-License-Identifier: GPL-2.0

//! Carries out a plan on the ELF file.
//!
//! `Documentation/livepatch/module-elf-format.rst` describes the format that the kernel expects.
//! The module does not become a livepatch: that takes `livepatch=Y` in its module information. In
//! every module the kernel applies relocation sections with the livepatch flag whose object is
//! `vmlinux` together with the ordinary ones, before any code of the module runs. The object in the
//! name of a symbol may be any module that is loaded by then.

use super::{modinfo, plan::RelinkPlan};
use crate::{
    elf::{self, LIVEPATCH_SECTION, SHF_RELA_LIVEPATCH, SHN_LIVEPATCH},
    error::{Error, Result},
};
use hashbrown::HashSet;
use object::{
    build::{
        elf::{Builder, Relocation, SectionData, SectionId},
        Id,
    },
    elf::{EM_AARCH64, EM_LOONGARCH, EM_S390, EM_X86_64, SHF_ALLOC, SHF_INFO_LINK, SHT_RELA},
};

/// Redirects symbols and moves their relocations.
pub fn redirect(builder: &mut Builder<'_>, plan: &RelinkPlan) -> Result<()> {
    let mut redirected = HashSet::new();
    for redirect in &plan.redirects {
        let symbol = builder.symbols.get_mut(redirect.symbol);
        symbol.name = redirect.to.to_string().into_bytes().into();
        symbol.st_shndx = SHN_LIVEPATCH;
        symbol.st_value = 0;
        symbol.st_size = 0;
        redirected.insert(redirect.symbol.index());
    }
    let without_effect = without_effect(builder.header.e_machine);
    for movement in &plan.moves {
        let from = builder.sections.get_mut(movement.from);
        let symbol_table = from.sh_link_section;
        let SectionData::Relocation(relocations) = &mut from.data else {
            return Err(Error::unusable("a relocation section has no relocations"));
        };
        let follows = |relocation: &Relocation| {
            let symbol = relocation.symbol;
            symbol.is_some_and(|symbol| redirected.contains(&symbol.index()))
        };
        let (moving, mut staying): (Vec<_>, Vec<_>) =
            std::mem::take(relocations).into_iter().partition(follows);
        match without_effect {
            // GNU strip takes the only relocations of a section for ordinary ones, and drops their
            // symbols.
            Some(none) if staying.is_empty() && movement.loaded => staying.push(none),
            _ => from.delete = staying.is_empty(),
        }
        *relocations = staying;
        if movement.loaded {
            append(builder, movement.target, symbol_table, moving);
        }
    }
    Ok(())
}

/// Returns a relocation that does nothing, if the kernel's loader knows one.
fn without_effect(machine: u16) -> Option<Relocation> {
    let is_known = matches!(machine, EM_X86_64 | EM_AARCH64 | EM_LOONGARCH | EM_S390);
    is_known.then_some(Relocation {
        r_offset: 0,
        symbol: None,
        // R_X86_64_NONE, and the same number on the others.
        r_type: 0,
        r_addend: 0,
    })
}

/// Adds relocations to the livepatch relocation section of their target, which is made if it does
/// not exist.
pub(super) fn append(
    builder: &mut Builder<'_>,
    target: SectionId,
    symbol_table: Option<SectionId>,
    moving: Vec<Relocation>,
) {
    let existing = builder.sections.iter_mut().find_map(|section| {
        let is_it = section.sh_flags & SHF_RELA_LIVEPATCH != 0
            && section.sh_info_section == Some(target)
            && section.name.starts_with(LIVEPATCH_SECTION.as_bytes());
        match &mut section.data {
            SectionData::Relocation(relocations) if is_it => Some(relocations),
            _ => None,
        }
    });
    if let Some(relocations) = existing {
        relocations.extend(moving);
        return;
    }
    let name = builder.sections.get(target).name.to_vec();
    let section = builder.sections.add();
    section.name = [LIVEPATCH_SECTION.as_bytes(), &name].concat().into();
    section.sh_type = SHT_RELA;
    section.sh_flags = SHF_RELA_LIVEPATCH | u64::from(SHF_ALLOC) | u64::from(SHF_INFO_LINK);
    section.sh_link_section = symbol_table;
    section.sh_info_section = Some(target);
    section.sh_addralign = 8;
    section.sh_entsize = 24;
    section.data = SectionData::Relocation(moving);
}

/// Changes keys of the module information, and adjusts the symbols that refer to its strings.
pub fn edit_modinfo(builder: &mut Builder<'_>, changes: &[(&str, String)]) -> Result<()> {
    let section = elf::section(builder, modinfo::SECTION)?.ok_or_else(no_modinfo)?;
    let id = section.id();
    let edited = modinfo::edit(elf::contents(section)?, changes)?;
    for symbol in &mut builder.symbols {
        if symbol.section == Some(id) {
            (symbol.st_value, symbol.st_size) = edited.relocate(symbol.st_value, symbol.st_size);
        }
    }
    builder.sections.get_mut(id).data = SectionData::Data(edited.bytes.into());
    Ok(())
}

/// Returns the error for a file without module information.
pub fn no_modinfo() -> Error {
    Error::unusable("not a finished kernel module: it has no module information")
        .help("give the .ko that modpost made, not an object file it is made of")
}
