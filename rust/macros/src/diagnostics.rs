// SPDX-License-Identifier: GPL-2.0

//! The texts of errors, and the context that gathers all errors of one invocation.

use proc_macro2::{Span, TokenStream};
use std::fmt::Display;

/// The text of an error; each `{}` stands for an argument.
#[derive(Clone, Copy)]
pub(crate) struct Message(&'static str);

impl Message {
    /// Puts `arguments` in place of the `{}`.
    pub(crate) fn fill(self, arguments: &[&dyn Display]) -> String {
        let mut pieces = self.0.split("{}");
        let mut text = pieces.next().unwrap_or_default().to_owned();
        let mut arguments = arguments.iter();
        for piece in pieces {
            let argument = arguments.next().expect("one argument for each `{}`");
            text += &argument.to_string();
            text += piece;
        }
        assert!(arguments.next().is_none(), "one `{{}}` for each argument");
        text
    }

    /// Returns the error with this text, at `span`.
    pub(crate) fn at(self, span: Span, arguments: &[&dyn Display]) -> syn::Error {
        syn::Error::new(span, self.fill(arguments))
    }

    /// Returns the parts of the text that are the same in every error.
    #[cfg(test)]
    pub(crate) fn pieces(self) -> impl Iterator<Item = &'static str> {
        self.0.split("{}").filter(|piece| !piece.is_empty())
    }
}

macro_rules! messages {
    ($($name:ident = $text:expr;)*) => {
        $(pub(crate) const $name: Message = Message($text);)*

        /// Every message with its name, for the test that each is provoked by a UI test.
        #[cfg(test)]
        pub(crate) const ALL: &[(&str, Message)] = &[$((stringify!($name), $name)),*];
    };
}

messages! {
    EMPTY_INVOCATION = "nothing to import: write entries (`name: fn(...)`, `name: T`) or blocks \
        (`mod name from \"provider\" { ... }`)";
    EMPTY_BLOCK = "block `{}` imports nothing";
    MIXED_FORMS = "blocks and bare entries cannot be mixed in one invocation";
    BARE_PROVIDER = "bare entries take no provider: write `mod name from {} { ... }` around them";
    BLOCK_HEADER = "expected `from \"provider\"` or `{ ... }` after the name of the block";
    PROVIDER_NOT_STRING = "the provider is a string: `from \"...\"`";

    NO_KNOWN_LAYOUT = "`{}` has no layout of C: derive `KnownLayout` for a `#[repr(C)]` struct with \
        named fields, or a union, without generic parameters";
    UNKNOWN_ATTRIBUTE = "unknown attribute `{}`: an entry takes doc comments, `#[cfg(...)]`, \
        `#[optional]`, `#[name = \"...\"]`, `#[position = N]` and `#[unverified]`";
    UNKNOWN_BLOCK_ATTRIBUTE = "attribute `{}` is not for blocks: a block takes doc comments, \
        `#[cfg(...)]`, `#[verify(...)]`, `#[autoload]`, `#[rebindable]`, `#[late]` and `#[livepatch]`";
    BLOCK_ATTRIBUTE = "`#[{}]` is for a block: write it before `mod ... { ... }`";
    EXCLUDED_ATTRIBUTE = "`#[{}]` and `#[{}]` exclude each other";
    LIVEPATCH_OPTIONAL = "nothing is `#[optional]` in a `#[livepatch]` block: the kernel refuses to load \
        the module when a symbol is missing; move the entry to a block without that attribute";
    LIVEPATCH_NAME = "livepatch's format of names has no room for {} in {}: move the entry to a block without \
        `#[livepatch]`";
    WITHOUT_PROVIDER = "`#[{}]` is for symbols of a module: name it, `mod {} from \"...\"`";
    INNER_ATTRIBUTE = "inner attributes and `//!` comments are not accepted here: put them before \
        the block; only bare entries may begin with `#![verify(...)]`";
    MALFORMED_VERIFY = "expected `verify(strict)`, `verify(warn)`, `verify(off)` or `verify(require)`";
    REPEATED_ATTRIBUTE = "attribute `{}` given twice";
    MALFORMED_FLAG = "`#[{}]` takes no value";
    MALFORMED_NAME = "expected `#[name = \"...\"]`";
    MALFORMED_POSITION = "expected `#[position = N]` with N from 1 to 4294967295";

    ITEM_FUNCTION = "an entry is `name: type`: write `{}: fn(...)`";
    ITEM_STATIC = "an entry is `name: type`: write `{}: T` with the type of the data";
    ITEM_EXTERN_BLOCK = "no `extern` block is needed: write `name: fn(...)` for each function";
    KEYWORD = "`{}` is a keyword: choose another name and add `#[name = \"{}\"]`";
    EXPECTED_NAME = "expected an entry: `name: fn(...)` or `name: T`";
    MISSING_TYPE = "missing type: write `{}: fn(...)` for a function, `{}: T` for data";
    MISSING_COMMA = "expected `,` between entries";
    SEMICOLON = "entries are separated by `,`, not by `;`";

    DUPLICATE_BLOCK = "block `{}` is declared twice in this invocation";
    DUPLICATE_ENTRY = "`{}` is declared twice in this block";
    GENERATED_NAME = "`{}` is the name of a generated function: choose another name and add \
        `#[name = \"{}\"]`";
    RESERVED_NAME = "names that begin with `{}` are reserved for generated items";

    NAME_EMPTY = "the name of a symbol cannot be empty";
    NAME_TOO_LONG = "the name of a symbol has at most 511 bytes (KSYM_NAME_LEN), this one has {}";
    NAME_COLON = "the name of a symbol holds no `:`: name the provider with `mod ... from {}`";
    NAME_CHARACTER = "the name of a symbol cannot contain {}";
    PROVIDER_EMPTY = "the provider cannot be empty: leave `from` out to import from the kernel image";
    PROVIDER_TOO_LONG = "the name of a kernel module has at most 55 bytes (MODULE_NAME_LEN), this \
        one has {}";
    PROVIDER_DASH = "the kernel writes `_` for `-` in the names of modules: write {}";
    PROVIDER_SUFFIX = "the provider is the name of a module, not of a file: write {}";
    PROVIDER_KERNEL_IMAGE = "the kernel image is no module: leave `from` out to import from it";
    PROVIDER_CHARACTER = "the name of a kernel module cannot contain {}";

    ABI = "kernel functions have the \"C\" ABI, not {}";
    VARIADIC = "variadic functions cannot be imported: Rust cannot define a variadic wrapper that \
        passes its arguments on";
    BINDER = "`for<...>` is not supported: leave lifetimes of arguments out or use pointers";
    ARGUMENT_ATTRIBUTE = "arguments take no attributes";
    ARGUMENT_SELF = "`self` cannot be the name of an argument here";
    DUPLICATE_ARGUMENT = "argument `{}` is declared twice";
    INFERRED_TYPE = "state the type: `_` can only be the whole type of an entry";
    WITHOUT_BINDINGS = "`_` takes the type from the kernel's headers: begin the block with the bindings, \
        `use kernel::bindings;`, or state the type";
    NO_PROTOTYPE = "the bindings have no `{}`: state its type (searched {})";
    NO_ITEM = "`{}` is no name of C, so the bindings cannot have it: add `#[unverified]`, or move the entry to a \
        block without `use`";
    MALFORMED_USE = "expected the path of a module made by bindgen: `use path::to::bindings;`";
    REPEATED_USE = "one `use` per block: a module can re-export what others have";
    MISPLACED_USE = "`use` is for the entries behind it: write it inside of a block before the first entry, or before \
        the first bare entry";
    TRAIT = "`{} Trait` is no type of a kernel symbol: state the type";
    LATE_DATA = "data cannot be imported late: nothing holds the provider while the data is used; \
        import a function that gives access to it";
    NEVER_LEFT = "a function that does not return cannot be in a `#[{}]` block: its caller would be \
        waited for in vain";
    NEVER_DATA = "data cannot have the type `!`; a function that does not return is `fn(...) -> !`";
}

/// Gathers the errors of one invocation.
#[derive(Default)]
pub(crate) struct DiagCtxt(Option<syn::Error>);

impl DiagCtxt {
    /// Reports `message` at `span`.
    pub(crate) fn error(&mut self, span: Span, message: Message, arguments: &[&dyn Display]) {
        self.add(message.at(span, arguments));
    }

    /// Reports `error`.
    pub(crate) fn add(&mut self, error: syn::Error) {
        match &mut self.0 {
            Some(errors) => errors.combine(error),
            None => self.0 = Some(error),
        }
    }

    /// Returns whether anything was reported.
    pub(crate) fn has_errors(&self) -> bool {
        self.0.is_some()
    }

    /// Returns the `compile_error!` invocations for all errors, or [`None`] if there were none.
    pub(crate) fn into_errors(self) -> Option<TokenStream> {
        self.0.map(syn::Error::into_compile_error)
    }
}
