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

/// The source of the guard, of which each message is on the page, also one that refuses nothing.
const GUARD: &str = include_str!("../../kimport/guard.rs");

/// The source of files in debugfs, one message of which is on the page.
const DEBUGFS: &str = include_str!("../../kimport/debugfs.rs");

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

/// Returns the messages in `sources`.
fn messages(sources: &[&str]) -> Vec<String> {
    let mut messages = Vec::new();
    for source in sources {
        literals(source.parse().expect("tokens"), &mut |literal| {
            messages.extend(message(&literal));
        });
    }
    messages
}

#[test]
fn each_message_is_on_the_page() {
    let messages = messages(SOURCES);
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

#[test]
fn each_message_of_the_guard_is_on_the_page() {
    let messages = messages(&[GUARD]);
    let is_sentence = |message: &&String| message.split(' ').count() > 3;
    let sentences: Vec<_> = messages.iter().filter(is_sentence).collect();
    assert!(sentences.len() > 4, "{sentences:#?}");
    let is_missing = |message: &&&String| {
        let cause = ["cannot import ", "cannot guard modules"];
        let begins = |cause: &&str| message.starts_with(cause);
        !cause.iter().any(begins) && !PAGE.contains(message.as_str())
    };
    let missing: Vec<_> = sentences.iter().filter(is_missing).collect();
    assert!(missing.is_empty(), "docs/errors.md lacks {missing:#?}");
}

/// A row of the page has a message of the source, or a part of one.
#[test]
fn each_row_is_a_message() {
    let messages = [messages(SOURCES), messages(&[GUARD, DEBUGFS])].concat();
    let rows = PAGE.lines().filter_map(|line| line.strip_prefix("| "));
    let rows = rows.filter_map(|row| row.split(" | ").next());
    let is_name = |row: &&str| row.starts_with(['`', '-']) || ["errno", "message"].contains(row);
    let rows: Vec<_> = rows.filter(|row| !is_name(row)).collect();
    assert!(rows.len() > 30, "{rows:#?}");
    let words = |text: &str| text.replace(['…', '`'], " ").split_whitespace().count();
    let is_stale = |row: &&&str| {
        // Some messages are put together from two.
        let parts = row.split('…').flat_map(|part| part.split(", and "));
        let longest = parts.max_by_key(|part| words(part)).unwrap_or(row);
        let longest = longest.trim_matches([':', ',', ' ']);
        !messages.iter().any(|message| message.contains(longest))
    };
    let stale: Vec<_> = rows.iter().filter(is_stale).collect();
    assert!(
        stale.is_empty(),
        "docs/errors.md has rows that no message is of: {stale:#?}"
    );
}
