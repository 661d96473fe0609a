// SPDX-License-Identifier: GPL-2.0

//! The symbol table in a kernel image: the search finds one that was written, and does not panic on
//! a damaged one.

#![no_main]

use arbitrary::Arbitrary;
use kimport_cli::kernel::kallsyms::find;
use kimport_fuzz::kallsyms::arrays;
use libfuzzer_sys::fuzz_target;

/// The fewest symbols of a table that the search accepts.
const SYMBOLS: usize = 1024;

#[derive(Arbitrary, Debug)]
struct Input {
    names: Vec<String>,
    tokens: Vec<String>,
    before: Vec<u8>,
    newer: bool,
    gap: u8,
    damage: Vec<(u16, u8)>,
}

fn word(text: &str) -> String {
    text.chars()
        .filter(char::is_ascii_graphic)
        .take(300)
        .collect()
}

fuzz_target!(init: kimport_fuzz::seeds(kimport_fuzz::noise), |input: Input| {
    let align = if input.newer { 4 } else { 8 };
    let names = input.names.iter().take(64).map(|name| format!("t{}", word(name)));
    let names: Vec<String> = names.filter(|name| name.len() > 1).collect();
    let rest = (names.len()..SYMBOLS).map(|number| format!("Tn{number}"));
    let symbols: Vec<String> = names.iter().cloned().chain(rest).collect();
    let tokens: Vec<String> = input.tokens.iter().take(127).map(|token| word(token)).collect();

    let mut image = input.before.clone();
    image.resize(image.len().next_multiple_of(8), 0);
    image.extend(arrays(&symbols, &tokens, align, input.gap.into()));
    if input.damage.is_empty() {
        let found = find(&image).map(|entries| {
            let texts = entries.iter().map(|entry| format!("{}{}", entry.letter, entry.name));
            texts.collect::<Vec<_>>()
        });
        // The fuzzer may have put arrays of its own before.
        if input.before.is_empty() {
            assert_eq!(found.as_ref(), Some(&symbols));
        }
    }
    for (at, byte) in &input.damage {
        let at = usize::from(*at) % image.len();
        image[at] = *byte;
    }
    let _ = find(&image);
});
