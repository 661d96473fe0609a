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
/// The alignments of old and new kernels.
const ALIGNMENTS: [usize; 2] = [8, 4];
/// The smaller of the two, a divisor of both.
const ALIGN: usize = 4;
/// The longest expanded text. The kernel's `KSYM_NAME_LEN` is 512; this leaves room for the type
/// and for later kernels.
const MAX_TEXT: usize = 1024;
/// The number of symbols that a kernel can have. Distributions' kernels have about 200,000.
const SYMBOLS: std::ops::Range<usize> = 1024..8 << 20;
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
        .find_map(|(tokens, start)| {
            let (before, mut alignments) = (image.get(..start)?, ALIGNMENTS.into_iter());
            alignments.find_map(|align| names(before, &tokens, align))
        })
}

/// Reads a token index at `at`: offsets that begin with 0 and grow by at least the NUL of each
/// token.
fn token_index(image: &[u8], at: usize) -> Option<[u16; TOKENS]> {
    let bytes = image.get(at..at + 2 * TOKENS)?;
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
fn names(image: &[u8], tokens: &[&[u8]], align: usize) -> Option<Entries> {
    let nearest = image.len().checked_sub(2 * align)? / align * align;
    (0..=nearest / align)
        .map(|step| nearest - step * align)
        .take_while(|at| image.len() - at < MAX_DISTANCE)
        .filter_map(|at| {
            // Padding follows the count.
            let (count, padding) = image[at..at + align].split_first_chunk()?;
            let count = u32::from_le_bytes(*count) as usize;
            let plausible = SYMBOLS.contains(&count) && padding.iter().all(|&byte| byte == 0);
            plausible.then_some((at + align, count))
        })
        .take(MAX_CANDIDATES)
        .find_map(|(at, count)| expand(&image[at..], count, tokens, align))
}

/// Expands `count` names if the markers that belong to them follow.
fn expand(image: &[u8], count: usize, tokens: &[&[u8]], align: usize) -> Option<Entries> {
    let mut records = Vec::new();
    let mut markers = Vec::new();
    let mut at = 0;
    for number in 0..count {
        if number % 256 == 0 {
            markers.extend(u32::try_from(at).ok()?.to_le_bytes());
        }
        let (length, header) = match *image.get(at)? {
            0 => return None,
            low if low & 0x80 == 0 => (usize::from(low), 1),
            low => {
                let high = usize::from(*image.get(at + 1)?);
                (usize::from(low & 0x7f) | (high << 7), 2)
            }
        };
        let start = at + header;
        records.push(image.get(start..start + length)?);
        at = start + length;
    }
    let padded = at.next_multiple_of(align);
    if image.get(padded..padded + markers.len())? != markers {
        return None;
    }
    let mut entries = Entries::default();
    let mut text = Vec::new();
    for record in records {
        text.clear();
        for &token in record {
            text.extend(*tokens.get(usize::from(token))?);
            if text.len() > MAX_TEXT {
                return None;
            }
        }
        let mut characters = std::str::from_utf8(&text).ok()?.chars();
        let letter = characters.next().filter(char::is_ascii_graphic)?;
        let name = characters.as_str();
        if name.is_empty() {
            return None;
        }
        entries.push(KallsymsEntry::new(letter, name));
    }
    Some(entries)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Writes the arrays as `scripts/kallsyms` does, with `gap` bytes of something else between
    /// markers and tokens. Every printable character is its own token, and `_st` one more.
    fn table(symbols: &[(char, String)], before: usize, gap: usize, align_to: usize) -> Vec<u8> {
        let mut tokens: Vec<String> = vec![String::new(); TOKENS];
        for byte in 0x20..0x7f_u8 {
            tokens[usize::from(byte)] = char::from(byte).to_string();
        }
        tokens[200] = "_st".to_owned();
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
            let text: Vec<u8> = text
                .bytes()
                .map(|byte| if byte == 1 { 200 } else { byte })
                .collect();
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
