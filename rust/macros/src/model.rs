// SPDX-License-Identifier: GPL-2.0

//! The declarations of an invocation.

use proc_macro2::{Ident, Span};
use syn::{ext::IdentExt, Attribute, Expr, Lit, LitStr, Meta, Path, Type, TypeBareFn, Visibility};

/// A group of entries that is resolved together.
#[derive(Default)]
pub(crate) struct Block {
    pub(crate) attributes: ItemAttributes,
    /// The span of `#[autoload]`, if given: an absent provider is requested.
    pub(crate) autoload: Option<Span>,
    /// The span of `#[rebindable]`, if given: the block can be moved to another provider.
    pub(crate) rebindable: Option<Span>,
    /// The span of `#[late]`, if given: the block is bound while its provider is there.
    pub(crate) late: Option<Span>,
    /// The span of `#[livepatch]`, if given: the kernel binds the block when it loads the module.
    pub(crate) livepatch: Option<Span>,
    /// The module that holds the wrappers; [`None`] for the bare form.
    pub(crate) module: Option<Header>,
    /// The policy for types that differ from the kernel's, if given: a variant of
    /// `kimport_types::Policy`.
    pub(crate) verify: Option<Ident>,
    /// The module of bindgen's output that the block's `use` names.
    pub(crate) bindings: Option<Path>,
    pub(crate) entries: Vec<Entry>,
    /// Entries that the bindings lack and that have a `#[cfg]`.
    pub(crate) missing: Vec<Missing>,
    /// Set if an entry could not be parsed. A block without entries is then not empty.
    pub(crate) incomplete: bool,
}

/// An entry whose type should come from the bindings, which lack it.
pub(crate) struct Missing {
    pub(crate) cfgs: Vec<Attribute>,
    pub(crate) error: syn::Error,
}

/// The header of a block.
pub(crate) struct Header {
    pub(crate) vis: Visibility,
    pub(crate) name: Ident,
    /// The kernel module that provides the symbols; [`None`] for the kernel image.
    pub(crate) provider: Option<LitStr>,
}

/// The attributes that end up on the generated items.
#[derive(Default)]
pub(crate) struct ItemAttributes {
    pub(crate) docs: Vec<Attribute>,
    pub(crate) cfgs: Vec<Attribute>,
}

/// One imported symbol.
pub(crate) struct Entry {
    pub(crate) attributes: ItemAttributes,
    pub(crate) optional: bool,
    pub(crate) unverified: bool,
    /// The position among several symbols of the same name, counted from 1.
    pub(crate) position: Option<u32>,
    /// The kernel's name, if given.
    pub(crate) kernel_name: Option<LitStr>,
    /// The visibility; `Inherited` if none was given, which means `pub`.
    pub(crate) vis: Visibility,
    pub(crate) name: Ident,
    pub(crate) ty: Type,
    /// Set if the type was taken from the bindings.
    pub(crate) inferred: bool,
    /// Set if bindgen made the structs and unions of the type. They may contain something that the
    /// lint `improper_ctypes` dislikes, as empty structs.
    pub(crate) made_by_bindgen: bool,
}

/// The way in which calls of a block are made.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Calls are direct.
    Direct,
    /// Calls are direct and counted.
    Rebindable,
    /// Calls are direct and counted, and only made while the provider is there.
    Late,
    /// Calls are direct, by livepatch relocations.
    Livepatch,
}

/// The kind of a symbol, by its declared type.
pub(crate) enum EntryKind<'a> {
    Function(&'a TypeBareFn),
    Data(&'a Type),
}

impl Block {
    /// Returns the name of the module without `r#`, which is empty for the bare form.
    pub(crate) fn name(&self) -> String {
        let module = self.module.as_ref();
        module.map_or_else(String::new, |module| module.name.unraw().to_string())
    }

    pub(crate) fn mode(&self) -> Mode {
        match (self.late, self.rebindable, self.livepatch) {
            (Some(_), _, _) => Mode::Late,
            (None, Some(_), _) => Mode::Rebindable,
            (None, None, Some(_)) => Mode::Livepatch,
            (None, None, None) => Mode::Direct,
        }
    }

    /// Returns the name of the providing module, or [`None`] for the kernel image.
    pub(crate) fn provider(&self) -> Option<String> {
        Some(self.module.as_ref()?.provider.as_ref()?.value())
    }
}

impl Entry {
    /// Returns the Rust name without `r#`.
    pub(crate) fn rust_name(&self) -> String {
        self.name.unraw().to_string()
    }

    /// Returns the kernel's name of the symbol.
    pub(crate) fn kernel_name(&self) -> String {
        match &self.kernel_name {
            Some(name) => name.value(),
            None => self.rust_name(),
        }
    }

    /// Returns whether the compiler compares the type with the bindings of its block.
    ///
    /// It always does if the type was inferred: the type is from a file, which must be the source
    /// of those bindings.
    pub(crate) fn is_checked(&self) -> bool {
        self.inferred || !self.unverified
    }

    /// Returns the span of the kernel's name.
    pub(crate) fn kernel_name_span(&self) -> Span {
        match &self.kernel_name {
            Some(name) => name.span(),
            None => self.name.span(),
        }
    }

    pub(crate) fn kind(&self) -> EntryKind<'_> {
        match bare(&self.ty) {
            Type::BareFn(function) => EntryKind::Function(function),
            ty => EntryKind::Data(ty),
        }
    }
}

/// Returns `ty` without parentheses and without the invisible groups that `$t:ty` leaves around it.
pub(crate) fn bare(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => bare(&group.elem),
        Type::Paren(paren) => bare(&paren.elem),
        ty => ty,
    }
}

/// Returns the literal of `name = literal`.
pub(crate) fn literal(meta: &Meta) -> Option<&Lit> {
    let Meta::NameValue(pair) = meta else {
        return None;
    };
    let mut value = &pair.value;
    // `$l:literal` comes in an invisible group.
    while let Expr::Group(group) = value {
        value = &group.expr;
    }
    match value {
        Expr::Lit(literal) => Some(&literal.lit),
        _ => None,
    }
}
