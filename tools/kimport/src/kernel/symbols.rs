// SPDX-License-Identifier: GPL-2.0

//! Symbol tables: the symbols of the kernel image or of one module, by name.

use super::{
    image,
    kallsyms::{Entries, KallsymsEntry},
};
use crate::{
    elf::stripped,
    error::{Error, Result},
    module_file::ModuleFile,
    relink::modinfo,
};
use hashbrown::{DefaultHashBuilder, HashTable};
use kimport_types::{made_of, Made};
use object::{
    elf,
    read::elf::{ElfFile64, FileHeader},
    Endianness, Object, ObjectSection, ObjectSymbol, SectionFlags, SymbolFlags,
};
use schemars::JsonSchema;
use serde::Serialize;
use std::hash::BuildHasher;

/// The kind of a symbol, as far as the symbol table tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SymbolKind {
    /// Code.
    Function,
    /// Data.
    Data,
    /// A number, such as the offset of per-CPU data.
    Absolute,
}

/// The linkage of a symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Linkage {
    /// Visible only in its own file.
    Static,
    /// Visible in the whole image or module.
    Global,
    /// The table does not tell.
    Unknown,
}

/// One symbol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KernelSymbol {
    /// Its kind.
    pub kind: SymbolKind,
    /// Its linkage.
    pub linkage: Linkage,
    /// Set if it is in memory that is freed after init.
    pub init: bool,
    /// Set if it is per-CPU data, whose address is an offset.
    pub per_cpu: bool,
    /// The address on the running kernel; 0 if the source does not tell.
    pub address: u64,
}

/// A symbol that a compiler made of another one.
#[derive(Clone, Copy, Debug)]
pub struct MadeSymbol<'a> {
    /// The thing that it is.
    pub how: Made,
    /// Its name.
    pub name: &'a str,
    /// The symbol.
    pub symbol: &'a KernelSymbol,
}

/// The symbols of the kernel image or of a module.
#[derive(Clone, Debug, Default)]
pub struct SymbolTable {
    /// The symbols in the order of the kernel's table: in the image by address, in a module as in
    /// its file's symbol table.
    entries: Entries,
    /// The properties of each symbol.
    symbols: Vec<KernelSymbol>,
    /// The numbers of the symbols by name. It holds no names, of which few are looked up.
    index: HashTable<u32>,
    hasher: DefaultHashBuilder,
    /// Set if the entries of the export table are listed.
    pub tells_exports: bool,
    /// Set if data symbols are listed, as they are with `CONFIG_KALLSYMS_ALL`.
    pub tells_data: bool,
    /// Set if the kernel lists the `__init` symbols for ever: it keeps the whole symbol table of a
    /// livepatch module.
    pub keeps_init: bool,
}

/// The symbols at the bounds of special memory. An import of one of these takes its address. The
/// crate itself imports them to recognize such memory.
const BOUNDS: [&str; 6] = [
    "__init_begin",
    "__init_end",
    "__per_cpu_start",
    "__per_cpu_end",
    "_sinittext",
    "_einittext",
];
/// The prefix of the entries of the export table.
pub(crate) const EXPORT: &str = "__ksymtab_";

impl SymbolTable {
    /// Makes the table of a kernel image from its symbols in address order.
    pub fn of_image(entries: Entries) -> Self {
        let mut table = Self::new(entries, Vec::new());
        let entries = &table.entries;
        let place = |name: &str| Some(*table.numbers(name).first()? as usize);
        let between = |start: &str, end: &str| match (place(start), place(end)) {
            (Some(start), Some(end)) => start..end,
            _ => 0..0,
        };
        let init = between(BOUNDS[0], BOUNDS[1]);
        let mut per_cpu = between(BOUNDS[2], BOUNDS[3]);
        // Other symbols at the first address may be listed before the bound. This is so where
        // per-CPU data begin at address 0, which x86-64 has before 6.15.
        if let Some(first) = entries.get(per_cpu.start).map(|entry| entry.address) {
            let is_first = |entry: KallsymsEntry<'_>| entry.address == first;
            let ends = entries.get(per_cpu.end).map(|entry| entry.address);
            if ends.is_some_and(|end| end != first) {
                per_cpu.start = entries.iter().position(is_first).unwrap_or(per_cpu.start);
            }
        }
        let text = between("_stext", "_etext");
        let init_text = between("_sinittext", "_einittext");
        let is_text = |at: usize| text.is_empty() || text.contains(&at) || init_text.contains(&at);
        let symbol = |(index, entry): (usize, KallsymsEntry<'_>)| {
            let is_bound = BOUNDS.contains(&entry.name);
            KernelSymbol {
                // The letter is that of the linker's output section, which may mix text and data:
                // Debian's 7.3 has `T init_task`. The kernel itself goes by the bounds of the text.
                kind: match kind(entry.letter) {
                    _ if is_bound => SymbolKind::Data,
                    SymbolKind::Function if !is_text(index) => SymbolKind::Data,
                    by_letter => by_letter,
                },
                linkage: linkage(entry.letter),
                init: !is_bound && init.contains(&index) && !per_cpu.contains(&index),
                per_cpu: !is_bound && per_cpu.contains(&index),
                address: entry.address,
            }
        };
        table.symbols = entries.iter().enumerate().map(symbol).collect();
        table
    }

    /// Makes the table of a loaded module from its lines in `/proc/kallsyms`, in their order.
    /// There, an upper-case letter means that the symbol is exported.
    pub fn of_loaded(entries: Entries) -> Self {
        let symbol = |entry: KallsymsEntry<'_>| KernelSymbol {
            kind: kind(entry.letter),
            linkage: if entry.letter.is_ascii_uppercase() {
                Linkage::Global
            } else {
                Linkage::Unknown
            },
            init: false,
            per_cpu: false,
            address: entry.address,
        };
        let symbols = entries.iter().map(symbol).collect();
        Self::new(entries, symbols)
    }

    /// Makes the table that a module will have once it is loaded.
    pub fn of_module(file: &ModuleFile) -> Result<Self> {
        let elf = ElfFile64::<Endianness>::parse(file.elf())
            .map_err(|error| Error::unusable(format_args!("not a kernel module: {error}")))?;
        if elf.symbol_table().is_none() {
            return Err(stripped());
        }
        let (mut entries, mut symbols) = (Entries::default(), Vec::new());
        for symbol in of_elf(&elf) {
            entries.push(KallsymsEntry::new(symbol.letter, &symbol.name));
            symbols.push(KernelSymbol {
                kind: kind(symbol.letter),
                linkage: linkage(symbol.letter),
                init: symbol.init,
                per_cpu: symbol.per_cpu,
                address: 0,
            });
        }
        let mut table = Self::new(entries, symbols);
        let modinfo = image::section(file.elf(), modinfo::SECTION).unwrap_or_default();
        table.keeps_init = modinfo::values(modinfo, "livepatch").next().is_some();
        Ok(table)
    }

    fn new(entries: Entries, symbols: Vec<KernelSymbol>) -> Self {
        let hasher = DefaultHashBuilder::default();
        let mut index = HashTable::with_capacity(entries.len());
        for (number, entry) in (0..).zip(entries.iter()) {
            // There is room for all.
            index.insert_unique(hasher.hash_one(entry.name), number, |_| unreachable!());
        }
        // Without CONFIG_KALLSYMS_ALL, the table has the symbols between the bounds of the text, a
        // few of which may be data.
        let is_data =
            |entry: &KallsymsEntry<'_>| "bdrgsv".contains(entry.letter.to_ascii_lowercase());
        let data = entries.iter().filter(is_data).count();
        let tells_data = data > 0 && data >= entries.len() / 100;
        let tells_exports = entries.iter().any(|entry| entry.name.starts_with(EXPORT));
        Self {
            entries,
            symbols,
            index,
            hasher,
            tells_exports,
            tells_data,
            keeps_init: false,
        }
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| entry.name)
    }

    /// Returns the numbers of the symbols of that name.
    fn numbers(&self, name: &str) -> Vec<u32> {
        let found = self.index.iter_hash(self.hasher.hash_one(name));
        let is_it = |entry: KallsymsEntry<'_>| entry.name == name;
        let mut numbers = Vec::from_iter(found.copied());
        numbers.retain(|number| self.entries.get(*number as usize).is_some_and(is_it));
        numbers.sort_unstable();
        numbers
    }

    /// Returns the symbols of that name, in the order of the kernel's table.
    pub fn named(&self, name: &str) -> Vec<&KernelSymbol> {
        let symbol = |number: u32| &self.symbols[number as usize];
        self.numbers(name).into_iter().map(symbol).collect()
    }

    /// Returns the number of symbols.
    pub fn len(&self) -> usize {
        self.symbols.len()
    }

    /// Returns whether there are no symbols.
    pub fn is_empty(&self) -> bool {
        self.symbols.is_empty()
    }

    /// Returns the symbols that a compiler made of `name`.
    pub fn made_of(&self, name: &str) -> Vec<MadeSymbol<'_>> {
        let made = |(other, symbol)| {
            Some(MadeSymbol {
                how: made_of(str::as_bytes(other), name.as_bytes())?,
                name: other,
                symbol,
            })
        };
        self.names().zip(&self.symbols).filter_map(made).collect()
    }

    /// Returns names that are similar to `name`, the most similar first.
    pub fn near(&self, name: &str) -> Vec<&str> {
        let most = (name.chars().count() / 4).clamp(1, 4);
        let mut near: Vec<(usize, &str)> = self
            .names()
            .filter(|other| other.len().abs_diff(name.len()) <= most)
            .filter(|other| !other.starts_with("__pfx_") && !other.starts_with(EXPORT))
            .filter(|other| *other != name)
            .map(|other| (strsim::osa_distance(name, other), other))
            .filter(|(distance, _)| *distance <= most)
            .collect();
        near.sort_unstable();
        near.dedup();
        near.truncate(3);
        near.into_iter().map(|(_, other)| other).collect()
    }

    /// Returns whether the export table has `name`.
    pub fn exports(&self, name: &str) -> bool {
        !self.named(&format!("{EXPORT}{name}")).is_empty()
    }
}

fn kind(letter: char) -> SymbolKind {
    match letter.to_ascii_lowercase() {
        't' | 'w' | 'i' => SymbolKind::Function,
        'a' => SymbolKind::Absolute,
        _ => SymbolKind::Data,
    }
}

fn linkage(letter: char) -> Linkage {
    match letter {
        // Weak symbols are global, in upper case or in lower case.
        'w' | 'v' | 'u' | 'A'..='Z' => Linkage::Global,
        'a'..='z' => Linkage::Static,
        _ => Linkage::Unknown,
    }
}

/// The properties of an ELF file's symbol that matter here.
pub(super) struct ElfSymbol {
    pub(super) name: String,
    /// The letter of `nm`, upper case for a global symbol.
    pub(super) letter: char,
    pub(super) address: u64,
    init: bool,
    per_cpu: bool,
}

/// Returns the symbols of a module or a vmlinux that the kernel keeps.
pub(super) fn of_elf<'a, H>(
    file: &'a object::read::elf::ElfFile<'_, H>,
) -> impl Iterator<Item = ElfSymbol> + 'a
where
    H: FileHeader,
{
    file.symbols().filter_map(|symbol| {
        let name = symbol.name().ok().filter(|name| is_kept(name))?;
        let SymbolFlags::Elf { st_info, .. } = symbol.flags() else {
            return None;
        };
        if matches!(st_info & 0xf, elf::STT_SECTION | elf::STT_FILE) {
            return None;
        }
        let index = symbol.section_index()?;
        let section = file.section_by_index(index).ok()?;
        let SectionFlags::Elf { sh_flags } = section.flags() else {
            return None;
        };
        if sh_flags & u64::from(elf::SHF_ALLOC) == 0 {
            return None;
        }
        let section_name = section.name().unwrap_or_default();
        let letter = if sh_flags & u64::from(elf::SHF_EXECINSTR) != 0 {
            't'
        } else if sh_flags & u64::from(elf::SHF_WRITE) == 0 {
            'r'
        } else if section.kind().is_bss() {
            'b'
        } else {
            'd'
        };
        Some(ElfSymbol {
            name: name.to_owned(),
            letter: match st_info >> 4 {
                elf::STB_LOCAL => letter,
                _ => letter.to_ascii_uppercase(),
            },
            address: symbol.address(),
            init: section_name.starts_with(".init"),
            per_cpu: section_name.starts_with(".data..percpu"),
        })
    })
}

/// Returns whether the kernel keeps a symbol of that name. It drops mapping symbols and labels.
fn is_kept(name: &str) -> bool {
    !name.is_empty() && !name.starts_with(".L") && !name.starts_with('$')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::kallsyms::tests::entries;

    fn table(symbols: &[(char, &str)]) -> SymbolTable {
        SymbolTable::of_image(entries(symbols))
    }

    #[test]
    fn letters_and_places_are_understood() {
        let table = table(&[
            ('A', "__per_cpu_start"),
            ('D', "counter"),
            ('A', "__per_cpu_end"),
            ('T', "open"),
            ('t', "helper"),
            ('t', "helper"),
            ('W', "weak"),
            ('r', "__ksymtab_open"),
            ('D', "__init_begin"),
            ('t', "setup"),
            ('D', "__init_end"),
            ('b', "state"),
        ]);
        assert_eq!(table.named("open")[0].kind, SymbolKind::Function);
        assert_eq!(table.named("open")[0].linkage, Linkage::Global);
        assert_eq!(table.named("weak")[0].kind, SymbolKind::Function);
        assert_eq!(table.named("helper").len(), 2);
        assert_eq!(table.named("helper")[0].linkage, Linkage::Static);
        assert!(table.named("setup")[0].init && !table.named("state")[0].init);
        assert!(table.named("counter")[0].per_cpu);
        assert_eq!(table.named("state")[0].kind, SymbolKind::Data);
        assert!(table.exports("open") && !table.exports("helper"));
        assert!(table.named("nothing").is_empty());
    }

    #[test]
    fn per_cpu_data_may_begin_at_address_0() {
        let entry = |&(letter, name, address)| KallsymsEntry {
            letter,
            name,
            address,
        };
        let symbols = [
            ('D', "fixed_percpu_data", 0),
            ('D', "__per_cpu_start", 0),
            ('D', "counter", 8),
            ('D', "__per_cpu_end", 16),
            ('T', "open", 64),
        ];
        let table = SymbolTable::of_image(symbols.iter().map(entry).collect());
        for name in ["fixed_percpu_data", "counter"] {
            assert!(table.named(name)[0].per_cpu, "{name}");
        }
        for name in ["__per_cpu_start", "__per_cpu_end", "open"] {
            assert!(!table.named(name)[0].per_cpu, "{name}");
        }
    }

    #[test]
    fn text_is_between_its_bounds() {
        let table = table(&[
            ('T', "_stext"),
            ('t', "open"),
            ('T', "_etext"),
            ('T', "init_task"),
            ('T', "_sinittext"),
            ('t', "setup"),
            ('T', "_einittext"),
        ]);
        assert_eq!(table.named("open")[0].kind, SymbolKind::Function);
        assert_eq!(table.named("setup")[0].kind, SymbolKind::Function);
        assert_eq!(table.named("init_task")[0].kind, SymbolKind::Data);
    }

    #[test]
    fn clones_and_near_names() {
        let table = table(&[
            ('t', "work.isra.0"),
            ('t', "work.llvm.7"),
            ('t', "work.cold"),
            ('t', "workers"),
            ('t', "target_submit_cmd"),
            ('t', "__pfx_target_submit"),
        ]);
        let made = table.made_of("work").into_iter();
        let made: Vec<_> = made.map(|made| (made.name, made.how)).collect();
        let expected = [
            ("work.isra.0", Made::Clone),
            ("work.llvm.7", Made::Renamed),
            ("work.cold", Made::Clone),
        ];
        assert_eq!(made, expected);
        assert_eq!(table.near("target_submit_cdm"), ["target_submit_cmd"]);
        assert!(table.near("nothing_like_it").is_empty());
    }
}
