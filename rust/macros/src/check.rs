// SPDX-License-Identifier: GPL-2.0

//! Checks for declarations that the grammar allows and kimport does not.

use crate::{
    bindings::item_name,
    diagnostics::{self as message, DiagCtxt},
    model::{bare, Block, EntryKind, Header, ItemAttributes, Mode},
};
use proc_macro2::{Ident, Span};
use std::collections::HashMap;
use syn::{
    ext::IdentExt,
    spanned::Spanned,
    visit::{self, Visit},
    LitStr, ReturnType, Type, TypeBareFn, TypeImplTrait, TypeInfer,
};

/// The longest name of a symbol: `KSYM_NAME_LEN` without its NUL.
const SYMBOL_MAX: usize = 511;
/// The longest name of a module: `MODULE_NAME_LEN`, 64 - `sizeof(unsigned long)`, without its NUL.
const PROVIDER_MAX: usize = 55;
/// The prefixes of the names of generated items.
const RESERVED: [&str; 2] = ["__kimport", "__KIMPORT"];

/// Returns the functions that are generated for a block besides the wrappers.
const fn generated(mode: Mode) -> [&'static str; 2] {
    match mode {
        Mode::Direct | Mode::Rebindable | Mode::Livepatch => {
            ["resolve_imports", "resolve_imports_from"]
        }
        Mode::Late => ["bind_late", "bind_late_from"],
    }
}

/// Returns the reason that the build gives if it cannot build `#[livepatch]` blocks.
pub(crate) fn no_livepatch() -> Option<String> {
    std::env::var("KIMPORT_NO_LIVEPATCH")
        .ok()
        .filter(|reason| !reason.is_empty())
}

/// Reports everything that is wrong with `blocks`.
pub(crate) fn check(blocks: &[Block], no_livepatch: Option<&str>, dcx: &mut DiagCtxt) {
    if blocks.is_empty() && !dcx.has_errors() {
        dcx.error(Span::call_site(), message::EMPTY_INVOCATION, &[]);
    }
    let mut names = HashMap::new();
    for block in blocks {
        if let Some(module) = &block.module {
            if is_repeated(&mut names, &module.name, &block.attributes) {
                let name = &module.name;
                dcx.error(name.span(), message::DUPLICATE_BLOCK, &[name]);
            }
            if let Some(provider) = &module.provider {
                check_provider(provider, dcx);
            }
            if block.entries.is_empty() && block.missing.is_empty() && !block.incomplete {
                dcx.error(module.name.span(), message::EMPTY_BLOCK, &[&module.name]);
            }
            check_mode(block, module, dcx);
            if let (Some(span), Some(reason)) = (block.livepatch, no_livepatch) {
                let text = format!("`#[livepatch]` cannot be had: {reason}");
                dcx.add(syn::Error::new(span, text));
            }
        }
        check_entries(block, dcx);
    }
}

fn check_mode(block: &Block, module: &Header, dcx: &mut DiagCtxt) {
    let autoload = block.autoload.map(|span| ("autoload", span));
    let late = block.late.map(|span| ("late", span));
    let rebindable = block.rebindable.map(|span| ("rebindable", span));
    let livepatch = block.livepatch.map(|span| ("livepatch", span));
    for (this, others) in [
        (late, [autoload, rebindable, None]),
        (livepatch, [autoload, rebindable, late]),
    ] {
        let Some((this, _)) = this else { continue };
        for (other, span) in others.into_iter().flatten() {
            dcx.error(span, message::EXCLUDED_ATTRIBUTE, &[&this, &other]);
        }
    }
    if let (Some(_), Some(provider)) = (livepatch, &module.provider) {
        check_livepatch_name(&provider.value(), '.', provider.span(), dcx);
    }
    if module.provider.is_none() {
        for (name, span) in autoload.into_iter().chain(late) {
            dcx.error(span, message::WITHOUT_PROVIDER, &[&name, &module.name]);
        }
    }
}

fn check_entries(block: &Block, dcx: &mut DiagCtxt) {
    let mode = block.mode();
    let mut names = HashMap::new();
    for entry in &block.entries {
        let span = entry.name.span();
        if is_repeated(&mut names, &entry.name, &entry.attributes) {
            dcx.error(span, message::DUPLICATE_ENTRY, &[&entry.name]);
        }
        let rust_name = entry.rust_name();
        if generated(mode).contains(&rust_name.as_str()) {
            dcx.error(span, message::GENERATED_NAME, &[&rust_name, &rust_name]);
        }
        check_reserved(&entry.name, dcx);
        let (kernel_name, kernel_span) = (entry.kernel_name(), entry.kernel_name_span());
        check_symbol(&kernel_name, kernel_span, dcx);
        if let Type::Infer(infer) = bare(&entry.ty) {
            // If there are bindings, they were searched, and the missing type is already reported.
            if block.bindings.is_none() {
                dcx.error(infer.span(), message::WITHOUT_BINDINGS, &[]);
            }
            continue;
        }
        let is_compared = block.bindings.is_some() && entry.is_checked();
        if is_compared && item_name(&kernel_name, kernel_span).is_none() {
            dcx.error(kernel_span, message::NO_ITEM, &[&kernel_name]);
        }
        if mode == Mode::Livepatch {
            if entry.optional {
                dcx.error(span, message::LIVEPATCH_OPTIONAL, &[]);
            }
            check_livepatch_name(&kernel_name, ',', kernel_span, dcx);
        }
        match entry.kind() {
            EntryKind::Function(function) => {
                check_function(function, dcx);
                check_returns(function, mode, dcx);
            }
            EntryKind::Data(Type::Never(never)) => {
                dcx.error(never.span(), message::NEVER_DATA, &[])
            }
            // A pointer to it would need parentheses, and would be two words long.
            EntryKind::Data(Type::TraitObject(object)) => {
                dcx.error(object.span(), message::TRAIT, &[&"dyn"]);
            }
            EntryKind::Data(_) if mode == Mode::Late => {
                dcx.error(span, message::LATE_DATA, &[]);
            }
            EntryKind::Data(_) => {}
        }
        Unnamed(dcx).visit_type(&entry.ty);
    }
}

/// Adds a name to the `names` of a scope, and returns whether it is there twice. The flag of a name
/// is set if it is there only under a `#[cfg]`.
///
/// Two items that both have a `#[cfg]` may exclude each other. If they do not, the compiler
/// reports it.
fn is_repeated(
    names: &mut HashMap<Ident, bool>,
    name: &Ident,
    attributes: &ItemAttributes,
) -> bool {
    let conditional = !attributes.cfgs.is_empty();
    let other = names.insert(name.unraw(), conditional);
    other.is_some_and(|other| !(conditional && other))
}

fn check_reserved(name: &Ident, dcx: &mut DiagCtxt) {
    let text = name.unraw().to_string();
    for prefix in RESERVED {
        if text.starts_with(prefix) {
            dcx.error(name.span(), message::RESERVED_NAME, &[&prefix]);
        }
    }
}

fn check_symbol(name: &str, span: Span, dcx: &mut DiagCtxt) {
    if name.is_empty() {
        dcx.error(span, message::NAME_EMPTY, &[]);
    }
    if name.len() > SYMBOL_MAX {
        dcx.error(span, message::NAME_TOO_LONG, &[&name.len()]);
    }
    if let Some((provider, _)) = name.split_once(':') {
        dcx.error(span, message::NAME_COLON, &[&format!("{provider:?}")]);
    }
    if let Some(character) = name.chars().find(|&c| c.is_whitespace() || c.is_control()) {
        dcx.error(span, message::NAME_CHARACTER, &[&format!("{character:?}")]);
    }
}

fn check_provider(literal: &LitStr, dcx: &mut DiagCtxt) {
    let span = literal.span();
    let name = literal.value();
    if name.is_empty() {
        dcx.error(span, message::PROVIDER_EMPTY, &[]);
    } else if name == "vmlinux" {
        dcx.error(span, message::PROVIDER_KERNEL_IMAGE, &[]);
    }
    if name.len() > PROVIDER_MAX {
        dcx.error(span, message::PROVIDER_TOO_LONG, &[&name.len()]);
    }
    if let Some(stem) = name.strip_suffix(".ko") {
        let stem = format!("{:?}", stem.replace('-', "_"));
        dcx.error(span, message::PROVIDER_SUFFIX, &[&stem]);
    } else if name.contains('-') {
        let name = format!("{:?}", name.replace('-', "_"));
        dcx.error(span, message::PROVIDER_DASH, &[&name]);
    }
    let is_bad = |&c: &char| c.is_whitespace() || c.is_control() || c == ':' || c == '/';
    if let Some(character) = name.chars().find(is_bad) {
        let character = format!("{character:?}");
        dcx.error(span, message::PROVIDER_CHARACTER, &[&character]);
    }
}

fn check_function(function: &TypeBareFn, dcx: &mut DiagCtxt) {
    if let Some(abi) = function.abi.as_ref().and_then(|abi| abi.name.as_ref()) {
        if abi.value() != "C" {
            dcx.error(abi.span(), message::ABI, &[&format!("{:?}", abi.value())]);
        }
    }
    if let Some(binder) = &function.lifetimes {
        dcx.error(binder.span(), message::BINDER, &[]);
    }
    if let Some(variadic) = &function.variadic {
        dcx.error(variadic.dots.span(), message::VARIADIC, &[]);
    }
    let mut names = HashMap::new();
    for argument in &function.inputs {
        for attribute in &argument.attrs {
            dcx.error(attribute.span(), message::ARGUMENT_ATTRIBUTE, &[]);
        }
        let Some((name, _)) = &argument.name else {
            continue;
        };
        if name == "self" {
            dcx.error(name.span(), message::ARGUMENT_SELF, &[]);
        } else if name != "_" && names.insert(name.unraw(), ()).is_some() {
            dcx.error(name.span(), message::DUPLICATE_ARGUMENT, &[name]);
        }
        check_reserved(name, dcx);
    }
}

/// Refuses a name with the character `end`, which would end it too early in
/// `.klp.sym.provider.name,position`.
fn check_livepatch_name(name: &str, end: char, span: Span, dcx: &mut DiagCtxt) {
    if name.contains(end) {
        let (end, name) = (format!("{end:?}"), format!("{name:?}"));
        dcx.error(span, message::LIVEPATCH_NAME, &[&end, &name]);
    }
}

fn check_returns(function: &TypeBareFn, mode: Mode, dcx: &mut DiagCtxt) {
    let attribute = match mode {
        Mode::Direct | Mode::Livepatch => return,
        Mode::Rebindable => "rebindable",
        Mode::Late => "late",
    };
    if let ReturnType::Type(_, ty) = &function.output {
        if matches!(bare(ty), Type::Never(_)) {
            dcx.error(ty.span(), message::NEVER_LEFT, &[&attribute]);
        }
    }
}

/// Finds `_` and `impl Trait`, which do not name a type.
struct Unnamed<'a>(&'a mut DiagCtxt);

impl<'ast> Visit<'ast> for Unnamed<'_> {
    fn visit_type_infer(&mut self, infer: &'ast TypeInfer) {
        self.0.error(infer.span(), message::INFERRED_TYPE, &[]);
    }

    fn visit_type_impl_trait(&mut self, ty: &'ast TypeImplTrait) {
        self.0.error(ty.span(), message::TRAIT, &[&"impl"]);
        visit::visit_type_impl_trait(self, ty);
    }
}
