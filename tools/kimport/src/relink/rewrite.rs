// SPDX-License-Identifier: GPL-2.0

//! Carries a plan out on the ELF file.
//!
//! What the kernel expects is described in `Documentation/livepatch/module-elf-format.rst`. The
//! module does not become a livepatch by it: that takes `livepatch=Y` in its module information.
//! Relocation sections with the livepatch flag whose object is `vmlinux` are applied with the
//! ordinary ones, before anything of the module runs, in every module; the object in a symbol's
//! name may be any module that is loaded by then.

use super::{
    modinfo,
    plan::{Move, Plan},
    request::MAX_NAME,
};
use crate::{
    elf::{self, LIVEPATCH_SECTION, SHF_RELA_LIVEPATCH, SHN_LIVEPATCH},
    error::{Error, Result},
};
use object::{
    build::{
        elf::{Builder, Relocation, SectionData, SectionId},
        Id,
    },
    elf::{SHF_ALLOC, SHF_INFO_LINK, SHT_RELA},
};
use std::collections::HashSet;

/// The section that becomes `struct module`.
const THIS_MODULE: &str = ".gnu.linkonce.this_module";
/// The room for the name in `struct module` on 64-bit architectures: `MODULE_NAME_LEN`.
const NAME_ROOM: usize = MAX_NAME + 1;

/// Redirects symbols and moves their relocations.
pub fn redirect(builder: &mut Builder<'_>, plan: &Plan) -> Result<()> {
    let mut redirected = HashSet::new();
    for redirect in &plan.redirects {
        let symbol = builder.symbols.get_mut(redirect.symbol);
        symbol.name = redirect.to.to_string().into_bytes().into();
        symbol.st_shndx = SHN_LIVEPATCH;
        symbol.st_value = 0;
        symbol.st_size = 0;
        redirected.insert(redirect.symbol.index());
    }
    for movement in &plan.moves {
        let from = builder.sections.get_mut(movement.from);
        let symbol_table = from.sh_link_section;
        let SectionData::Relocation(relocations) = &mut from.data else {
            return Err(Error::unusable("a relocation section has no relocations"));
        };
        let follows = |relocation: &Relocation| {
            relocation
                .symbol
                .is_some_and(|symbol| redirected.contains(&symbol.index()))
        };
        let (moving, staying): (Vec<_>, Vec<_>) =
            std::mem::take(relocations).into_iter().partition(follows);
        from.delete = staying.is_empty();
        *relocations = staying;
        if movement.loaded {
            append(builder, movement, symbol_table, moving);
        }
    }
    Ok(())
}

/// Adds relocations to the livepatch relocation section of their target, making it if need be.
fn append(
    builder: &mut Builder<'_>,
    movement: &Move,
    symbol_table: Option<SectionId>,
    moving: Vec<Relocation>,
) {
    let existing = builder.sections.iter_mut().find_map(|section| {
        let is_it = section.sh_flags & SHF_RELA_LIVEPATCH != 0
            && section.sh_info_section == Some(movement.target)
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
    let target = builder.sections.get(movement.target).name.to_vec();
    let section = builder.sections.add();
    section.name = [LIVEPATCH_SECTION.as_bytes(), &target].concat().into();
    section.sh_type = SHT_RELA;
    section.sh_flags = SHF_RELA_LIVEPATCH | u64::from(SHF_ALLOC) | u64::from(SHF_INFO_LINK);
    section.sh_link_section = symbol_table;
    section.sh_info_section = Some(movement.target);
    section.sh_addralign = 8;
    section.sh_entsize = 24;
    section.data = SectionData::Relocation(moving);
}

/// Changes keys of the module information, and takes the symbols that name its parts along.
pub fn edit_modinfo(builder: &mut Builder<'_>, changes: &[(&str, String)]) -> Result<()> {
    let Some(section) = elf::section(builder, modinfo::SECTION)? else {
        return Err(no_modinfo());
    };
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

/// What to say of a file without module information.
pub fn no_modinfo() -> Error {
    Error::unusable("not a finished kernel module: it has no module information")
        .help("give the .ko that modpost made, not an object file it is made of")
}

/// Writes the new name into what becomes the module's `struct module`.
pub fn rename(builder: &mut Builder<'_>, old: &str, new: &str) -> Result<()> {
    let Some(section) = elf::section(builder, THIS_MODULE)? else {
        return Err(no_modinfo());
    };
    let id = section.id();
    let relocated: Vec<u64> = builder
        .sections
        .iter()
        .filter(|section| section.sh_info_section == Some(id))
        .filter_map(|section| match &section.data {
            SectionData::Relocation(relocations) => Some(relocations),
            _ => None,
        })
        .flatten()
        .map(|relocation| relocation.r_offset)
        .collect();
    let at = find_name(elf::contents(section)?, old, &relocated)?;
    if let SectionData::Data(data) = &mut builder.sections.get_mut(id).data {
        let room = &mut data.to_mut()[at..at + NAME_ROOM];
        room.fill(0);
        room[..new.len()].copy_from_slice(new.as_bytes());
    }
    Ok(())
}

/// Finds the `name` member: the one place that has the old name, zeros up to the member's end,
/// and nothing that the loader fills in. Its offset depends on the kernel's configuration.
fn find_name(module: &[u8], old: &str, relocated: &[u64]) -> Result<usize> {
    let mut wanted = old.as_bytes().to_vec();
    wanted.resize(NAME_ROOM.max(old.len() + 1), 0);
    let mut places = module
        .windows(wanted.len())
        .enumerate()
        .filter(|(at, room)| {
            let end = at + NAME_ROOM;
            *room == wanted
                && (*at == 0 || module[at - 1] == 0)
                && !relocated
                    .iter()
                    .any(|&offset| (*at as u64..end as u64).contains(&offset))
        })
        .map(|(at, _)| at);
    match (places.next(), places.next()) {
        (Some(at), None) => Ok(at),
        (None, _) => Err(Error::unusable(format_args!(
            "{THIS_MODULE} does not have the module's name {old}"
        ))),
        (Some(_), Some(_)) => Err(Error::unusable(format_args!(
            "{THIS_MODULE} has the module's name {old} more than once"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module(at: usize, name: &str) -> Vec<u8> {
        let mut module = vec![0; 256];
        module[at..at + name.len()].copy_from_slice(name.as_bytes());
        module
    }

    #[test]
    fn the_name_is_found_wherever_it_is() {
        for at in [0, 24, 100] {
            assert_eq!(find_name(&module(at, "old"), "old", &[200]).unwrap(), at);
        }
    }

    #[test]
    fn what_is_not_surely_the_name_is_refused() {
        assert!(find_name(&module(24, "older"), "old", &[]).is_err());
        assert!(find_name(&module(24, "bold"), "old", &[]).is_err());
        assert!(find_name(&module(24, "old"), "old", &[64]).is_err());
        assert!(find_name(&module(240, "old"), "old", &[]).is_err());
        assert!(find_name(b"", "old", &[]).is_err());
        let mut twice = module(24, "old");
        twice[128..131].copy_from_slice(b"old");
        assert!(find_name(&twice, "old", &[]).is_err());
    }
}
