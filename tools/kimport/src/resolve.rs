// SPDX-License-Identifier: GPL-2.0

//! The answer of the kernel-side resolver on a given kernel: a symbol, or the cause of the refusal.
//!
//! The rules are those of `rust/kimport/resolver`. The words are shared with it too, so that a
//! finding reads like the line that the kernel would log.

use crate::{
    error::count,
    import_table::ImportKind,
    kernel::{
        symbols::{KernelSymbol, SymbolKind, SymbolTable},
        Kernel, Module,
    },
    symvers::VMLINUX,
};
use kimport_types::{Made, Refusal, Unverified};
use schemars::JsonSchema;
use serde::Serialize;
use std::{
    collections::BTreeSet,
    fmt::{self, Display},
    sync::Arc,
};

/// A request for a symbol.
#[derive(Clone, Copy, Debug)]
pub struct SymbolQuery<'a> {
    /// The symbol.
    pub name: &'a str,
    /// The module that should have it; `None`: the kernel image.
    pub provider: Option<&'a str>,
    /// The position among several symbols of that name, counted from 1: in the kernel image in
    /// address order, in a module in the order of its symbol table.
    pub position: Option<u32>,
    /// The kind that it is declared to be, if that matters.
    pub kind: Option<ImportKind>,
    /// The code by whose rules it is found.
    pub finder: Finder,
}

/// The code that looks for a symbol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Finder {
    /// The kernel-side crate, which only counts symbols that stay in memory, and knows the names
    /// that compilers make of others.
    #[default]
    Crate,
    /// The kernel's livepatch code (`klp_find_object_symbol()`), which compares whole names and
    /// takes any symbol of that name.
    Livepatch,
}

impl<'a> SymbolQuery<'a> {
    /// Makes a request for a symbol of `provider`, a module or `vmlinux`, whose kind does not
    /// matter. The position 0 stands for none, as in the name of a livepatch symbol.
    pub fn new(finder: Finder, name: &'a str, provider: &'a str, position: u64) -> Self {
        Self {
            name,
            provider: (provider != VMLINUX).then_some(provider),
            position: (position != 0).then(|| position.try_into().unwrap_or(u32::MAX)),
            kind: None,
            finder,
        }
    }
}

/// The cause for which a symbol would be refused.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "kebab-case", tag = "cause")]
pub enum Cause {
    /// There is no symbol of that name.
    Missing,
    /// There is no symbol of that name, but the kernel's types or its debug information have the
    /// function: it was inlined.
    Inlined {
        /// Its prototypes, if the types have it.
        prototypes: Vec<String>,
    },
    /// The compiler replaced the function by clones, whose ABI need not be the declared one.
    OnlyClone {
        /// The names of the clones.
        clones: Vec<String>,
    },
    /// The compiler renamed the symbol, and livepatch code compares whole names.
    Renamed {
        /// The name that it has now.
        name: String,
    },
    /// The compiler renamed several functions of that name.
    SeveralRenames {
        /// The names that they have now.
        names: Vec<String>,
    },
    /// The symbol is not in the place asked for, but in other modules.
    Elsewhere {
        /// The modules that have it.
        modules: Vec<String>,
    },
    /// The symbol is not in the module asked for, but in the kernel image.
    InImage,
    /// Several symbols have the name.
    Ambiguous {
        /// The number of symbols.
        count: usize,
    },
    /// The position is larger than the number of symbols of that name.
    Position {
        /// The number of symbols.
        count: usize,
    },
    /// The symbol is in memory that is freed after init.
    InInit,
    /// The symbol is per-CPU data.
    PerCpu,
    /// The symbol is declared as a function, but is none.
    NotFunction,
    /// The symbol is declared as data, but is a function.
    NotData,
    /// The symbol is declared with a type that differs from the kernel's.
    Differs {
        /// Both types, and the place where they differ.
        report: String,
    },
    /// The declared type cannot be compared, and the module requires a comparison.
    Unverified {
        /// The reason why it cannot be compared.
        reason: Unverified,
    },
    /// The kernel has no module of the provider's name.
    NoProvider,
    /// The provider is part of the kernel image.
    ProviderBuiltin,
    /// Nothing exports a symbol of that name.
    NotExported,
    /// The symbol is exported to GPL-compatible modules only, and the importing module is not one.
    GplOnly {
        /// The module that exports it, or `vmlinux`.
        exporter: String,
    },
    /// The symbol is exported in a namespace that the module does not import.
    Namespace {
        /// The namespace. `module:` and a list of names is for the modules of these names only.
        namespace: String,
    },
    /// The module was built with another version of the symbol, or with none.
    Version {
        /// The module that exports it, or `vmlinux`.
        exporter: String,
        /// The line that the kernel logs about the version.
        logged: String,
    },
    /// The kernel's kallsyms lists functions only, and the symbol is data, or may be.
    NoData {
        /// True if nothing tells whether the symbol is data.
        perhaps: bool,
    },
    /// The given files do not tell.
    Unknown {
        /// The files that would tell.
        needs: String,
    },
}

impl Cause {
    /// Returns whether the symbol is merely absent, which is no error for an optional import.
    pub fn is_absence(&self) -> bool {
        matches!(
            self,
            Self::Missing
                | Self::NoData { .. }
                | Self::Inlined { .. }
                | Self::OnlyClone { .. }
                | Self::Elsewhere { .. }
                | Self::InImage
                | Self::InInit
        )
    }

    /// Returns the text for the symbol `name` of `provider`, with the way out on a command line:
    /// `--from` instead of the macro's `from` and `#[position]`.
    pub fn on_command_line(&self, name: &str, provider: &str) -> String {
        match self {
            Self::Ambiguous { count } => format!(
                "there are {count} symbols of that name; select one as {provider}:{name}@N"
            ),
            Self::Position { count } => {
                let are = if *count == 1 { "is" } else { "are" };
                let symbols = self::count(*count, "symbol");
                format!("there {are} only {symbols} of that name")
            }
            Self::InImage => format!(
                "the module has no such symbol, but the kernel image has; name it as {VMLINUX}:{name}"
            ),
            Self::ProviderBuiltin => format!(
                "the provider is built into this kernel; name the symbol as {VMLINUX}:{name}"
            ),
            other => other.to_string(),
        }
    }
}

impl Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A cause that the kernel-side crate also reports is worded by the code shared with it.
        match self {
            Self::Missing => Refusal::Missing.fmt(f),
            Self::OnlyClone { clones } => {
                let names = &clones.join(", ");
                Refusal::OnlyClone { names }.fmt(f)
            }
            Self::SeveralRenames { names } => {
                let (count, names) = (as_u32(names.len()), &names.join(", "));
                Refusal::SeveralRenames { count, names }.fmt(f)
            }
            Self::Ambiguous { count } => {
                let count = as_u32(*count);
                Refusal::Ambiguous { count, listed: &"" }.fmt(f)
            }
            Self::Position { count } => {
                let count = as_u32(*count);
                Refusal::Position { count }.fmt(f)
            }
            Self::InInit => Refusal::InInit.fmt(f),
            Self::PerCpu => Refusal::PerCpu.fmt(f),
            Self::NotFunction => Refusal::NotFunction.fmt(f),
            Self::NotData => Refusal::NotData.fmt(f),
            Self::Unverified { reason } => Refusal::Unverified(*reason).fmt(f),
            Self::NoData { perhaps: false } => Refusal::NoData.fmt(f),
            Self::NoData { perhaps: true } => f.write_str(
                "kallsyms has no such symbol there; if it is data: this kernel's kallsyms has functions only \
                 (no CONFIG_KALLSYMS_ALL)",
            ),
            Self::Inlined { prototypes } => {
                f.write_str("kallsyms has no such symbol there, though the kernel's ")?;
                match prototypes.as_slice() {
                    [] => f.write_str("debug information has the function")?,
                    prototypes => write!(f, "types have {}", prototypes.join(" and "))?,
                }
                f.write_str(": the compiler inlined it; import a function that calls it")
            }
            Self::Renamed { name } => write!(
                f,
                "the compiler renamed it {name}, and livepatch compares whole names; declare it with \
                 #[name = \"{name}\"], in C with __asm__(\"{name}\")"
            ),
            Self::Elsewhere { modules } => write!(
                f,
                "there is no such symbol there, but {} has one; name that module with `from`",
                modules.join(", ")
            ),
            Self::InImage => f.write_str(
                "the module has no such symbol, but the kernel image has; leave out `from`",
            ),
            Self::Differs { report } => f.write_str(report),
            Self::NoProvider => f.write_str(
                "the provider is no module of this kernel; add the provider's .ko to --kernel",
            ),
            Self::ProviderBuiltin => f.write_str(
                "the provider is built into this kernel; import from the kernel image, without \
                 `from`",
            ),
            Self::NotExported => f.write_str("nothing exports it; import it with kimport"),
            Self::GplOnly { exporter } => {
                write!(f, "{exporter} exports it to GPL-compatible modules only")
            }
            Self::Namespace { namespace } => match namespace.strip_prefix("module:") {
                Some(modules) => write!(f, "it is exported to {modules} only"),
                None => write!(f, "import the namespace: MODULE_IMPORT_NS(\"{namespace}\")"),
            },
            Self::Version { exporter, .. } => {
                write!(f, "the module was not built with this {exporter}; build it for this kernel")
            }
            Self::Unknown { needs } => write!(f, "cannot be told; add {needs} to --kernel"),
        }
    }
}

fn as_u32(count: usize) -> u32 {
    count.try_into().unwrap_or(u32::MAX)
}

/// Finds the symbol, or the cause for which it would be refused.
pub fn resolve(kernel: &Kernel, wanted: &SymbolQuery<'_>) -> Result<KernelSymbol, Cause> {
    let module = provider(kernel, wanted)?;
    let symbol = in_table(table(kernel, module.as_deref()), wanted)?;
    let symbol = symbol.ok_or_else(|| absent(kernel, module.as_deref(), wanted));
    if kernel.image.tells_data {
        return symbol;
    }
    // A module's file lists its data. The kernel's table of the module does not, unless the kernel
    // keeps the whole table.
    let leaves_out = |module: &Module| !module.symbols.keeps_init;
    match symbol {
        Ok(symbol)
            if symbol.kind == SymbolKind::Data && module.as_deref().is_some_and(leaves_out) =>
        {
            Err(Cause::NoData { perhaps: false })
        }
        Err(Cause::Missing) if wanted.kind != Some(ImportKind::Function) => Err(Cause::NoData {
            perhaps: wanted.kind.is_none(),
        }),
        other => other,
    }
}

/// Returns whether there may be a symbol of the name: one was found, even if it would be refused,
/// or its provider is not known. Faster than [`resolve`], which may have to read all types to tell
/// why there is none.
pub fn is_there(kernel: &Kernel, wanted: &SymbolQuery<'_>) -> bool {
    let found = provider(kernel, wanted)
        .and_then(|module| in_table(table(kernel, module.as_deref()), wanted));
    !matches!(found, Ok(None))
}

/// Returns the module that should have the symbol, or `None` for the kernel image.
fn provider(kernel: &Kernel, wanted: &SymbolQuery<'_>) -> Result<Option<Arc<Module>>, Cause> {
    let Some(provider) = wanted.provider else {
        return Ok(None);
    };
    match kernel.module(provider) {
        Ok(Some(module)) => Ok(Some(module)),
        Ok(None) if kernel.is_builtin(provider) => Err(Cause::ProviderBuiltin),
        Ok(None) if !kernel.knows_modules() => Err(Cause::Unknown {
            needs: format!("{provider}.ko"),
        }),
        Ok(None) => Err(Cause::NoProvider),
        Err(error) => Err(Cause::Unknown {
            needs: format!("a readable {provider}.ko ({error})"),
        }),
    }
}

fn table<'a>(kernel: &'a Kernel, module: Option<&'a Module>) -> &'a SymbolTable {
    module.map_or(&kernel.image, |module| &module.symbols)
}

/// Finds the symbol in a table, if there is one.
fn in_table(table: &SymbolTable, wanted: &SymbolQuery<'_>) -> Result<Option<KernelSymbol>, Cause> {
    let all = table.named(wanted.name);
    let found = counted(table, &all, wanted);
    let symbol = match (wanted.position, found.as_slice()) {
        (None, []) if all.is_empty() => return renamed(table, wanted),
        // Livepatch takes any symbol of the name.
        (None, []) if wanted.finder == Finder::Crate => {
            return renamed(table, wanted)?.map(Some).ok_or(Cause::InInit);
        }
        _ if !all.is_empty() && all.iter().all(|symbol| symbol.init) => {
            return Err(Cause::InInit);
        }
        (Some(_), []) => return Ok(None),
        (Some(position), found) => {
            let at = (position as usize).checked_sub(1);
            at.and_then(|at| found.get(at).copied())
                .ok_or(Cause::Position { count: found.len() })?
        }
        (None, [symbol]) => symbol,
        (None, several) => {
            let count = several.len();
            return Err(Cause::Ambiguous { count });
        }
    };
    check(symbol, wanted)?;
    Ok(Some(symbol.clone()))
}

/// Returns the symbols among `all`, which have the same name, that the finder sees once a module
/// has initialized.
///
/// The kernel image lists its `__init` symbols for ever. Livepatch counts them, and so does a
/// position. A module loses its `__init` symbols, unless it is a livepatch itself.
fn counted<'a>(
    table: &SymbolTable,
    all: &[&'a KernelSymbol],
    wanted: &SymbolQuery<'_>,
) -> Vec<&'a KernelSymbol> {
    let by_livepatch = wanted.finder == Finder::Livepatch;
    let with_init = match wanted.provider {
        None => by_livepatch || wanted.position.is_some(),
        Some(_) => by_livepatch && table.keeps_init,
    };
    let all = all.iter().copied();
    all.filter(|symbol| with_init || !symbol.init).collect()
}

/// Finds the symbol under another name that the compiler gave it.
fn renamed(table: &SymbolTable, wanted: &SymbolQuery<'_>) -> Result<Option<KernelSymbol>, Cause> {
    let all = table.made_of(wanted.name);
    let kept = all.iter().filter(|made| !made.symbol.init);
    let renames = kept.clone().filter(|made| made.how == Made::Renamed);
    let renames: Vec<_> = renames.collect();
    match renames.as_slice() {
        [] if kept.count() == 0 && !all.is_empty() => Err(Cause::InInit),
        [] => Ok(None),
        [made] if wanted.finder == Finder::Livepatch => Err(Cause::Renamed {
            name: made.name.to_owned(),
        }),
        [made] => check(made.symbol, wanted).map(|()| Some(made.symbol.clone())),
        _ => Err(Cause::SeveralRenames {
            names: renames.iter().map(|made| made.name.to_owned()).collect(),
        }),
    }
}

/// Returns the cause for which there is no symbol of the name.
fn absent(kernel: &Kernel, module: Option<&Module>, wanted: &SymbolQuery<'_>) -> Cause {
    let made = table(kernel, module).made_of(wanted.name);
    let clones = made
        .iter()
        .filter(|made| made.how == Made::Clone && !made.symbol.init)
        .map(|made| made.name.to_owned());
    let clones = Vec::from_iter(BTreeSet::from_iter(clones));
    if !clones.is_empty() {
        return Cause::OnlyClone { clones };
    }
    if wanted.provider.is_some() && !kernel.image.named(wanted.name).is_empty() {
        return Cause::InImage;
    }
    let mentioned = kernel.mentions(module, wanted.name);
    let prototypes = mentioned.then(|| kernel.prototypes(module, wanted.name));
    match prototypes.flatten() {
        Some(prototypes) if !prototypes.is_empty() => Cause::Inlined { prototypes },
        _ if kernel.is_inlined(wanted.provider, wanted.name) => Cause::Inlined {
            prototypes: Vec::new(),
        },
        _ => Cause::Missing,
    }
}

/// Refuses a symbol whose kind is not the declared one, or that cannot be used.
fn check(symbol: &KernelSymbol, wanted: &SymbolQuery<'_>) -> Result<(), Cause> {
    let is_offset = symbol.per_cpu || symbol.kind == SymbolKind::Absolute;
    // A relocation works for an offset as well as for an address.
    if is_offset && wanted.finder == Finder::Crate {
        return Err(Cause::PerCpu);
    }
    if symbol.init {
        return Err(Cause::InInit);
    }
    match (wanted.kind, symbol.kind) {
        (Some(ImportKind::Function), SymbolKind::Data) => Err(Cause::NotFunction),
        (Some(ImportKind::Data), SymbolKind::Function) => Err(Cause::NotData),
        _ => Ok(()),
    }
}
