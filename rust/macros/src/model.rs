// SPDX-License-Identifier: GPL-2.0

//! What an invocation declares.

use proc_macro2::{Ident, Span};
use syn::{ext::IdentExt, Attribute, LitStr, Path, Type, TypeBareFn, Visibility};

/// A group of entries that is resolved together.
pub(crate) struct Block {
    pub(crate) attributes: Passed,
    /// Where `#[autoload]` stands: an absent provider is requested.
    pub(crate) autoload: Option<Span>,
    /// Where `#[rebindable]` stands: the block can be moved to another provider.
    pub(crate) rebindable: Option<Span>,
    /// Where `#[late]` stands: the block is bound while its provider is there.
    pub(crate) late: Option<Span>,
    /// Where `#[livepatch]` stands: the kernel binds the block when it loads the module.
    pub(crate) livepatch: Option<Span>,
    /// The module that holds the wrappers; [`None`] for the bare form.
    pub(crate) module: Option<Module>,
    /// What is done about types that are not the kernel's, where it was given.
    pub(crate) verify: Option<Verify>,
    /// The module of bindgen's output that the block's `use` names.
    pub(crate) bindings: Option<Path>,
    pub(crate) entries: Vec<Entry>,
    /// Entries that the bindings lack and that are there only under a `#[cfg]`.
    pub(crate) missing: Vec<Missing>,
    /// Whether an entry could not be parsed. A block without entries is then not empty.
    pub(crate) incomplete: bool,
}

/// An entry whose type was left to bindings that lack it.
pub(crate) struct Missing {
    pub(crate) cfgs: Vec<Attribute>,
    pub(crate) error: syn::Error,
}

/// What is done about types that are not the kernel's.
#[derive(Clone, Copy)]
pub(crate) enum Verify {
    Strict,
    Warn,
    Off,
    Require,
}

/// The header of a block.
pub(crate) struct Module {
    pub(crate) vis: Visibility,
    pub(crate) name: Ident,
    /// The kernel module that provides the symbols; [`None`] for the kernel image.
    pub(crate) provider: Option<LitStr>,
}

/// The attributes that end up on the generated items.
#[derive(Default)]
pub(crate) struct Passed {
    pub(crate) docs: Vec<Attribute>,
    pub(crate) cfgs: Vec<Attribute>,
}

/// One imported symbol.
pub(crate) struct Entry {
    pub(crate) attributes: Passed,
    pub(crate) optional: bool,
    pub(crate) unverified: bool,
    /// Which of several symbols of the same name, counted from 1.
    pub(crate) position: Option<u32>,
    /// The kernel's name, where it was given.
    pub(crate) kernel_name: Option<LitStr>,
    /// Inherited where none was given, which means `pub`.
    pub(crate) vis: Visibility,
    pub(crate) name: Ident,
    pub(crate) ty: Type,
    /// Whether the type was taken from the bindings.
    pub(crate) inferred: bool,
}

/// How calls of a block are made.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Directly.
    Direct,
    /// Counted.
    Rebindable,
    /// Counted, and only while the provider is there.
    Late,
    /// Directly, by livepatch relocations.
    Livepatch,
}

/// What a symbol is, as its declared type tells.
pub(crate) enum Kind<'a> {
    Function(&'a TypeBareFn),
    Data(&'a Type),
}

impl Block {
    /// The name of the module without `r#`, empty for the bare form.
    pub(crate) fn name(&self) -> String {
        self.module
            .as_ref()
            .map(|module| module.name.unraw().to_string())
            .unwrap_or_default()
    }

    pub(crate) fn mode(&self) -> Mode {
        match (self.late, self.rebindable, self.livepatch) {
            (Some(_), _, _) => Mode::Late,
            (None, Some(_), _) => Mode::Rebindable,
            (None, None, Some(_)) => Mode::Livepatch,
            (None, None, None) => Mode::Direct,
        }
    }

    /// The name of the providing module, if it is not the kernel image.
    pub(crate) fn provider(&self) -> Option<String> {
        Some(self.module.as_ref()?.provider.as_ref()?.value())
    }
}

impl Entry {
    /// The Rust name without `r#`.
    pub(crate) fn rust_name(&self) -> String {
        self.name.unraw().to_string()
    }

    /// The name the kernel knows the symbol by.
    pub(crate) fn kernel_name(&self) -> String {
        match &self.kernel_name {
            Some(name) => name.value(),
            None => self.rust_name(),
        }
    }

    /// Whether the compiler holds the type against the bindings of its block.
    ///
    /// An inferred one always: it is from a file, which has to be the source of those bindings.
    pub(crate) fn is_checked(&self) -> bool {
        self.inferred || !self.unverified
    }

    /// Where the kernel's name is written.
    pub(crate) fn kernel_name_span(&self) -> Span {
        match &self.kernel_name {
            Some(name) => name.span(),
            None => self.name.span(),
        }
    }

    pub(crate) fn kind(&self) -> Kind<'_> {
        match bare(&self.ty) {
            Type::BareFn(function) => Kind::Function(function),
            ty => Kind::Data(ty),
        }
    }
}

/// `ty` without parentheses and without the invisible groups that `$t:ty` leaves around it.
pub(crate) fn bare(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => bare(&group.elem),
        Type::Paren(paren) => bare(&paren.elem),
        ty => ty,
    }
}
