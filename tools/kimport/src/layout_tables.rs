// SPDX-License-Identifier: GPL-2.0

//! The layouts that `import_symbols!` leaves in a module: the ELF section `.kimport.layouts`, whose
//! format is that of [`kimport_types::LayoutTable`], and the names of members beside it.

use kimport_types::{
    judge_layouts, member_hash, Btf, Judgement, LayoutCheck, LayoutSlot, LayoutTable,
    TableMismatch, TableReport,
};

use crate::import_table::Import;

/// The section with the tables.
pub const SECTION: &str = ".kimport.layouts";

/// The section with the names of members, which the kernel does not load.
pub const NAMES: &str = ".comment.kimport";

/// The layouts that a module was compiled with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LayoutTables {
    /// The tables, each of which can be read.
    tables: Vec<Vec<u8>>,
    names: Vec<String>,
}

/// A section that is no sequence of tables.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the table of layouts at offset {offset:#x} cannot be read")]
pub struct DecodeError {
    /// The offset in the section at which the table begins.
    pub offset: usize,
}

impl LayoutTables {
    /// Decodes the contents of the two sections.
    pub fn decode(section: &[u8], names: &[u8]) -> Result<Self, DecodeError> {
        let mut tables = Vec::new();
        let mut offset = 0;
        while let Some(rest) = section.get(offset..).filter(|rest| !rest.is_empty()) {
            let (_, size) = LayoutTable::read(rest).ok_or(DecodeError { offset })?;
            tables.push(rest[..size].to_vec());
            offset += size;
        }
        let names = names
            .split(|&byte| byte == 0)
            .filter(|name| !name.is_empty());
        let names = names.map(|name| String::from_utf8_lossy(name).into_owned());
        let names = names.collect();
        Ok(Self { tables, names })
    }

    /// Returns the tables.
    pub fn iter(&self) -> impl Iterator<Item = LayoutTable<'_>> {
        let tables = self.tables.iter();
        tables.filter_map(|bytes| Some(LayoutTable::read(bytes)?.0))
    }

    /// Returns the names of members with a hash; more than one has it in rare cases.
    fn name_of(&self, hash: u16) -> Option<String> {
        let mut names: Vec<_> = self.names.iter().map(String::as_str).collect();
        names.retain(|name| member_hash(name.as_bytes()) == hash);
        // Each block has its own.
        names.sort_unstable();
        names.dedup();
        (!names.is_empty()).then(|| names.join(" or "))
    }

    /// Prepares the comparison with the types of one provider, for a module called `module`.
    pub fn checks<'a>(&'a self, module: &'a str, provider: &'a str) -> LayoutChecks<'a> {
        let checks = self.iter().map(|table| {
            let slots = vec![LayoutSlot::default(); table.count()];
            (table.block.to_owned(), LayoutCheck::new(table, slots))
        });
        LayoutChecks {
            checks: checks.collect(),
            tables: self,
            labels: [module, provider],
        }
    }
}

/// The comparison of a module's layouts with the types of one provider.
pub struct LayoutChecks<'a> {
    checks: Vec<(String, LayoutCheck<'a, Vec<LayoutSlot>>)>,
    tables: &'a LayoutTables,
    labels: [&'a str; 2],
}

impl LayoutChecks<'_> {
    /// Judges the layouts that `import`, which is the symbol `id` of `types`, leads to. Returns the
    /// difference in words, too, which is empty if there is none.
    pub fn judge(&mut self, import: &Import, types: &Btf<'_>, id: u32) -> (Judgement, String) {
        let mut worst = (Judgement::Verified, String::new());
        let block = import.block.as_deref().unwrap_or_default();
        // The macro gives no table to a block of whose types it knows none. Modules that it
        // expanded before it made tables have none at all.
        let has_table = self.checks.iter().any(|(name, _)| *name == block);
        if !has_table && !self.checks.is_empty() {
            let check = LayoutCheck::new(LayoutTable::EMPTY, Vec::new());
            self.checks.push((block.to_owned(), check));
        }
        let checks = self.checks.iter_mut().filter(|(name, _)| *name == block);
        for (_, check) in checks {
            let mut difference = String::new();
            let report = |mismatch: TableMismatch, _| {
                let name = self.tables.name_of(mismatch.hash);
                let report = TableReport {
                    mismatch,
                    source: types,
                    labels: self.labels,
                    name: name.as_deref(),
                };
                difference = report.to_string();
            };
            let description = &import.description;
            let found = judge_layouts(check, description, import.verify, types, id, report);
            // Blocks of different modules may have the same name. One of them is that of the
            // import.
            let is_worse = match worst.0 {
                Judgement::Verified => true,
                Judgement::Refused => false,
                _ => found == Judgement::Refused,
            };
            if is_worse {
                worst = (found, difference);
            }
        }
        worst
    }
}
