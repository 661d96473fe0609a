// SPDX-License-Identifier: GPL-2.0

//! Blocks of `import_symbols!` that are written from a kernel's types.
//!
//! For each symbol that is asked for, the kernel's symbols tell whether it could be imported, as
//! [`check`](crate::check) tells it, and BTF tells its type. [`types`] turns that into Rust, and
//! [`bindings`] knows which types bindgen made. [`text`] writes the blocks.

pub mod bindings;
mod text;
mod types;

use crate::{
    describe,
    error::{Error, Outcome, Result},
    kernel::{
        btf::{self, c_declaration},
        symbols::SymbolKind,
        Kernel,
    },
    relink::request::{Listed, Request, Selection},
    resolve::{resolve, Cause, Finder, SymbolQuery},
    symvers::VMLINUX,
};
use bindings::Bindings;
use kimport_types::{Btf, BtfKind, TypeSource};
use schemars::JsonSchema;
use serde::Serialize;
use std::str::FromStr;
use types::Types;

/// Symbols of one provider that are to be declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    provider: String,
    symbols: Vec<Listed>,
}

impl FromStr for Wanted {
    type Err = Error;

    /// Parses `[MODULE:]NAME[@N],NAME[@N]...`.
    fn from_str(text: &str) -> Result<Self> {
        let text = match text.contains(':') {
            true => text.to_owned(),
            false => format!("{VMLINUX}:{text}"),
        };
        match text.parse()? {
            Request {
                provider,
                selection: Selection::Listed(symbols),
            } => Ok(Self { provider, symbols }),
            _ => Err(Error::unusable(format_args!(
                "'{text}': give symbols, as MODULE:NAME,NAME"
            ))),
        }
    }
}

/// Declarations of symbols, with the types that they need.
#[derive(Clone, Debug, Default, JsonSchema, Serialize)]
pub struct Declarations {
    /// The kernels that were asked, the first of which counts where several have a symbol.
    pub kernels: Vec<String>,
    /// The declarations, in the order in which they were asked for.
    pub symbols: Vec<Declaration>,
    /// The definitions of the types that bindgen did not make.
    pub types: Vec<Definition>,
    /// The names of `kernel::ffi` that the declarations use.
    pub ffi: Vec<String>,
    /// Set if the declarations use `kernel::bindings`.
    pub uses_bindings: bool,
    /// The number of types that are known by name only.
    pub opaque: usize,
    /// Set if any bindings were read. Otherwise, all structs are known by name only, unless they
    /// are to be defined.
    pub has_bindings: bool,
}

/// The declaration of a symbol.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Declaration {
    /// The name of the symbol.
    pub name: String,
    /// The module that provides it, or `vmlinux`.
    pub provider: String,
    /// The position among several symbols of that name; null if the name is enough.
    pub position: Option<u64>,
    /// Set if one of the kernels lacks the symbol.
    pub optional: bool,
    /// The declaration in C.
    pub c: Option<String>,
    /// The typedefs that the declaration in C names, other than those of plain integers.
    pub c_typedefs: Vec<String>,
    /// The arguments of a function in Rust, and at last ` -> R` or nothing.
    pub function: Option<Vec<String>>,
    /// The type of data in Rust.
    pub data: Option<String>,
    /// The module that has the type of the data as a `static`.
    pub static_of: Option<String>,
    /// The reasons why it cannot be imported, or cannot be declared without more knowledge.
    pub problems: Vec<String>,
    /// The facts that the files of a kernel do not tell, though another kernel's tell the type.
    pub untold: Vec<String>,
}

/// The definition of a type.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Definition {
    /// Its name in C.
    pub name: String,
    /// The definition in Rust.
    pub rust: String,
}

impl Declarations {
    /// Declares symbols as the kernels have them. `defined` are structs and unions that are defined
    /// with their members, and so are all that the symbols name if `defines_all` is set.
    pub fn new(
        wanted: &[Wanted],
        defined: &[Wanted],
        defines_all: bool,
        bindings: &Bindings,
        kernels: &[&Kernel],
    ) -> Result<Self> {
        let mut types = Types::new(bindings, defines_all);
        let mut symbols = Vec::<Declaration>::new();
        for Wanted {
            provider,
            symbols: listed,
        } in wanted
        {
            for symbol in listed {
                let declared = declare(symbol, provider, kernels, bindings, &mut types);
                // One that is asked for twice is declared once.
                if !symbols.contains(&declared) {
                    symbols.push(declared);
                }
            }
        }
        for Wanted {
            provider,
            symbols: listed,
        } in defined
        {
            for Listed { name, .. } in listed {
                define(name, provider, kernels, &mut types)?;
            }
        }
        let definitions = types.definitions().into_iter();
        Ok(Self {
            kernels: kernels.iter().map(|kernel| kernel.name.clone()).collect(),
            symbols,
            types: definitions
                .map(|(name, rust)| Definition {
                    name: name.to_owned(),
                    rust,
                })
                .collect(),
            ffi: types.ffi.iter().map(|name| (*name).to_owned()).collect(),
            uses_bindings: types.uses_bindings,
            opaque: types.opaque.len(),
            has_bindings: !bindings.is_empty(),
        })
    }

    /// Returns whether all symbols were declared.
    pub fn outcome(&self) -> Outcome {
        let mut symbols = self.symbols.iter();
        Outcome::of(symbols.any(|symbol| !symbol.problems.is_empty()))
    }
}

fn declare(
    Listed { name, position }: &Listed,
    provider: &str,
    kernels: &[&Kernel],
    bindings: &Bindings,
    types: &mut Types<'_>,
) -> Declaration {
    let mut this = Declaration {
        name: name.clone(),
        provider: provider.to_owned(),
        position: (*position != 0).then_some(*position),
        ..Declaration::default()
    };
    let mut refusals = Vec::new();
    let mut others = Vec::new();
    // Problems, unless another kernel tells the type, and the words for that case.
    let mut untold = Vec::new();
    for kernel in kernels {
        let query = SymbolQuery::new(Finder::Crate, name, provider, *position);
        let refused = |text: String| format!("{}: {text}", kernel.name);
        let is_there = || refused(format!("the symbol is there, but {}", no_types(provider)));
        let kind = match resolve(kernel, &query) {
            Ok(symbol) => symbol.kind,
            Err(cause @ Cause::Unknown { .. }) => {
                let text = refused(cause.to_string());
                let note = match kernel.exports_from(provider, name) {
                    true => is_there(),
                    false => text.clone(),
                };
                untold.push((text, note));
                continue;
            }
            Err(cause) => {
                let text = refused(cause.on_command_line(name, provider));
                match cause.is_absence() {
                    true => refusals.push(text),
                    false => this.problems.push(text),
                }
                continue;
            }
        };
        let is_first = this.c.is_none() && this.static_of.is_none();
        let declared = match kind {
            SymbolKind::Function => {
                function(kernel, provider, name, is_first.then_some(&mut *types))
            }
            SymbolKind::Data | SymbolKind::Absolute => data(
                kernel,
                provider,
                name,
                is_first.then_some(&mut *types),
                bindings,
            ),
        };
        match declared {
            Err(text) if kernel.with_types_of(provider, |_| ()).is_none() => {
                untold.push((refused(text), is_there()));
            }
            Err(text) => this.problems.push(refused(text)),
            Ok(declared) if is_first => {
                this.c = declared.c;
                this.c_typedefs = declared.c_typedefs;
                this.function = declared.function;
                this.data = declared.data;
                this.static_of = declared.static_of;
            }
            Ok(declared) if declared.c != this.c => {
                others.extend(declared.c.map(|c| refused(format!("it is `{c}` there"))));
            }
            Ok(_) => {}
        }
    }
    this.optional = !refusals.is_empty() && refusals.len() < kernels.len();
    if !this.optional {
        this.problems.extend(refusals);
    }
    let (problems, notes): (Vec<_>, Vec<_>) = untold.into_iter().unzip();
    match this.is_declared() {
        true => this.untold = notes,
        false => this.problems.extend(problems),
    }
    this.problems.extend(others);
    this
}

/// Returns the declaration of a function; without Rust if `types` is [`None`].
fn function(
    kernel: &Kernel,
    provider: &str,
    name: &str,
    types: Option<&mut Types<'_>>,
) -> Result<Declaration, String> {
    let asked = kernel.with_types_of(provider, |known| {
        known.with_btf(|btf| {
            let Some(prototype) = describe::prototype(btf, known, name) else {
                return Err(match known.prototypes(name).as_slice() {
                    [] => "the kernel's types (BTF) do not have it, as it is with functions in \
                           assembly or Rust"
                        .to_owned(),
                    several => format!(
                        "its types are those of several functions: {}",
                        several.join(" and ")
                    ),
                });
            };
            let function = types
                .map(|types| types.prototype(btf, prototype))
                .transpose()?;
            Ok(Declaration {
                c: c_declaration(btf, name, prototype),
                c_typedefs: c_typedefs(btf, prototype),
                function,
                ..Declaration::default()
            })
        })
    });
    asked.flatten().unwrap_or_else(|| Err(no_types(provider)))
}

/// Returns the declaration of data, of which BTF has hardly any, but headers may have them.
fn data(
    kernel: &Kernel,
    provider: &str,
    name: &str,
    types: Option<&mut Types<'_>>,
    bindings: &Bindings,
) -> Result<Declaration, String> {
    let asked = kernel.with_types_of(provider, |known| {
        known.with_btf(|btf| {
            let id = known.variable(name)?;
            let BtfKind::Variable(ty) = btf.type_by_id(id)?.kind() else {
                return None;
            };
            let data = types.map(|types| types.variable(btf, ty)).transpose();
            Some(data.map(|data| Declaration {
                c: btf::c_variable(btf, name, ty),
                c_typedefs: c_typedefs(btf, ty),
                data,
                ..Declaration::default()
            }))
        })
    });
    if let Some(declared) = asked.flatten().flatten() {
        return declared;
    }
    match bindings.module_of_static(name) {
        Some(module) => Ok(Declaration {
            static_of: Some(module.to_owned()),
            ..Declaration::default()
        }),
        None if bindings.is_empty() => Err(
            "it is data, of which the kernel's types (BTF) do not have the type, and no bindings \
             are known that may have it; give KDIR, or --bindings, or declare it as `NAME: TYPE` \
             with the type from the kernel's source"
                .to_owned(),
        ),
        None => Err(
            "it is data, of which neither the kernel's types (BTF) nor the bindings have the type; \
             declare it as `NAME: TYPE` with the type from the kernel's source"
                .to_owned(),
        ),
    }
}

fn c_typedefs(btf: &Btf<'_>, id: u32) -> Vec<String> {
    let typedefs = btf::c_typedefs(btf, id).into_iter();
    let typedefs = typedefs.filter(|(name, _)| types::integer_typedef(name).is_none());
    typedefs.map(|(_, declared)| declared).collect()
}

fn no_types(provider: &str) -> String {
    match provider {
        VMLINUX => "the kernel has no types (BTF)".to_owned(),
        _ => format!("{provider} has no types (BTF)"),
    }
}

/// Defines a struct or union, or what a typedef of one stands for.
fn define(name: &str, provider: &str, kernels: &[&Kernel], types: &mut Types<'_>) -> Result<()> {
    let mut found = Err(format!(
        "none of the kernels' types (BTF) has a struct or union {name}"
    ));
    for kernel in kernels {
        let asked = kernel.with_types_of(provider, |known| {
            known.with_btf(|btf| {
                let id = known.aggregate(name)?;
                Some(types.define(btf, id, name).map(drop))
            })
        });
        if let Some(defined) = asked.flatten().flatten() {
            found = defined.map_err(|text| format!("{name}: {text}"));
            break;
        }
    }
    found.map_err(Error::finding)
}

/// Returns a name of C as an identifier of Rust.
fn identifier(name: &str) -> String {
    const KEYWORDS: [&str; 48] = [
        "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do",
        "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in",
        "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref",
        "return", "static", "struct", "trait", "true", "try", "type", "typeof", "unsafe",
        "unsized", "use", "virtual", "where", "while", "yield",
    ];
    match name {
        "self" | "Self" | "super" | "crate" | "_" => format!("{name}_"),
        name if KEYWORDS.contains(&name) => format!("r#{name}"),
        // A module may have such a name.
        name if name.starts_with(|first: char| first.is_ascii_digit()) => format!("_{name}"),
        name => name.to_owned(),
    }
}
