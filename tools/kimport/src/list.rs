// SPDX-License-Identifier: GPL-2.0

//! `kimport list`: what a module imports, and from where.

use crate::{
    elf::{self, Image, LivepatchSymbol},
    error::{count, printable, Error, Outcome, Result},
    import_table::{self, Import, Kind, Policy},
    module_file::ModuleFile,
    relink::{modinfo, request::new_name},
    symvers::{Symvers, VMLINUX},
};
use object::{build::elf::Builder, elf::STB_WEAK};
use serde::Serialize;
use std::{collections::BTreeSet, str::FromStr};

/// Everything a module imports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listing {
    /// The module's name, if the file tells it.
    pub module: Option<String>,
    /// The licence that it states.
    pub licence: Option<String>,
    /// The imports that kimport binds when the module asks for it.
    pub imports: Vec<Import>,
    /// The symbols that the kernel's livepatch code resolves.
    pub livepatch: Vec<Livepatch>,
    /// The symbols that the module loader resolves.
    pub undefined: Vec<Undefined>,
    /// Whether it is known who exports what.
    pub exporters_known: bool,
}

/// A symbol that the kernel's livepatch code resolves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Livepatch {
    /// Its name.
    pub name: String,
    /// The module that has it, or `vmlinux`.
    pub provider: String,
    /// Which of several of that name; 0: there must be one only.
    pub position: u64,
    /// How many relocations refer to it.
    pub relocations: usize,
}

/// A symbol that the module loader resolves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Undefined {
    /// Its name.
    pub name: String,
    /// The module loads without it.
    pub weak: bool,
    /// The module that exports it, or `vmlinux`.
    pub exported_by: Option<String>,
}

/// A provider that is chosen when the module asks for its imports (`resolve_imports_from`), instead
/// of the declared one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instead {
    /// The module that is asked.
    pub provider: String,
    /// The module that is declared, or `vmlinux`.
    pub declared: String,
}

impl FromStr for Instead {
    type Err = Error;

    /// Parses `PROVIDER=DECLARED`.
    fn from_str(text: &str) -> Result<Self> {
        let Some((provider, declared)) = text.split_once('=') else {
            return Err(Error::unusable("not of the form PROVIDER=DECLARED")
                .help("for instance --from target_core_mod_new=target_core_mod"));
        };
        Ok(Self {
            provider: new_name(provider)?,
            declared: match declared {
                VMLINUX => VMLINUX.to_owned(),
                module => new_name(module)?,
            },
        })
    }
}

impl Listing {
    /// Takes imports from other providers than the declared ones.
    pub fn take_from(&mut self, instead: &[Instead]) -> Result<()> {
        let declared = |import: &Import| {
            let provider = import.provider.as_deref();
            provider.unwrap_or(VMLINUX).to_owned()
        };
        let all: BTreeSet<String> = self.imports.iter().map(declared).collect();
        if let Some(wrong) = instead.iter().find(|one| !all.contains(&one.declared)) {
            let all: Vec<String> = all.into_iter().collect();
            return Err(Error::unusable(format_args!(
                "the module imports nothing from {} with kimport",
                wrong.declared
            ))
            .help(match all.as_slice() {
                [] => {
                    "it has no import table; for livepatch symbols the provider is fixed, relink it"
                        .to_owned()
                }
                all => format!("it imports from {}", all.join(", ")),
            }));
        }
        for import in &mut self.imports {
            let declared = declared(import);
            if let Some(instead) = instead.iter().find(|one| one.declared == declared) {
                import.provider = Some(instead.provider.clone());
            }
        }
        Ok(())
    }

    /// Reads the module.
    pub fn new(file: &ModuleFile, symvers: Option<&Symvers>) -> Result<Self> {
        let image = Image::new(file.elf())?;
        let builder = image.builder()?;
        let counts = elf::relocation_counts(&builder);
        let mut livepatch = Vec::new();
        let mut undefined = Vec::new();
        for symbol in &builder.symbols {
            if let Some(LivepatchSymbol {
                object,
                name,
                position,
            }) = LivepatchSymbol::of(symbol)
            {
                livepatch.push(Livepatch {
                    name,
                    provider: object,
                    position,
                    relocations: elf::count_of(&counts, symbol.id()),
                });
            } else if elf::is_undefined(symbol) {
                let name = String::from_utf8_lossy(&symbol.name).into_owned();
                undefined.push(Undefined {
                    weak: symbol.st_bind() == STB_WEAK,
                    exported_by: symvers
                        .and_then(|symvers| symvers.exporter(&name))
                        .map(str::to_owned),
                    name,
                });
            }
        }
        livepatch.sort_by(|a, b| (&a.provider, &a.name).cmp(&(&b.provider, &b.name)));
        undefined.sort_by(|a, b| (&a.exported_by, &a.name).cmp(&(&b.exported_by, &b.name)));
        let (module, licence) = identity(&builder)?;
        Ok(Self {
            module,
            licence,
            imports: imports(&builder)?,
            livepatch,
            undefined,
            exporters_known: symvers.is_some(),
        })
    }

    /// The symbols the module cannot be loaded without and that nothing exports.
    pub fn unresolved(&self) -> impl Iterator<Item = &Undefined> {
        self.undefined
            .iter()
            .filter(|symbol| self.exporters_known && symbol.exported_by.is_none() && !symbol.weak)
    }

    /// Findings are symbols that the kernel does not export.
    pub fn outcome(&self) -> Outcome {
        match self.unresolved().next() {
            Some(_) => Outcome::Findings,
            None => Outcome::Fine,
        }
    }

    /// The listing for people.
    pub fn text(&self) -> String {
        let mut text = format!(
            "{}: {}, {}, {}\n",
            printable(self.module.as_deref().unwrap_or("(no name)").as_bytes()),
            count(self.imports.len(), "kimport import"),
            count(self.livepatch.len(), "livepatch symbol"),
            count(self.undefined.len(), "undefined symbol")
        );
        let rows = self.imports.iter().map(|import| {
            let mut notes = vec![match import.kind {
                Kind::Function => "function".to_owned(),
                Kind::Data => "data".to_owned(),
            }];
            if import.rust_name != import.name {
                notes.push(format!("as {}", import.rust_name));
            }
            notes.extend(import.block.as_ref().map(|block| format!("in {block}")));
            notes.extend(
                import
                    .position
                    .map(|position| format!("position {position}")),
            );
            notes.extend(import.optional.then(|| "optional".to_owned()));
            notes.extend(import.unverified.then(|| "unverified".to_owned()));
            let policy = Some(import.verify).filter(|policy| *policy != Policy::Strict);
            notes.extend(policy.map(|policy| format!("verify({})", policy.name())));
            let provider = import.provider.as_deref().unwrap_or(VMLINUX);
            [import.name.clone(), provider.to_owned(), notes.join(", ")]
        });
        table(&mut text, ["IMPORT", "FROM", "IS"], rows);
        let rows = self.livepatch.iter().map(|symbol| {
            let mut note = count(symbol.relocations, "relocation");
            if symbol.position != 0 {
                note += &format!(", position {}", symbol.position);
            }
            [symbol.name.clone(), symbol.provider.clone(), note]
        });
        table(&mut text, ["LIVEPATCH SYMBOL", "FROM", "USED BY"], rows);
        let rows = self.undefined.iter().map(|symbol| {
            let exporter = match &symbol.exported_by {
                Some(exporter) => exporter,
                None if self.exporters_known => "not exported",
                None => "?",
            };
            let weak = if symbol.weak { "weak" } else { "" };
            [symbol.name.clone(), exporter.to_owned(), weak.to_owned()]
        });
        table(&mut text, ["UNDEFINED SYMBOL", "EXPORTED BY", ""], rows);
        text
    }
}

/// The module's name and licence; a file that is not finished has no name.
fn identity(builder: &Builder<'_>) -> Result<(Option<String>, Option<String>)> {
    let Some(section) = elf::section(builder, modinfo::SECTION)? else {
        return Ok((None, None));
    };
    let section = elf::contents(section)?;
    let name = modinfo::value(section, "name")?;
    Ok((name.map(str::to_owned), modinfo::licence(section)))
}

/// The module's import table; a module without it imports nothing that way.
fn imports(builder: &Builder<'_>) -> Result<Vec<Import>> {
    let Some(section) = elf::section(builder, import_table::SECTION)? else {
        return Ok(Vec::new());
    };
    import_table::decode(elf::contents(section)?).map_err(|error| {
        Error::unusable(format_args!("section {}: {error}", import_table::SECTION))
            .help("the module was built with another version of kimport; rebuild one of the two")
    })
}

/// Appends a table, its columns as wide as they need to be; nothing if it has no rows.
fn table(text: &mut String, head: [&str; 3], rows: impl Iterator<Item = [String; 3]>) {
    let rows: Vec<[String; 3]> = std::iter::once(head.map(str::to_owned))
        .chain(rows.map(|row| row.map(|cell| printable(cell.as_bytes()))))
        .collect();
    if rows.len() == 1 {
        return;
    }
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let (first, second) = (width(0).unwrap_or(0), width(1).unwrap_or(0));
    text.push('\n');
    for [a, b, c] in &rows {
        let line = format!("{a:first$}  {b:second$}  {c}");
        text.push_str(line.trim_end());
        text.push('\n');
    }
}
