// SPDX-License-Identifier: GPL-2.0

//! The records of the symbols that a module takes from its providers, for `kimport_guard`.
//!
//! This kernel module watches modules come and go. It holds the providers of a module with records,
//! and checks the symbols as the kernel-side crate checks imports. [`kimport_types::TakenRecord`]
//! has the format. The address in a record is filled in by a livepatch relocation like those of the
//! module's code, so the guard sees the addresses that the loader has bound.

use super::{plan::RelinkPlan, rewrite};
use crate::{
    describe,
    elf::{self, LivepatchSymbol},
    error::{Error, Result},
    kernel::Kernel,
    module_file::ModuleFile,
    relinked_types::{self, TakenFunction},
    symvers::VMLINUX,
};
use kimport_types::{
    ImportKind, ImportRecord, Policy, TakenRecord, TakenRecords, TAKEN_HEADER, TAKEN_SECTION,
    TAKEN_SYMBOL,
};
use object::{
    build::elf::{Builder, Relocation, SectionData, SectionId, SymbolId},
    elf::{
        EM_AARCH64, EM_LOONGARCH, EM_PPC64, EM_S390, EM_X86_64, R_390_64, R_AARCH64_ABS64,
        R_LARCH_64, R_PPC64_ADDR64, R_X86_64_64, SHF_ALLOC, SHF_INFO_LINK, SHT_PROGBITS, SHT_RELA,
        STB_GLOBAL, STT_OBJECT,
    },
};

/// The kernel module that reads the records.
pub const GUARD: &str = "kimport_guard";

/// The alignment of the section.
const ALIGN: u64 = 8;

/// A symbol to make a record of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The symbol in the module's symbol table.
    symbol: SymbolId,
    to: LivepatchSymbol,
    /// The description of the type that the module was built with; empty if it is not known.
    description: Vec<u8>,
    /// The layouts that the provider's functions lead to, with the first symbol of the provider.
    layouts: Vec<u8>,
}

impl Taken {
    /// Returns the symbols of `plan` to make records of. Their types are described as far as
    /// `kernel` has them.
    pub fn all(plan: &RelinkPlan, kernel: Option<&Kernel>) -> Vec<Self> {
        let redirects = plan.redirects.iter().filter(|redirect| !redirect.marked);
        let taken = redirects.map(|redirect| {
            let to = &redirect.to;
            // The module was built with the type that the exporter declares to all.
            let built_with = redirect.exporter.as_ref().unwrap_or(&to.object);
            let description = kernel.and_then(|kernel| {
                kernel.with_types_of(built_with, |types| describe::function(types, &to.name))?
            });
            Self {
                symbol: redirect.symbol,
                to: to.clone(),
                description: description.unwrap_or_default(),
                layouts: Vec::new(),
            }
        });
        taken.collect()
    }

    /// Returns whether its record describes the type.
    pub fn is_described(&self) -> bool {
        !self.description.is_empty()
    }

    /// Returns whether this is the symbol with that id.
    pub fn is(&self, symbol: SymbolId) -> bool {
        self.symbol == symbol
    }

    fn record(&self) -> Vec<u8> {
        let LivepatchSymbol {
            object,
            name,
            position,
        } = &self.to;
        let provider = if object == VMLINUX { "" } else { object };
        let kind = match self.is_described() {
            true => ImportKind::Function,
            false => ImportKind::Data,
        };
        let record = TakenRecord {
            address: 0,
            import: ImportRecord {
                kind,
                optional: false,
                unverified: !self.is_described(),
                internal: false,
                policy: Policy::Strict,
                // The kernel has no name so often.
                position: (*position).try_into().unwrap_or(u32::MAX),
                block: "",
                provider,
                name,
                rust_name: name,
                description: &self.description,
            },
            layouts: &self.layouts,
        };
        let mut bytes = vec![0; record.record_size()];
        record.write(&mut bytes);
        bytes
    }
}

/// Adds the layouts that the module in `file` was built with, as far as it has BTF of its own.
pub fn add_layouts(taken: &mut [Taken], plan: &RelinkPlan, file: &ModuleFile, kernel: &Kernel) {
    let redirects = plan.redirects.iter().filter(|redirect| !redirect.marked);
    let functions = redirects.map(|redirect| TakenFunction {
        provider: &redirect.to.object,
        name: &redirect.to.name,
        exported_by: redirect.exporter.as_deref(),
    });
    let mut tables = relinked_types::tables(file, &functions.collect::<Vec<_>>(), kernel);
    for symbol in taken {
        symbol.layouts = tables.remove(&symbol.to.object).unwrap_or_default();
    }
}

/// Adds the records to those that the module has.
pub fn add(builder: &mut Builder<'_>, taken: &[Taken]) -> Result<()> {
    if taken.is_empty() {
        return Ok(());
    }
    let r_type = address_relocation(builder.header.e_machine)?;
    let id = match elf::section(builder, TAKEN_SECTION)?.map(|section| section.id()) {
        Some(id) => id,
        None => add_section(builder, r_type),
    };
    let mut records = elf::contents(builder.sections.get(id))?.to_vec();
    let mut relocations = Vec::new();
    for symbol in taken {
        relocations.push(address_of(symbol.symbol, records.len() as u64, r_type));
        records.extend(symbol.record());
    }
    let size = records.len() as u64;
    builder.sections.get_mut(id).data = SectionData::Data(records.into());
    for symbol in &mut builder.symbols {
        if symbol.section == Some(id) && symbol.name.as_slice() == TAKEN_SYMBOL.as_bytes() {
            symbol.st_size = size;
        }
    }
    let symbol_table = symbol_table(builder);
    rewrite::append(builder, id, symbol_table, relocations);
    Ok(())
}

fn symbol_table(builder: &Builder<'_>) -> Option<SectionId> {
    let mut sections = builder.sections.iter();
    let table = sections.find(|section| matches!(section.data, SectionData::Symbol))?;
    Some(table.id())
}

/// Returns a relocation that writes the address of `symbol`.
fn address_of(symbol: SymbolId, r_offset: u64, r_type: u32) -> Relocation {
    Relocation {
        r_offset,
        symbol: Some(symbol),
        r_type,
        r_addend: 0,
    }
}

/// Makes the section of the records, which begins with its own address, and the symbol by which the
/// guard finds it.
fn add_section(builder: &mut Builder<'_>, r_type: u32) -> SectionId {
    let symbol_table = symbol_table(builder);
    let section = builder.sections.add();
    section.name = TAKEN_SECTION.as_bytes().into();
    section.sh_type = SHT_PROGBITS;
    section.sh_flags = SHF_ALLOC.into();
    section.sh_addralign = ALIGN;
    section.data = SectionData::Data(vec![0; TAKEN_HEADER].into());
    let id = section.id();

    let symbol = builder.symbols.add();
    symbol.name = TAKEN_SYMBOL.as_bytes().into();
    // Some strips drop local symbols.
    symbol.st_info = (STB_GLOBAL << 4) | STT_OBJECT;
    symbol.section = Some(id);
    let mark = symbol.id();

    let section = builder.sections.add();
    section.name = format!(".rela{TAKEN_SECTION}").into_bytes().into();
    section.sh_type = SHT_RELA;
    section.sh_flags = SHF_INFO_LINK.into();
    section.sh_link_section = symbol_table;
    section.sh_info_section = Some(id);
    section.sh_addralign = ALIGN;
    section.sh_entsize = 24;
    section.data = SectionData::Relocation(vec![address_of(mark, 0, r_type)]);
    id
}

/// Returns the relocation that writes the whole address of a symbol.
fn address_relocation(machine: u16) -> Result<u32> {
    Ok(match machine {
        EM_X86_64 => R_X86_64_64,
        EM_AARCH64 => R_AARCH64_ABS64,
        EM_LOONGARCH => R_LARCH_64,
        EM_PPC64 => R_PPC64_ADDR64,
        EM_S390 => R_390_64,
        _ => {
            let why = "no kernel of this architecture has livepatch";
            return Err(Error::unusable(why));
        }
    })
}

/// Reads the records of a module. A module that is not relinked has none.
pub fn read<'a>(builder: &'a Builder<'_>) -> Result<Vec<TakenRecord<'a>>> {
    let Some(section) = elf::data(builder, TAKEN_SECTION)? else {
        return Ok(Vec::new());
    };
    let records = TakenRecords::new(section).and_then(Iterator::collect);
    records.map_err(|fault| {
        Error::unusable(format_args!("section {TAKEN_SECTION}: {fault}"))
            .help("the module was relinked by another version of kimport; relink the original anew")
    })
}

/// Returns whether `record` is one of `symbol`.
pub fn is_of(record: &TakenRecord<'_>, symbol: &LivepatchSymbol) -> bool {
    let provider = match record.import.provider {
        "" => VMLINUX,
        provider => provider,
    };
    (
        provider,
        record.import.name,
        u64::from(record.import.position),
    ) == (&symbol.object, &symbol.name, symbol.position)
}
