// SPDX-License-Identifier: GPL-2.0

//! The macro with any tokens: it returns errors or items, and never both. `$[...]` stands for a
//! group without delimiters, in which fragments of `macro_rules!` come.

#![no_main]
#![allow(dead_code)] // The functions that ask the build and the compiler are not used.

#[path = "../../../rust/macros/src/bindings.rs"]
mod bindings;
#[path = "../../../rust/macros/src/check.rs"]
mod check;
#[path = "../../../rust/macros/src/definitions.rs"]
mod definitions;
#[path = "../../../rust/macros/src/diagnostics.rs"]
mod diagnostics;
#[path = "../../../rust/macros/src/expand.rs"]
mod expand;
#[path = "../../../rust/macros/src/layouts.rs"]
mod layouts;
#[path = "../../../rust/macros/src/model.rs"]
mod model;
#[path = "../../../rust/macros/src/parse.rs"]
mod parse;
#[path = "../../../rust/macros/src/pipeline.rs"]
mod pipeline;

use bindings::Bindings;
use expand::Context;
use kimport_fuzz::stock;
use libfuzzer_sys::fuzz_target;
use pipeline::pipeline;
use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use std::path::PathBuf;
use syn::Item;

thread_local! {
    /// The UI tests' stand-in for the kernel's bindings.
    static BINDINGS: Bindings = {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../rust/macros/tests/ui/support/bindings.rs");
        Bindings::new([PathBuf::from(file)])
    };
}

/// Returns the invocations in the UI tests.
fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = vec![b"mod m from \"p\" { #[name = $[\"k\"]] $[] x: $[fn(a: u8)], }".to_vec()];
    for directory in ["compile-fail", "expand", "pass"] {
        for file in stock::files(&format!("rust/macros/tests/ui/{directory}"), ".rs") {
            let text = String::from_utf8_lossy(&file);
            let items = syn::parse_file(&text).map_or(Vec::new(), |file| file.items);
            for item in items {
                if let Item::Macro(invocation) = item {
                    seeds.push(invocation.mac.tokens.to_string().into_bytes());
                }
            }
        }
    }
    seeds
}

/// Turns `$[...]` back into groups without delimiters.
fn grouped(tokens: TokenStream) -> TokenStream {
    let mut result = Vec::new();
    for token in tokens {
        match token {
            TokenTree::Group(group) => {
                let is_invisible = group.delimiter() == Delimiter::Bracket
                    && matches!(result.last(), Some(TokenTree::Punct(it)) if it.as_char() == '$');
                let delimiter = if is_invisible {
                    result.pop();
                    Delimiter::None
                } else {
                    group.delimiter()
                };
                result.push(Group::new(delimiter, grouped(group.stream())).into());
            }
            token => result.push(token),
        }
    }
    result.into_iter().collect()
}

/// The greatest length of an input. The compiler and `syn` use as much stack as groups and types
/// nest.
const LENGTH: usize = 2048;

fuzz_target!(init: kimport_fuzz::seeds(seeds), |text: &str| {
    if text.len() > LENGTH {
        return;
    }
    let Ok(tokens) = text.parse::<TokenStream>() else {
        return;
    };
    let context = |_| Context {
        layouts: true,
        crate_name: "demo".to_owned(),
        module: "fuzzed".to_owned(),
        first_ordinal: 0,
        records: true,
    };
    let mut is_right = false;
    let output = BINDINGS.with(|bindings| {
        pipeline(grouped(tokens), bindings, None, |blocks| {
            assert!(blocks > 0);
            is_right = true;
            context(blocks)
        })
    });
    let file: syn::File = syn::parse2(output).expect("the output is items");
    assert!(!file.items.is_empty());
    let is_error = |item: &Item| {
        matches!(item, Item::Macro(it) if it.mac.path.segments.last().is_some_and(|last| last.ident == "compile_error"))
    };
    assert!(is_right || file.items.iter().all(is_error));
});
