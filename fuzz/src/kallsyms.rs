// SPDX-License-Identifier: GPL-2.0

//! A writer of a kernel image's symbol table, in the format of the kernel's `scripts/kallsyms`.

use std::ops::Range;

/// Returns the arrays for `symbols`, each aligned to `align` bytes, with `gap` other bytes between
/// them.
///
/// Token `0x80 + i` stands for `tokens[i]`; every other token is the character of its number.
pub fn arrays(symbols: &[String], tokens: &[String], align: usize, gap: usize) -> Vec<u8> {
    let long = 0x80..0x80 + tokens.len();
    let token = |number: usize| match number.checked_sub(0x80).and_then(|i| tokens.get(i)) {
        Some(token) => token.clone(),
        None if (0x21..0x7f).contains(&number) => char::from(number as u8).to_string(),
        None => String::new(),
    };
    let tokens: Vec<String> = (0..256).map(token).collect();
    let pad = |bytes: &mut Vec<u8>| bytes.resize(bytes.len().next_multiple_of(align), 0);

    let mut bytes = (symbols.len() as u32).to_le_bytes().to_vec();
    pad(&mut bytes);
    let (mut names, mut markers) = (Vec::new(), Vec::new());
    for (number, symbol) in symbols.iter().enumerate() {
        if number % 256 == 0 {
            markers.extend((names.len() as u32).to_le_bytes());
        }
        let packed = pack(symbol, &tokens, long.clone());
        if packed.len() > 0x7f {
            names.push((packed.len() & 0x7f) as u8 | 0x80);
            names.push((packed.len() >> 7) as u8);
        } else {
            names.push(packed.len() as u8);
        }
        names.extend(packed);
    }
    bytes.extend(names);
    pad(&mut bytes);
    bytes.extend(markers);
    pad(&mut bytes);
    bytes.resize(bytes.len() + gap.next_multiple_of(align), 0xaa);
    let (mut table, mut index) = (Vec::new(), Vec::new());
    for token in &tokens {
        index.extend((table.len() as u16).to_le_bytes());
        table.extend(token.as_bytes());
        table.push(0);
    }
    bytes.extend(table);
    pad(&mut bytes);
    bytes.extend(index);
    bytes
}

/// Packs `symbol` with the first token that fits, again and again.
fn pack(symbol: &str, tokens: &[String], long: Range<usize>) -> Vec<u8> {
    let mut packed = Vec::new();
    let mut rest = symbol;
    while let Some(first) = rest.bytes().next() {
        let mut long = long.clone();
        let fits =
            |&number: &usize| !tokens[number].is_empty() && rest.starts_with(&tokens[number]);
        let number = long.find(fits).unwrap_or(usize::from(first));
        packed.push(number as u8);
        rest = &rest[tokens[number].len()..];
    }
    packed
}
