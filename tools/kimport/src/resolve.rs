// SPDX-License-Identifier: GPL-2.0

//! What the kernel-side resolver would answer on a given kernel: an address, or the cause why not.
//!
//! The rules and the words are those of `rust/kimport/resolver`, so that a finding reads like the
//! line the kernel would log.

use crate::{
    error::count,
    import_table,
    kernel::{
        symbols::{Kind, Symbol, Table},
        Kernel, Module,
    },
    symvers::VMLINUX,
    verify::Reason,
};
use kimport_types::Made;
use schemars::JsonSchema;
use serde::Serialize;
use std::{collections::BTreeSet, fmt, sync::Arc};

/// What is looked for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The symbol.
    pub name: &'a str,
    /// The module that shall have it; `None`: the kernel image.
    pub provider: Option<&'a str>,
    /// Which of several, counted from 1: in the kernel image in address order, in a module in the
    /// order of its symbol table.
    pub position: Option<u32>,
    /// What it is declared to be, if that matters.
    pub kind: Option<import_table::Kind>,
    /// The one by whose rules it is found.
    pub finder: Finder,
}

/// The one that finds a symbol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Finder {
    /// The kernel-side crate, which counts only what stays in memory, and knows what compilers
    /// rename.
    #[default]
    Crate,
    /// The kernel's livepatch code (`klp_find_object_symbol()`), which goes by whole names and
    /// takes whatever bears one.
    Livepatch,
}

/// The position that the number in the name of a livepatch symbol means: 0 is none.
pub fn position_of_livepatch(number: u64) -> Option<u32> {
    (number != 0).then(|| number.try_into().unwrap_or(u32::MAX))
}

/// Why a symbol would be refused.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "kebab-case", tag = "cause")]
pub enum Cause {
    /// There is no symbol of that name.
    Missing,
    /// There is none, but the kernel's types or its debug information have the function.
    Inlined {
        /// Its prototypes, where types have it.
        prototypes: Vec<String>,
    },
    /// The compiler replaced the function by clones, whose ABI is their own affair.
    OnlyClone {
        /// The clones' names.
        clones: Vec<String>,
    },
    /// The compiler renamed it, and livepatch code compares whole names.
    Renamed {
        /// The name that it has.
        name: String,
    },
    /// The compiler renamed several functions of the name.
    SeveralRenames {
        /// The names that they have.
        names: Vec<String>,
    },
    /// Not in the place asked for, but in modules.
    Elsewhere {
        /// These.
        modules: Vec<String>,
    },
    /// Not in the module asked for, but in the kernel image.
    InImage,
    /// Several symbols have the name.
    Ambiguous {
        /// How many.
        count: usize,
    },
    /// There are not that many symbols of the name.
    Position {
        /// How many there are.
        count: usize,
    },
    /// In memory that is freed after init.
    InInit,
    /// Per-CPU data.
    PerCpu,
    /// Declared as a function.
    NotFunction,
    /// Declared as data.
    NotData,
    /// Declared as another type than the kernel has.
    Differs {
        /// Both types, and where they differ.
        report: String,
    },
    /// The declared type cannot be compared, and the module requires it.
    Unverified {
        /// Why it cannot.
        reason: Reason,
    },
    /// The kernel has no such module.
    NoProvider,
    /// The provider is part of the kernel image.
    ProviderBuiltin,
    /// The module exports nothing of that name, and neither does anybody.
    NotExported,
    /// It is exported to GPL-compatible modules alone, and this is none.
    GplOnly {
        /// By this module, or `vmlinux`.
        exporter: String,
    },
    /// It is exported in a namespace that the module does not import.
    Namespace {
        /// This one; `module:` and the names of modules: to these alone.
        namespace: String,
    },
    /// The module was built with another version of it, or with none.
    Version {
        /// The module that exports it, or `vmlinux`.
        exporter: String,
        /// The line that the kernel logs of the version.
        logged: String,
    },
    /// The kernel's kallsyms has functions only, and it is data, or may be.
    NoData {
        /// Nothing else tells whether it is.
        perhaps: bool,
    },
    /// What was given of the kernel does not tell.
    Unknown {
        /// What would be needed.
        needs: String,
    },
}

impl Cause {
    /// Whether the symbol is simply not there, which is no error for an optional import.
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
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("kallsyms has no such symbol there; check its spelling"),
            Self::Inlined { prototypes } => {
                f.write_str("kallsyms has no such symbol there, though the kernel's ")?;
                match prototypes.as_slice() {
                    [] => f.write_str("debug information has the function")?,
                    prototypes => write!(f, "types have {}", prototypes.join(" and "))?,
                }
                f.write_str(": the compiler inlined it; import a function that calls it")
            }
            Self::OnlyClone { clones } => write!(
                f,
                "the compiler left only {}, whose ABI is not the declared one; import a function \
                 that calls it",
                clones.join(", ")
            ),
            Self::Renamed { name } => write!(
                f,
                "the compiler renamed it {name}, and livepatch compares whole names; declare it with \
                 #[name = \"{name}\"], in C with __asm__(\"{name}\")"
            ),
            Self::SeveralRenames { names } => write!(
                f,
                "the compiler renamed {} functions of that name, {}; select one with #[name = \"...\"]",
                names.len(),
                names.join(", ")
            ),
            Self::Elsewhere { modules } => write!(
                f,
                "there is no such symbol there, but {} has one; name that module with `from`",
                modules.join(", ")
            ),
            Self::InImage => f.write_str(
                "the module has no such symbol, but the kernel image has; leave out `from`",
            ),
            Self::Ambiguous { count } => write!(
                f,
                "there are {count} symbols of that name; select one with #[position = N]"
            ),
            Self::Position { count } => {
                write!(f, "{}; correct its #[position]", only(*count))
            }
            Self::InInit => f.write_str(
                "it is in __init memory, which is freed after init; it cannot be imported",
            ),
            Self::PerCpu => f.write_str(
                "it is per-CPU data, whose address is an offset; import a function that gives \
                 access to it",
            ),
            Self::NotFunction => {
                f.write_str("it is data, declared as a function; state the type of the data")
            }
            Self::NotData => f.write_str("it is a function, declared as data; state a fn type"),
            Self::Differs { report } => f.write_str(report),
            Self::Unverified { reason } => write!(
                f,
                "its type cannot be checked: {reason}; drop verify(require), or import something \
                 else"
            ),
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
            Self::NoData { perhaps: false } => f.write_str(
                "this kernel's kallsyms has functions only (no CONFIG_KALLSYMS_ALL); import a function \
                 that gives access to it",
            ),
            Self::NoData { perhaps: true } => f.write_str(
                "kallsyms has no such symbol there; if it is data: this kernel's kallsyms has functions only \
                 (no CONFIG_KALLSYMS_ALL)",
            ),
            Self::Unknown { needs } => write!(f, "cannot be told; add {needs} to --kernel"),
        }
    }
}

impl Cause {
    /// The cause for the symbol `name` of `provider`, with the way out on a command line, which has
    /// `--from` for the macro's `from` and `#[position]`.
    pub fn on_command_line(&self, name: &str, provider: &str) -> String {
        match self {
            Self::Ambiguous { count } => format!(
                "there are {count} symbols of that name; select one as {provider}:{name}@N"
            ),
            Self::Position { count } => only(*count),
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

/// Says that there are not enough symbols of a name.
fn only(count: usize) -> String {
    let are = if count == 1 { "is" } else { "are" };
    format!(
        "there {are} only {} of that name",
        self::count(count, "symbol")
    )
}

/// Finds the symbol, or the cause why it would be refused.
pub fn resolve(kernel: &Kernel, wanted: &Wanted<'_>) -> Result<Symbol, Cause> {
    let module = provider(kernel, wanted)?;
    let symbol = in_table(table(kernel, module.as_deref()), wanted)?;
    let symbol = symbol.ok_or_else(|| absent(kernel, module.as_deref(), wanted));
    if kernel.image().tells_data() {
        return symbol;
    }
    // Its file has the data, the table that the kernel makes of it has not, unless it keeps all.
    let leaves_out = |module: &Module| !module.symbols.keeps_init();
    match symbol {
        Ok(symbol) if symbol.kind == Kind::Data && module.as_deref().is_some_and(leaves_out) => {
            Err(Cause::NoData { perhaps: false })
        }
        Err(Cause::Missing) if wanted.kind != Some(import_table::Kind::Function) => {
            Err(Cause::NoData {
                perhaps: wanted.kind.is_none(),
            })
        }
        other => other,
    }
}

/// Whether anything but the symbol's absence decides: there is one, which may yet be refused, or its provider is not known.
/// Sooner said than why there is none, for which [`resolve`] may have to read all types.
pub fn is_there(kernel: &Kernel, wanted: &Wanted<'_>) -> bool {
    let found = provider(kernel, wanted)
        .and_then(|module| in_table(table(kernel, module.as_deref()), wanted));
    !matches!(found, Ok(None))
}

/// The module that shall have the symbol; `None`: the image shall.
fn provider(kernel: &Kernel, wanted: &Wanted<'_>) -> Result<Option<Arc<Module>>, Cause> {
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

fn table<'a>(kernel: &'a Kernel, module: Option<&'a Module>) -> &'a Table {
    module.map_or(kernel.image(), |module| &module.symbols)
}

/// Finds the symbol, if there is one.
fn in_table(table: &Table, wanted: &Wanted<'_>) -> Result<Option<Symbol>, Cause> {
    let all = table.named(wanted.name);
    let found = counted(table, &all, wanted);
    let symbol = match (wanted.position, found.as_slice()) {
        _ if !all.is_empty() && all.iter().all(|symbol| symbol.init) => {
            return Err(Cause::InInit);
        }
        (None, []) => return renamed(table, wanted),
        (Some(_), []) => return Ok(None),
        (Some(position), found) => {
            let at = (position as usize).checked_sub(1);
            at.and_then(|at| found.get(at).copied())
                .ok_or(Cause::Position { count: found.len() })?
        }
        (None, [symbol]) => symbol,
        (None, several) => {
            return Err(Cause::Ambiguous {
                count: several.len(),
            })
        }
    };
    check(symbol, wanted)?;
    Ok(Some(symbol.clone()))
}

/// Returns those of `all` symbols of one name that the finder sees once a module has initialised.
///
/// The kernel image lists the `__init` ones for ever, and livepatch counts them: so does a
/// position. A module loses them, but for modules that are livepatches themselves.
fn counted<'a>(table: &Table, all: &[&'a Symbol], wanted: &Wanted<'_>) -> Vec<&'a Symbol> {
    let by_livepatch = wanted.finder == Finder::Livepatch;
    let with_init = match wanted.provider {
        None => by_livepatch || wanted.position.is_some(),
        Some(_) => by_livepatch && table.keeps_init(),
    };
    let all = all.iter().copied();
    all.filter(|symbol| with_init || !symbol.init).collect()
}

/// Finds the symbol under the name that the compiler gave it instead.
fn renamed(table: &Table, wanted: &Wanted<'_>) -> Result<Option<Symbol>, Cause> {
    let all = table.made_of(wanted.name);
    let kept = all.iter().filter(|made| !made.symbol.init);
    let renames: Vec<_> = kept
        .clone()
        .filter(|made| made.how == Made::Renamed)
        .collect();
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

/// Why there is no symbol of the name.
fn absent(kernel: &Kernel, module: Option<&Module>, wanted: &Wanted<'_>) -> Cause {
    let made = table(kernel, module).made_of(wanted.name);
    let clones = made
        .iter()
        .filter(|made| made.how == Made::Clone && !made.symbol.init)
        .map(|made| made.name.to_owned());
    let clones: BTreeSet<String> = clones.collect();
    if !clones.is_empty() {
        return Cause::OnlyClone {
            clones: clones.into_iter().collect(),
        };
    }
    if wanted.provider.is_some() && !kernel.image().named(wanted.name).is_empty() {
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

/// Refuses what is not what it is declared to be, or cannot be used.
fn check(symbol: &Symbol, wanted: &Wanted<'_>) -> Result<(), Cause> {
    let is_offset = symbol.per_cpu || symbol.kind == Kind::Absolute;
    // A relocation takes an offset as it takes an address.
    if is_offset && wanted.finder == Finder::Crate {
        return Err(Cause::PerCpu);
    }
    if symbol.init {
        return Err(Cause::InInit);
    }
    match (wanted.kind, symbol.kind) {
        (Some(import_table::Kind::Function), Kind::Data) => Err(Cause::NotFunction),
        (Some(import_table::Kind::Data), Kind::Function) => Err(Cause::NotData),
        _ => Ok(()),
    }
}
