// SPDX-License-Identifier: GPL-2.0

//! The export tables of a kernel image and of modules. They have the facts that `Module.symvers`
//! lists, in the form that the module loader itself reads.
//!
//! `__ksymtab` has for each symbol the places of the symbol, its name and its namespace, as
//! distances (`CONFIG_HAVE_ARCH_PREL32_RELOCATIONS`) or as pointers. `__kcrctab` has the versions
//! in the same order. In newer kernels `__kflagstab` tells whether a symbol is for GPL-compatible
//! modules only; older kernels have separate tables for such symbols, `__ksymtab_gpl` and
//! `__kcrctab_gpl`.

use super::symbols::EXPORT;
use crate::{
    module_file::ModuleFile,
    symvers::{Export, Symvers, VMLINUX},
};
use object::{
    read::elf::ElfFile64, Endian, Endianness, Object, ObjectSection, ObjectSymbol,
    RelocationTarget, SymbolSection,
};
use std::collections::HashMap;

type File<'a> = ElfFile64<'a, Endianness>;

/// Bit 0 of `__kflagstab`: `KSYM_FLAG_GPL_ONLY`.
const GPL_ONLY: u8 = 1;
/// The size of an entry of `__ksymtab` that has distances.
const ENTRY: usize = 12;

/// A table of symbols with its tables of versions and flags.
struct Parts<'a> {
    symbols: object::read::elf::ElfSection64<'a, 'a, Endianness>,
    crcs: &'a [u8],
    flags: &'a [u8],
    gpl_only: bool,
}

impl<'a> Parts<'a> {
    fn all(file: &'a File<'a>) -> impl Iterator<Item = Self> {
        ["", "_gpl"].into_iter().filter_map(|suffix| {
            let data = |name: &str| file.section_by_name(name)?.data().ok();
            Some(Self {
                symbols: file.section_by_name(&format!("__ksymtab{suffix}"))?,
                crcs: data(&format!("__kcrctab{suffix}")).unwrap_or_default(),
                flags: data("__kflagstab").unwrap_or_default(),
                gpl_only: !suffix.is_empty(),
            })
        })
    }

    /// Returns the export of the symbol `index` of the table.
    fn export(&self, file: &File<'_>, index: usize, module: &str, namespace: String) -> Export {
        let crc = self.crcs.get(4 * index..).and_then(<[u8]>::first_chunk);
        let flags = self.flags.get(index).copied().unwrap_or_default();
        Export {
            module: module.to_owned(),
            crc: crc.map_or(0, |crc| file.endian().read_u32_bytes(*crc)),
            gpl_only: self.gpl_only || flags & GPL_ONLY != 0,
            namespace,
        }
    }
}

/// Returns the exports of a kernel image; `None`: it has no sections, or none of the known form.
pub(super) fn of_image(kernel: &[u8]) -> Option<Symvers> {
    let file = File::parse(kernel).ok()?;
    let strings = file.section_by_name("__ksymtab_strings")?;
    let (start, strings) = (strings.address(), strings.data().ok()?);
    let mut symvers = Symvers::default();
    for parts in Parts::all(&file) {
        let (address, data) = (parts.symbols.address(), parts.symbols.data().ok()?);
        for (index, entry) in data.chunks(ENTRY).enumerate() {
            let string = |field: usize| {
                let distance = entry.get(4 * field..)?.first_chunk()?;
                let distance = file.endian().read_i32_bytes(*distance);
                // Up to 6.3, symbols exported from assembly have no string for their namespace.
                if distance == 0 {
                    return Some(String::new());
                }
                let field = address + (ENTRY * index + 4 * field) as u64;
                let at = field
                    .checked_add_signed(distance.into())?
                    .checked_sub(start)?;
                text(strings, at)
            };
            let (name, namespace) = (string(1)?, string(2)?);
            let export = parts.export(&file, index, VMLINUX, namespace);
            symvers.put(&name, &export);
        }
    }
    (!symvers.is_empty()).then_some(symvers)
}

pub(super) fn of_module(module: &ModuleFile, name: &str) -> Symvers {
    let mut symvers = Symvers::default();
    let Ok(file) = File::parse(module.elf()) else {
        return symvers;
    };
    for parts in Parts::all(&file) {
        let targets: HashMap<u64, String> = parts
            .symbols
            .relocations()
            .filter_map(|(offset, relocation)| {
                let RelocationTarget::Symbol(symbol) = relocation.target() else {
                    return None;
                };
                let symbol = file.symbol_by_index(symbol).ok()?;
                let SymbolSection::Section(section) = symbol.section() else {
                    return None;
                };
                let strings = file.section_by_index(section).ok()?.data().ok()?;
                let at = symbol.address().checked_add_signed(relocation.addend())?;
                Some((offset, text(strings, at)?))
            })
            .collect();
        let entries: Vec<(u64, &str)> = file
            .symbols()
            .filter(|symbol| symbol.section_index() == Some(parts.symbols.index()))
            .filter_map(|symbol| {
                Some((symbol.address(), symbol.name().ok()?.strip_prefix(EXPORT)?))
            })
            .collect();
        let Some(size) = parts.symbols.size().checked_div(entries.len() as u64) else {
            continue;
        };
        for (at, symbol) in entries {
            let Some(index) = at.checked_div(size) else {
                continue;
            };
            // The namespace is the third of three fields of equal size.
            let namespace = targets.get(&(at + size / 3 * 2)).cloned();
            let namespace = namespace.unwrap_or_default();
            let export = parts.export(&file, index as usize, name, namespace);
            symvers.put(symbol, &export);
        }
    }
    symvers
}

/// Returns the string at an offset.
fn text(strings: &[u8], at: u64) -> Option<String> {
    let rest = strings.get(usize::try_from(at).ok()?..)?;
    let end = memchr::memchr(0, rest)?;
    Some(String::from_utf8_lossy(&rest[..end]).into_owned())
}
