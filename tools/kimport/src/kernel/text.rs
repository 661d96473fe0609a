// SPDX-License-Identifier: GPL-2.0

//! Symbols in text form: `System.map` and saved `/proc/kallsyms`.

use super::kallsyms::{Entries, KallsymsEntry};
use crate::error::{Error, Result};
use std::collections::BTreeMap;

/// The symbols of a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    /// The symbols of the kernel image, in address order.
    pub image: Entries,
    /// The symbols of each loaded module, in the order of its symbol table, which is the kernel's
    /// order.
    pub modules: BTreeMap<String, Entries>,
    /// True if the text has addresses that `kptr_restrict` did not hide.
    pub addresses: bool,
}

/// Returns whether a file may be such a text, by its first line.
pub fn is_text(bytes: &[u8]) -> bool {
    let line = bytes.split(|&byte| byte == b'\n').next().unwrap_or(bytes);
    std::str::from_utf8(line).is_ok_and(|line| parse_line(line).is_some()) || is_placeholder(bytes)
}

/// Returns whether this is the note that Debian ships in place of `System.map`.
pub fn is_placeholder(bytes: &[u8]) -> bool {
    bytes.len() < 4096 && String::from_utf8_lossy(bytes).contains("The real System.map")
}

/// Returns the symbol of a line, and the module that it is in.
fn parse_line(line: &str) -> Option<(KallsymsEntry<'_>, Option<&str>)> {
    let mut words = line.split_ascii_whitespace();
    let address = u64::from_str_radix(words.next()?, 16).ok()?;
    let mut letter = words.next()?.chars();
    let (Some(letter), None) = (letter.next().filter(char::is_ascii), letter.next()) else {
        return None;
    };
    let name = words.next()?;
    let module = match words.next() {
        Some(word) => Some(word.strip_prefix('[')?.strip_suffix(']')?),
        None => None,
    };
    let entry = KallsymsEntry {
        letter,
        name,
        address,
    };
    words.next().is_none().then_some((entry, module))
}

/// Returns whether `/proc/kallsyms` names `place` for code that the kernel generates, which comes
/// and goes: BPF programs, the instruction slots of kprobes, and the trampolines of ftrace.
fn is_generated(place: &str) -> bool {
    place == "bpf" || place.starts_with("__builtin__")
}

/// Parses the text. Code that the kernel generates is left out.
pub fn parse(text: &str) -> Result<Text> {
    let mut image = Entries::default();
    let mut modules = BTreeMap::<String, Entries>::new();
    let mut addresses = false;
    for (number, line) in text.lines().enumerate() {
        if line.is_empty() {
            continue;
        }
        let Some((entry, module)) = parse_line(line) else {
            return Err(Error::unusable(format_args!(
                "line {}: not a symbol as System.map and /proc/kallsyms have them",
                number + 1
            )));
        };
        addresses |= entry.address != 0;
        match module {
            None => image.push(entry),
            Some(place) if is_generated(place) => {}
            Some(module) => modules.entry(module.to_owned()).or_default().push(entry),
        }
    }
    if image.is_empty() {
        return Err(Error::unusable("no symbol of the kernel image in it"));
    }
    // Symbols of equal addresses keep the kernel's order. If addresses are hidden, all are equal.
    image.sort_by_address();
    Ok(Text {
        image,
        modules,
        addresses,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn both_forms_are_read() {
        let text = parse(
            "ffffffff81000010 t second\nffffffff81000000 T first\n\
             ffffffffc0000020 t helper\t[loop]\nffffffffc0000000 T open\t[loop]\n\
             ffffffffc0001000 t bpf_prog_6deef7357e7b4530\t[bpf]\n\
             ffffffffc0002000 t kprobe_insn_page\t[__builtin__kprobes]\n\
             ffffffffc0003000 t ftrace_trampoline\t[__builtin__ftrace]\n",
        )
        .unwrap();
        let names: Vec<_> = text.image.iter().map(|entry| entry.name).collect();
        assert_eq!(names, ["first", "second"]);
        // The order is that of the table, which need not be that of the addresses.
        assert_eq!(text.modules["loop"].get(0).unwrap().name, "helper");
        assert_eq!(text.modules.keys().collect::<Vec<_>>(), ["loop"]);
        assert!(text.addresses);
        assert!(!parse("0000000000000000 T f\n").unwrap().addresses);
    }

    #[test]
    fn other_texts_are_refused_by_line() {
        let error = parse("ffffffff81000000 T f\nnonsense\n").unwrap_err();
        assert!(error.to_string().contains("line 2"), "{error}");
        assert!(parse("").is_err());
        let debian = "ffffffffffffffff B The real System.map is in the linux-image-x-dbg package\n";
        assert!(is_placeholder(debian.as_bytes()) && is_text(debian.as_bytes()));
        assert!(parse(debian).is_err());
        assert!(!is_text(b"0x00000000\tkfree\tvmlinux\tEXPORT_SYMBOL\t"));
    }

    proptest! {
        #[test]
        fn any_text_is_no_panic(text in "([0-9a-f]{0,18} [a-zA-Z]? ?[a-z_]{0,5}(\t\\[[a-z]*\\]?)?\n){0,8}") {
            let _ = parse(&text);
        }
    }
}
