// SPDX-License-Identifier: GPL-2.0

//! `kimport list`: the imports of a module and their providers.

use crate::{
    elf::{self, Image, LivepatchSymbol},
    error::{count, printable, Error, Outcome, Result},
    import_table::{self, Import, ImportKind, Policy},
    layout_tables::{self, LayoutTables},
    loader::Marks,
    module_file::ModuleFile,
    relink::{modinfo, records, request::new_name},
    symvers::{Symvers, VMLINUX},
    text_table::text_table,
};
use kimport_types::TakenRecord;
use object::{build::elf::Builder, elf::STB_WEAK};
use schemars::JsonSchema;
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    str::FromStr,
};

/// All imports of a module.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Listing {
    /// The module's name, if the file tells it.
    pub module: Option<String>,
    /// The license that it states.
    pub license: Option<String>,
    /// The imports made with kimport, which it binds when the module asks for it: first those that
    /// the module declares, then those of kimport itself.
    pub imports: Vec<Import>,
    /// The symbols that the kernel's livepatch code resolves.
    pub livepatch: Vec<Livepatch>,
    /// The symbols that the module loader resolves.
    pub undefined: Vec<Undefined>,
    /// True if the exporters of undefined symbols are known.
    pub exporters_known: bool,
    /// Its marks for the module loader.
    #[serde(skip)]
    pub marks: Marks,
    /// The layouts that it was compiled with.
    #[serde(skip)]
    pub layouts: LayoutTables,
}

/// A symbol that the kernel's livepatch code resolves.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Livepatch {
    /// Its name.
    pub name: String,
    /// The module that has it, or `vmlinux`.
    pub provider: String,
    /// The position among several symbols of that name, counted from 1; 0: there must be only one.
    pub position: u64,
    /// The number of relocations that refer to it.
    pub relocations: usize,
    /// True if the module has a record of the symbol, by which `kimport_guard` holds its provider.
    pub recorded: bool,
    /// True if the record describes the type, which `kimport_guard` then compares.
    pub described: bool,
}

/// A symbol that the module loader resolves.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Undefined {
    /// Its name.
    pub name: String,
    /// True if the module loads without it.
    pub weak: bool,
    /// The module that exports it, or `vmlinux`.
    pub exported_by: Option<String>,
}

/// `PROVIDER=OLD`: takes from one module what the importing module takes from another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replacement {
    /// The module to take the symbols from.
    pub provider: String,
    /// The module that exports the symbols, or that the imports are declared to come from; or
    /// `vmlinux`.
    pub old: String,
}

impl FromStr for Replacement {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let Some((provider, old)) = text.split_once('=') else {
            return Err(Error::unusable("not of the form PROVIDER=OLD")
                .help("for instance --from target_core_mod_new=target_core_mod"));
        };
        Ok(Self {
            provider: new_name(provider)?,
            old: match old {
                VMLINUX => VMLINUX.to_owned(),
                module => new_name(module)?,
            },
        })
    }
}

impl Listing {
    /// Replaces providers. The imports that are declared to come from an old provider come from the
    /// new one, as if the module had asked for it (`resolve_imports_from`). If there are none, the
    /// symbols that the old provider exports come from the new one, as if `kimport relink` had been
    /// given the same option; it refuses modules that have both. `exports` returns whether a module
    /// exports a symbol.
    pub fn take_from(
        &mut self,
        replacements: &[Replacement],
        exports: impl Fn(&str, &str) -> bool,
    ) -> Result<()> {
        let (mut declared, mut exported) = (BTreeMap::new(), BTreeMap::new());
        for Replacement { provider, old } in replacements {
            let is_exported = |symbol: &Undefined| exports(old, &symbol.name);
            let taken = if self.imports.iter().any(|import| import.provider() == old) {
                &mut declared
            } else if self.undefined.iter().any(is_exported) {
                &mut exported
            } else {
                return Err(self.takes_nothing_from(old));
            };
            let other = taken.insert(old.as_str(), provider);
            if let Some(other) = other.filter(|other| *other != provider) {
                return Err(Error::unusable(format_args!(
                    "what comes from {old} cannot come from both {other} and {provider}"
                )));
            }
        }
        for import in &mut self.imports {
            if let Some(provider) = declared.get(import.provider()) {
                import.provider = Some(provider.to_string());
            }
        }
        for (old, provider) in exported {
            let is_kept = |symbol: &Undefined| !exports(old, &symbol.name);
            let moved = self.undefined.iter().filter(|symbol| !is_kept(symbol));
            self.livepatch.extend(moved.map(|symbol| Livepatch {
                name: symbol.name.clone(),
                provider: provider.clone(),
                position: 0,
                relocations: 0,
                recorded: false,
                described: false,
            }));
            self.undefined.retain(is_kept);
        }
        Ok(())
    }

    fn takes_nothing_from(&self, old: &str) -> Error {
        let error = Error::unusable(format_args!(
            "the module neither imports from {old} with kimport nor uses what {old} exports, as far as is known"
        ));
        if self.livepatch.iter().any(|symbol| symbol.provider == old) {
            let help = "its livepatch symbols come from there for good; relink the original module";
            return error.help(help);
        }
        let all: BTreeSet<&str> = self.imports.iter().map(Import::provider).collect();
        match Vec::from_iter(all).join(", ").as_str() {
            "" => error.help("`kimport list --symvers Module.symvers` shows what it uses"),
            all => error.help(format_args!("it imports from {all}")),
        }
    }

    /// Returns the modules that symbols are taken from, and perhaps `vmlinux`.
    pub fn providers(&self) -> BTreeSet<&str> {
        let imports = self.imports.iter().map(Import::provider);
        let livepatch = self.livepatch.iter();
        let livepatch = livepatch.map(|symbol| symbol.provider.as_str());
        imports.chain(livepatch).collect()
    }

    /// Reads the module.
    pub fn new(file: &ModuleFile, symvers: Option<&Symvers>) -> Result<Self> {
        let image = Image::new(file.elf())?;
        Self::of(&image.builder()?, symvers)
    }

    /// Reads the module that `builder` has opened.
    pub(crate) fn of(builder: &Builder<'_>, symvers: Option<&Symvers>) -> Result<Self> {
        let counts = elf::relocation_counts(builder);
        let records = records::read(builder)?;
        let mut livepatch = Vec::new();
        let mut undefined = Vec::new();
        for symbol in &builder.symbols {
            if let Some(livepatched) = LivepatchSymbol::of(symbol) {
                let is_it = |record: &&TakenRecord<'_>| records::is_of(record, &livepatched);
                let record = records.iter().find(is_it);
                livepatch.push(Livepatch {
                    relocations: elf::count_of(&counts, symbol.id()),
                    recorded: record.is_some(),
                    described: record.is_some_and(|record| !record.import.description.is_empty()),
                    name: livepatched.name,
                    provider: livepatched.object,
                    position: livepatched.position,
                });
            } else if elf::is_undefined(symbol) {
                let name = String::from_utf8_lossy(&symbol.name).into_owned();
                let exporter = symvers.and_then(|symvers| symvers.exporter(&name));
                undefined.push(Undefined {
                    weak: symbol.st_bind() == STB_WEAK,
                    exported_by: exporter.map(str::to_owned),
                    name,
                });
            }
        }
        livepatch.sort_by(|a, b| (&a.provider, &a.name).cmp(&(&b.provider, &b.name)));
        undefined.sort_by(|a, b| (&a.exported_by, &a.name).cmp(&(&b.exported_by, &b.name)));
        let (module, license) = identity(builder)?;
        Ok(Self {
            module,
            license,
            imports: imports(builder)?,
            layouts: layouts(builder)?,
            livepatch,
            undefined,
            exporters_known: symvers.is_some(),
            marks: Marks::new(builder)?,
        })
    }

    /// Returns the imports that the module itself declares.
    fn own_imports(&self) -> impl Iterator<Item = &Import> {
        self.imports.iter().filter(|import| !import.internal)
    }

    /// Returns whether there are findings: symbols that nothing exports and without which the
    /// module cannot be loaded.
    pub fn outcome(&self) -> Outcome {
        let is_open = |symbol: &Undefined| symbol.exported_by.is_none() && !symbol.weak;
        Outcome::of(self.exporters_known && self.undefined.iter().any(is_open))
    }

    /// Returns the listing as text for people, for a terminal of `width` columns.
    pub fn text(&self, width: Option<usize>) -> String {
        let mut text = format!(
            "{}: {}, {}, {}\n",
            printable(self.module.as_deref().unwrap_or("(no name)")),
            count(self.own_imports().count(), "kimport import"),
            count(self.livepatch.len(), "livepatch symbol"),
            count(self.undefined.len(), "undefined symbol")
        );
        let rows = self.own_imports().map(|import| {
            let mut notes = vec![match import.kind {
                ImportKind::Function => "function".to_owned(),
                ImportKind::Data => "data".to_owned(),
            }];
            if import.rust_name != import.name {
                notes.push(format!("as {}", import.rust_name));
            }
            notes.extend(import.block.as_ref().map(|block| format!("in {block}")));
            let position = import.position;
            notes.extend(position.map(|position| format!("position {position}")));
            notes.extend(import.optional.then(|| "optional".to_owned()));
            notes.extend(import.unverified.then(|| "unverified".to_owned()));
            let policy = Some(import.verify).filter(|policy| *policy != Policy::Strict);
            notes.extend(policy.map(|policy| format!("verify({})", policy.name())));
            [
                import.name.clone(),
                import.provider().to_owned(),
                notes.join(", "),
            ]
        });
        append(&mut text, width, ["IMPORT", "FROM", "IS"], rows);
        let internal = self.imports.iter().filter(|import| import.internal);
        let names: Vec<&str> = internal.map(|import| import.name.as_str()).collect();
        if !names.is_empty() {
            let names = printable(names.join(" "));
            text += &format!("\nkimport itself imports: {names}\n");
        }
        let rows = self.livepatch.iter().map(|symbol| {
            let mut note = count(symbol.relocations, "relocation");
            if symbol.position != 0 {
                note += &format!(", position {}", symbol.position);
            }
            note += match (symbol.recorded, symbol.described) {
                (false, _) => "",
                (true, false) => ", recorded",
                (true, true) => ", recorded with its type",
            };
            [symbol.name.clone(), symbol.provider.clone(), note]
        });
        let head = ["LIVEPATCH SYMBOL", "FROM", "USED BY"];
        append(&mut text, width, head, rows);
        let rows = self.undefined.iter().map(|symbol| {
            let exporter = match &symbol.exported_by {
                Some(exporter) => exporter,
                None if self.exporters_known => "not exported",
                None => "?",
            };
            let weak = if symbol.weak { "weak" } else { "" };
            [symbol.name.clone(), exporter.to_owned(), weak.to_owned()]
        });
        let head = ["UNDEFINED SYMBOL", "EXPORTED BY", ""];
        append(&mut text, width, head, rows);
        text
    }
}

/// Returns the module's name and license. A file that is not finished has no name.
fn identity(builder: &Builder<'_>) -> Result<(Option<String>, Option<String>)> {
    let section = elf::data(builder, modinfo::SECTION)?.unwrap_or_default();
    let name = modinfo::value(section, "name")?;
    Ok((name.map(str::to_owned), modinfo::license(section)))
}

/// Reads the module's import table. A module without one has no imports of this kind.
fn imports(builder: &Builder<'_>) -> Result<Vec<Import>> {
    let section = elf::data(builder, import_table::SECTION)?.unwrap_or_default();
    let mut imports = import_table::decode(section).map_err(|error| {
        Error::unusable(format_args!("section {}: {error}", import_table::SECTION))
            .help("the module was built with another version of kimport; rebuild one of the two")
    })?;
    imports.sort_by_key(|import| import.internal);
    Ok(imports)
}

/// Reads the layouts that the module was compiled with.
fn layouts(builder: &Builder<'_>) -> Result<LayoutTables> {
    let section = elf::data(builder, layout_tables::SECTION)?.unwrap_or_default();
    let names = elf::data(builder, layout_tables::NAMES)?.unwrap_or_default();
    LayoutTables::decode(section, names).map_err(|error| {
        Error::unusable(format_args!("section {}: {error}", layout_tables::SECTION))
            .help("the module was built with another version of kimport; rebuild one of the two")
    })
}

/// Appends a table, or nothing if it has no rows.
fn append(
    text: &mut String,
    width: Option<usize>,
    head: [&str; 3],
    rows: impl Iterator<Item = [String; 3]>,
) {
    let mut rows = rows.map(|row| row.map(printable)).peekable();
    if rows.peek().is_some() {
        let rows = std::iter::once(head.map(str::to_owned)).chain(rows);
        *text += &format!("\n{}", text_table(rows, width));
    }
}
