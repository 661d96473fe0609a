// SPDX-License-Identifier: GPL-2.0

//! `kimport check`: tells whether every import of a module would resolve on a given kernel.

mod all;
mod html;
mod summary;

pub use all::{modules_below, modules_of_dkms, readable, AllReport};
pub use summary::Reason;

use crate::{
    elf::IGNORED,
    error::{count, printable, Error, Outcome, Result},
    import_table::{Import, Policy},
    kernel::{Exporter, Kernel},
    license::require_gpl_compatible,
    list::{Listing, Livepatch},
    loader::{LoaderJudgement, LoaderRefusal, RefusalReason, Version, LAYOUT},
    module_file::ModuleFile,
    relink::SymbolReport,
    relinked_types::{mismatches, TakenFunction, TypeMismatch},
    resolve::{resolve, Cause, Finder, SymbolQuery},
    symvers::VMLINUX,
    verify::{verify, TypeVerdict},
};
use kimport_types::Unverified;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The way in which a module refers to a symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ReferenceKind {
    /// An import made with kimport's macro.
    Import,
    /// A livepatch symbol.
    Livepatch,
    /// An ordinary undefined symbol.
    Undefined,
}

/// A symbol that would not resolve.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Finding {
    /// The symbol.
    pub symbol: String,
    /// The module that should have it, or `vmlinux`; `None`: any exporter.
    pub provider: Option<String>,
    /// The way in which the module refers to it.
    pub way: ReferenceKind,
    /// Set if kimport itself imports it.
    pub internal: bool,
    /// The position among several symbols of that name, counted from 1; 0: none is stated.
    pub position: u32,
    /// The reason why it would not resolve.
    #[serde(flatten)]
    pub cause: Cause,
    /// The line that the kernel would log.
    pub message: String,
    /// Similar names, one of which may have been meant.
    pub near: Vec<String>,
}

/// An import whose type cannot be compared.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct UnverifiedImport {
    /// The symbol.
    pub symbol: String,
    /// The module that has it, or `vmlinux`.
    pub provider: String,
    /// Set if kimport itself imports it.
    pub internal: bool,
    /// The reason why it cannot be compared.
    pub reason: Unverified,
}

/// The result of a check.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct CheckReport {
    /// The module.
    pub module: String,
    /// The kernel.
    pub kernel: String,
    /// The sources of the facts about the kernel.
    pub sources: Vec<String>,
    /// The facts about the kernel that the given files do not tell.
    pub unknown: Vec<String>,
    /// The number of symbols that were checked.
    pub checked: usize,
    /// The number of those that kimport itself imports.
    pub internal: usize,
    /// The number of imports whose declared type the kernel's type information confirms.
    pub verified: usize,
    /// The imports whose type cannot be compared with the kernel's, which is no error.
    pub unverified: Vec<UnverifiedImport>,
    /// The kernel's warnings: harmless differences of types, and differences that the module loader
    /// accepts with a taint.
    pub warnings: Vec<String>,
    /// The questions about the kernel's module loader that the given files do not answer.
    pub undetermined: Vec<String>,
    /// Differences between two sources of the kernel's facts, and which of the two counts.
    pub notes: Vec<String>,
    /// The kernel's reasons to refuse the module as a whole.
    pub refusals: Vec<LoaderRefusal>,
    /// Optional imports that would be missing, which is no error.
    pub missing_optional: Vec<String>,
    /// The reason why the module's license forbids its imports; `None`: it allows them.
    pub license: Option<String>,
    /// The symbols that would not resolve.
    pub findings: Vec<Finding>,
    /// The reasons of all that is wrong, each with its way out.
    pub reasons: Vec<Reason>,
}

impl CheckReport {
    /// Checks the module of `listing` against `kernel`.
    pub fn new(listing: &Listing, kernel: &Kernel) -> Self {
        let module = listing.module.as_deref().unwrap_or("module");
        let mut missing_optional = Vec::new();
        let mut findings = Vec::new();
        let mut found = Vec::new();
        for import in &listing.imports {
            let wanted = wanted_import(import, &listing.livepatch);
            match resolve(kernel, &wanted) {
                Ok(_) => found.push(import),
                Err(cause) if import.optional && cause.is_absence() => {
                    missing_optional.push(import.name.clone());
                }
                Err(cause) => findings.push(Finding {
                    internal: import.internal,
                    ..Finding::new(kernel, &wanted, ReferenceKind::Import, cause)
                }),
            }
        }
        let (mut verified, mut unverified, mut warnings) = (0, Vec::new(), Vec::new());
        for (import, verdict) in verify(&found, module, &listing.layouts, kernel) {
            let cause = match verdict {
                TypeVerdict::Same => {
                    verified += 1;
                    continue;
                }
                TypeVerdict::Unverified(reason) if import.verify != Policy::Require => {
                    unverified.push(UnverifiedImport {
                        symbol: import.name.clone(),
                        provider: import.provider().to_owned(),
                        internal: import.internal,
                        reason,
                    });
                    continue;
                }
                TypeVerdict::Unverified(reason) if kernel.btf().is_some() => {
                    Cause::Unverified { reason }
                }
                TypeVerdict::Unverified(_) => Cause::Unknown {
                    needs: "the kernel's types (BTF)".to_owned(),
                },
                TypeVerdict::Warn(report) => {
                    let provider = import.provider.as_deref().unwrap_or("the kernel image");
                    let name = &import.name;
                    warnings.push(format!(
                        "{module}: kimport: {name} from {provider}: {report}"
                    ));
                    continue;
                }
                TypeVerdict::Refuse(report) => Cause::Differs { report },
            };
            let wanted = wanted_import(import, &listing.livepatch);
            findings.push(Finding {
                internal: import.internal,
                ..Finding::new(kernel, &wanted, ReferenceKind::Import, cause)
            });
        }
        for symbol in &listing.livepatch {
            let (name, provider) = (&symbol.name, &symbol.provider);
            let wanted = SymbolQuery::new(Finder::Livepatch, name, provider, symbol.position);
            if let Err(cause) = resolve(kernel, &wanted) {
                let way = ReferenceKind::Livepatch;
                findings.push(Finding::new(kernel, &wanted, way, cause));
            }
        }
        let (judgement, notes) = judge(kernel, module, listing, &mut findings);
        warnings.extend(judgement.warnings);
        let reasons = judgement.refusals.iter().map(|refusal| refusal.reason);
        if reasons.eq([RefusalReason::Architecture]) {
            // The symbols of another architecture do not matter.
            findings.clear();
            warnings.clear();
            unverified.clear();
            verified = 0;
        }
        look_elsewhere(kernel, &mut findings);
        findings.sort_by_key(|finding| finding.internal);
        for finding in &mut findings {
            finding.message = finding.as_logged(module);
        }
        let mut report = Self {
            module: module.to_owned(),
            kernel: kernel.name.clone(),
            sources: kernel.sources.clone(),
            unknown: kernel.unknown.clone(),
            checked: listing.imports.len() + listing.livepatch.len() + listing.undefined.len(),
            internal: listing
                .imports
                .iter()
                .filter(|import| import.internal)
                .count(),
            verified,
            unverified,
            warnings,
            undetermined: judgement.unknown,
            notes: kernel.notes.iter().cloned().chain(notes).collect(),
            refusals: judgement.refusals,
            missing_optional,
            license: license(listing).map(|why| format!("{module}: kimport: cannot import: {why}")),
            findings,
            reasons: Vec::new(),
        };
        report.reasons = report.sum_up();
        report
    }

    /// Compares the types that the module in `file` was built with, as far as its own BTF has them,
    /// with those of the providers that its livepatch symbols come from.
    pub fn compare_types(&mut self, file: &ModuleFile, listing: &Listing, kernel: &Kernel) {
        let taken = listing.livepatch.iter().map(|symbol| TakenFunction {
            provider: &symbol.provider,
            name: &symbol.name,
            exported_by: kernel.exporter(&symbol.name),
        });
        for mismatch in mismatches(file, &taken.collect::<Vec<_>>(), kernel) {
            let (symbol, provider) = (&mismatch.symbol, &mismatch.provider);
            let wanted = SymbolQuery::new(Finder::Livepatch, symbol, provider, 0);
            let report = mismatch.difference_with_others();
            let cause = Cause::Differs { report };
            let mut finding = Finding::new(kernel, &wanted, ReferenceKind::Livepatch, cause);
            finding.message = finding.as_logged(&self.module);
            self.findings.push(finding);
        }
        self.reasons = self.sum_up();
    }

    fn count(&self) -> usize {
        self.findings.len() + self.refusals.len() + usize::from(self.license.is_some())
    }

    /// Returns whether there are findings.
    pub fn outcome(&self) -> Outcome {
        Outcome::of(self.count() > 0)
    }

    /// Returns the verdict in a few words.
    fn conclusion(&self) -> String {
        match self.count() {
            0 if self.undetermined.is_empty() => "all of them resolve".to_owned(),
            0 => "all of them resolve, as far as is known".to_owned(),
            number => count(number, "finding"),
        }
    }

    /// Returns the lines that the kernel would log, but for those on what kimport itself imports.
    fn messages(&self) -> impl Iterator<Item = String> + '_ {
        let refusals = self.refusals.iter().map(|refusal| &refusal.message);
        let refusals = refusals.chain(&self.license).cloned();
        refusals.chain(self.messages_on(false))
    }

    /// Returns the lines that the kernel would log on what kimport itself imports, or on the rest,
    /// with the similar names.
    fn messages_on(&self, internal: bool) -> impl Iterator<Item = String> + '_ {
        let findings = self.findings.iter();
        let findings = findings.filter(move |finding| finding.internal == internal);
        findings.map(|finding| match finding.near.join(", ").as_str() {
            "" => finding.message.clone(),
            near => format!("{}\n    near names: {near}", finding.message),
        })
    }

    /// Returns the imports whose types cannot be compared, those of kimport itself or the rest, by
    /// reason and provider.
    fn unverified(&self, internal: bool) -> Vec<String> {
        let mut unverified = BTreeMap::<(Unverified, &str), BTreeSet<&str>>::new();
        let imports = self.unverified.iter();
        for import in imports.filter(|import| import.internal == internal) {
            let names = unverified.entry((import.reason, &import.provider));
            names.or_default().insert(&import.symbol);
        }
        let lines = unverified.into_iter().map(|((reason, provider), names)| {
            let names: Vec<&str> = names.into_iter().collect();
            format!("{reason}: {} from {provider}", names.join(", "))
        });
        lines.collect()
    }

    /// Returns the number of the symbols that kimport itself imports, in words.
    fn of_kimport(&self) -> String {
        format!("kimport itself imports {}", count(self.internal, "symbol"))
    }

    /// Returns the report as text for people.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for message in self.messages().chain(self.messages_on(true)) {
            text += &lines(&message);
        }
        for warning in &self.warnings {
            text += &lines(warning);
        }
        for name in &self.missing_optional {
            text += &format!("note: optional {} would be missing\n", printable(name));
        }
        text += &format!(
            "{} on {}: {} checked, {}\n",
            printable(&self.module),
            printable(&self.kernel),
            count(self.checked, "symbol"),
            self.conclusion()
        );
        for reason in &self.reasons {
            text += &format!("  {}\n", reason.line());
        }
        if self.verified > 0 {
            text += &format!("  {} as declared\n", count(self.verified, "type"));
        }
        for line in self.unverified(false) {
            text += &format!("  unverified: {}\n", printable(line));
        }
        if self.internal > 0 {
            text += &format!("  {}\n", self.of_kimport());
        }
        for line in self.unverified(true) {
            text += &format!("  unverified, of kimport itself: {}\n", printable(line));
        }
        for source in &self.sources {
            text += &format!("  from {}\n", printable(source));
        }
        for note in &self.notes {
            text += &format!("  note: {}\n", printable(note));
        }
        for unknown in self.unknown.iter().chain(&self.undetermined) {
            text += &format!("  not known: {}\n", printable(unknown));
        }
        text
    }
}

impl Finding {
    fn new(kernel: &Kernel, wanted: &SymbolQuery<'_>, way: ReferenceKind, cause: Cause) -> Self {
        let near = match cause {
            Cause::Missing | Cause::NotExported => near(kernel, wanted),
            _ => Vec::new(),
        };
        Self {
            symbol: wanted.name.to_owned(),
            provider: match way {
                ReferenceKind::Undefined => None,
                _ => Some(wanted.provider.unwrap_or(VMLINUX).to_owned()),
            },
            way,
            internal: false,
            position: wanted.position.unwrap_or(0),
            cause,
            message: String::new(),
            near,
        }
    }

    fn as_logged(&self, module: &str) -> String {
        let (symbol, cause) = (&self.symbol, &self.cause);
        match (self.way, self.provider.as_deref().unwrap_or(VMLINUX)) {
            (ReferenceKind::Import, VMLINUX) => {
                format!("{module}: kimport: cannot import {symbol} from the kernel image: {cause}")
            }
            (ReferenceKind::Import, provider) => {
                format!("{module}: kimport: cannot import {symbol} from {provider}: {cause}")
            }
            (ReferenceKind::Undefined, _) => match cause {
                Cause::Namespace { namespace } => format!(
                    "{module}: module uses symbol ({symbol}) from namespace {namespace}, but does not import it.\n\
                     {module}: Unknown symbol {symbol} (err -22): {cause}"
                ),
                Cause::Version { logged, .. } => {
                    format!("{logged}\n{module}: Unknown symbol {symbol} (err -22): {cause}")
                }
                _ => format!("{module}: Unknown symbol {symbol} (err -2): {cause}"),
            },
            (ReferenceKind::Livepatch, object) => match cause {
                // The kernel has no name for its image in this message.
                Cause::Ambiguous { .. } => {
                    let object = if object == VMLINUX { "(null)" } else { object };
                    format!("livepatch: unresolvable ambiguity for symbol '{symbol}' in object '{object}': {cause}")
                }
                Cause::Position { .. } => format!(
                    "livepatch: symbol position {} for symbol '{symbol}' in object '{object}' not found: {cause}",
                    self.position
                ),
                // The kernel compares nothing, and kimport_guard does.
                Cause::Differs { .. } => {
                    format!("{module}: kimport: cannot use {symbol} from {object}: {cause}")
                }
                // The kernel logs nothing in this case.
                Cause::InInit if object == VMLINUX => format!(
                    "{module}: kimport: livepatch binds {symbol} to memory that is freed: {cause}"
                ),
                _ => format!(
                    "livepatch: symbol '{symbol}' not found in symbol table: {object}: {cause}"
                ),
            },
        }
    }
}

/// Refuses the symbols of a relinked module that the kernel would not resolve, all in one error.
pub fn relinked(symbols: &[SymbolReport], kernel: &Kernel) -> Result<()> {
    let refused: Vec<String> = symbols
        .iter()
        .filter_map(|symbol| {
            let SymbolReport { name, provider, .. } = symbol;
            let wanted = SymbolQuery::new(Finder::Livepatch, name, provider, symbol.position);
            let cause = resolve(kernel, &wanted).err()?;
            let cause = cause.on_command_line(name, provider);
            Some(format!("{name} from {provider}: {cause}"))
        })
        .collect();
    if refused.is_empty() {
        return Ok(());
    }
    let help = "nothing was written: the module would not load on";
    Err(Error::finding(refused.join("\n")).help(format_args!("{help} {}", kernel.name)))
}

/// Refuses a module that was built with other types than those of the providers that its symbols
/// come from, all differences in one error.
pub fn relinked_types(file: &ModuleFile, symbols: &[SymbolReport], kernel: &Kernel) -> Result<()> {
    let taken = symbols.iter().map(|symbol| TakenFunction {
        provider: &symbol.provider,
        name: &symbol.name,
        exported_by: symbol.exported_by.as_deref(),
    });
    refuse_mismatches(&mismatches(file, &taken.collect::<Vec<_>>(), kernel))
}

/// Returns an error with all of `mismatches`, if there are some.
pub fn refuse_mismatches(mismatches: &[TypeMismatch]) -> Result<()> {
    if mismatches.is_empty() {
        return Ok(());
    }
    let lines = mismatches.iter().map(TypeMismatch::line);
    Err(Error::finding(lines.collect::<Vec<_>>().join("\n")).help(
        "build the module with the headers of its provider; --unverified takes it as it is, and \
         then it may read and write wrong memory",
    ))
}

/// Returns the reason why the license of the module forbids its imports. A file that is not
/// finished may still get a license.
fn license(listing: &Listing) -> Option<Error> {
    let imports = !listing.imports.is_empty() || !listing.livepatch.is_empty();
    let finished = listing.module.is_some();
    let required = || require_gpl_compatible(listing.license.as_deref());
    (imports && finished).then(required)?.err()
}

/// Describes the symbol of an import for [`resolve`]. An import that livepatch code binds, as in a
/// `#[livepatch]` block, is looked for by livepatch's rules.
fn wanted_import<'a>(import: &'a Import, livepatch: &[Livepatch]) -> SymbolQuery<'a> {
    let number = import.position.map(u32::from);
    let is_bound = livepatch.iter().any(|symbol| {
        symbol.name == import.name
            && symbol.provider == import.provider()
            && symbol.position == number.map_or(0, u64::from)
    });
    SymbolQuery {
        name: &import.name,
        provider: import.provider.as_deref(),
        position: number,
        kind: Some(import.kind),
        finder: if is_bound {
            Finder::Livepatch
        } else {
            Finder::Crate
        },
    }
}

/// Makes each line of a message fit for a terminal.
fn lines(message: &str) -> String {
    let lines = message.lines();
    lines.map(|line| printable(line) + "\n").collect()
}

/// Returns the module loader's judgement of a module, and notes on the exporters of its ordinary
/// undefined symbols. Adds the findings on these symbols.
fn judge(
    kernel: &Kernel,
    module: &str,
    listing: &Listing,
    findings: &mut Vec<Finding>,
) -> (LoaderJudgement, Vec<String>) {
    let marks = &listing.marks;
    let undefined = listing.undefined.iter();
    let undefined = undefined.filter(|symbol| symbol.name != IGNORED);
    let symbols = undefined.clone().map(|symbol| symbol.name.as_str());
    let (exporters, notes) = kernel.exporters(&symbols.chain([LAYOUT]).collect());
    let terms = |symbol: &str| exporters.get(symbol)?.first()?.terms.as_ref();
    let is_exported = |symbol: &str| kernel.exports_from(VMLINUX, symbol);
    let layout = terms(LAYOUT).map(|export| export.crc);
    // The module loader does not see unfinished files.
    let mut judgement = match listing.module {
        None => LoaderJudgement::default(),
        Some(_) => kernel.loader.judge(module, marks, layout, is_exported),
    };
    let asker = Asker {
        kernel,
        module,
        listing,
        is_gpl: require_gpl_compatible(listing.license.as_deref()).is_ok(),
    };
    if listing.module.is_some() && !asker.is_gpl {
        let license = listing.license.as_deref().unwrap_or("unspecified");
        let line = format!("{module}: module license '{license}' taints kernel.");
        judgement.warnings.push(line);
    }
    let mut untold = BTreeSet::new();
    for symbol in undefined {
        let name = symbol.name.as_str();
        let cause = match exporters.get(name) {
            Some(exporters) => match asker.among(exporters, name) {
                ExportAnswer::Yes => continue,
                ExportAnswer::Passes(line) => {
                    judgement.warnings.push(line);
                    continue;
                }
                ExportAnswer::Untold => {
                    untold.insert(name);
                    continue;
                }
                ExportAnswer::No(cause) => cause,
            },
            None if kernel.tells_exports() => Cause::NotExported,
            None => Cause::Unknown {
                needs: "Module.symvers".to_owned(),
            },
        };
        // A weak symbol may be absent or invisible. If it is there, it can still be refused.
        if !symbol.weak || matches!(cause, Cause::Version { .. } | Cause::Namespace { .. }) {
            let wanted = SymbolQuery::new(Finder::Crate, name, VMLINUX, 0);
            let way = ReferenceKind::Undefined;
            findings.push(Finding::new(kernel, &wanted, way, cause));
        }
    }
    if let (Some(first), Some(_)) = (untold.first(), &listing.module) {
        let symbols = count(untold.len(), "symbol");
        judgement.unknown.push(format!(
            "the terms on which {symbols} ({first}, ...) are exported: kind, namespace, version; add Module.symvers to --kernel"
        ));
    }
    (judgement, notes)
}

/// A module that refers to exported symbols.
struct Asker<'a> {
    kernel: &'a Kernel,
    module: &'a str,
    listing: &'a Listing,
    is_gpl: bool,
}

/// The answer to a module that refers to an exported symbol.
enum ExportAnswer {
    Yes,
    /// The symbol resolves, and the kernel logs this warning.
    Passes(String),
    /// The terms of the export are not known.
    Untold,
    No(Cause),
}

impl Asker<'_> {
    /// Returns the best of the exporters' answers: only one exporting module can be loaded at a
    /// time. The kernel image is always there.
    fn among(&self, exporters: &[Exporter], symbol: &str) -> ExportAnswer {
        let mut refused = None;
        for exporter in exporters {
            let answer = self.ask(exporter, symbol);
            let ExportAnswer::No(cause) = answer else {
                return answer;
            };
            // The module loader does not see this export and goes on searching.
            let is_unseen = matches!(cause, Cause::GplOnly { .. });
            if refused.is_none() || !is_unseen {
                refused = Some(cause);
            }
            if exporter.module == VMLINUX && !is_unseen {
                break;
            }
        }
        refused.map_or(ExportAnswer::Yes, ExportAnswer::No)
    }

    /// Returns the exporter's answer, in the order of the checks in `resolve_symbol()`.
    fn ask(&self, exporter: &Exporter, symbol: &str) -> ExportAnswer {
        let Some(export) = &exporter.terms else {
            return ExportAnswer::Untold;
        };
        let (module, marks) = (self.module, &self.listing.marks);
        let exporter = &export.module;
        // An unfinished file states neither its license nor versions.
        if self.listing.module.is_none() {
            return ExportAnswer::Yes;
        }
        if export.gpl_only && !self.is_gpl {
            return ExportAnswer::No(Cause::GplOnly {
                exporter: exporter.clone(),
            });
        }
        let loader = &self.kernel.loader;
        let answer = match loader.version(module, marks, symbol, export.crc) {
            Version::Fits | Version::None => ExportAnswer::Yes,
            Version::Passes(line) => ExportAnswer::Passes(line),
            Version::Refused(logged) => {
                return ExportAnswer::No(Cause::Version {
                    exporter: exporter.clone(),
                    logged,
                });
            }
        };
        if export.is_for(module, &marks.namespaces) {
            return answer;
        }
        let namespace = export.namespace.clone();
        if loader.any_namespace == Some(true) {
            return ExportAnswer::Passes(format!(
                "{module}: module uses symbol ({symbol}) from namespace {namespace}, but does not import it."
            ));
        }
        ExportAnswer::No(Cause::Namespace { namespace })
    }
}

/// Searches all modules for the symbols that are missing, in one pass for all symbols.
fn look_elsewhere(kernel: &Kernel, findings: &mut [Finding]) {
    let is_missing =
        |cause: &Cause| matches!(cause, Cause::Missing | Cause::NoData { perhaps: true });
    let is_open = |finding: &&mut Finding| {
        finding.way != ReferenceKind::Undefined && is_missing(&finding.cause)
    };
    let mut open: Vec<&mut Finding> = findings.iter_mut().filter(is_open).collect();
    if open.is_empty() {
        return;
    }
    let names = open.iter().map(|finding| finding.symbol.clone());
    let found = kernel.modules_with(&names.collect());
    for finding in &mut open {
        if let Some(modules) = found.get(&finding.symbol) {
            let modules = modules.iter().cloned().collect();
            finding.near.clear();
            finding.cause = Cause::Elsewhere { modules };
        }
    }
}

fn near(kernel: &Kernel, wanted: &SymbolQuery<'_>) -> Vec<String> {
    // Nobody types a mangled Rust name by hand, so there is no typo to correct.
    if wanted.name.starts_with("_R") {
        return Vec::new();
    }
    let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
    match wanted.provider {
        None => owned(kernel.image.near(wanted.name)),
        Some(provider) => match kernel.module(provider) {
            Ok(Some(module)) => owned(module.symbols.near(wanted.name)),
            _ => Vec::new(),
        },
    }
}
