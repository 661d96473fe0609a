// SPDX-License-Identifier: GPL-2.0

//! The kernel's own symbol table, found in an image that has no symbols.
//!
//! `scripts/kallsyms` puts the following arrays into the image's read-only data, in this order.
//! There are other arrays before, between and after them, depending on the kernel's version. Each
//! is aligned to 8 bytes on 64-bit architectures, in newer kernels to 4:
//!
//! - `kallsyms_num_syms`: a 32-bit number;
//! - `kallsyms_names`: for each symbol, in address order, the number of bytes (ULEB128, at most
//!   two bytes since 6.1, before that one byte) and that many token numbers;
//! - `kallsyms_markers`: the offset in the names at which every 256th symbol begins, 32 bits each;
//! - `kallsyms_token_table`: 256 NUL-terminated strings;
//! - `kallsyms_token_index`: the offset in the token table at which each token begins, 16 bits
//!   each.
//!
//! The first character of a symbol's expanded text is its type as in the output of `nm`, the rest
//! is the name. Only the token index can be recognized by itself. Everything else is found from it
//! and checked against the markers, so that no coincidence is taken for the table.

use std::{array, collections::HashSet, iter, ops::Range};

/// A symbol of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KallsymsEntry<'a> {
    /// The type letter, upper case for a global symbol.
    pub letter: char,
    /// The name.
    pub name: &'a str,
    /// The address on the running kernel; 0 if the source does not tell.
    pub address: u64,
}

impl<'a> KallsymsEntry<'a> {
    /// Makes a symbol whose address is not known.
    pub fn new(letter: char, name: &'a str) -> Self {
        Self {
            letter,
            name,
            address: 0,
        }
    }
}

/// The symbols of a table. There are hundreds of thousands, so their names share one allocation.
#[derive(Clone, Debug, Default)]
pub struct Entries {
    names: String,
    entries: Vec<Packed>,
}

#[derive(Clone, Copy, Debug)]
struct Packed {
    address: u64,
    /// The offset at which the name begins.
    start: usize,
    length: u32,
    letter: char,
}

impl Entries {
    /// Returns the number of symbols.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns whether there are no symbols.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the symbol of that number.
    pub fn get(&self, index: usize) -> Option<KallsymsEntry<'_>> {
        self.entries.get(index).map(|packed| self.unpack(packed))
    }

    /// Returns all symbols in the table's order.
    pub fn iter(&self) -> impl Iterator<Item = KallsymsEntry<'_>> {
        self.entries.iter().map(|packed| self.unpack(packed))
    }

    /// Adds a symbol at the end.
    pub fn push(&mut self, entry: KallsymsEntry<'_>) {
        self.entries.push(Packed {
            address: entry.address,
            start: self.names.len(),
            // No file larger than `compression::MAX_SIZE` is read.
            length: entry.name.len() as u32,
            letter: entry.letter,
        });
        self.names.push_str(entry.name);
    }

    /// Sorts by address. Symbols of equal addresses keep their order.
    pub fn sort_by_address(&mut self) {
        self.entries.sort_by_key(|packed| packed.address);
    }

    fn unpack(&self, packed: &Packed) -> KallsymsEntry<'_> {
        KallsymsEntry {
            letter: packed.letter,
            name: &self.names[packed.start..][..packed.length as usize],
            address: packed.address,
        }
    }
}

impl<'a> FromIterator<KallsymsEntry<'a>> for Entries {
    fn from_iter<T: IntoIterator<Item = KallsymsEntry<'a>>>(entries: T) -> Self {
        let mut all = Self::default();
        entries.into_iter().for_each(|entry| all.push(entry));
        all
    }
}

impl PartialEq for Entries {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Entries {}

const TOKENS: usize = 256;
/// The number of symbols to each marker.
const MARKED: usize = 256;
/// The alignments of old and new kernels.
const ALIGNMENTS: [usize; 2] = [8, 4];
/// The smaller of the two, a divisor of both.
const ALIGN: usize = 4;
/// The longest expanded text. The kernel's `KSYM_NAME_LEN` is 512; this leaves room for the type
/// and for later kernels.
const MAX_TEXT: usize = 1024;
/// The number of symbols that a kernel can have. Distributions' kernels have about 200,000.
const SYMBOLS: Range<usize> = 1024..8 << 20;
/// The largest distance of the names from the tokens after them. Distributions' kernels need 3 MiB.
const MAX_DISTANCE: usize = 128 << 20;
/// The number of candidates for the count of symbols after which the search ends.
const MAX_CANDIDATES: usize = 4096;
/// The number of candidates for the token table after which the search ends. A kernel has one.
const MAX_TABLES: usize = 64;

/// Finds the table in an uncompressed little-endian 64-bit image. The symbols are in address order.
pub fn find(image: &[u8]) -> Option<Entries> {
    (0..image.len().saturating_sub(2 * TOKENS - 1))
        .step_by(ALIGN)
        .filter_map(|at| Some((token_index(image, at)?, at)))
        .filter_map(|(index, at)| tokens(image, &index, at))
        .take(MAX_TABLES)
        .find_map(|(tokens, start)| names(image.get(..start)?, &tokens))
}

/// Reads a token index at `at`: offsets that begin with 0 and grow by at least the NUL of each
/// token.
fn token_index(image: &[u8], at: usize) -> Option<[u16; TOKENS]> {
    let bytes = image.get(at..at + 2 * TOKENS)?;
    // Nearly every other place ends the search here.
    if bytes[..2] != [0; 2] || bytes[2..4] == [0; 2] {
        return None;
    }
    let mut index = [0; TOKENS];
    for (i, pair) in bytes.chunks_exact(2).enumerate() {
        let offset = u16::from_le_bytes([pair[0], pair[1]]);
        if (i == 0) != (offset == 0) || (i > 0 && offset <= index[i - 1]) {
            return None;
        }
        index[i] = offset;
    }
    Some(index)
}

/// Reads the token table that ends at `end`, apart from padding. Also returns its start.
fn tokens<'a>(
    image: &'a [u8],
    index: &[u16; TOKENS],
    end: usize,
) -> Option<(Vec<&'a [u8]>, usize)> {
    let last = usize::from(index[TOKENS - 1]);
    let begins = |start: usize| {
        let table = image.get(start..end)?;
        let mut tokens = Vec::with_capacity(TOKENS);
        for (i, &offset) in index.iter().enumerate() {
            let rest = table.get(usize::from(offset)..)?;
            let length = rest.iter().position(|&byte| byte == 0)?;
            // Each string ends right where the next one begins. After the last one there is
            // padding.
            match index.get(i + 1) {
                Some(&next) if usize::from(next - offset) != length + 1 => return None,
                None if rest[length..].len() > ALIGNMENTS[0]
                    || rest[length..].iter().any(|&byte| byte != 0) =>
                {
                    return None;
                }
                _ => tokens.push(&rest[..length]),
            }
        }
        Some(tokens)
    };
    let nearest = end.checked_sub(last + 1)? / ALIGN * ALIGN;
    (0..=MAX_TEXT / ALIGN)
        .filter_map(|step| nearest.checked_sub(step * ALIGN))
        .find_map(|start| Some((begins(start)?, start)))
}

/// Finds the count, the names and the markers in `image`, which ends where the tokens begin.
fn names(image: &[u8], tokens: &[&[u8]]) -> Option<Entries> {
    // The second markers of the tables that may be behind the place where the search is.
    let mut second_markers = HashSet::new();
    (0..image.len() / ALIGN)
        .rev()
        .map(|step| step * ALIGN)
        .take_while(|at| image.len() - at < MAX_DISTANCE)
        .filter_map(|at| {
            let count = u32_at(image, at)? as usize;
            if count == 0 {
                second_markers.extend(second_marker(&image[at..]));
            }
            let candidate = |align| {
                // Padding follows the count.
                let (padding, names) = image[at + ALIGN..].split_at_checked(align - ALIGN)?;
                let is_padded = at % align == 0 && padding.iter().all(|&byte| byte == 0);
                let end = is_padded.then(|| records(names).nth(MARKED - 1))??.end;
                let is_marked = second_markers.contains(&u32::try_from(end).ok()?);
                is_marked.then_some((names, count, align))
            };
            let is_plausible = SYMBOLS.contains(&count);
            is_plausible.then(|| ALIGNMENTS.map(candidate))
        })
        .take(MAX_CANDIDATES)
        .flat_map(|candidates| candidates.into_iter().flatten())
        .find_map(|(names, count, align)| expand(names, count, tokens, align))
}

/// Returns the second marker if `image` begins with the first ones of a table, as many as the
/// smallest one has.
fn second_marker(image: &[u8]) -> Option<u32> {
    let markers = 1..SYMBOLS.start / MARKED;
    let mut last = u32_at(image, 0)?;
    for marker in markers {
        let next = u32_at(image, 4 * marker)?;
        // A symbol takes at least its length and one token.
        if next < last.saturating_add(2 * MARKED as u32) {
            return None;
        }
        last = next;
    }
    u32_at(image, 4)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_le_bytes(*bytes))
}

/// Returns the places of the symbols that `names` begins with.
fn records(names: &[u8]) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut at = 0;
    iter::from_fn(move || {
        let (length, header) = match *names.get(at)? {
            0 => return None,
            low if low & 0x80 == 0 => (usize::from(low), 1),
            low => {
                let high = usize::from(*names.get(at + 1)?);
                (usize::from(low & 0x7f) | (high << 7), 2)
            }
        };
        let start = at + header;
        at = start + length;
        (at <= names.len()).then_some(start..at)
    })
}

/// Expands `count` names if the markers that belong to them follow.
fn expand(image: &[u8], count: usize, tokens: &[&[u8]], align: usize) -> Option<Entries> {
    let longest = tokens.iter().map(|token| token.len()).max()?;
    let mut tokens = tokens.iter().map(|token| Token::new(token));
    let tokens: [Token<'_>; TOKENS] = array::from_fn(|_| tokens.next().unwrap_or_default());
    let mut markers = Vec::new();
    let mut entries = Vec::with_capacity(count);
    let mut text = Vec::new();
    let (mut end, mut at) = (0, 0);
    for record in records(image).take(count) {
        if entries.len() % MARKED == 0 {
            markers.extend(u32::try_from(end).ok()?.to_le_bytes());
        }
        end = record.end;
        let start = at;
        let room = at + record.len() * longest + SHORT;
        if text.len() < room {
            text.resize(2 * room, 0);
        }
        for &token in &image[record] {
            let token = &tokens[usize::from(token)];
            text[at..at + SHORT].copy_from_slice(&token.short);
            if token.all.len() > SHORT {
                text[at..at + token.all.len()].copy_from_slice(token.all);
            }
            at += token.all.len();
        }
        let letter = char::from(text[start]);
        let is_possible = letter.is_ascii_graphic() && (2..=MAX_TEXT).contains(&(at - start));
        // An empty name has no letter.
        entries.push(is_possible.then(|| Packed {
            address: 0,
            start: start + 1,
            length: (at - start - 1) as u32,
            letter,
        })?);
    }
    let padded = end.next_multiple_of(align);
    if entries.len() < count || image.get(padded..padded + markers.len())? != markers {
        return None;
    }
    text.truncate(at);
    let names = String::from_utf8(text).ok()?;
    let mut starts = entries.iter().map(|entry| entry.start);
    let is_whole = starts.all(|start| names.is_char_boundary(start));
    is_whole.then_some(Entries { names, entries })
}

/// The length of the beginning of a token, which is most often all of it.
const SHORT: usize = 16;

/// A token. Its beginning is copied with the zeros behind it, because a copy of a constant length
/// is faster.
#[derive(Default)]
struct Token<'a> {
    short: [u8; SHORT],
    all: &'a [u8],
}

impl<'a> Token<'a> {
    fn new(all: &'a [u8]) -> Self {
        let mut short = [0; SHORT];
        short.iter_mut().zip(all).for_each(|(to, from)| *to = *from);
        Self { short, all }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Writes the arrays as `scripts/kallsyms` does, with `gap` bytes of something else between
    /// markers and tokens. Every printable character is its own token, and there are a short and a
    /// long one more.
    fn table(symbols: &[(char, String)], before: usize, gap: usize, align_to: usize) -> Vec<u8> {
        let mut tokens: Vec<String> = vec![String::new(); TOKENS];
        for byte in 0x20..0x7f_u8 {
            tokens[usize::from(byte)] = char::from(byte).to_string();
        }
        tokens[200] = "_st".to_owned();
        tokens[201] = "x".repeat(SHORT + 4);
        let mut bytes = vec![0xaa; before.next_multiple_of(align_to)];
        let align = |bytes: &mut Vec<u8>| bytes.resize(bytes.len().next_multiple_of(align_to), 0);
        bytes.extend((symbols.len() as u32).to_le_bytes());
        align(&mut bytes);
        let (mut names, mut markers) = (Vec::new(), Vec::new());
        for (number, (letter, name)) in symbols.iter().enumerate() {
            if number % 256 == 0 {
                markers.extend((names.len() as u32).to_le_bytes());
            }
            let text = format!("{letter}{name}").replace("_st", "\u{1}");
            let text = text.replace(&tokens[201], "\u{2}");
            let number = |byte| match byte {
                1 | 2 => 199 + byte,
                character => character,
            };
            let text: Vec<u8> = text.bytes().map(number).collect();
            if text.len() > 0x7f {
                names.extend([(text.len() as u8 & 0x7f) | 0x80, (text.len() >> 7) as u8]);
            } else {
                names.push(text.len() as u8);
            }
            names.extend(text);
        }
        bytes.extend(names);
        align(&mut bytes);
        bytes.extend(markers);
        align(&mut bytes);
        bytes.extend(vec![0x55; gap.next_multiple_of(align_to)]);
        let mut index = Vec::new();
        let mut at = 0_u16;
        for token in &tokens {
            index.extend(at.to_le_bytes());
            bytes.extend(token.bytes());
            bytes.push(0);
            at += token.len() as u16 + 1;
        }
        align(&mut bytes);
        bytes.extend(index);
        bytes.extend([0x11; 64]);
        bytes
    }

    pub(crate) fn entries<S: AsRef<str>>(symbols: &[(char, S)]) -> Entries {
        symbols
            .iter()
            .map(|(letter, name)| KallsymsEntry::new(*letter, name.as_ref()))
            .collect()
    }

    fn many(count: usize) -> Vec<(char, String)> {
        let long = "x".repeat(300);
        (0..count)
            .map(|i| match i % 7 {
                0 => ('T', format!("do_start_{i}")),
                1 => ('d', format!("table_{i}")),
                2 => ('t', format!("{long}_{i}")),
                _ => ('t', "same".to_owned()),
            })
            .collect()
    }

    #[test]
    fn the_table_is_found_wherever_it_is() {
        let symbols = many(1300);
        for (before, gap, align) in [(0, 0, 8), (4096, 0, 4), (100_000, 3 * 1300, 8), (12, 0, 4)] {
            let image = table(&symbols, before, gap, align);
            let found = find(&image).unwrap();
            assert!(found == entries(&symbols), "{before} {gap} {align}");
        }
    }

    #[test]
    fn nothing_is_found_where_there_is_none() {
        let zeros = vec![0; 1 << 16];
        assert_eq!(find(&zeros), None);
        let rising: Vec<u8> = (0..1_u16 << 14).flat_map(u16::to_le_bytes).collect();
        assert_eq!(find(&rising), None);
    }

    #[test]
    fn a_table_with_an_empty_name_is_none() {
        for symbol in [('\0', ""), ('T', "")] {
            let mut symbols = many(1300);
            symbols[700] = (symbol.0, symbol.1.to_owned());
            assert_eq!(find(&table(&symbols, 64, 0, 8)), None, "{symbol:?}");
        }
    }

    /// Without a limit, the search would take many minutes.
    #[test]
    fn a_file_of_nothing_but_tables_is_given_up() {
        let index = (0..TOKENS as u16).flat_map(u16::to_le_bytes);
        let empty: Vec<u8> = vec![0; TOKENS].into_iter().chain(index).collect();
        assert!(tokens(&empty, &token_index(&empty, TOKENS).unwrap(), TOKENS).is_some());
        assert_eq!(find(&empty.repeat(1 << 16)), None);
    }

    proptest! {
        #[test]
        fn a_damaged_table_is_no_panic(
            damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)
        ) {
            let mut image = table(&many(1100), 64, 0, 4);
            for (at, byte) in damage {
                let at = at.index(image.len());
                image[at] = byte;
            }
            let _ = find(&image);
        }
    }
}
