// SPDX-License-Identifier: GPL-2.0

//! Names that compilers make of the names in the source.
//!
//! A compiler appends suffixes to the name of a function or of a datum, one after the other. Some
//! only rename it: the symbol is the one of the source. The others name a clone or a part of it,
//! whose ABI the compiler chooses.
//!
//! | suffix | what it is | made by |
//! | --- | --- | --- |
//! | `.llvm.<decimal>` | renamed: static, made global for another part of the program | LLVM, ThinLTO: `ModuleSummaryIndex::getGlobalNameForLocal` |
//! | `.lto_priv.<decimal>` | renamed: namesakes of several files told apart | GCC, LTO: `privatize_symbol_name_1` |
//! | `.__uniq.<decimal>` | renamed: static, told from its namesakes by a hash of the file's path | clang, `-funique-internal-linkage-names` |
//! | `$<hex>` | renamed: static, made global for CFI, with a hash of the file's contents | LLVM up to 12, ThinLTO with CFI: `kernel/kallsyms.c` of 5.12 to 6.0, `cleanup_symbol_name` |
//! | `.<32 hex digits>` | renamed: the same | LLVM from 13 on, likewise: `getUniqueModuleId` |
//! | `.isra.<decimal>` | clone: without some arguments, or with others | GCC, `ipa-sra.cc` |
//! | `.constprop.<decimal>` | clone: for constant arguments, which are gone | GCC, `ipa-cp.cc` |
//! | `.specialized.<decimal>` | clone: the same | LLVM, `FunctionSpecialization.cpp` |
//! | `.part.<decimal>` | part: what is left of a function whose beginning was inlined | GCC, `ipa-split.cc` |
//! | `.cold`, `.cold.<decimal>` | part: what hardly runs, entered by jumps | GCC, `-freorder-blocks-and-partition`; LLVM, `HotColdSplitting.cpp`, basic block sections |
//! | `.__part.<decimal>` | part: one of its basic block sections | LLVM with a Propeller profile, `-fbasic-block-sections=list` |
//! | `.cfi_jt` | a jump to the function, beside it | LLVM, CFI with jump tables (kernels up to 6.0): `LowerTypeTests.cpp` |
//!
//! `.cfi_jt` counts as a clone although its ABI is the function's: the function that it jumps to is
//! a symbol, too, and is the wanted one. `name.<few digits>` is not in the table: GCC gives such a
//! name to a static variable inside of a function, which is another datum than the one called
//! `name`.
//!
//! The kernel itself compares whole names: `kallsyms_lookup_name`, kprobes and livepatch
//! relocations know no suffix.

/// The thing that a compiler made of a function or of a datum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Made {
    /// The same function or datum, under another name.
    Renamed,
    /// A clone or a part, which cannot be called like the function.
    Clone,
}

/// Suffixes of renames that a decimal number follows.
const RENAMES: [&[u8]; 3] = [b".llvm.", b".lto_priv.", b".__uniq."];
/// Suffixes of clones and parts that a decimal number follows.
const CLONES: [&[u8]; 5] = [
    b".isra.",
    b".constprop.",
    b".specialized.",
    b".part.",
    b".__part.",
];
/// Suffixes of clones and parts that are complete without a number.
const PARTS: [&[u8]; 2] = [b".cold", b".cfi_jt"];
/// The number of hexadecimal digits in LLVM's hash of a file, if a full stop precedes them.
const HASH_LEN: usize = 32;

/// Returns how a compiler changed `name` into `symbol`, or `None` if `symbol` is `name` or a name
/// that has nothing to do with it.
///
/// ```
/// use kimport_types::{made_of, Made};
///
/// assert_eq!(made_of(b"work.llvm.7", b"work"), Some(Made::Renamed));
/// assert_eq!(made_of(b"work.llvm.7.cold", b"work"), Some(Made::Clone));
/// assert_eq!(made_of(b"workers", b"work"), None);
/// ```
pub fn made_of(symbol: &[u8], name: &[u8]) -> Option<Made> {
    let mut rest = symbol.strip_prefix(name).filter(|rest| !rest.is_empty())?;
    let mut made = None;
    while !rest.is_empty() {
        if is_clone(rest) {
            // A suffix that follows was added to the name of the clone.
            return Some(Made::Clone);
        }
        match after_rename(rest) {
            Some(after) => (rest, made) = (after, Some(Made::Renamed)),
            // The rest is no suffix of a rename, so this is something made of the renamed function.
            None => return made.map(|_| Made::Clone),
        }
    }
    made
}

/// Returns whether `suffix` begins with that of a clone or a part.
fn is_clone(suffix: &[u8]) -> bool {
    CLONES
        .iter()
        .filter_map(|clone| suffix.strip_prefix(*clone))
        .any(|number| after_digits(number, u8::is_ascii_digit).is_some())
        || PARTS
            .iter()
            .filter_map(|part| suffix.strip_prefix(*part))
            .any(is_suffix)
}

/// Returns what follows the suffix of a rename that `suffix` begins with.
fn after_rename(suffix: &[u8]) -> Option<&[u8]> {
    let numbered = RENAMES
        .iter()
        .find_map(|rename| suffix.strip_prefix(*rename))
        .and_then(|number| after_digits(number, u8::is_ascii_digit));
    let hashed = || {
        let (&introduced, hash) = suffix.split_first()?;
        let after = after_digits(hash, u8::is_ascii_hexdigit)?;
        let len = hash.len() - after.len();
        (introduced == b'$' || introduced == b'.' && len == HASH_LEN).then_some(after)
    };
    numbered.or_else(hashed)
}

/// Returns what follows the digits, of which there must be some, and after which the name ends or
/// another suffix begins.
fn after_digits(text: &[u8], is_digit: impl Fn(&u8) -> bool) -> Option<&[u8]> {
    let len = text
        .iter()
        .position(|byte| !is_digit(byte))
        .unwrap_or(text.len());
    let (digits, after) = text.split_at(len);
    (!digits.is_empty() && is_suffix(after)).then_some(after)
}

/// Returns whether `text` is empty or the beginning of a suffix.
fn is_suffix(text: &[u8]) -> bool {
    matches!(text, [] | [b'.' | b'$', ..])
}
