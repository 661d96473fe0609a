// SPDX-License-Identifier: GPL-2.0

//! The module's name in all places but the module information.

use super::{request::MAX_NAME, rewrite::no_modinfo};
use crate::{
    elf,
    error::{Error, Result},
};
use hashbrown::HashSet;
use object::build::elf::{Builder, Relocation, SectionData, SectionId, SymbolId};

/// The section that becomes `struct module`.
const THIS_MODULE: &str = ".gnu.linkonce.this_module";
/// The room for the name in `struct module` on 64-bit architectures: `MODULE_NAME_LEN`.
const NAME_ROOM: usize = MAX_NAME + 1;
/// The descriptors of dynamic debug messages, `struct _ddebug`.
const DYNAMIC_DEBUG: &str = "__dyndbg";
/// The size of a pointer in such a descriptor.
const POINTER: u64 = 8;

/// Gives the module a new name.
pub fn rename(builder: &mut Builder<'_>, old: &str, new: &str) -> Result<()> {
    this_module(builder, old, new)?;
    dynamic_debug(builder, old, new)
}

/// Writes the new name into the section that becomes `struct module`.
fn this_module(builder: &mut Builder<'_>, old: &str, new: &str) -> Result<()> {
    let section = elf::section(builder, THIS_MODULE)?.ok_or_else(no_modinfo)?;
    let id = section.id();
    let relocated: Vec<u64> = relocations_of(builder, id)
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

/// Finds the `name` member, whose offset depends on the kernel's configuration. It is the only
/// place with the old name, followed by zeros up to the end of the member, and without a byte that
/// the loader fills in.
fn find_name(module: &[u8], old: &str, relocated: &[u64]) -> Result<usize> {
    let mut wanted = old.as_bytes().to_vec();
    wanted.resize(NAME_ROOM.max(old.len() + 1), 0);
    let mut places = module
        .windows(wanted.len())
        .enumerate()
        .filter(|(at, room)| {
            let member = *at as u64..(at + NAME_ROOM) as u64;
            *room == wanted
                && (*at == 0 || module[at - 1] == 0)
                && !relocated.iter().any(|offset| member.contains(offset))
        })
        .map(|(at, _)| at);
    let wrong = match (places.next(), places.next()) {
        (Some(at), None) => return Ok(at),
        (None, _) => format!("{THIS_MODULE} does not have the module's name {old}"),
        (Some(_), Some(_)) => format!("{THIS_MODULE} has the module's name {old} more than once"),
    };
    Err(Error::unusable(wrong))
}

/// Makes debug messages that print their module's name (`+pm`) print the new name.
///
/// The name is the first of the pointers at the beginning of a descriptor. The module's code may
/// use the same string for another purpose, so the new name is added after the other strings of its
/// section.
fn dynamic_debug(builder: &mut Builder<'_>, old: &str, new: &str) -> Result<()> {
    let Some(section) = elf::section(builder, DYNAMIC_DEBUG)? else {
        return Ok(());
    };
    let id = section.id();
    let offsets: HashSet<u64> = relocations_of(builder, id)
        .map(|relocation| relocation.r_offset)
        .collect();
    let is_first = |offset: u64| {
        let before = offset.checked_sub(POINTER);
        !before.is_some_and(|before| offsets.contains(&before))
    };
    let mut names = HashSet::new();
    let mut room = None;
    for relocation in relocations_of(builder, id).filter(|name| is_first(name.r_offset)) {
        if let Some((text, symbol, section)) = string(builder, relocation) {
            if text.strip_prefix(old.as_bytes()).and_then(<[u8]>::first) == Some(&0) {
                names.insert(relocation.r_offset);
                room.get_or_insert((symbol, section));
            }
        }
    }
    let Some((symbol, section)) = room else {
        return Ok(());
    };
    let value = builder.symbols.get(symbol).st_value;
    let SectionData::Data(data) = &mut builder.sections.get_mut(section).data else {
        return Ok(());
    };
    let addend = (data.len() as u64).wrapping_sub(value) as i64;
    data.to_mut().extend([new.as_bytes(), b"\0"].concat());
    for section in builder.sections.iter_mut() {
        let is_it = section.sh_info_section == Some(id);
        if let (true, SectionData::Relocation(relocations)) = (is_it, &mut section.data) {
            for relocation in relocations {
                if names.contains(&relocation.r_offset) {
                    relocation.symbol = Some(symbol);
                    relocation.r_addend = addend;
                }
            }
        }
    }
    Ok(())
}

/// Returns the bytes that a relocation points to, up to the end of the section, and the symbol and
/// the section that it refers to.
fn string<'a>(
    builder: &'a Builder<'_>,
    relocation: &Relocation,
) -> Option<(&'a [u8], SymbolId, SectionId)> {
    let symbol = builder.symbols.get(relocation.symbol?);
    let section = symbol.section?;
    let at = symbol.st_value.checked_add_signed(relocation.r_addend)?;
    let text = elf::contents(builder.sections.get(section)).ok()?;
    Some((text.get(usize::try_from(at).ok()?..)?, symbol.id(), section))
}

fn relocations_of<'a>(
    builder: &'a Builder<'_>,
    id: SectionId,
) -> impl Iterator<Item = &'a Relocation> {
    builder
        .sections
        .iter()
        .filter(move |section| section.sh_info_section == Some(id))
        .filter_map(|section| match &section.data {
            SectionData::Relocation(relocations) => Some(relocations),
            _ => None,
        })
        .flatten()
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
