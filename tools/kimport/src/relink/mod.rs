// SPDX-License-Identifier: GPL-2.0

//! `kimport relink`: makes livepatch relocations of undefined symbols of a built module.
//!
//! The kernel's module loader only finds exported symbols; its livepatch code finds any symbol. A
//! module whose undefined symbols are livepatch symbols therefore needs no export and no code at
//! run time: its calls are as direct as before. There are three steps: [`request`] reads the user's
//! options, [`plan`] works out the changes for this module, and [`rewrite`] makes them.
//! [`requirement`] keeps kernels without livepatch from loading the result. [`records`] tells the
//! kernel module `kimport_guard` what the module takes from which provider.

pub mod exports;
pub mod modinfo;
pub mod plan;
pub mod records;
pub mod rename;
pub mod request;
pub mod requirement;
pub mod rewrite;

use crate::{
    elf::{self, Image},
    error::{count, printable, Result},
    kernel::Kernel,
    license::require_gpl_compatible,
    list::Listing,
    module_file::ModuleFile,
    sign::Signature,
    symvers::{module_name, modules, Symvers},
    text_table,
};
use object::build::elf::Builder;
use plan::RelinkPlan;
use records::{Taken, GUARD};
use request::{Request, Selection};
use schemars::JsonSchema;
use serde::Serialize;

/// The user's request.
#[derive(Clone, Debug, Default)]
pub struct RelinkOptions {
    /// The providers to take symbols from.
    pub requests: Vec<Request>,
    /// The module's new name.
    pub name: Option<String>,
    /// Set if the module's exports are removed.
    pub no_exports: bool,
    /// Set if the module does not ask for `kimport_guard`.
    pub no_guard: bool,
}

/// The result of relinking a module.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct RelinkReport {
    /// True if the module was changed; if not, the output is the unpacked input.
    pub changed: bool,
    /// The module's name before.
    pub old_name: String,
    /// The module's name now.
    pub new_name: String,
    /// The symbols that come from another provider now.
    pub symbols: Vec<SymbolReport>,
    /// The sections whose relocations were moved.
    pub sections: Vec<SectionReport>,
    /// The number of relocations of debug information that were dropped.
    pub debug_relocations_dropped: usize,
    /// The modules that `depends=` lists now.
    pub depends: Vec<String>,
    /// True if the module was signed and is not any more.
    pub signature_dropped: bool,
    /// The new signature, if one was asked for.
    pub signature: Option<Signature>,
    /// True if the module exports symbols.
    pub exports: bool,
    /// True if the module exported symbols and these exports were removed.
    pub exports_dropped: bool,
}

/// A symbol that comes from another provider now.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct SymbolReport {
    /// Its name.
    pub name: String,
    /// The module that it comes from now, or `vmlinux`.
    pub provider: String,
    /// The position among several symbols of that name, see [`request::Listed::position`]; 0: there
    /// must be only one.
    pub position: u64,
    /// The module that exports it, or `vmlinux`, if that is known.
    pub exported_by: Option<String>,
    /// The number of relocations that refer to it.
    pub relocations: usize,
    /// True if the module has a record of the symbol, by which `kimport_guard` holds its provider.
    /// An import with kimport needs none.
    pub recorded: bool,
    /// True if the record describes the type, which `kimport_guard` then compares.
    pub described: bool,
}

/// A section with relocations that the livepatch code applies now.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct SectionReport {
    /// The section.
    pub name: String,
    /// The number of relocations that were moved.
    pub relocations: usize,
}

/// Relinks `file`. Returns the bytes of an unpacked, unsigned module. If there is nothing to do,
/// returns the input's own bytes with its signature. `kernel` tells the types that the module was
/// built with.
pub fn relink(
    file: &ModuleFile,
    symvers: Option<&Symvers>,
    kernel: Option<&Kernel>,
    options: &RelinkOptions,
) -> Result<(Vec<u8>, RelinkReport)> {
    let image = Image::new(file.elf())?;
    let mut builder = image.builder()?;
    let listing = Listing::of(&builder, symvers)?;
    let (old_name, old_depends, softdep) = identity(&builder)?;
    require_gpl_compatible(listing.license.as_deref()).map_err(|error| error.context(&old_name))?;
    let is_by_exporter = |request: &Request| matches!(request.selection, Selection::ExportedBy(_));
    if options.requests.iter().any(is_by_exporter) {
        request::refuse_partly(&options.requests, &listing.imports)?;
    }
    let plan = RelinkPlan::new(&builder, &options.requests, symvers)?;
    let new_name = options.name.clone().unwrap_or_else(|| old_name.clone());
    let depends = depends(&old_depends, &plan);
    records::read(&builder)?;
    let mut taken = Taken::all(&plan, kernel);
    if let Some(kernel) = kernel {
        records::add_layouts(&mut taken, &plan, file, kernel);
    }
    let exports = exports::are_there(&builder);
    let exports_dropped = exports && options.no_exports;
    let moved = plan.moves.iter().filter(|movement| movement.loaded);
    let dropped = plan.moves.iter().filter(|movement| !movement.loaded);
    let mut report = RelinkReport {
        changed: !plan.redirects.is_empty() || new_name != old_name || exports_dropped,
        symbols: symbols(&builder, &plan, &taken),
        sections: moved
            .map(|movement| SectionReport {
                name: movement.target_name.clone(),
                relocations: movement.count,
            })
            .collect(),
        debug_relocations_dropped: dropped.map(|movement| movement.count).sum(),
        depends,
        signature_dropped: file.is_signed(),
        signature: None,
        exports: exports && !exports_dropped,
        exports_dropped,
        old_name,
        new_name,
    };
    if !report.changed {
        report.signature_dropped = false;
        return Ok((file.bytes().to_vec(), report));
    }

    if report.exports_dropped {
        exports::remove(&mut builder)?;
    }
    rewrite::redirect(&mut builder, &plan)?;
    if !plan.redirects.is_empty() {
        requirement::add(&mut builder, symvers)?;
    }
    records::add(&mut builder, &taken)?;
    let mut changes = Vec::new();
    if report.depends != old_depends {
        changes.push(("depends", report.depends.join(",")));
    }
    let guard = (!taken.is_empty() && !options.no_guard).then_some(GUARD);
    let new_softdep = self::softdep(&softdep, &plan, guard);
    if new_softdep != softdep {
        changes.push(("softdep", new_softdep));
    }
    if report.new_name != report.old_name {
        changes.push(("name", report.new_name.clone()));
        rename::rename(&mut builder, &report.old_name, &report.new_name)?;
    }
    if !changes.is_empty() {
        rewrite::edit_modinfo(&mut builder, &changes)?;
    }
    Ok((elf::write(builder)?, report))
}

/// Returns what the module information states: the name, `depends=`, and the first `softdep=`, the
/// only one that modprobe goes by.
fn identity(builder: &Builder<'_>) -> Result<(String, Vec<String>, String)> {
    let section = elf::data(builder, modinfo::SECTION)?.ok_or_else(rewrite::no_modinfo)?;
    let name = modinfo::value(section, "name")?.ok_or_else(rewrite::no_modinfo)?;
    let softdep = modinfo::values(section, "softdep").next();
    let softdep = String::from_utf8_lossy(softdep.unwrap_or_default());
    let depends = modinfo::depends(section)?;
    Ok((name.to_owned(), depends, softdep.into_owned()))
}

/// Returns `depends=` after the plan, without the modules that no symbol comes from any more, and
/// with the providers.
fn depends(old: &[String], plan: &RelinkPlan) -> Vec<String> {
    let mut depends = old.to_vec();
    depends.retain(|module| {
        let module = module_name(module);
        !plan.left.contains(&module) || plan.joined.contains(&module)
    });
    for provider in &plan.joined {
        let mut modules = depends.iter().map(|module| module_name(module));
        if !modules.any(|module| module == *provider) {
            depends.push(provider.clone());
        }
    }
    depends
}

/// Returns `softdep=` after the plan. No symbol tells depmod of the providers any more, so this
/// makes modprobe load them first, after the `guard`. Without the guard the module works as well,
/// and a system may not have it, so a soft dependency is right for it, too.
fn softdep(old: &str, plan: &RelinkPlan, guard: Option<&str>) -> String {
    let known: Vec<String> = old.split_whitespace().map(module_name).collect();
    let wanted = guard
        .into_iter()
        .chain(plan.joined.iter().map(String::as_str));
    let missing: Vec<&str> = wanted
        .filter(|name| !known.iter().any(|known| known == name))
        .collect();
    if missing.is_empty() {
        return old.to_owned();
    }
    let (before, after) = old.split_once("pre:").unwrap_or(("", old));
    let new = format!("{before} pre: {} {after}", missing.join(" "));
    new.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn symbols(builder: &Builder<'_>, plan: &RelinkPlan, taken: &[Taken]) -> Vec<SymbolReport> {
    let counts = elf::relocation_counts(builder);
    plan.redirects
        .iter()
        .map(|redirect| {
            let record = taken.iter().find(|taken| taken.is(redirect.symbol));
            SymbolReport {
                name: redirect.to.name.clone(),
                provider: redirect.to.object.clone(),
                position: redirect.to.position,
                exported_by: redirect.exporter.clone(),
                relocations: elf::count_of(&counts, redirect.symbol),
                recorded: record.is_some(),
                described: record.is_some_and(Taken::is_described),
            }
        })
        .collect()
}

impl RelinkReport {
    /// Returns notes for the user to read before the module is loaded.
    pub fn notices(&self) -> Vec<String> {
        let mut notices = Vec::new();
        if self.signature_dropped {
            notices
                .push("the signature does not fit the changed module and was dropped".to_owned());
        }
        if self.exports && self.new_name != self.old_name {
            notices.push(format!(
                "the module exports symbols; the kernel refuses to load it beside {}, which \
                 exports the same; --no-exports drops them",
                self.old_name
            ));
        }
        let recorded = self.symbols.iter().filter(|symbol| symbol.recorded);
        for provider in modules(recorded.map(|symbol| &symbol.provider)) {
            notices.push(format!(
                "only with {GUARD} loaded does the kernel keep {provider} loaded for this module; \
                 without it, unload {} first",
                self.new_name
            ));
        }
        notices
    }

    /// Returns the report as text for people.
    pub fn text(&self) -> String {
        let mut text = String::new();
        if self.changed {
            self.add_changes(&mut text);
        }
        let name = printable(&self.new_name);
        if let Some(Signature { signer, key, hash }) = &self.signature {
            text += &format!("{name}: signed with {hash} by {signer}, key {key}\n");
        } else if !self.changed {
            text += &format!("{name}: nothing to do\n");
        }
        text
    }

    fn add_changes(&self, text: &mut String) {
        if self.new_name != self.old_name {
            *text += &format!("{}: now {}\n", printable(&self.old_name), self.new_name);
        }
        let width = text_table::width_of(self.symbols.iter().map(|symbol| &symbol.name));
        for symbol in &self.symbols {
            let position = match symbol.position {
                0 => String::new(),
                position => format!(" @{position}"),
            };
            *text += &format!(
                "  {:width$}  {} -> {}{position} ({})\n",
                symbol.name,
                symbol.exported_by.as_deref().unwrap_or("not exported"),
                symbol.provider,
                count(symbol.relocations, "relocation"),
            );
        }
        for section in &self.sections {
            let relocations = count(section.relocations, "relocation");
            *text += &format!("  {relocations} of {} moved\n", section.name);
        }
        if self.exports_dropped {
            *text += "  exports dropped\n";
        }
        if self.debug_relocations_dropped > 0 {
            let relocations = count(self.debug_relocations_dropped, "relocation");
            *text += &format!("  {relocations} of debug information dropped\n");
        }
        *text += &format!("  depends: {}\n", self.depends.join(","));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings<T: FromIterator<String>>(names: &str) -> T {
        names.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn depends_follows_the_plan() {
        for (old, left, joined, new) in [
            ("core scsi_mod", "", "", "core scsi_mod"),
            ("core scsi_mod", "core", "new", "scsi_mod new"),
            ("core scsi_mod", "core", "core", "core scsi_mod"),
            ("core scsi_mod", "core", "", "scsi_mod"),
            // modpost writes the file's name, which may contain `-`.
            ("firewire-core", "firewire_core", "new", "new"),
            ("firewire-core", "", "firewire_core", "firewire-core"),
        ] {
            let plan = RelinkPlan {
                left: strings(left),
                joined: strings(joined),
                ..RelinkPlan::default()
            };
            let depends = depends(&strings::<Vec<_>>(old), &plan);
            assert_eq!(depends, strings::<Vec<_>>(new), "{old}: {left}, {joined}");
        }
    }

    #[test]
    fn providers_are_soft_dependencies() {
        for (old, joined, new) in [
            ("", "b a", "pre: a b"),
            ("", "", ""),
            ("pre: x", "a", "pre: a x"),
            ("post: y pre: x-y", "a", "post: y pre: a x-y"),
            ("post: y", "a", "pre: a post: y"),
            ("pre: firewire-core", "firewire_core", "pre: firewire-core"),
        ] {
            let plan = RelinkPlan {
                joined: strings(joined),
                ..RelinkPlan::default()
            };
            assert_eq!(softdep(old, &plan, None), new, "{old}");
        }
    }

    #[test]
    fn the_guard_comes_before_the_providers() {
        let plan = RelinkPlan {
            joined: strings("a"),
            ..RelinkPlan::default()
        };
        for (old, new) in [
            ("", "pre: kimport_guard a"),
            ("pre: b kimport-guard", "pre: a b kimport-guard"),
            ("post: a", "pre: kimport_guard post: a"),
        ] {
            assert_eq!(softdep(old, &plan, Some(GUARD)), new, "{old}");
        }
    }
}
