// SPDX-License-Identifier: GPL-2.0

//! `kimport check --all`: many modules against one kernel.

use super::{CheckReport, Reason};
use crate::{
    error::{count, printable, Error, Outcome, Result},
    kernel::Kernel,
    list::Listing,
    loader::{LoaderRefusal, RefusalReason},
    module_file::{ModuleFile, EXTENSIONS},
    text_table::text_table,
};
use indexmap::{IndexMap, IndexSet};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;
use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
};
use walkdir::WalkDir;

/// The result of a check of many modules.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct AllReport {
    /// The kernel.
    pub kernel: String,
    /// Set if DKMS builds the modules anew for another kernel. That they were built for this one
    /// does not count then.
    pub rebuilt: bool,
    /// The facts about the kernel that the given files do not tell.
    pub unknown: Vec<String>,
    /// The modules, in the order of their paths.
    pub modules: Vec<Checked>,
}

/// A module of many.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Checked {
    /// Its file.
    pub file: PathBuf,
    /// The result of the check, unless the file cannot be read.
    pub report: Option<CheckReport>,
    /// The cause for which it cannot be checked, and the way out.
    pub error: Option<String>,
}

/// Returns the modules below `directory`.
pub fn modules_below(directory: &Path) -> Result<Vec<PathBuf>> {
    let files = modules(directory)?;
    match files.is_empty() {
        true => Err(unusable(format!("{} has no modules", directory.display()))),
        false => Ok(files),
    }
}

/// Returns the modules that DKMS has installed for the kernel `release`. In its `tree`, each
/// package has a link from `kernel-RELEASE-ARCHITECTURE` to what is built of the installed version.
pub fn modules_of_dkms(tree: &Path, release: &str) -> Result<Vec<PathBuf>> {
    let is_of_release = |name: &OsStr| {
        let name = name.to_str().and_then(|name| name.strip_prefix("kernel-"));
        let architecture = name.and_then(|name| name.strip_prefix(release)?.strip_prefix('-'));
        architecture.is_some_and(|architecture| !architecture.contains('-'))
    };
    let packages = WalkDir::new(tree).min_depth(2).max_depth(2);
    let mut files = Vec::new();
    for entry in packages.sort_by_file_name() {
        let entry = entry.map_err(|error| unusable(error.to_string()))?;
        let built = entry.path().join("module");
        if entry.path_is_symlink() && is_of_release(entry.file_name()) && built.is_dir() {
            files.extend(modules(&built)?);
        }
    }
    match files.is_empty() {
        true => Err(unusable(format!(
            "DKMS has installed no modules for {release}"
        ))),
        false => Ok(files),
    }
}

fn unusable(error: String) -> Error {
    Error::unusable(error).help("name a directory that has some modules: --all DIR")
}

/// Returns the modules below `directory`. Symbolic links in it are not followed.
fn modules(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in WalkDir::new(directory).sort_by_file_name() {
        let entry = entry.map_err(|error| unusable(error.to_string()))?;
        let name = entry.file_name().to_string_lossy();
        let is_module = EXTENSIONS.iter().any(|end| name.ends_with(end));
        if is_module && entry.file_type().is_file() {
            files.push(entry.into_path());
        }
    }
    Ok(files)
}

/// Returns those of the modules that can be read.
pub fn readable(files: &[PathBuf]) -> Vec<PathBuf> {
    let is_readable = |path: &&PathBuf| read(path).is_ok();
    files.par_iter().filter(is_readable).cloned().collect()
}

fn read(path: &Path) -> Result<(ModuleFile, Listing)> {
    let file = ModuleFile::read(path)?;
    let listing = Listing::new(&file, None).map_err(|error| error.context(path.display()))?;
    Ok((file, listing))
}

fn with_way_out(error: &Error) -> String {
    match error.way_out() {
        Some(way_out) => format!("{error}; {way_out}"),
        None => error.to_string(),
    }
}

fn check(path: &Path, kernel: &Kernel, is_rebuilt: bool) -> Result<CheckReport> {
    let (file, listing) = read(path)?;
    let mut report = CheckReport::new(&listing, kernel);
    if is_rebuilt {
        let was_for = |refusal: &LoaderRefusal| refusal.reason == RefusalReason::VersionMagic;
        report.refusals.retain(|refusal| !was_for(refusal));
    }
    report.compare_types(&file, &listing, kernel);
    Ok(report)
}

impl AllReport {
    /// Checks modules. `kernel` has those that are readable, too, because they may use each other.
    /// With `rebuilt`, they need not have been built for `kernel`.
    pub fn new(files: &[PathBuf], kernel: &Kernel, rebuilt: bool) -> Self {
        let modules = files.par_iter().map(|path| {
            let result = check(path, kernel, rebuilt);
            Checked {
                file: path.clone(),
                error: result.as_ref().err().map(with_way_out),
                report: result.ok(),
            }
        });
        Self {
            kernel: kernel.name.clone(),
            rebuilt,
            unknown: kernel.unknown.clone(),
            modules: modules.collect(),
        }
    }

    fn bad(&self) -> usize {
        let is_bad = |module: &&Checked| match &module.report {
            Some(report) => report.outcome() != Outcome::Fine,
            None => true,
        };
        self.modules.iter().filter(is_bad).count()
    }

    /// Returns whether there are findings, or modules that cannot be checked.
    pub fn outcome(&self) -> Outcome {
        Outcome::of(self.bad() > 0)
    }

    /// Returns the report as text for people: a table for a terminal of `width` columns, and the
    /// ways out.
    pub fn text(&self, width: Option<usize>) -> String {
        let rows = self.modules.iter().map(|module| {
            let checked = module.report.as_ref().map(|report| report.checked);
            let symbols = checked.map_or_else(String::new, |checked| checked.to_string());
            [module.file.display().to_string(), symbols, module.verdict()].map(printable)
        });
        let head = ["MODULE", "SYMBOLS", "VERDICT"].map(str::to_owned);
        let mut text = text_table(std::iter::once(head).chain(rows), width);
        let modules = count(self.modules.len(), "module");
        let (kernel, conclusion) = (printable(&self.kernel), self.conclusion());
        text += &format!("{modules} on {kernel}: {conclusion}\n");
        for (reason, (way_out, _)) in self.ways_out() {
            text += &format!("  {reason}: {way_out}\n");
        }
        if let Some(note) = self.note() {
            text += &format!("  note: {note}\n");
        }
        let reports = self.modules.iter();
        let reports = reports.filter_map(|module| module.report.as_ref());
        let undetermined = reports.flat_map(|report| &report.undetermined);
        let unknown: IndexSet<_> = self.unknown.iter().chain(undetermined).collect();
        for unknown in unknown {
            text += &format!("  not known: {}\n", printable(unknown));
        }
        text
    }

    /// Returns the verdict in a few words.
    pub(super) fn conclusion(&self) -> String {
        match self.bad() {
            0 => "no findings".to_owned(),
            bad => format!("findings in {bad}"),
        }
    }

    /// Returns the reasons of all modules, each with its way out and the number of modules.
    pub(super) fn ways_out(&self) -> IndexMap<&'static str, (&'static str, usize)> {
        let mut ways_out = IndexMap::new();
        let reports = self.modules.iter();
        let reports = reports.filter_map(|module| module.report.as_ref());
        for reason in reports.flat_map(|report| &report.reasons) {
            let (way_out, modules) = ways_out.entry(reason.reason).or_insert(("", 0));
            *way_out = reason.way_out;
            *modules += 1;
        }
        ways_out
    }

    pub(super) fn note(&self) -> Option<&'static str> {
        self.rebuilt.then_some(
            "DKMS builds these modules anew for another kernel, so the one that they were built \
             for does not count",
        )
    }
}

impl Checked {
    pub(super) fn verdict(&self) -> String {
        match &self.report {
            Some(report) => report.verdict(),
            None => self.error.clone().unwrap_or_default(),
        }
    }
}

impl CheckReport {
    fn verdict(&self) -> String {
        let reasons: Vec<_> = self.reasons.iter().map(Reason::short).collect();
        match reasons.join(", ").as_str() {
            "" if self.undetermined.is_empty() => "all resolve".to_owned(),
            "" => "all resolve, as far as is known".to_owned(),
            reasons => reasons.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn modules_of_dkms_are_those_that_it_installed() {
        let tree = tempfile::tempdir().unwrap();
        let module = |path: &str| {
            let path = tree.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, "").unwrap();
            path
        };
        let built = [
            module("a/0.1.0/7.3.4/x86_64/module/a.ko"),
            module("b/0.1.0/7.3.4/x86_64/module/b.ko.xz"),
        ];
        let not_installed = module("a/0.0.9/7.3.4/x86_64/module/a.ko");
        let other = module("a/0.1.0/7.3.5/x86_64/module/a.ko");
        let replaced = module("b/original_module/7.3.4/x86_64/b.ko.xz");
        let text = module("a/0.1.0/7.3.4/x86_64/log/make.log");
        let link = |package: &str, release: &str| {
            let to = format!("0.1.0/{release}/x86_64");
            let link = format!("{package}/kernel-{release}-x86_64");
            std::os::unix::fs::symlink(to, tree.path().join(link)).unwrap();
        };
        link("a", "7.3.4");
        link("a", "7.3.5");
        link("b", "7.3.4");
        let paths = ["a", "b"].map(|package| tree.path().join(package).join("kernel-7.3.4-x86_64"));
        let installed = [
            paths[0].join("module/a.ko"),
            paths[1].join("module/b.ko.xz"),
        ];
        assert_eq!(modules_of_dkms(tree.path(), "7.3.4").unwrap(), installed);
        let error = modules_of_dkms(tree.path(), "7.3").unwrap_err();
        assert_eq!(error.to_string(), "DKMS has installed no modules for 7.3");
        let [first, second] = built;
        let all = [not_installed, first, other, second, replaced];
        assert_eq!(modules_below(tree.path()).unwrap(), all);
        assert!(modules_below(text.parent().unwrap()).is_err());
    }
}
