// SPDX-License-Identifier: GPL-2.0

//! Turns the [`model`](crate::model) into tokens.
//!
//! The names and types of the user keep their spans, so that the compiler's own errors (a type that
//! does not exist, a call with wrong arguments) point at the declaration. Paths are absolute, as a
//! block may be called `core`.

use crate::{
    bindings::{item_name, Bindings},
    layouts,
    model::{bare, literal, Block, Entry, EntryKind, Mode},
};
use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use std::{
    ffi::CString,
    sync::atomic::{AtomicUsize, Ordering},
};
use syn::{
    ext::IdentExt,
    parse_quote,
    spanned::Spanned,
    visit_mut::{self, VisitMut},
    Attribute, BareFnArg, Lifetime, Lit, LitCStr, ReturnType, Token, Type, TypeBareFn,
    TypeReference, Visibility,
};

/// The parts of a trampoline's name that make it unique within a kernel module or the kernel image.
pub(crate) struct Context {
    /// The name of the crate being compiled, behind that of its kernel module.
    pub(crate) crate_name: String,
    /// The name that the kernel module is built for.
    pub(crate) module: String,
    /// The number of the invocation's first block among all blocks of the crate.
    pub(crate) first_ordinal: usize,
    /// Set if the entries are listed for tools. They are in a section of modules, for which the
    /// kernel image has no place.
    pub(crate) records: bool,
    /// Set if blocks have a table of layouts. The crate's own blocks have none: they are compiled
    /// into each module that uses it, and import only from the kernel image.
    pub(crate) layouts: bool,
}

impl Context {
    /// Takes the context from the compiler that runs the macro, for an invocation with `blocks`
    /// blocks.
    pub(crate) fn of_this_compiler(blocks: usize) -> Self {
        static BLOCKS: AtomicUsize = AtomicUsize::new(0);

        let name = crate_name_of(std::env::args())
            .or_else(|| std::env::var("CARGO_CRATE_NAME").ok())
            .unwrap_or_default();
        let is_built_in = is_built_in(std::env::args());
        let layouts = name != "kimport";
        let module = std::env::var(KBUILD_MODULE).ok();
        Self {
            layouts,
            module: module.as_deref().map_or(name.clone(), module_name),
            crate_name: unique_name(module, name, is_built_in),
            first_ordinal: BLOCKS.fetch_add(blocks, Ordering::Relaxed),
            records: !is_built_in,
        }
    }
}

/// Returns a name that no other crate has among those that are linked together: the name of its
/// module, which Kbuild gives as a path, and behind it `crate_name`. Crates of different modules
/// may have the same name, and so may modules of different directories in the kernel image.
pub(crate) fn unique_name(module: Option<String>, crate_name: String, is_built_in: bool) -> String {
    let Some(path) = module else {
        return mangled(&crate_name);
    };
    // The directory does not matter to a module that is linked by itself.
    let start = path.rfind('/').filter(|_| !is_built_in);
    let module = &path[start.map_or(0, |slash| slash + 1)..];
    mangled(&format!("{module}/{crate_name}"))
}

/// Returns the name of the module that Kbuild makes at `path`.
pub(crate) fn module_name(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.replace('-', "_")
}

/// Returns `name` as a part of an assembler symbol. No other name becomes the same.
fn mangled(name: &str) -> String {
    let mut mangled = String::new();
    for character in name.chars() {
        match character {
            '_' => mangled += "__",
            _ if character.is_ascii_alphanumeric() => mangled.push(character),
            other => mangled += &format!("_{:x}_", u32::from(other)),
        }
    }
    mangled
}

/// The variable in which Kbuild names the module that is being compiled.
const KBUILD_MODULE: &str = "RUST_MODFILE";

/// Returns whether Kbuild compiles for the kernel image. For modules it gives `--cfg MODULE`.
fn is_built_in(mut arguments: impl Iterator<Item = String>) -> bool {
    std::env::var_os(KBUILD_MODULE).is_some() && !arguments.any(|argument| argument == "MODULE")
}

/// Returns the value of `--crate-name` in the arguments of a compiler. Kbuild sets no variable for
/// it.
pub(crate) fn crate_name_of(mut arguments: impl Iterator<Item = String>) -> Option<String> {
    while let Some(argument) = arguments.next() {
        match argument.strip_prefix("--crate-name") {
            Some("") => return arguments.next(),
            Some(value) => return value.strip_prefix('=').map(str::to_owned),
            None => {}
        }
    }
    None
}

/// Expands blocks that [`check`](crate::check::check) found nothing wrong with.
pub(crate) fn expand(blocks: &[Block], context: &Context, bindings: &Bindings) -> TokenStream {
    let ordinals = context.first_ordinal..;
    blocks
        .iter()
        .zip(ordinals)
        .map(|(block, ordinal)| {
            let id = format!("{}_{ordinal}", context.crate_name);
            expand_block(block, &id, context, bindings)
        })
        .collect()
}

fn expand_block(block: &Block, id: &str, context: &Context, bindings: &Bindings) -> TokenStream {
    let records = context.records;
    let items: TokenStream = block
        .entries
        .iter()
        .map(|entry| {
            let wrapper = match entry.kind() {
                EntryKind::Function(function) => expand_function(block, entry, function, id),
                EntryKind::Data(ty) => expand_data(block, entry, ty),
            };
            let ty = expand_type(entry);
            let record = records.then(|| expand_record(block, entry));
            let check = expand_check(block, entry);
            quote!(#wrapper #ty #check #record)
        })
        .collect();
    let missing = block.missing.iter().map(|missing| {
        let cfgs = &missing.cfgs;
        let error = missing.error.to_compile_error();
        quote!(#(#cfgs)* #error)
    });
    let items = quote!(#(#missing)* #items);
    let off = block.verify.as_ref().is_some_and(|policy| policy == "Off");
    let layouts = (context.layouts && !off)
        .then(|| layouts::table(block, bindings))
        .flatten();
    let table = expand_table(block, layouts.is_some(), context);
    let layouts = layouts.map(|table| expand_layouts(&table, records));

    let Some(module) = &block.module else {
        return quote! { #items #layouts #table };
    };
    let cfgs = &block.attributes.cfgs;
    let docs = docs_or(&block.attributes.docs, || match block.provider() {
        Some(provider) => format!(" Symbols imported from the kernel module `{provider}`."),
        None => " Symbols imported from the kernel image.".to_owned(),
    });
    let vis = &module.vis;
    let name = &module.name;
    quote! {
        #(#docs)*
        #(#cfgs)*
        #vis mod #name {
            #[allow(unused_imports)]
            use super::*;

            #items
            #layouts
            #table
        }
    }
}

/// Generates the table of layouts, and the names of members for tools.
fn expand_layouts(table: &layouts::Table, records: bool) -> TokenStream {
    let builder = &table.builder;
    let section = records.then(|| quote!(#[link_section = ".kimport.layouts"] #[used]));
    let names = records.then(|| {
        let names = table.names.iter().map(|name| format!(".asciz \"{name}\""));
        quote! {
            ::core::arch::global_asm!(
                ".pushsection .comment.kimport,\"\",%progbits",
                #(#names,)*
                ".popsection",
            );
        }
    });
    quote! {
        #[allow(clippy::all, unused)]
        const __KIMPORT_TABLE: ::kimport::types::LayoutTableBuilder = #builder;

        #section
        static __KIMPORT_LAYOUTS: ::kimport::types::Record<{ __KIMPORT_TABLE.len() }> =
            ::kimport::types::Record(__KIMPORT_TABLE.to_array());

        #names
    }
}

fn expand_record(block: &Block, entry: &Entry) -> TokenStream {
    let span = span_of(entry);
    let cfgs = &entry.attributes.cfgs;
    let kind = match entry.kind() {
        EntryKind::Function(_) => quote_spanned!(span=> Function),
        EntryKind::Data(_) => quote_spanned!(span=> Data),
    };
    let strict = || Ident::new("Strict", Span::call_site());
    let policy = block.verify.clone().unwrap_or_else(strict);
    let (optional, unverified) = (entry.optional, entry.unverified);
    let position = Literal::u32_unsuffixed(entry.position.unwrap_or(0));
    let block_name = block.name();
    let provider = block.provider().unwrap_or_default();
    let (name, rust_name) = (entry.kernel_name(), entry.rust_name());
    let description = type_ident(entry);
    quote_spanned! {span=>
        #(#cfgs)*
        ::kimport::types::import_record! {
            #kind,
            policy: #policy,
            optional: #optional,
            unverified: #unverified,
            position: #position,
            block: #block_name,
            provider: #provider,
            name: #name,
            rust_name: #rust_name,
            description: #description,
        }
    }
}

/// Generates the constant with the description of the declared type, a slice of bytes.
fn expand_type(entry: &Entry) -> TokenStream {
    let span = span_of(entry);
    let describe = |ty: &Type| {
        let ty = ungrouped(ty);
        let span = ty.span();
        quote_spanned!(span=> ::kimport::types::describe!(#ty))
    };
    let encoding = match entry.kind() {
        EntryKind::Function(function) => {
            let arguments = function
                .inputs
                .iter()
                .map(|input| describe(&static_lifetimes(&input.ty)));
            let returned = match &function.output {
                ReturnType::Default => quote!(::kimport::types::Encoding::VOID),
                ReturnType::Type(_, ty) => describe(&static_lifetimes(ty)),
            };
            quote!(::kimport::types::Encoding::function(&[#(#arguments),*], #returned, false))
        }
        EntryKind::Data(ty) => {
            let ty = describe(&static_lifetimes(ty));
            quote!(#ty.into_data())
        }
    };
    let description = if entry.unverified {
        quote_spanned!(span=> &[])
    } else {
        quote_spanned!(span=> ::kimport::types::encoded!(#encoding))
    };
    let cfgs = &entry.attributes.cfgs;
    let ty = type_ident(entry);
    quote_spanned! {span=>
        #(#cfgs)*
        #[allow(non_upper_case_globals)]
        const #ty: &[u8] = #description;
    }
}

/// Generates an item by which the compiler compares the type with that of the block's bindings, and
/// shows both if they differ.
///
/// The compiler makes no code of it: code would refer to the symbol.
fn expand_check(block: &Block, entry: &Entry) -> Option<TokenStream> {
    let mut item = block.bindings.clone().filter(|_| entry.is_checked())?;
    let span = span_of(entry);
    item.segments
        .push(item_name(&entry.kernel_name(), span)?.into());
    // The whole path is shown at the entry, but is resolved as at the `use`.
    for segment in &mut item.segments {
        let resolved = segment.ident.span();
        segment.ident.set_span(resolved.located_at(span));
    }
    let cfgs = &entry.attributes.cfgs;
    Some(match entry.kind() {
        EntryKind::Function(function) => {
            let types = function.inputs.iter().map(|input| &input.ty);
            let output = &function.output;
            quote_spanned! {span=>
                #(#cfgs)*
                #[allow(clippy::type_complexity)]
                const _: unsafe extern "C" fn(#(#types),*) #output = #item;
            }
        }
        EntryKind::Data(ty) => {
            let ty = static_lifetimes(ty);
            quote_spanned! {span=>
                #(#cfgs)*
                const _: () = {
                    #[allow(dead_code)]
                    fn __kimport_compare() {
                        let _: *const #ty = &raw const #item;
                    }
                };
            }
        }
    })
}

fn expand_function(block: &Block, entry: &Entry, function: &TypeBareFn, id: &str) -> TokenStream {
    let span = span_of(entry);
    let rust_name = entry.rust_name();
    let trampoline = format!("__SCT__kimport_{id}_{rust_name}");
    let key = format!("__SCK__kimport_{id}_{rust_name}");
    let symbol = symbol(block, entry);
    let kernel_name = entry.kernel_name();
    let binding = binding(entry);
    let call_name = item_ident("__kimport_call_", entry);

    let names = argument_names(function);
    let types: Vec<_> = function.inputs.iter().map(|input| &input.ty).collect();
    let never_returns =
        matches!(&function.output, ReturnType::Type(_, ty) if matches!(bare(ty), Type::Never(_)));
    let returned = match &function.output {
        ReturnType::Type(_, ty) if !never_returns => quote_spanned!(span=> #ty),
        _ => quote_spanned!(span=> ()),
    };

    let mode = block.mode();
    // The guard is kept until the end of the wrapper.
    let enter = match mode {
        Mode::Direct | Mode::Livepatch => None,
        Mode::Rebindable => Some(quote_spanned!(span=> __KIMPORT_CALLS.enter())),
        Mode::Late => Some(quote_spanned!(span=> __KIMPORT_CALLS.enter()?)),
    };
    let enter = enter.map(|enter| quote_spanned!(span=> let __kimport_inside = #enter;));

    let call = quote_spanned!(span=> unsafe { #call_name(#(#names),*) });
    // objtool does not know that the kernel's function does not return, and requires an end of the
    // path.
    let call = if never_returns {
        quote_spanned!(span=> { #call; ::kimport::macro_support::returned(#symbol) })
    } else {
        call
    };
    let output = &function.output;
    let is_option = entry.optional || mode == Mode::Late;
    let output = match (is_option, never_returns) {
        (false, _) => quote_spanned!(span=> #output),
        (true, false) => quote_spanned!(span=> -> ::core::option::Option<#returned>),
        // A stable compiler does not take `!` as a type parameter.
        (true, true) => {
            quote_spanned!(span=> -> ::core::option::Option<::core::convert::Infallible>)
        }
    };
    let result = if is_option && !never_returns {
        quote_spanned!(span=> ::core::option::Option::Some(#call))
    } else {
        call
    };
    let body = if entry.optional {
        quote_spanned! {span=>
            if #binding.is_bound() {
                #result
            } else {
                ::core::option::Option::None
            }
        }
    } else {
        result
    };

    let mut docs = docs_or(&entry.attributes.docs, || match mode {
        Mode::Late => format!(" Calls `{symbol}` of the kernel; `None` while it is not there."),
        _ => format!(" Calls `{symbol}` of the kernel."),
    });
    let safety = docs.iter().position(is_safety_section);
    let end = safety.unwrap_or(docs.len());
    docs.splice(end..end, argument_docs(function));
    if safety.is_none() {
        docs.extend(doc_lines(&[
            "",
            " # Safety",
            "",
            " The caller must meet everything that the kernel's function requires of its callers, and \
             the declared type must be the type of that function.",
        ]));
    }
    let cfgs = &entry.attributes.cfgs;
    let vis = visibility(entry);
    let name = &entry.name;
    let lint = entry
        .made_by_bindgen
        .then(|| quote_spanned!(span=> #[allow(improper_ctypes)]));
    let declaration = if mode == Mode::Livepatch {
        let livepatch = livepatch_symbol(block, entry);
        let loaded = loaded(entry);
        let target = item_ident("__kimport_target_", entry);
        quote_spanned! {span=>
            ::kimport::__declare_livepatch_function! {
                livepatch: #livepatch,
                target: #target,
                loaded: #loaded,
                binding: #binding,
                call: #call_name,
                block: __KIMPORT_BLOCK,
                symbol: #kernel_name,
                #lint
                fn(#(#names: #types),*) -> #returned
            }
        }
    } else {
        quote_spanned! {span=>
            ::kimport::__declare_function! {
                trampoline: #trampoline,
                key: #key,
                binding: #binding,
                call: #call_name,
                block: __KIMPORT_BLOCK,
                symbol: #kernel_name,
                #lint
                fn(#(#names: #types),*) -> #returned
            }
        }
    };
    quote_spanned! {span=>
        #(#cfgs)*
        #declaration

        #(#docs)*
        #(#cfgs)*
        #[allow(
            dead_code,
            non_snake_case,
            unreachable_pub,
            clippy::missing_safety_doc,
            clippy::too_many_arguments,
            clippy::undocumented_unsafe_blocks,
        )]
        #[inline(always)]
        #vis unsafe fn #name(#(#names: #types),*) #output {
            #enter
            #body
        }
    }
}

fn expand_data(block: &Block, entry: &Entry, ty: &Type) -> TokenStream {
    let span = span_of(entry);
    let symbol = symbol(block, entry);
    let binding = binding(entry);
    let ty = static_lifetimes(ty);
    let docs = docs_or(&entry.attributes.docs, || {
        format!(" The address of the kernel's `{symbol}`.")
    });
    let cfgs = &entry.attributes.cfgs;
    let vis = visibility(entry);
    let name = &entry.name;

    let (output, body) = if entry.optional {
        (
            quote_spanned!(span=> ::core::option::Option<*mut #ty>),
            quote_spanned!(span=> #binding.get().map(<*mut _>::cast)),
        )
    } else {
        (
            quote_spanned!(span=> *mut #ty),
            quote_spanned!(span=> #binding.address(&__KIMPORT_BLOCK).cast()),
        )
    };
    let declaration = (block.mode() == Mode::Livepatch).then(|| {
        let livepatch = livepatch_symbol(block, entry);
        let loaded = loaded(entry);
        quote_spanned! {span=>
            #(#cfgs)*
            ::kimport::__declare_livepatch_data! { livepatch: #livepatch, loaded: #loaded }
        }
    });
    quote_spanned! {span=>
        #declaration

        #(#cfgs)*
        #[allow(non_upper_case_globals)]
        static #binding: ::kimport::DataBinding = ::kimport::DataBinding::unbound();

        #(#docs)*
        #(#cfgs)*
        #[allow(dead_code, non_snake_case, unreachable_pub)]
        #[inline]
        #vis fn #name() -> #output {
            #body
        }
    }
}

/// Generates the table of a block and the functions that resolve it.
fn expand_table(block: &Block, has_layouts: bool, context: &Context) -> TokenStream {
    let module = c_str(&context.module, Span::mixed_site());
    let name = c_str(&block.name(), Span::mixed_site());
    let provider_name = block
        .provider()
        .map(|provider| c_str(&provider, Span::mixed_site()));
    let provider = match &provider_name {
        Some(provider) => quote!(::core::option::Option::Some(#provider)),
        None => quote!(::core::option::Option::None),
    };
    let symbols = block.entries.iter().map(|entry| {
        let cfgs = &entry.attributes.cfgs;
        let name = kernel_name(entry);
        let binding = binding(entry);
        let ty = type_ident(entry);
        let constructor = match entry.kind() {
            EntryKind::Function(_) if block.mode() == Mode::Livepatch => {
                quote!(livepatch_function(#name, &#binding))
            }
            EntryKind::Function(_) => quote!(function(#name, &#binding)),
            EntryKind::Data(ty) => {
                let ty = static_lifetimes(ty);
                quote!(data(#name, &#binding, ::core::mem::size_of::<#ty>()))
            }
        };
        let rust_name = (entry.rust_name() != entry.kernel_name()).then(|| {
            let name = entry.rust_name();
            quote!(.rust_name(#name))
        });
        let loaded = (block.mode() == Mode::Livepatch).then(|| {
            let loaded = loaded(entry);
            quote!(.loaded(&#loaded))
        });
        let optional = entry.optional.then(|| quote!(.optional()));
        let position = entry.position.map(|position| {
            let position = Literal::u32_unsuffixed(position);
            quote!(.position(#position))
        });
        let unverified = entry.unverified.then(|| quote!(.unverified()));
        quote! {
            #(#cfgs)*
            ::kimport::Symbol::#constructor #rust_name .described(#ty) #loaded #optional #position #unverified
        }
    });
    let autoload = block.autoload.map(|_| quote!(.autoload()));
    let functions = match block.mode() {
        Mode::Late => expand_bind_late(provider_name.as_ref()),
        mode => expand_resolve(mode),
    };
    let layouts = has_layouts.then(|| quote!(.layouts(&__KIMPORT_LAYOUTS.0)));
    let verify = block.verify.as_ref();
    let verify = verify.map(|policy| quote!(.verify(::kimport::types::Policy::#policy)));
    quote! {
        // This is a static of its own, as a borrow of it lives long enough for an argument of a
        // `const fn`.
        static __KIMPORT_SYMBOLS: &[::kimport::Symbol] = &[#(#symbols),*];
        static __KIMPORT_BLOCK: ::kimport::Block =
            ::kimport::Block::new(::kimport::__importer!(#module), #name, #provider, __KIMPORT_SYMBOLS) #autoload #verify #layouts;

        #functions
    }
}

/// Generates the functions that resolve a block.
fn expand_resolve(mode: Mode) -> TokenStream {
    let (imports, resolve, calls) = match mode {
        Mode::Rebindable => (
            quote!(::kimport::Imports<::kimport::Rebindable>),
            "resolve_rebindable",
            Some(quote!(, &__KIMPORT_CALLS)),
        ),
        _ => (quote!(::kimport::Imports), "resolve", None),
    };
    let resolve_from = format_ident!("{resolve}_from");
    let resolve = format_ident!("{resolve}");
    let counted = calls.is_some().then(|| {
        quote! { ::kimport::__declare_calls! { __KIMPORT_CALLS: Calls } }
    });
    // The provider of a livepatch block was fixed when the module was loaded.
    let resolve_from = (mode != Mode::Livepatch).then(|| {
        quote! {
            /// Like [`resolve_imports`], with the symbols of the kernel module that is named.
            ///
            /// # Errors
            ///
            /// See [`resolve_imports`].
            #[allow(dead_code, unreachable_pub)]
            pub fn resolve_imports_from(
                __kimport_provider: &::core::ffi::CStr,
            ) -> ::kernel::error::Result<#imports> {
                ::kimport::Imports::#resolve_from(&__KIMPORT_BLOCK #calls, __kimport_provider)
            }
        }
    });
    quote! {
        #counted

        /// Finds every symbol declared here and binds the wrappers to them.
        ///
        /// The module that provides the symbols stays loaded until the returned
        /// [`Imports`](::kimport::Imports) is dropped; no wrapper may be called after that. Must be
        /// called from a context that may sleep.
        ///
        /// # Errors
        ///
        /// See [`Imports`](::kimport::Imports#errors). After an error nothing is bound and no
        /// module is held.
        #[allow(dead_code, unreachable_pub)]
        pub fn resolve_imports() -> ::kernel::error::Result<#imports> {
            ::kimport::Imports::#resolve(&__KIMPORT_BLOCK #calls)
        }

        #resolve_from
    }
}

/// Generates the functions that bind a late block, whose provider has this name.
fn expand_bind_late(provider: Option<&LitCStr>) -> TokenStream {
    quote! {
        ::kimport::__declare_calls! { __KIMPORT_CALLS: LateCalls }

        /// Binds the wrappers whenever the module that provides the symbols is there, and calls the
        /// given [`ProviderEvents`](::kimport::ProviderEvents) when it comes and goes.
        ///
        /// The module is held only by calls. While it is not there, or lacks a symbol (which is
        /// logged), the wrappers return `None`. Must be initialised and dropped in a context that
        /// may sleep, and not in one of the events.
        ///
        /// # Errors
        ///
        /// `EALREADY`: the block has another [`LateImports`](::kimport::LateImports). `EACCES`: the
        /// license of the importing module is not GPL-compatible. `EDEADLK`: the provider is that
        /// module. `EOPNOTSUPP`: kallsyms cannot be reached. `ENOMEM`.
        #[allow(dead_code, unreachable_pub)]
        pub fn bind_late<T: ::kimport::ProviderEvents>(
            __kimport_events: T,
        ) -> impl ::kimport::macro_support::PinInit<
            ::kimport::LateImports<T>,
            ::kimport::macro_support::Error,
        > {
            ::kimport::LateImports::new(&__KIMPORT_BLOCK, &__KIMPORT_CALLS, #provider, __kimport_events)
        }

        /// Like [`bind_late`], with the symbols of the kernel module that is named.
        ///
        /// # Errors
        ///
        /// See [`bind_late`].
        #[allow(dead_code, unreachable_pub)]
        pub fn bind_late_from<'a, T: ::kimport::ProviderEvents>(
            __kimport_provider: &'a ::core::ffi::CStr,
            __kimport_events: T,
        ) -> impl ::kimport::macro_support::PinInit<
            ::kimport::LateImports<T>,
            ::kimport::macro_support::Error,
        > + use<'a, T> {
            ::kimport::LateImports::new(&__KIMPORT_BLOCK, &__KIMPORT_CALLS, __kimport_provider, __kimport_events)
        }
    }
}

/// Returns the literal of the kernel's name of the symbol.
fn kernel_name(entry: &Entry) -> LitCStr {
    c_str(&entry.kernel_name(), entry.kernel_name_span())
}

/// Returns the symbol as the kernel writes it in its messages: `provider:name`, or just `name`.
fn symbol(block: &Block, entry: &Entry) -> String {
    match block.provider() {
        Some(provider) => format!("{provider}:{}", entry.kernel_name()),
        None => entry.kernel_name(),
    }
}

/// Returns the name of an undefined symbol that the kernel's livepatch code resolves.
/// `kimport relink` makes livepatch relocations of the relocations that refer to it.
fn livepatch_symbol(block: &Block, entry: &Entry) -> String {
    let provider = block.provider();
    format!(
        ".klp.sym.{}.{},{}",
        provider.as_deref().unwrap_or("vmlinux"),
        entry.kernel_name(),
        entry.position.unwrap_or(0)
    )
}

/// Returns the static that holds the address to which the kernel bound the entry when it loaded the
/// module.
fn loaded(entry: &Entry) -> Ident {
    item_ident("__KIMPORT_LOADED_", entry)
}

/// Returns the static that holds the address to which the entry is bound.
fn binding(entry: &Entry) -> Ident {
    item_ident("__KIMPORT_BINDING_", entry)
}

/// Returns `ty` without parentheses and invisible groups in any depth, as `describe!` looks at the
/// tokens.
fn ungrouped(ty: &Type) -> Type {
    struct Ungroup;

    impl VisitMut for Ungroup {
        fn visit_type_mut(&mut self, ty: &mut Type) {
            *ty = bare(ty).clone();
            visit_mut::visit_type_mut(self, ty);
        }
    }

    let mut ty = ty.clone();
    Ungroup.visit_type_mut(&mut ty);
    ty
}

/// Returns the constant that describes the declared type.
fn type_ident(entry: &Entry) -> Ident {
    item_ident("__KIMPORT_TYPE_", entry)
}

/// Returns the name of a hidden item of `entry`.
fn item_ident(prefix: &str, entry: &Entry) -> Ident {
    format_ident!("{prefix}{}", entry.name.unraw(), span = span_of(entry))
}

/// Returns the span of the items for `entry`: that of generated code, but shown at the entry's
/// name.
fn span_of(entry: &Entry) -> Span {
    Span::call_site().located_at(entry.name.span())
}

/// Returns the visibility of `entry`, which is `pub` unless it has another one.
fn visibility(entry: &Entry) -> Visibility {
    match &entry.vis {
        Visibility::Inherited => Visibility::Public(Token![pub](span_of(entry))),
        vis => vis.clone(),
    }
}

/// Returns the names that the user gave to arguments.
fn given_names(function: &TypeBareFn) -> impl Iterator<Item = Option<&Ident>> {
    let arguments = function.inputs.iter();
    arguments.map(|argument| {
        let (name, _) = argument.name.as_ref()?;
        (*name != "_").then_some(name)
    })
}

/// Returns a name for each argument, made from the user's or from its number. It has a prefix
/// because a parameter cannot be called like a static or constant that is in scope, whatever its
/// hygiene.
fn argument_names(function: &TypeBareFn) -> Vec<Ident> {
    let name = |(index, (given, argument)): (usize, (Option<&Ident>, &BareFnArg))| match given {
        Some(name) => format_ident!("__kimport_arg_{}", name.unraw(), span = name.span()),
        None => {
            let span = Span::mixed_site().located_at(argument.ty.span());
            format_ident!("__kimport_arg_{index}", span = span)
        }
    };
    let arguments = given_names(function).zip(&function.inputs);
    arguments.enumerate().map(name).collect()
}

/// Returns the lines of documentation with the arguments' names, which the wrapper's parameters do
/// not have.
fn argument_docs(function: &TypeBareFn) -> Vec<Attribute> {
    let shown = |name: &Ident| format!("`{}`", name.unraw());
    let names: Vec<_> = given_names(function)
        .map(|name| name.map_or_else(|| "_".to_owned(), shown))
        .collect();
    if names.iter().all(|name| name == "_") {
        return Vec::new();
    }
    doc_lines(&["", &format!(" Arguments: {}.", names.join(", "))])
}

/// Returns `ty` with `'static` for every lifetime that is left out, as data lives as long as its
/// provider.
fn static_lifetimes(ty: &Type) -> Type {
    struct Static;

    impl VisitMut for Static {
        fn visit_type_reference_mut(&mut self, reference: &mut TypeReference) {
            if reference.lifetime.is_none() {
                reference.lifetime = Some(Lifetime::new("'static", reference.and_token.span));
            }
            visit_mut::visit_type_reference_mut(self, reference);
        }

        fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
            if lifetime.ident == "_" {
                *lifetime = Lifetime::new("'static", lifetime.span());
            }
        }

        // Lifetimes in the type of a function pointer are bound by that type.
        fn visit_type_bare_fn_mut(&mut self, _: &mut TypeBareFn) {}

        fn visit_parenthesized_generic_arguments_mut(
            &mut self,
            _: &mut syn::ParenthesizedGenericArguments,
        ) {
        }
    }

    let mut ty = ty.clone();
    Static.visit_type_mut(&mut ty);
    ty
}

/// Returns the literal `c"..."`.
fn c_str(text: &str, span: Span) -> LitCStr {
    LitCStr::new(&CString::new(text).expect("checked to hold no NUL"), span)
}

/// Returns the user's documentation, or one line of our own.
fn docs_or(docs: &[Attribute], own: impl FnOnce() -> String) -> Vec<Attribute> {
    if docs.is_empty() {
        doc_lines(&[&own()])
    } else {
        docs.to_vec()
    }
}

fn doc_lines(lines: &[&str]) -> Vec<Attribute> {
    let attribute = |line| parse_quote!(#[doc = #line]);
    lines.iter().map(attribute).collect()
}

/// Returns whether the section `# Safety` begins in this piece of the user's documentation.
fn is_safety_section(doc: &Attribute) -> bool {
    let Some(Lit::Str(text)) = literal(&doc.meta) else {
        return false;
    };
    text.value().lines().any(|line| {
        let heading = line.trim_start_matches([' ', '*']);
        heading.starts_with('#') && heading.trim_matches(['#', ' ']) == "Safety"
    })
}
