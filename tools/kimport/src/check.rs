// SPDX-License-Identifier: GPL-2.0

//! `kimport check`: would every import of a module resolve on a given kernel?

use crate::{
    error::{count, printable, Error, Outcome, Result},
    import_table::{Import, Policy},
    kernel::Kernel,
    licence::require_gpl_compatible,
    list::{Listing, Livepatch, Undefined},
    relink::SymbolReport,
    resolve::{position_of_livepatch, resolve, Cause, Finder, Wanted},
    symvers::VMLINUX,
    verify::{verify, Reason, Verdict},
};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// How the module gets at a symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// With kimport's macro.
    Import,
    /// As a livepatch symbol.
    Livepatch,
    /// As an ordinary undefined symbol.
    Undefined,
}

/// A symbol that would not resolve.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Finding {
    /// The symbol.
    pub symbol: String,
    /// Where it should come from; `None`: whoever exports it.
    pub provider: Option<String>,
    /// How the module gets at it.
    pub way: Way,
    /// Why it does not.
    #[serde(flatten)]
    pub cause: Cause,
    /// The line that the kernel would log.
    pub message: String,
    /// Names it may be a slip of.
    pub near: Vec<String>,
}

/// An import whose type cannot be compared.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Unverified {
    /// The symbol.
    pub symbol: String,
    /// The module that has it, or `vmlinux`.
    pub provider: String,
    /// Why not.
    pub reason: Reason,
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Report {
    /// The module.
    pub module: String,
    /// The kernel.
    pub kernel: String,
    /// Where the kernel's facts are from.
    pub sources: Vec<String>,
    /// What is not known of the kernel.
    pub unknown: Vec<String>,
    /// How many symbols were looked at.
    pub checked: usize,
    /// How many imports declare a type that the kernel's type information confirms.
    pub verified: usize,
    /// Imports whose type cannot be compared with the kernel's, which is no error.
    pub unverified: Vec<Unverified>,
    /// What the kernel would warn of: types that differ in what does no harm.
    pub warnings: Vec<String>,
    /// Optional imports that would be missing, which is no error.
    pub missing_optional: Vec<String>,
    /// Why the module may not import at all.
    pub licence: Option<String>,
    /// What would fail.
    pub findings: Vec<Finding>,
}

impl Report {
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
                Err(cause) => findings.push(Finding::new(kernel, &wanted, Way::Import, cause)),
            }
        }
        let (mut verified, mut unverified, mut warnings) = (0, Vec::new(), Vec::new());
        for (import, verdict) in verify(&found, kernel) {
            let wanted = wanted_import(import, &listing.livepatch);
            match verdict {
                Verdict::Same => verified += 1,
                Verdict::Unverified(reason) if import.verify == Policy::Require => {
                    let cause = match kernel.btf() {
                        Some(_) => Cause::Unverified { reason },
                        None => Cause::Unknown {
                            needs: "the kernel's types (BTF)".to_owned(),
                        },
                    };
                    findings.push(Finding::new(kernel, &wanted, Way::Import, cause));
                }
                Verdict::Unverified(reason) => unverified.push(Unverified {
                    symbol: import.name.clone(),
                    provider: wanted.provider.unwrap_or(VMLINUX).to_owned(),
                    reason,
                }),
                Verdict::Warn(report) => {
                    let provider = wanted.provider.unwrap_or("the kernel image");
                    warnings.push(format!(
                        "{module}: kimport: {} from {provider}: {report}",
                        import.name
                    ));
                }
                Verdict::Refuse(report) => {
                    let cause = Cause::Differs { report };
                    findings.push(Finding::new(kernel, &wanted, Way::Import, cause));
                }
            }
        }
        let livepatch = listing.livepatch.iter();
        findings.extend(livepatch.filter_map(|symbol| livepatch_symbol(kernel, symbol)));
        findings.extend(undefined(kernel, &listing.undefined));
        look_elsewhere(kernel, &mut findings);
        for finding in &mut findings {
            finding.message = finding.as_logged(module);
        }
        Self {
            module: module.to_owned(),
            kernel: kernel.name.clone(),
            sources: kernel.sources.clone(),
            unknown: kernel.unknown.clone(),
            checked: listing.imports.len() + listing.livepatch.len() + listing.undefined.len(),
            verified,
            unverified,
            warnings,
            missing_optional,
            licence: licence(listing).map(|why| format!("{module}: kimport: cannot import: {why}")),
            findings,
        }
    }

    fn count(&self) -> usize {
        self.findings.len() + usize::from(self.licence.is_some())
    }

    /// Whether there are findings.
    pub fn outcome(&self) -> Outcome {
        match self.count() {
            0 => Outcome::Fine,
            _ => Outcome::Findings,
        }
    }

    /// The report for people.
    pub fn text(&self) -> String {
        let mut text = String::new();
        if let Some(licence) = &self.licence {
            text += &lines(licence);
        }
        for finding in &self.findings {
            text += &lines(&finding.message);
            if !finding.near.is_empty() {
                let near = printable(finding.near.join(", ").as_bytes());
                text += &format!("    near names: {near}\n");
            }
        }
        for warning in &self.warnings {
            text += &lines(warning);
        }
        for name in &self.missing_optional {
            let name = printable(name.as_bytes());
            text += &format!("note: optional {name} would be missing\n");
        }
        let verdict = match self.count() {
            0 => "all of them resolve".to_owned(),
            number => count(number, "finding"),
        };
        text += &format!(
            "{} on {}: {} checked, {verdict}\n",
            printable(self.module.as_bytes()),
            printable(self.kernel.as_bytes()),
            count(self.checked, "symbol")
        );
        if self.verified > 0 {
            text += &format!("  {} as declared\n", count(self.verified, "type"));
        }
        let mut unverified = BTreeMap::<(Reason, &str), BTreeSet<&str>>::new();
        for import in &self.unverified {
            let names = unverified.entry((import.reason, &import.provider));
            names.or_default().insert(&import.symbol);
        }
        for ((reason, provider), names) in unverified {
            let names: Vec<&str> = names.into_iter().collect();
            let names = printable(names.join(", ").as_bytes());
            let provider = printable(provider.as_bytes());
            text += &format!("  unverified: {reason}: {names} from {provider}\n");
        }
        for source in &self.sources {
            text += &format!("  from {}\n", printable(source.as_bytes()));
        }
        for unknown in &self.unknown {
            text += &format!("  not known: {}\n", printable(unknown.as_bytes()));
        }
        text
    }
}

impl Finding {
    fn new(kernel: &Kernel, wanted: &Wanted<'_>, way: Way, cause: Cause) -> Self {
        let near = match cause {
            Cause::Missing | Cause::NotExported => near(kernel, wanted),
            _ => Vec::new(),
        };
        Self {
            symbol: wanted.name.to_owned(),
            provider: match way {
                Way::Undefined => None,
                _ => Some(wanted.provider.unwrap_or(VMLINUX).to_owned()),
            },
            way,
            cause,
            message: String::new(),
            near,
        }
    }

    fn as_logged(&self, module: &str) -> String {
        let (symbol, cause) = (&self.symbol, &self.cause);
        match (self.way, self.provider.as_deref().unwrap_or(VMLINUX)) {
            (Way::Import, VMLINUX) => {
                format!("{module}: kimport: cannot import {symbol} from the kernel image: {cause}")
            }
            (Way::Import, provider) => {
                format!("{module}: kimport: cannot import {symbol} from {provider}: {cause}")
            }
            (Way::Undefined, _) => format!("{module}: Unknown symbol {symbol} (err -2): {cause}"),
            (Way::Livepatch, object) => match cause {
                Cause::Ambiguous { .. } => format!(
                    "livepatch: unresolvable ambiguity for symbol '{symbol}' in object '{object}': {cause}"
                ),
                Cause::Position { .. } => format!(
                    "livepatch: symbol position for symbol '{symbol}' in object '{object}' not found: {cause}"
                ),
                // The kernel says nothing of it.
                Cause::InInit if object == VMLINUX => format!(
                    "{module}: kimport: livepatch binds {symbol} to memory that is freed: {cause}"
                ),
                _ => format!(
                    "livepatch: symbol '{symbol}' not found in symbol table of '{object}': {cause}"
                ),
            },
        }
    }
}

/// Refuses symbols of a relinked module that the kernel would not resolve, all at once.
pub fn relinked(symbols: &[SymbolReport], kernel: &Kernel) -> Result<()> {
    let refused: Vec<String> = symbols
        .iter()
        .filter_map(|symbol| {
            let SymbolReport { name, provider, .. } = symbol;
            let cause = resolve(kernel, &wanted(name, provider, symbol.position)).err()?;
            let cause = cause.on_command_line(name, provider);
            Some(format!("{name} from {provider}: {cause}"))
        })
        .collect();
    if refused.is_empty() {
        return Ok(());
    }
    Err(Error::finding(refused.join("\n")).help(format_args!(
        "nothing was written: the module would not load on {}",
        kernel.name
    )))
}

/// Why the module of `listing` may not import what it does; a file that is not finished may yet state its licence.
fn licence(listing: &Listing) -> Option<Error> {
    let imports = !listing.imports.is_empty() || !listing.livepatch.is_empty();
    let finished = listing.module.is_some();
    let required = || require_gpl_compatible(listing.licence.as_deref());
    (imports && finished).then(required)?.err()
}

/// What the kernel-side crate looks for. What livepatch code binds, for `#[livepatch]` blocks, is looked for as that does.
fn wanted_import<'a>(import: &'a Import, livepatch: &[Livepatch]) -> Wanted<'a> {
    let number = import.position.map(u32::from);
    let is_bound = livepatch.iter().any(|symbol| {
        symbol.name == import.name
            && symbol.provider == import.provider()
            && symbol.position == number.map_or(0, u64::from)
    });
    Wanted {
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

/// A message of several lines, each fit for a terminal.
fn lines(message: &str) -> String {
    let lines = message.lines();
    lines
        .map(|line| printable(line.as_bytes()) + "\n")
        .collect()
}

/// What livepatch code looks for.
fn wanted<'a>(name: &'a str, provider: &'a str, position: u64) -> Wanted<'a> {
    Wanted {
        name,
        provider: (provider != VMLINUX).then_some(provider),
        position: position_of_livepatch(position),
        kind: None,
        finder: Finder::Livepatch,
    }
}

/// Livepatch code goes by name and position alone.
fn livepatch_symbol(kernel: &Kernel, symbol: &Livepatch) -> Option<Finding> {
    let wanted = wanted(&symbol.name, &symbol.provider, symbol.position);
    let cause = resolve(kernel, &wanted).err()?;
    Some(Finding::new(kernel, &wanted, Way::Livepatch, cause))
}

/// Undefined symbols that nothing exports.
fn undefined(kernel: &Kernel, symbols: &[Undefined]) -> Vec<Finding> {
    let open: Vec<&str> = symbols
        .iter()
        .filter(|symbol| !symbol.weak && symbol.name != "_GLOBAL_OFFSET_TABLE_")
        .filter(|symbol| kernel.exporter(&symbol.name).is_none())
        .map(|symbol| symbol.name.as_str())
        .collect();
    if open.is_empty() {
        return Vec::new();
    }
    // Without Module.symvers the modules themselves have to tell.
    let entries = open.iter().map(|name| format!("__ksymtab_{name}"));
    let exported = match kernel.symvers() {
        Some(_) => Default::default(),
        None => kernel.modules_with(&entries.collect::<BTreeSet<_>>()),
    };
    let tells = kernel.symvers().is_some() || kernel.image().tells_exports();
    open.into_iter()
        .filter(|name| !exported.contains_key(&format!("__ksymtab_{name}")))
        .map(|name| {
            let wanted = Wanted {
                name,
                provider: None,
                position: None,
                kind: None,
                finder: Finder::Crate,
            };
            let complete = kernel.symvers().is_some() || kernel.knows_modules();
            let cause = if tells && complete {
                Cause::NotExported
            } else {
                Cause::Unknown {
                    needs: "Module.symvers".to_owned(),
                }
            };
            Finding::new(kernel, &wanted, Way::Undefined, cause)
        })
        .collect()
}

/// Asks all modules for what is missing where it was looked for; one pass for all symbols.
fn look_elsewhere(kernel: &Kernel, findings: &mut [Finding]) {
    let is_open =
        |finding: &Finding| finding.way != Way::Undefined && finding.cause == Cause::Missing;
    let names: BTreeSet<String> = findings
        .iter()
        .filter(|finding| is_open(finding))
        .map(|finding| finding.symbol.clone())
        .collect();
    if names.is_empty() {
        return;
    }
    let found = kernel.modules_with(&names);
    for finding in findings.iter_mut().filter(|finding| is_open(finding)) {
        if let Some(modules) = found.get(&finding.symbol) {
            finding.near.clear();
            finding.cause = Cause::Elsewhere {
                modules: modules.iter().cloned().collect(),
            };
        }
    }
}

fn near(kernel: &Kernel, wanted: &Wanted<'_>) -> Vec<String> {
    // Nobody mistypes a name that Rust's compiler made.
    if wanted.name.starts_with("_R") {
        return Vec::new();
    }
    let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
    match wanted.provider {
        None => owned(kernel.image().near(wanted.name)),
        Some(provider) => match kernel.module(provider) {
            Ok(Some(module)) => owned(module.symbols.near(wanted.name)),
            _ => Vec::new(),
        },
    }
}
