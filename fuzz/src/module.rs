// SPDX-License-Identifier: GPL-2.0

//! A maker of kernel modules by a fuzzer's decisions: it makes a well-formed module, then changes
//! numbers in its tables.

use crate::elf::{self, ElfSymbol, Section, ALLOC, EXEC, NOBITS, PROGBITS, RELA, WRITE};
use arbitrary::Arbitrary;
use kimport_cli::relink::{
    request::{Listed, Request, Selection},
    RelinkOptions,
};

/// The names of sections that the code under test treats specially, and some others.
const SECTIONS: [&str; 16] = [
    ".text",
    ".init.text",
    ".data",
    ".bss",
    ".rodata",
    "__jump_table",
    ".static_call_sites",
    ".altinstructions",
    "__ksymtab",
    ".debug_info",
    ".comment",
    "__mcount_loc",
    ".modinfo",
    ".gnu.linkonce.this_module",
    "__versions",
    ".data..percpu",
];
const SYMBOLS: [&str; 16] = [
    "kfree",
    "target_submit",
    "scsi_done",
    "unheard_of",
    "_printk",
    "init_module",
    "_GLOBAL_OFFSET_TABLE_",
    "f.isra.0",
    "",
    ".klp.sym.new.f,0",
    ".klp.sym.vmlinux.kfree,2",
    ".klp.sym.broken",
    "__UNIQUE_ID_name",
    "a",
    "b",
    "c",
];
const MODULES: [&str; 6] = [
    "new",
    "target_core_mod",
    "scsi_mod",
    "vmlinux",
    "old",
    "m_55",
];

/// The exports of each module, as in `Module.symvers`.
pub const SYMVERS: &str = "0x0\tkfree\tvmlinux\tEXPORT_SYMBOL\t\n\
    0x0\tklp_enable_patch\tvmlinux\tEXPORT_SYMBOL_GPL\t\n\
    0x0\t_printk\tvmlinux\tEXPORT_SYMBOL\t\n\
    0x0\ttarget_submit\tdrivers/target/target_core_mod\tEXPORT_SYMBOL\t\n\
    0x0\tscsi_done\tdrivers/scsi/scsi_mod\tEXPORT_SYMBOL\t\n";

fn pick<'a>(from: &[&'a str], number: u8) -> &'a str {
    from[usize::from(number) % from.len()]
}

/// The description of a module.
#[derive(Arbitrary, Clone, Debug)]
pub struct Spec {
    sections: Vec<SectionSpec>,
    symbols: Vec<SymbolSpec>,
    depends: Vec<u8>,
    renamed: bool,
    livepatch: bool,
    edits: Vec<Edit>,
}

/// A section in addition to those that each module has.
#[derive(Arbitrary, Clone, Debug)]
struct SectionSpec {
    name: u8,
    size: u8,
    relocations: Vec<RelocationSpec>,
}

#[derive(Arbitrary, Clone, Debug)]
struct RelocationSpec {
    at: u8,
    symbol: u8,
    kind: u8,
    addend: i8,
}

#[derive(Arbitrary, Clone, Debug)]
struct SymbolSpec {
    name: u8,
    weak: bool,
    /// The section that defines the symbol; [`None`] if it is undefined.
    section: Option<u8>,
    value: u8,
}

/// A change of a number in a table of the file.
#[derive(Arbitrary, Clone, Debug)]
struct Edit {
    table: FileTable,
    entry: u8,
    field: u8,
    value: Value,
}

#[derive(Arbitrary, Clone, Debug)]
enum FileTable {
    Header,
    Sections,
    Symbols,
    Relocations,
}

/// The new number. A changed bit or an extreme value finds more than a random number.
#[derive(Arbitrary, Clone, Debug)]
enum Value {
    Zero,
    Most,
    Bit(u8),
    Small(u8),
    FileSize,
    Any(u64),
}

/// The offset and the length of each number in an entry of a table.
const HEADER: &[(usize, usize)] = &[
    (16, 2),
    (18, 2),
    (40, 8),
    (48, 4),
    (54, 2),
    (56, 2),
    (58, 2),
    (60, 2),
    (62, 2),
    (4, 1),
    (5, 1),
];
const SECTION: &[(usize, usize)] = &[
    (0, 4),
    (4, 4),
    (8, 8),
    (16, 8),
    (24, 8),
    (32, 8),
    (40, 4),
    (44, 4),
    (48, 8),
    (56, 8),
];
const SYMBOL: &[(usize, usize)] = &[(0, 4), (4, 1), (5, 1), (6, 2), (8, 8), (16, 8)];
const RELOCATION: &[(usize, usize)] = &[(0, 8), (8, 4), (12, 4), (16, 8)];

impl Spec {
    /// Returns the module's name.
    pub fn name(&self) -> &'static str {
        if self.renamed {
            "other"
        } else {
            "module"
        }
    }

    /// Returns the bytes of the module's file.
    pub fn bytes(&self) -> Vec<u8> {
        let specs = &self.sections[..self.sections.len().min(12)];
        let symbols = &self.symbols[..self.symbols.len().min(24)];
        let name = self.name();
        let depends: Vec<&str> = self.depends.iter().map(|&it| pick(&MODULES, it)).collect();
        let modinfo = format!("license=GPL\0depends={}\0name={name}\0", depends.join(","));
        let mut this_module = vec![0; 256];
        this_module[24..24 + name.len()].copy_from_slice(name.as_bytes());
        let mut sections = vec![
            Section::new(".modinfo", PROGBITS, ALLOC, modinfo.into_bytes()),
            Section::new(
                ".gnu.linkonce.this_module",
                PROGBITS,
                ALLOC | WRITE,
                this_module,
            ),
        ];
        let first = sections.len() as u32 + 1;
        sections.extend(specs.iter().map(SectionSpec::section));
        let relocated: Vec<(u32, &SectionSpec)> = (first..)
            .zip(specs)
            .filter(|(_, spec)| !spec.relocations.is_empty())
            .collect();
        let symtab = (sections.len() + relocated.len()) as u32 + 1;
        for (target, spec) in relocated {
            sections.push(spec.rela(target, symtab, symbols.len(), self.livepatch));
        }
        // All symbols are global, so that their order is free.
        let symbols: Vec<ElfSymbol> = symbols
            .iter()
            .map(|spec| ElfSymbol {
                name: pick(&SYMBOLS, spec.name).to_owned(),
                info: if spec.weak { 0x20 } else { 0x10 },
                section: match spec.section {
                    Some(number) => u16::from(number) % symtab as u16,
                    None if spec.name % 16 >= 9 && spec.name % 16 < 12 => 0xff20,
                    None => 0,
                },
                value: spec.value.into(),
                size: 0,
            })
            .collect();
        sections.extend(elf::symbol_table(&symbols, symtab + 1));
        let mut bytes = elf::file(elf::RELOCATABLE, &sections);
        let places = Places::of(&bytes);
        for edit in self.edits.iter().take(6) {
            edit.apply(&mut bytes, &places);
        }
        bytes
    }
}

impl SectionSpec {
    fn section(&self) -> Section {
        let name = pick(&SECTIONS, self.name);
        let flags = match name {
            ".text" | ".init.text" => ALLOC | EXEC,
            ".data" | ".bss" | ".data..percpu" => ALLOC | WRITE,
            ".debug_info" | ".comment" => 0,
            _ => ALLOC,
        };
        let kind = if name == ".bss" { NOBITS } else { PROGBITS };
        Section::new(name, kind, flags, vec![0x90; self.size.into()])
    }

    fn rela(&self, target: u32, symtab: u32, symbols: usize, livepatch: bool) -> Section {
        let mut data = Vec::new();
        for relocation in self.relocations.iter().take(32) {
            let symbol = u32::from(relocation.symbol) % (symbols as u32 + 1);
            data.extend(u64::from(relocation.at).to_le_bytes());
            data.extend(u32::from(relocation.kind).to_le_bytes());
            data.extend(symbol.to_le_bytes());
            data.extend(i64::from(relocation.addend).to_le_bytes());
        }
        let name = pick(&SECTIONS, self.name);
        let (name, flags) = if livepatch && target % 2 == 0 {
            (
                format!(".klp.rela.vmlinux.{name}"),
                ALLOC | 0x40 | 0x10_0000,
            )
        } else {
            (format!(".rela{name}"), 0x40)
        };
        Section {
            link: symtab,
            info: target,
            entry: 24,
            ..Section::new(&name, RELA, flags, data)
        }
    }
}

/// The offsets of the entries of a file's tables.
struct Places {
    sections: Vec<usize>,
    symbols: Vec<usize>,
    relocations: Vec<usize>,
}

impl Places {
    /// Finds them in a file that this maker wrote.
    fn of(file: &[u8]) -> Self {
        let number = |at: usize, size: usize| {
            let bytes = file[at..at + size].iter().rev();
            bytes.fold(0, |number, &byte| (number << 8) | usize::from(byte))
        };
        let table = number(40, 8);
        let sections: Vec<usize> = (0..number(60, 2)).map(|index| table + 64 * index).collect();
        let entries = |kind: u32| -> Vec<usize> {
            let tables = sections
                .iter()
                .filter(|&&at| number(at + 4, 4) == kind as usize);
            tables
                .flat_map(|&at| {
                    let start = number(at + 24, 8);
                    (start..start + number(at + 32, 8)).step_by(24)
                })
                .collect()
        };
        Self {
            symbols: entries(elf::SYMTAB),
            relocations: entries(RELA),
            sections,
        }
    }
}

impl Edit {
    fn apply(&self, file: &mut [u8], places: &Places) {
        let (entries, fields) = match self.table {
            FileTable::Header => (&[0][..], HEADER),
            FileTable::Sections => (&places.sections[..], SECTION),
            FileTable::Symbols => (&places.symbols[..], SYMBOL),
            FileTable::Relocations => (&places.relocations[..], RELOCATION),
        };
        let Some(&entry) = entries.get(usize::from(self.entry) % entries.len().max(1)) else {
            return;
        };
        let (at, size) = fields[usize::from(self.field) % fields.len()];
        let length = file.len() as u64;
        let place = &mut file[entry + at..entry + at + size];
        let mut old = [0; 8];
        old[..size].copy_from_slice(place);
        let new = match self.value {
            Value::Zero => 0,
            Value::Most => u64::MAX,
            Value::Bit(bit) => u64::from_le_bytes(old) ^ (1 << (usize::from(bit) % (8 * size))),
            Value::Small(number) => number.into(),
            Value::FileSize => length,
            Value::Any(number) => number,
        };
        place.copy_from_slice(&new.to_le_bytes()[..size]);
    }
}

/// The description of a request to relink.
#[derive(Arbitrary, Clone, Debug)]
pub struct WishSpec {
    requests: Vec<RequestSpec>,
    name: Option<bool>,
    no_exports: bool,
}

#[derive(Arbitrary, Clone, Debug)]
struct RequestSpec {
    provider: u8,
    selection: SelectionSpec,
}

#[derive(Arbitrary, Clone, Debug)]
enum SelectionSpec {
    Unexported,
    ExportedBy(u8),
    Listed(Vec<(u8, u8)>),
}

impl WishSpec {
    /// Returns the request that a command line would make.
    pub fn options(&self) -> RelinkOptions {
        let requests = self.requests.iter().take(4).map(|request| Request {
            provider: pick(&MODULES, request.provider).to_owned(),
            selection: match &request.selection {
                SelectionSpec::Unexported => Selection::Unexported,
                SelectionSpec::ExportedBy(old) => {
                    Selection::ExportedBy(pick(&MODULES, *old).to_owned())
                }
                SelectionSpec::Listed(symbols) => {
                    let symbols = symbols.iter().take(6);
                    let listed = symbols.map(|&(name, position)| Listed {
                        name: pick(&SYMBOLS[..8], name).to_owned(),
                        position: u64::from(position % 3),
                    });
                    Selection::Listed(listed.collect())
                }
            },
        });
        RelinkOptions {
            requests: requests.collect(),
            no_exports: self.no_exports,
            no_guard: false,
            name: self.name.map(|long| {
                if long {
                    "n".repeat(55)
                } else {
                    "whole".to_owned()
                }
            }),
        }
    }
}
