// SPDX-License-Identifier: GPL-2.0

//! The types of entries that take them from the kernel's headers: `name: _`.
//!
//! A macro cannot ask the compiler what a path names, but it can read the files that bindgen wrote:
//! the build lists them in [`FILES`]. The compiler then compares the type that was found with the
//! module that the block's `use` names, like a type that was stated. So it notices a file that is
//! not the source of that module.

use crate::{
    definitions::{BitField, Definition, Definitions},
    diagnostics::{self as message, DiagCtxt},
    layouts::Key,
    model::{bare, literal, Block, Missing},
};
use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::{quote, ToTokens};
use std::{cell::OnceCell, fs, path::PathBuf};
use syn::{
    ext::IdentExt,
    parse_quote,
    spanned::Spanned,
    visit::{self, Visit},
    visit_mut::{self, VisitMut},
    Attribute, ForeignItem, ItemForeignMod, Lit, Path, Type, TypePath,
};

/// The variable with the files that bindgen wrote, separated as in `PATH`. The first file that
/// declares a name counts.
const FILES: &str = "KIMPORT_BINDINGS";

/// The file that is the source of `kernel::bindings`, which comes after the module's own.
const KERNEL_FILE: &str = "bindings_generated.rs";

/// The beginning of the blocks in which bindgen declares functions and data.
const BLOCK_START: &str = "extern \"C\" {";

/// Types that are not items of the bindings.
pub(crate) const PRIMITIVES: [&str; 17] = [
    "bool", "char", "f32", "f64", "i8", "i16", "i32", "i64", "i128", "isize", "str", "u8", "u16",
    "u32", "u64", "u128", "usize",
];

/// The files that bindgen wrote, read when they are first needed.
pub(crate) struct Bindings {
    paths: Vec<PathBuf>,
    texts: OnceCell<Vec<std::io::Result<String>>>,
    definitions: OnceCell<Vec<Definitions>>,
}

impl Bindings {
    pub(crate) fn new(paths: impl IntoIterator<Item = PathBuf>) -> Self {
        Self {
            paths: paths.into_iter().collect(),
            texts: OnceCell::new(),
            definitions: OnceCell::new(),
        }
    }

    /// Returns the files that the build lists.
    pub(crate) fn of_environment() -> Self {
        let files = std::env::var_os(FILES).unwrap_or_default();
        Self::new(std::env::split_paths(&files).filter(|path| !path.as_os_str().is_empty()))
    }

    fn texts(&self) -> &[std::io::Result<String>] {
        self.texts
            .get_or_init(|| self.paths.iter().map(fs::read_to_string).collect())
    }

    /// Returns the type of the symbol `name`, as the bindings declare it.
    fn type_of(&self, name: &str) -> Option<TokenStream> {
        let mut texts = self.texts().iter().flatten();
        let item = texts.find_map(|text| find(text, name))?;
        match item {
            ForeignItem::Fn(function) => {
                let signature = function.sig;
                let (inputs, variadic) = (signature.inputs, signature.variadic);
                let output = signature.output;
                Some(quote!(fn(#inputs #variadic) #output))
            }
            ForeignItem::Static(data) => Some(data.ty.into_token_stream()),
            _ => None,
        }
    }

    fn text(&self, file: usize) -> &str {
        self.texts()[file].as_deref().unwrap_or_default()
    }

    fn definitions(&self) -> &[Definitions] {
        let files = || 0..self.paths.len();
        let definitions = || {
            files()
                .map(|file| Definitions::new(self.text(file)))
                .collect()
        };
        self.definitions.get_or_init(definitions)
    }

    /// Returns whether bindgen made a struct or union `name`, or a typedef of one.
    fn has_struct(&self, name: &str) -> bool {
        self.definitions().iter().any(|file| file.has(name))
    }

    /// Returns whether the file is the source of `kernel::bindings`.
    pub(crate) fn is_kernel(&self, file: usize) -> bool {
        let path = self.paths.get(file);
        path.is_some_and(|path| path.ends_with(KERNEL_FILE))
    }

    /// Returns the file that defines what `file`, or a declaration, means by `name`. The bindings
    /// of a module may name types of the kernel's, but not the other way round.
    pub(crate) fn find(&self, file: Option<usize>, name: &str) -> Option<Key> {
        let mut files = file.unwrap_or(0)..self.paths.len();
        let file = files.find(|&file| self.definitions()[file].has(name))?;
        Some((file, name.to_owned()))
    }

    /// Returns the definition of a type.
    pub(crate) fn definition(&self, (file, name): &Key) -> Option<Definition> {
        self.definitions()[*file].get(self.text(*file), name)
    }

    /// Returns the names and values of an enum.
    pub(crate) fn enumerators(&self, (file, name): &Key) -> &[(String, i64)] {
        self.definitions()[*file].enumerators(name)
    }

    /// Returns the bit-fields of a struct or union.
    pub(crate) fn bit_fields(&self, (file, name): &Key) -> Vec<BitField> {
        self.definitions()[*file].bit_fields(self.text(*file), name)
    }

    /// Returns the files, for a message.
    fn searched(&self) -> String {
        if self.paths.is_empty() {
            return format!("no file: {FILES} lists none");
        }
        let files = self
            .paths
            .iter()
            .zip(self.texts())
            .map(|(path, text)| match text {
                Ok(_) => path.display().to_string(),
                Err(error) => format!("{} ({error})", path.display()),
            });
        files.collect::<Vec<_>>().join(", ")
    }
}

/// Puts the types of the bindings in place of `_`.
pub(crate) fn infer(blocks: &mut [Block], bindings: &Bindings, dcx: &mut DiagCtxt) {
    for block in blocks {
        let Some(path) = &block.bindings else {
            continue;
        };
        let block_cfgs = !block.attributes.cfgs.is_empty();
        let mut missing = Vec::new();
        block.entries.retain_mut(|entry| {
            let Type::Infer(underscore) = bare(&entry.ty) else {
                return true;
            };
            let at = underscore.span();
            let name = entry.kernel_name();
            // The span is that of generated code, but is shown at the `_`.
            let span = Span::call_site().located_at(at);
            let found = bindings
                .type_of(&name)
                .and_then(|ty| syn::parse2::<Type>(spanned(ty, span)).ok());
            if let Some(ty) = found {
                entry.ty = ty;
                Qualify(path).visit_type_mut(&mut entry.ty);
                entry.inferred = true;
                return true;
            }
            let error = message::NO_PROTOTYPE.at(at, &[&name, &bindings.searched()]);
            let cfgs = &entry.attributes.cfgs;
            if cfgs.is_empty() && !block_cfgs {
                dcx.add(error);
                return true;
            }
            // Only the compiler knows whether this kernel should have the entry.
            let cfgs = cfgs.clone();
            missing.push(Missing { cfgs, error });
            false
        });
        block.missing = missing;
    }
}

/// Marks the entries of whose types bindgen made all structs and unions.
pub(crate) fn recognize(blocks: &mut [Block], bindings: &Bindings) {
    for block in blocks {
        for entry in &mut block.entries {
            // The compiler compares a checked entry with the bindings.
            let is_checked = block.bindings.is_some() && entry.is_checked();
            entry.made_by_bindgen = is_checked || {
                let mut recognize = Recognize {
                    bindings,
                    named: false,
                    others: false,
                };
                recognize.visit_type(&entry.ty);
                recognize.named && !recognize.others
            };
        }
    }
}

/// Looks for types that bindgen made, and for others that only Rust has.
struct Recognize<'a> {
    bindings: &'a Bindings,
    named: bool,
    others: bool,
}

impl Visit<'_> for Recognize<'_> {
    fn visit_type(&mut self, ty: &Type) {
        use Type::{Array, BareFn, Group, Never, Paren, Path, Ptr, Reference};
        self.others |= !matches!(
            ty,
            Array(_) | BareFn(_) | Group(_) | Never(_) | Paren(_) | Path(_) | Ptr(_) | Reference(_)
        );
        visit::visit_type(self, ty);
    }

    fn visit_type_path(&mut self, ty: &TypePath) {
        visit::visit_type_path(self, ty);
        let name = ty.path.segments.last().map(|last| last.ident.to_string());
        match name.unwrap_or_default().as_str() {
            "str" => self.others = true,
            "Option" | "NonNull" => {}
            name if PRIMITIVES.contains(&name) => {}
            name if self.bindings.has_struct(name) => self.named = true,
            name => self.others |= !name.starts_with("c_"),
        }
    }
}

/// Returns whether bindgen appends an underscore to a name: to keywords of Rust, also to former and
/// to future ones, and to the names of primitive types.
pub(crate) fn is_reserved(name: &str) -> bool {
    let others = ["alignof", "gen", "offsetof", "proc", "pure", "sizeof"];
    syn::parse_str::<Ident>(name).is_err() || PRIMITIVES.contains(&name) || others.contains(&name)
}

/// Returns the name that bindgen gives to the symbol `name`, or [`None`] if C cannot name it.
pub(crate) fn item_name(name: &str, span: Span) -> Option<Ident> {
    let underscore = if is_reserved(name) { "_" } else { "" };
    let mut ident = syn::parse_str::<Ident>(&format!("{name}{underscore}")).ok()?;
    ident.set_span(span);
    // C has no `r#`.
    (ident == ident.unraw()).then_some(ident)
}

/// Finds the declaration of the symbol `name` in the output of bindgen.
pub(crate) fn find(text: &str, name: &str) -> Option<ForeignItem> {
    let item = item_name(name, Span::call_site())?.to_string();
    let forms = [("fn", '('), ("static mut", ':'), ("static", ':')];
    forms.iter().find_map(|(keyword, next)| {
        let start = format!("pub {keyword} {item}");
        text.match_indices(&start).find_map(|(at, _)| {
            let rest = text[at + start.len()..].trim_start();
            rest.starts_with(*next).then(|| item_at(text, at, name))?
        })
    })
}

/// Parses the declaration that begins at `at`, if it declares the symbol `name`.
fn item_at(text: &str, at: usize, name: &str) -> Option<ForeignItem> {
    let start = text[..at].rfind(BLOCK_START)?;
    let end = at + item_len(&text[at..])?;
    let block = format!("{} }}", &text[start..end]);
    // If the declaration is not in a block, this text is not one and does not parse.
    let block: ItemForeignMod = syn::parse_str(&block).ok()?;
    let item = block.items.into_iter().next_back()?;
    let (attributes, ident) = match &item {
        ForeignItem::Fn(function) => (&function.attrs, &function.sig.ident),
        ForeignItem::Static(data) => (&data.attrs, &data.ident),
        _ => return None,
    };
    let linked = link_name(attributes).unwrap_or_else(|| ident.to_string());
    (linked == name).then_some(item)
}

/// Returns the length of a declaration up to its semicolon, or [`None`] for a definition.
fn item_len(text: &str) -> Option<usize> {
    let mut depth = 0_u32;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth = depth.checked_sub(1)?,
            b'{' | b'}' => return None,
            b';' if depth == 0 => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// Returns the name of the symbol, if it differs from that of the item.
fn link_name(attributes: &[Attribute]) -> Option<String> {
    let mut attributes = attributes.iter();
    let attribute = attributes.find(|attribute| attribute.path().is_ident("link_name"))?;
    let Some(Lit::Str(name)) = literal(&attribute.meta) else {
        return None;
    };
    let name = name.value();
    // LLVM marks a name that is not to be mangled with this character.
    Some(name.strip_prefix('\u{1}').unwrap_or(&name).to_owned())
}

/// Puts this path before the types of the bindings, so that they can be named from elsewhere.
struct Qualify<'a>(&'a Path);

impl VisitMut for Qualify<'_> {
    fn visit_type_path_mut(&mut self, ty: &mut TypePath) {
        visit_mut::visit_type_path_mut(self, ty);
        let path = &mut ty.path;
        if ty.qself.is_some() || path.leading_colon.is_some() {
            return;
        }
        let Some(first) = path.segments.first() else {
            return;
        };
        let first = first.ident.to_string();
        let mut qualified = match path.segments.len() {
            1 if PRIMITIVES.contains(&first.as_str()) => return,
            // With the kernel's options, bindgen gives the types of C this path.
            2.. if first == "ffi" => parse_quote!(::kernel),
            _ => self.0.clone(),
        };
        let segments = std::mem::take(&mut path.segments);
        qualified.segments.extend(segments);
        *path = qualified;
    }
}

/// Returns `tokens`, all of them with the span `span`.
fn spanned(tokens: TokenStream, span: Span) -> TokenStream {
    let respan = |token| match token {
        TokenTree::Group(group) => {
            let mut new = Group::new(group.delimiter(), spanned(group.stream(), span));
            new.set_span(span);
            TokenTree::from(new)
        }
        mut token => {
            token.set_span(span);
            token
        }
    };
    tokens.into_iter().map(respan).collect()
}
