// SPDX-License-Identifier: GPL-2.0

//! `kimport relink`: undefined symbols of a built module become livepatch relocations.
//!
//! The kernel's module loader only finds exported symbols; its livepatch code finds any. A module
//! whose undefined symbols are livepatch symbols therefore needs no export and, at run time, no
//! help: its calls are as direct as they were. The steps: [`request`] says what is wanted,
//! [`plan`] what that means for this module, [`rewrite`] does it.

pub mod modinfo;
pub mod plan;
pub mod request;
pub mod rewrite;

use crate::{
    elf::{self, Image},
    error::{count, printable, Result},
    module_file::ModuleFile,
    sign::Signature,
    symvers::{Symvers, VMLINUX},
};
use object::build::elf::Builder;
use plan::Plan;
use request::Request;
use serde::Serialize;
use std::{collections::BTreeSet, fmt::Write};

/// What the user wants.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// Which symbols shall come from where.
    pub requests: Vec<Request>,
    /// The module's new name.
    pub name: Option<String>,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether anything was; if not, the output is the unpacked input.
    pub changed: bool,
    /// The module's name before.
    pub old_name: String,
    /// The module's name now.
    pub new_name: String,
    /// The symbols that come from elsewhere now.
    pub symbols: Vec<SymbolReport>,
    /// The sections whose relocations were moved.
    pub sections: Vec<SectionReport>,
    /// Relocations of debug information that were dropped.
    pub debug_relocations_dropped: usize,
    /// `depends=` now.
    pub depends: Vec<String>,
    /// The module was signed and is not any more.
    pub signature_dropped: bool,
    /// What it is signed with now, if that was asked for.
    pub signature: Option<Signature>,
    /// The module exports symbols.
    pub exports: bool,
}

/// A symbol that comes from elsewhere now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SymbolReport {
    /// Its name.
    pub name: String,
    /// Where it comes from.
    pub provider: String,
    /// Which of several of that name; 0: there must be one only.
    pub position: u64,
    /// Who exports it, where that is known.
    pub exported_by: Option<String>,
    /// How many relocations refer to it.
    pub relocations: usize,
}

/// A section some of whose relocations the livepatch code applies now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SectionReport {
    /// The section.
    pub name: String,
    /// How many relocations were moved.
    pub relocations: usize,
}

/// Relinks `file`. The bytes returned are those of an unpacked, unsigned module; when there is
/// nothing to do they are the input's own, signature and all.
pub fn relink(
    file: &ModuleFile,
    symvers: Option<&Symvers>,
    wish: &Wish,
) -> Result<(Vec<u8>, Report)> {
    let image = Image::new(file.elf())?;
    let mut builder = image.builder()?;
    let (old_name, old_depends) = identity(&builder)?;
    let plan = Plan::new(&builder, &wish.requests, symvers)?;
    let new_name = wish.name.clone().unwrap_or_else(|| old_name.clone());
    let depends = depends(&old_depends, &plan);
    let report = Report {
        changed: !plan.redirects.is_empty() || new_name != old_name,
        symbols: symbols(&builder, &plan),
        sections: plan
            .moves
            .iter()
            .filter(|movement| movement.loaded)
            .map(|movement| SectionReport {
                name: movement.target_name.clone(),
                relocations: movement.count,
            })
            .collect(),
        debug_relocations_dropped: plan
            .moves
            .iter()
            .filter(|movement| !movement.loaded)
            .map(|movement| movement.count)
            .sum(),
        depends,
        signature_dropped: file.is_signed(),
        signature: None,
        exports: exports(&builder),
        old_name,
        new_name,
    };
    if !report.changed {
        let report = Report {
            signature_dropped: false,
            ..report
        };
        return Ok((file.bytes().to_vec(), report));
    }

    rewrite::redirect(&mut builder, &plan)?;
    let mut changes = Vec::new();
    if report.depends != old_depends {
        changes.push(("depends", report.depends.join(",")));
    }
    if report.new_name != report.old_name {
        changes.push(("name", report.new_name.clone()));
        rewrite::rename(&mut builder, &report.old_name, &report.new_name)?;
    }
    if !changes.is_empty() {
        rewrite::edit_modinfo(&mut builder, &changes)?;
    }
    Ok((elf::write(builder)?, report))
}

/// The module's name and `depends=`.
fn identity(builder: &Builder<'_>) -> Result<(String, Vec<String>)> {
    let section = elf::section(builder, modinfo::SECTION)?.ok_or_else(rewrite::no_modinfo)?;
    let section = elf::contents(section)?;
    let name = modinfo::value(section, "name")?.ok_or_else(rewrite::no_modinfo)?;
    let depends = modinfo::value(section, "depends")?.unwrap_or_default();
    let depends = depends.split(',').filter(|module| !module.is_empty());
    Ok((name.to_owned(), depends.map(str::to_owned).collect()))
}

/// `depends=` after the plan: modules nothing comes from any more go, providers come.
fn depends(old: &[String], plan: &Plan) -> Vec<String> {
    let mut depends: Vec<String> = old
        .iter()
        .filter(|module| !plan.left.contains(*module) || plan.joined.contains(*module))
        .cloned()
        .collect();
    for provider in &plan.joined {
        if !depends.contains(provider) {
            depends.push(provider.clone());
        }
    }
    depends
}

/// Whether the module has a table of exports.
fn exports(builder: &Builder<'_>) -> bool {
    builder.sections.iter().any(|section| {
        section.name.starts_with(plan::EXPORTS.as_bytes())
            && section.is_alloc()
            && section.sh_size > 0
    })
}

fn symbols(builder: &Builder<'_>, plan: &Plan) -> Vec<SymbolReport> {
    let counts = elf::relocation_counts(builder);
    plan.redirects
        .iter()
        .map(|redirect| SymbolReport {
            name: redirect.to.name.clone(),
            provider: redirect.to.object.clone(),
            position: redirect.to.position,
            exported_by: redirect.exporter.clone(),
            relocations: elf::count_of(&counts, redirect.symbol),
        })
        .collect()
}

impl Report {
    /// Takes note of the signature that was appended after all else.
    pub fn signed(&mut self, signature: Signature) {
        self.signature_dropped = false;
        self.signature = Some(signature);
    }

    /// What the user should know of before the module is loaded.
    pub fn notices(&self) -> Vec<String> {
        let mut notices = Vec::new();
        if self.signature_dropped {
            notices
                .push("the signature does not fit the changed module and was dropped".to_owned());
        }
        if self.exports && self.new_name != self.old_name {
            notices.push(format!(
                "the module exports symbols; the kernel refuses to load it beside {}, which \
                 exports the same",
                self.old_name
            ));
        }
        let providers: BTreeSet<&str> = self
            .symbols
            .iter()
            .map(|symbol| symbol.provider.as_str())
            .filter(|provider| *provider != VMLINUX)
            .collect();
        for provider in providers {
            notices.push(format!(
                "the kernel does not keep {provider} loaded for this module; unload {} first",
                self.new_name
            ));
        }
        notices
    }

    /// The report for people.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = self.write_text(&mut text);
        text
    }

    fn write_text(&self, text: &mut String) -> std::fmt::Result {
        if self.changed {
            self.write_changes(text)?;
        }
        let name = printable(self.new_name.as_bytes());
        match &self.signature {
            Some(Signature { signer, key, hash }) => {
                writeln!(text, "{name}: signed with {hash} by {signer}, key {key}")
            }
            None if self.changed => Ok(()),
            None => writeln!(text, "{name}: nothing to do"),
        }
    }

    fn write_changes(&self, text: &mut String) -> std::fmt::Result {
        if self.new_name != self.old_name {
            let name = printable(self.old_name.as_bytes());
            writeln!(text, "{name}: now {}", self.new_name)?;
        }
        let width = self.symbols.iter().map(|symbol| symbol.name.len()).max();
        for symbol in &self.symbols {
            let position = match symbol.position {
                0 => String::new(),
                position => format!(" @{position}"),
            };
            writeln!(
                text,
                "  {:width$}  {} -> {}{position} ({})",
                symbol.name,
                symbol.exported_by.as_deref().unwrap_or("not exported"),
                symbol.provider,
                count(symbol.relocations, "relocation"),
                width = width.unwrap_or(0)
            )?;
        }
        for section in &self.sections {
            writeln!(
                text,
                "  {} of {} moved",
                count(section.relocations, "relocation"),
                section.name
            )?;
        }
        if self.debug_relocations_dropped > 0 {
            writeln!(
                text,
                "  {} of debug information dropped",
                count(self.debug_relocations_dropped, "relocation")
            )?;
        }
        writeln!(text, "  depends: {}", self.depends.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depends_follows_the_plan() {
        let strings = |names: &[&str]| {
            names
                .iter()
                .map(|name| name.to_string())
                .collect::<Vec<_>>()
        };
        let old = strings(&["core", "scsi_mod"]);
        let plan = |left: &[&str], joined: &[&str]| Plan {
            left: strings(left).into_iter().collect(),
            joined: strings(joined).into_iter().collect(),
            ..Plan::default()
        };
        assert_eq!(depends(&old, &plan(&[], &[])), old);
        assert_eq!(
            depends(&old, &plan(&["core"], &["new"])),
            strings(&["scsi_mod", "new"])
        );
        assert_eq!(depends(&old, &plan(&["core"], &["core"])), old);
        assert_eq!(depends(&old, &plan(&["core"], &[])), strings(&["scsi_mod"]));
    }
}
