// SPDX-License-Identifier: GPL-2.0

//! docs/errors.md has the errnos and the messages of the source.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

const PAGE: &str = include_str!("../../../docs/errors.md");

/// The sources of messages that refuse a symbol, a provider or a module.
const SOURCES: &[&str] = &[
    include_str!("../src/refusal.rs"),
    include_str!("../../kimport/imports.rs"),
    include_str!("../../kimport/late.rs"),
    include_str!("../../kimport/license.rs"),
    include_str!("../../kimport/provider.rs"),
    include_str!("../../kimport/resolver/kallsyms.rs"),
    include_str!("../../kimport/resolver/lookup_address/mod.rs"),
    include_str!("../../kimport/resolver/not_found.rs"),
];

/// Returns the lines of a table from its header to its end, without the marks of comments.
fn table<'a>(text: &'a str, header: &str) -> Vec<&'a str> {
    let lines = text.lines().map(|line| line.trim_start_matches("/// "));
    let rows = lines.skip_while(|line| *line != header);
    rows.take_while(|line| line.starts_with('|')).collect()
}

/// Calls `found` with each string literal, but not with those of attributes, which comments are.
fn literals(tokens: TokenStream, found: &mut impl FnMut(String)) {
    for token in tokens {
        match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket => {}
            TokenTree::Group(group) => literals(group.stream(), found),
            TokenTree::Literal(literal) => found(literal.to_string()),
            _ => {}
        }
    }
}

/// Returns the text of a string literal, with `…` for each argument of its format.
fn message(literal: &str) -> Option<String> {
    let text = literal.strip_prefix('"')?.strip_suffix('"')?;
    let mut lines = text.split("\\\n");
    let first = lines.next()?.to_owned();
    let text = lines.fold(first, |text, line| text + line.trim_start());
    let mut parts = text.split('{');
    let mut shown = parts.next()?.to_owned();
    for part in parts {
        shown += "…";
        shown += part.split_once('}')?.1;
    }
    Some(shown)
}

#[test]
fn the_table_of_errnos_is_that_of_the_crate() {
    const HEADER: &str = "| errno | meaning |";
    let in_crate = table(include_str!("../../kimport/imports.rs"), HEADER);
    assert!(in_crate.len() > 10, "{in_crate:#?}");
    assert_eq!(table(PAGE, HEADER), in_crate);
}

#[test]
fn each_message_is_on_the_page() {
    let mut messages = Vec::new();
    for source in SOURCES {
        literals(source.parse().expect("tokens"), &mut |literal| {
            messages.extend(message(&literal));
        });
    }
    // A message states a cause, and behind a semicolon a way out.
    let causes = messages.iter().filter_map(|message| {
        let (cause, _) = message.split_once("; ")?;
        Some(cause.strip_prefix("cannot import …: ").unwrap_or(cause))
    });
    let causes: Vec<_> = causes.filter(|cause| !cause.is_empty()).collect();
    assert!(causes.len() > 20, "{causes:#?}");
    let missing: Vec<_> = causes
        .iter()
        .filter(|cause| !PAGE.contains(**cause))
        .collect();
    assert!(missing.is_empty(), "docs/errors.md lacks {missing:#?}");
}
