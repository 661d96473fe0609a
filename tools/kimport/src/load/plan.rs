// SPDX-License-Identifier: GPL-2.0

//! The choice of an address for each symbol, and the reasons to refuse one.

use super::{
    system::{ModuleSections, System},
    Facts, LOOKUP,
};
use crate::{
    elf::IGNORED,
    error::{count, printable, Error, Outcome, Result},
    kernel::Kernel,
    license::require_gpl_compatible,
    list::{Listing, Undefined},
    relink::request::{self, Listed, Request, Selection},
    relinked_types::TakenFunction,
    resolve::{is_there, resolve, Cause, Finder, SymbolQuery},
    symvers::{modules, Symvers, VMLINUX},
    text_table::text_table,
};
use schemars::JsonSchema;
use serde::{Serialize, Serializer};
use std::collections::{BTreeMap, BTreeSet};

/// The known facts about the running kernel.
pub struct RunningKernel<'a> {
    /// Its symbols, with their addresses.
    pub kernel: &'a Kernel,
    /// The exporters of symbols, if the kernel's own symbols do not tell.
    pub symvers: Option<&'a Symvers>,
    /// The sections of the providers.
    pub sections: &'a BTreeMap<String, ModuleSections>,
    /// The state of the system, with the loaded modules.
    pub system: &'a System,
}

/// A symbol that gets an address.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct FilledSymbol {
    /// Its name.
    pub name: String,
    /// The module that has it, or `vmlinux`.
    pub provider: String,
    /// Its address.
    #[serde(serialize_with = "hexadecimal")]
    #[schemars(with = "String")]
    pub address: u64,
}

/// A symbol that gets no address.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct RefusedSymbol {
    /// Its name.
    pub name: String,
    /// The provider that it should have come from.
    pub provider: Option<String>,
    /// The reason why it gets none.
    pub cause: String,
}

/// The changes to the module before it is handed to the kernel.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema, Serialize)]
pub struct LoadPlan {
    /// The module's name.
    pub module: String,
    /// The symbols that get an address.
    pub filled: Vec<FilledSymbol>,
    /// The symbols that get no address, though the module cannot be loaded without them.
    pub refused: Vec<RefusedSymbol>,
    /// The number of symbols that are left to the kernel, which resolves exported ones.
    pub left: usize,
    /// The module's parameters.
    pub parameters: String,
    /// Notes for the user.
    pub notes: Vec<String>,
}

/// A plan, and whether it was carried out.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct LoadReport<'a> {
    /// True if the module is loaded now.
    pub loaded: bool,
    #[allow(missing_docs)]
    #[serde(flatten)]
    pub plan: &'a LoadPlan,
}

impl LoadPlan {
    /// Works out the plan: `requests` name the providers to take symbols from, and `parameters` are
    /// the module's, `NAME=VALUE` or `NAME`.
    pub fn new(
        listing: &Listing,
        facts: &Facts,
        requests: &[Request],
        parameters: &[String],
        running: &RunningKernel<'_>,
    ) -> Result<Self> {
        running.can_tell(requests, facts)?;
        let mut plan = Self {
            module: listing.module.as_deref().unwrap_or("module").to_owned(),
            ..Self::default()
        };
        unmet(&listing.undefined, requests)?;
        request::refuse_partly(requests, &listing.imports)?;
        for request in requests {
            running
                .is_usable(&request.provider)
                .map_err(|error| error.context(&plan.module))?;
        }
        for symbol in &listing.undefined {
            if symbol.name != IGNORED {
                plan.place(symbol, requests, running);
            }
        }
        if !plan.filled.is_empty() {
            require_gpl_compatible(listing.license.as_deref())
                .map_err(|error| error.context(&plan.module))?;
        }
        plan.filled
            .sort_by(|a, b| (&a.provider, &a.name).cmp(&(&b.provider, &b.name)));
        let missing = running.missing(&facts.depends).join(", ");
        if !plan.refused.is_empty() && !missing.is_empty() {
            plan.notes.push(format!(
                "the module depends on {missing}, which is not loaded: modprobe it first"
            ));
        }
        plan.parameters = self::parameters(parameters, facts.takes_lookup, running)?;
        plan.warn_of_providers();
        Ok(plan)
    }

    /// Returns the symbols that get an address, with the module that exports each.
    pub fn taken<'a>(&'a self, running: &'a RunningKernel<'_>) -> Vec<TakenFunction<'a>> {
        let filled = self.filled.iter().map(|symbol| TakenFunction {
            provider: &symbol.provider,
            name: &symbol.name,
            exported_by: running.exporter(&symbol.name),
        });
        filled.collect()
    }

    /// Finds the address of one symbol.
    fn place(&mut self, symbol: &Undefined, requests: &[Request], running: &RunningKernel<'_>) {
        let name = symbol.name.as_str();
        let refused = |provider: Option<&str>, cause| RefusedSymbol {
            name: name.to_owned(),
            provider: provider.map(str::to_owned),
            cause,
        };
        let exporter = running.exporter(name);
        let redirected = || redirected(name, exporter, requests);
        let targets = match listed(name, requests).or_else(redirected) {
            Some(target) => vec![target],
            // The kernel decides about a symbol that may be absent, unless a request lists it.
            None if symbol.weak || !running.tells_exports() => return self.left += 1,
            None => match exporter {
                Some(exporter)
                    if exporter == VMLINUX || running.system.modules.contains_key(exporter) =>
                {
                    return self.left += 1;
                }
                Some(exporter) => {
                    let cause =
                        format!("{exporter} exports it and is not loaded; modprobe it first");
                    return self.refused.push(refused(Some(exporter), cause));
                }
                None => anywhere(name, requests),
            },
        };
        let is_held = |target: &&SymbolQuery<'_>| is_there(running.kernel, target);
        let held: Vec<&str> = targets.iter().filter(is_held).map(provider_of).collect();
        if let [first, _, ..] = held.as_slice() {
            let all = held.join(" and ");
            let cause = format!("{all} have that name; select one as --from {first}:{name}");
            return self.refused.push(refused(None, cause));
        }
        // If one place has the symbol, the others need not be asked for the reason why they have
        // not, which can take long.
        let answers = targets
            .iter()
            .filter(|target| held.first().is_none_or(|held| *held == provider_of(target)))
            .map(|target| (provider_of(target), running.find(target)));
        // A more specific cause than "there is none" goes first.
        let is_unheard_of = |answer: &Result<u64, NoAddress>| {
            answer.as_ref().is_err_and(|answer| answer.is_unheard_of)
        };
        match answers.min_by_key(|(_, answer)| is_unheard_of(answer)) {
            Some((provider, Ok(address))) => self.filled.push(FilledSymbol {
                name: name.to_owned(),
                provider: provider.to_owned(),
                address,
            }),
            Some((provider, Err(answer))) => {
                self.refused.push(refused(Some(provider), answer.cause));
            }
            // There always is a place to search.
            None => {}
        }
    }

    fn warn_of_providers(&mut self) {
        let providers = modules(self.filled.iter().map(|symbol| &symbol.provider));
        self.notes.extend(providers.iter().map(|provider| {
            format!(
                "the kernel does not know that {} uses {provider}, keeps no reference on it and does \
                 not show it: unload {} first, or its calls end in freed memory",
                self.module, self.module
            )
        }));
        if !self.filled.is_empty() {
            self.notes.push(
                "nothing checks that the declarations the module was built with fit this kernel"
                    .to_owned(),
            );
        }
    }

    /// Returns whether the module can be loaded.
    pub fn outcome(&self) -> Outcome {
        Outcome::of(!self.refused.is_empty())
    }

    /// Returns the refusals, one a line, in the words of the kernel-side crate.
    pub fn refusals(&self) -> String {
        let module = printable(&self.module);
        let line = |refused: &RefusedSymbol| {
            let name = printable(&refused.name);
            let from = match refused.provider.as_deref() {
                None => String::new(),
                Some(VMLINUX) => " from the kernel image".to_owned(),
                Some(provider) => format!(" from {provider}"),
            };
            format!("{module}: cannot import {name}{from}: {}", refused.cause)
        };
        self.refused.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    /// Returns the plan as text for people, for a terminal of `width` columns.
    pub fn text(&self, width: Option<usize>) -> String {
        let mut text = format!(
            "{}: {} filled in, {} left to the kernel\n",
            printable(&self.module),
            count(self.filled.len(), "symbol"),
            self.left
        );
        let row = |symbol: &FilledSymbol| {
            let name = printable(&symbol.name);
            let address = format!("{:#018x}", symbol.address);
            [format!("  {name}"), symbol.provider.clone(), address]
        };
        if !self.filled.is_empty() {
            text += &text_table(self.filled.iter().map(row), width);
        }
        if !self.parameters.is_empty() {
            text += &format!("  parameters: {}\n", printable(&self.parameters));
        }
        text
    }
}

/// The reason why a symbol cannot be taken from a place.
struct NoAddress {
    cause: String,
    /// Set if that place has neither the symbol nor anything like it.
    is_unheard_of: bool,
}

impl RunningKernel<'_> {
    /// Returns whether the exporters of all symbols are known.
    fn tells_exports(&self) -> bool {
        self.symvers.is_some() || self.kernel.image.tells_exports
    }

    /// Refuses a request unless it is known which symbols it means: those that nothing exports,
    /// unless they are listed. A module that takes [`LOOKUP`] as a parameter has no such symbols.
    fn can_tell(&self, requests: &[Request], facts: &Facts) -> Result<()> {
        let is_list = |request: &Request| matches!(request.selection, Selection::Listed(_));
        let are_listed = requests.iter().all(is_list);
        if self.tells_exports() || are_listed && (facts.takes_lookup || !requests.is_empty()) {
            return Ok(());
        }
        let why = "/proc/kallsyms does not tell what the kernel exports (no CONFIG_KALLSYMS_ALL)";
        Err(Error::unusable(why).help(
            "add --symvers Module.symvers of this kernel, or list the symbols: --from PROVIDER:SYMBOL,SYMBOL",
        ))
    }

    /// Returns the exporter of `name`, as far as it is known.
    fn exporter(&self, name: &str) -> Option<&str> {
        let symvers = self.symvers.and_then(|symvers| symvers.exporter(name));
        symvers
            .or_else(|| self.kernel.exporter(name))
            .or_else(|| self.kernel.loaded_exporter(name))
    }

    /// Returns the modules among `names` that are neither loaded nor built in.
    fn missing<'a>(&self, names: &'a [String]) -> Vec<&'a str> {
        let is_there =
            |name: &str| self.system.modules.contains_key(name) || self.kernel.is_builtin(name);
        let names = names.iter().map(String::as_str);
        names.filter(|name| !is_there(name)).collect()
    }

    /// Refuses a `provider` that symbols cannot be taken from, in the words of the kernel-side
    /// crate.
    fn is_usable(&self, provider: &str) -> Result<()> {
        let (why, way_out) = match self.system.modules.get(provider) {
            _ if provider == VMLINUX => return Ok(()),
            Some(true) => return Ok(()),
            Some(false) => ("is still loading, or being unloaded", "try again"),
            None if self.kernel.is_builtin(provider) => {
                ("is built into this kernel", "name vmlinux with --from")
            }
            None => ("is not loaded", "load it first"),
        };
        let why = format!("cannot import from {provider}: provider {why}; {way_out}");
        Err(Error::finding(why).help("nothing was loaded"))
    }

    /// Returns the address of a symbol in one place.
    fn find(&self, target: &SymbolQuery<'_>) -> Result<u64, NoAddress> {
        let present = |cause: &str| NoAddress {
            cause: cause.to_owned(),
            is_unheard_of: false,
        };
        let provider = provider_of(target);
        let symbol = resolve(self.kernel, target)
            .map_err(|cause| self.explain(target.name, provider, cause))?;
        if symbol.address == 0 {
            return Err(present("/proc/kallsyms shows no address of it"));
        }
        let sections = self.sections.get(provider);
        match sections.and_then(|sections| sections.of(symbol.address)) {
            Some(section) if section.starts_with(".data..percpu") => {
                Err(present(&Cause::PerCpu.to_string()))
            }
            Some(section) if section.starts_with(".init") => {
                Err(present(&Cause::InInit.to_string()))
            }
            _ => Ok(symbol.address),
        }
    }

    /// Explains a cause in the words of the kernel-side crate, except where this command line
    /// offers another way out.
    fn explain(&self, name: &str, provider: &str, cause: Cause) -> NoAddress {
        let modules = self.kernel.loaded_with(name);
        let is_missing = matches!(cause, Cause::Missing | Cause::NoData { .. });
        let is_unheard_of =
            (is_missing || cause == Cause::InImage) && (provider != VMLINUX || modules.is_empty());
        let cause = match cause {
            _ if is_missing && provider == VMLINUX && !modules.is_empty() => {
                let modules = modules.into_iter().map(str::to_owned).collect();
                let cause = Cause::Elsewhere { modules };
                cause.to_string().replace("`from`", "--from")
            }
            Cause::InImage => {
                "the module has no such symbol, but the kernel image has; name vmlinux with --from"
                    .to_owned()
            }
            Cause::Ambiguous { count } => format!(
                "there are {count} symbols of that name; select one as --from {provider}:{name}@N"
            ),
            Cause::Position { count } if count > 0 => {
                format!("there are only {count} symbols of that name; correct the @ of its --from")
            }
            other => other.to_string(),
        };
        NoAddress {
            cause,
            is_unheard_of,
        }
    }
}

/// Returns the query for a symbol of a provider. An undefined symbol does not tell whether it is
/// code or data.
fn target<'a>(name: &'a str, provider: &'a str, position: u64) -> SymbolQuery<'a> {
    SymbolQuery::new(Finder::Crate, name, provider, position)
}

/// Returns the module that a symbol is to come from, or `vmlinux`.
fn provider_of<'a>(target: &SymbolQuery<'a>) -> &'a str {
    target.provider.unwrap_or(VMLINUX)
}

/// Returns the target of the request that lists `name`.
fn listed<'a>(name: &'a str, requests: &'a [Request]) -> Option<SymbolQuery<'a>> {
    requests.iter().find_map(|request| {
        let Selection::Listed(symbols) = &request.selection else {
            return None;
        };
        let Listed { position, .. } = symbols.iter().find(|symbol| symbol.name == name)?;
        Some(target(name, &request.provider, *position))
    })
}

/// Returns the target of the request that replaces `exporter` by another provider.
fn redirected<'a>(
    name: &'a str,
    exporter: Option<&str>,
    requests: &'a [Request],
) -> Option<SymbolQuery<'a>> {
    let exporter = exporter?;
    let request = requests.iter().find(
        |request| matches!(&request.selection, Selection::ExportedBy(old) if old == exporter),
    )?;
    Some(target(name, &request.provider, 0))
}

/// Returns the places to search for a symbol that nothing exports and no request lists.
fn anywhere<'a>(name: &'a str, requests: &'a [Request]) -> Vec<SymbolQuery<'a>> {
    let named = requests
        .iter()
        .filter(|request| request.selection == Selection::Unexported)
        .map(|request| request.provider.as_str());
    let providers: BTreeSet<&str> = named.chain([VMLINUX]).collect();
    let providers = providers.into_iter();
    providers.map(|place| target(name, place, 0)).collect()
}

/// Refuses requests for symbols that the module does not use.
fn unmet(undefined: &[Undefined], requests: &[Request]) -> Result<()> {
    let mut unmet = Vec::new();
    for request in requests {
        if let Selection::Listed(symbols) = &request.selection {
            let is_wanted = |name: &str| undefined.iter().any(|symbol| symbol.name == name);
            let names = symbols.iter().map(|symbol| symbol.name.as_str());
            unmet.extend(names.filter(|name| !is_wanted(name)));
        }
    }
    if unmet.is_empty() {
        return Ok(());
    }
    let why = format!("the module has no undefined symbol {}", unmet.join(", "));
    Err(Error::unusable(why).help("`kimport list` shows what it has"))
}

/// Returns the parameters as one line, which the kernel splits again.
fn parameters(given: &[String], takes_lookup: bool, running: &RunningKernel<'_>) -> Result<String> {
    let parameters = given.iter().map(|parameter| quoted(parameter));
    let mut parameters = parameters.collect::<Result<Vec<_>>>()?;
    // The kernel does not distinguish `-` from `_` in the names of parameters.
    let is_lookup = |parameter: &String| {
        let parts = parameter.split_once('=');
        parts.is_some_and(|(name, _)| name.replace('-', "_") == LOOKUP)
    };
    if takes_lookup && !given.iter().any(is_lookup) {
        let address = running.find(&target(LOOKUP, VMLINUX, 0));
        let address = address.map_err(|NoAddress { cause, .. }| {
            Error::finding(format_args!(
                "the module wants the address of {LOOKUP}: {cause}"
            ))
        })?;
        parameters.push(format!("{LOOKUP}={address:#x}"));
    }
    Ok(parameters.join(" "))
}

/// Quotes a parameter whose value has blanks. The kernel knows no escapes.
fn quoted(parameter: &str) -> Result<String> {
    if !parameter.contains(char::is_whitespace) || parameter.contains('"') {
        return Ok(parameter.to_owned());
    }
    match parameter.split_once('=') {
        Some((name, value)) if !name.contains(char::is_whitespace) => {
            Ok(format!("{name}=\"{value}\""))
        }
        _ => Err(Error::unusable(format_args!(
            "'{parameter}' is no parameter: NAME=VALUE or NAME"
        ))),
    }
}

fn hexadecimal<S: Serializer>(address: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format!("{address:#x}"))
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
