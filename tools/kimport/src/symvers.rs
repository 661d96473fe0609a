// SPDX-License-Identifier: GPL-2.0

//! `Module.symvers`: the exported symbols of a kernel and their exporters.

use crate::error::{count, Error, Result};
use hashbrown::{
    hash_table::{Entry, HashTable},
    DefaultHashBuilder, HashSet,
};
use indexmap::IndexSet;
use memchr::memchr_iter;
use std::{
    collections::BTreeSet, fs, hash::BuildHasher, iter, mem, ops::Range, path::Path,
    string::FromUtf8Error,
};

/// The name of the kernel image, here and in livepatch symbols.
pub const VMLINUX: &str = "vmlinux";

/// The prefix of a namespace that lists the modules allowed to import: `EXPORT_SYMBOL_FOR_MODULES`.
const FOR_MODULES: &str = "module:";

/// Returns the modules among these providers.
pub fn modules<'a>(providers: impl Iterator<Item = &'a String>) -> BTreeSet<&'a str> {
    let providers = providers.map(String::as_str);
    providers.filter(|provider| *provider != VMLINUX).collect()
}

/// A symbol that a module exports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Export {
    /// The module, or [`VMLINUX`].
    pub module: String,
    /// The version of the symbol; 0 where the kernel has none (no `CONFIG_MODVERSIONS`).
    pub crc: u32,
    /// Set if only GPL-compatible modules may import it: `EXPORT_SYMBOL_GPL`.
    pub gpl_only: bool,
    /// The namespace that a module has to import for it; empty if there is none.
    pub namespace: String,
}

impl Export {
    /// Returns whether the two cannot both be true of one symbol. An unknown version is no
    /// difference.
    pub fn differs(&self, other: &Self) -> bool {
        self.terms().differ(other.terms())
    }

    fn terms(&self) -> Terms<'_> {
        Terms {
            crc: self.crc,
            gpl_only: self.gpl_only,
            namespace: &self.namespace,
        }
    }

    /// Returns whether `module`, which imports the namespaces `imported`, may use the symbol:
    /// `verify_namespace_is_imported()` of `kernel/module/main.c`.
    pub fn is_for(&self, module: &str, imported: &[String]) -> bool {
        let namespace = self.namespace.as_str();
        namespace.is_empty()
            || imported.iter().any(|imported| imported == namespace)
            || namespace
                .strip_prefix(FOR_MODULES)
                .is_some_and(|modules| modules.split(',').any(|pattern| is_named(module, pattern)))
    }
}

/// The terms of an export, see [`Export`].
#[derive(Clone, Copy)]
struct Terms<'a> {
    crc: u32,
    gpl_only: bool,
    namespace: &'a str,
}

impl Terms<'_> {
    fn differ(self, other: Self) -> bool {
        let versions = [self.crc, other.crc];
        self.gpl_only != other.gpl_only
            || self.namespace != other.namespace
            || !versions.contains(&0) && self.crc != other.crc
    }
}

/// Returns whether `module` has the name `pattern`, or begins with it if `pattern` ends in `*`.
fn is_named(module: &str, pattern: &str) -> bool {
    let (module, pattern) = (module.replace('-', "_"), pattern.replace('-', "_"));
    match pattern.strip_suffix('*') {
        Some(start) => module.starts_with(start),
        None => module == pattern,
    }
}

/// The exports of one kernel. There are tens of thousands, so their strings share one allocation.
#[derive(Clone, Debug, Default)]
pub struct Symvers {
    strings: String,
    exports: Vec<Packed>,
    modules: IndexSet<String>,
    /// The last added export of each symbol.
    last: HashTable<usize>,
    hasher: DefaultHashBuilder,
}

/// An export, with the places of its strings.
#[derive(Clone, Debug)]
struct Packed {
    symbol: Range<usize>,
    /// The number of the module.
    module: usize,
    crc: u32,
    gpl_only: bool,
    namespace: Range<usize>,
    /// The export of the same symbol that was added before.
    before: Option<usize>,
}

impl Symvers {
    /// Reads the `Module.symvers` of a kernel's headers package or build tree.
    pub fn read(path: &Path) -> Result<Self> {
        let help = "give the Module.symvers of the kernel's headers package or build tree";
        let bytes = fs::read(path).map_err(|error| {
            Error::unusable(format_args!("{}: {error}", path.display())).help(help)
        })?;
        Self::parse(text_of(bytes)).map_err(|error| error.context(path.display()).help(help))
    }

    /// Parses lines of `CRC<tab>symbol<tab>module<tab>export type<tab>namespace`.
    pub fn parse(text: impl Into<String>) -> Result<Self> {
        let mut symvers = Self::default();
        let text = text.into();
        let place = |part: &str| {
            let start = part.as_ptr() as usize - text.as_ptr() as usize;
            start..start + part.len()
        };
        // Lines have about 80 bytes.
        let lines = text.len() / 64;
        symvers.exports.reserve(lines);
        symvers.last = HashTable::with_capacity(lines);
        // The lines of a module follow each other.
        let (mut module_path, mut module_number) = ("", 0);
        for (index, line) in split(&text, b'\n').enumerate() {
            let line = line.strip_suffix('\r').unwrap_or(line);
            if line.is_empty() {
                continue;
            }
            let wrong = |why: &str| Error::unusable(format_args!("line {}: {why}", index + 1));
            let mut fields = split(line, b'\t');
            let (Some(crc), Some(symbol), Some(module), Some(kind)) =
                (fields.next(), fields.next(), fields.next(), fields.next())
            else {
                return Err(wrong("fewer than the four fields of Module.symvers"));
            };
            let crc = crc
                .strip_prefix("0x")
                .and_then(|crc| u32::from_str_radix(crc, 16).ok())
                .filter(|_| !symbol.is_empty() && !module.is_empty())
                .ok_or_else(|| wrong("not a line of Module.symvers"))?;
            if module != module_path {
                (module_path, module_number) = (module, symvers.module(&module_name(module)));
            }
            symvers.insert(
                &text,
                Packed {
                    symbol: place(symbol),
                    module: module_number,
                    crc,
                    gpl_only: kind.ends_with("_GPL"),
                    namespace: place(fields.next().unwrap_or(&line[line.len()..])),
                    before: None,
                },
            );
        }
        if symvers.is_empty() {
            return Err(Error::unusable("no exported symbol in it"));
        }
        symvers.strings = text;
        Ok(symvers)
    }

    /// Adds the exports of `others`, which take precedence over the earlier ones.
    pub fn extend(&mut self, others: Self) {
        if self.is_empty() {
            *self = others;
            return;
        }
        let modules = others.modules.iter().map(|module| self.module(module));
        let modules: Vec<usize> = modules.collect();
        for &last in &others.last {
            let exports: Vec<&Packed> = others.from(Some(last)).collect();
            for export in exports.into_iter().rev() {
                let (symbol, terms) = (others.symbol(export), others.terms(export));
                self.put_packed(symbol, modules[export.module], terms);
            }
        }
    }

    /// Adds a symbol that the module built at `path` exports to all modules.
    pub fn add(&mut self, symbol: &str, path: &str) {
        let export = Export {
            module: module_name(path),
            ..Export::default()
        };
        self.put(symbol, &export);
    }

    /// Adds an export, unless it is already there.
    pub(crate) fn put(&mut self, symbol: &str, export: &Export) {
        let module = self.module(&export.module);
        self.put_packed(symbol, module, export.terms());
    }

    fn put_packed(&mut self, symbol: &str, module: usize, terms: Terms<'_>) {
        let mut strings = mem::take(&mut self.strings);
        let mut store = |text: &str| {
            let start = strings.len();
            strings.push_str(text);
            start..strings.len()
        };
        let new = Packed {
            symbol: store(symbol),
            module,
            crc: terms.crc,
            gpl_only: terms.gpl_only,
            namespace: store(terms.namespace),
            before: None,
        };
        self.insert(&strings, new);
        self.strings = strings;
    }

    /// Adds an export whose strings are in `strings`.
    fn insert(&mut self, strings: &str, mut new: Packed) {
        let Self {
            exports,
            last,
            hasher,
            ..
        } = self;
        let symbol = &strings[new.symbol.clone()];
        let name = |number: &usize| &strings[exports[*number].symbol.clone()];
        let number = exports.len();
        let entry = last.entry(
            hasher.hash_one(symbol),
            |number| name(number) == symbol,
            |number| hasher.hash_one(name(number)),
        );
        match entry {
            Entry::Occupied(mut last) => new.before = Some(mem::replace(last.get_mut(), number)),
            Entry::Vacant(place) => {
                place.insert(number);
            }
        }
        exports.push(new);
    }

    /// Returns the number of the module of that name.
    fn module(&mut self, name: &str) -> usize {
        let known = self.modules.get_index_of(name);
        known.unwrap_or_else(|| self.modules.insert_full(name.to_owned()).0)
    }

    /// Returns whether there are no exports.
    pub fn is_empty(&self) -> bool {
        self.exports.is_empty()
    }

    /// Returns the exports of `symbol`, the last added first. One that was added again is there
    /// again.
    fn packed(&self, symbol: &str) -> impl Iterator<Item = &Packed> {
        let is_it = |number: &usize| self.symbol(&self.exports[*number]) == symbol;
        let last = self.last.find(self.hasher.hash_one(symbol), is_it);
        self.from(last.copied())
    }

    /// Returns the export of that number, and those of the same symbol that were added before.
    fn from(&self, number: Option<usize>) -> impl Iterator<Item = &Packed> {
        let export = |number: usize| self.exports.get(number);
        iter::successors(number.and_then(export), move |last| {
            last.before.and_then(export)
        })
    }

    fn symbol(&self, export: &Packed) -> &str {
        &self.strings[export.symbol.clone()]
    }

    fn module_of(&self, export: &Packed) -> &str {
        &self.modules[export.module]
    }

    fn terms(&self, export: &Packed) -> Terms<'_> {
        Terms {
            crc: export.crc,
            gpl_only: export.gpl_only,
            namespace: &self.strings[export.namespace.clone()],
        }
    }

    fn unpack(&self, export: &Packed) -> Export {
        Export {
            module: self.module_of(export).to_owned(),
            crc: export.crc,
            gpl_only: export.gpl_only,
            namespace: self.terms(export).namespace.to_owned(),
        }
    }

    /// Returns the exports of `symbol`, the last added first.
    pub fn exports(&self, symbol: &str) -> Vec<Export> {
        let mut exports = Vec::new();
        for export in self.packed(symbol).map(|export| self.unpack(export)) {
            if !exports.contains(&export) {
                exports.push(export);
            }
        }
        exports
    }

    /// Returns the module that exports `symbol`, or [`VMLINUX`]; of several, the last added.
    pub fn exporter(&self, symbol: &str) -> Option<&str> {
        self.packed(symbol)
            .next()
            .map(|export| self.module_of(export))
    }

    /// Returns the module that exports `symbol`, not [`VMLINUX`]; of several, the last added.
    pub fn exporting_module(&self, symbol: &str) -> Option<&str> {
        let mut modules = self.packed(symbol).map(|export| self.module_of(export));
        modules.find(|module| *module != VMLINUX)
    }

    /// Returns the version of `symbol`; 0 where the kernel has none (no `CONFIG_MODVERSIONS`).
    pub fn crc(&self, symbol: &str) -> Option<u32> {
        self.packed(symbol).next().map(|export| export.crc)
    }

    /// Returns the symbols.
    fn symbols(&self) -> impl Iterator<Item = &str> {
        let last = self.last.iter();
        last.map(|number| self.symbol(&self.exports[*number]))
    }

    /// Returns the symbols that the same module exports on different terms in the two.
    pub fn differing<'a>(&'a self, other: &'a Self) -> BTreeSet<&'a str> {
        let (small, large) = match self.last.len() < other.last.len() {
            true => (self, other),
            false => (other, self),
        };
        let differs = |symbol: &&str| {
            small.packed(symbol).any(|export| {
                let (module, terms) = (small.module_of(export), small.terms(export));
                let mut others = large.packed(symbol);
                others.any(|other| {
                    large.module_of(other) == module && large.terms(other).differ(terms)
                })
            })
        };
        small.symbols().filter(differs).collect()
    }

    /// Describes the differences between this, read from `path`, and what was read before.
    pub fn contradicts(&self, before: &Self, path: &Path) -> Option<String> {
        let (path, differing) = (path.display().to_string(), self.differing(before));
        differ(&differing, &path, "what was read before", &path)
    }

    /// Returns the symbols that `module` exports in one of the two only.
    pub fn differing_names<'a>(&'a self, other: &'a Self, module: &str) -> BTreeSet<&'a str> {
        let [own, others] = [self, other].map(|symvers| symvers.of_module(module));
        let only_own = own.difference(&others);
        only_own.chain(others.difference(&own)).copied().collect()
    }

    /// Returns the symbols that one module exports.
    fn of_module(&self, module: &str) -> HashSet<&str> {
        let exports = self.exports.iter();
        let exports = exports.filter(|export| self.module_of(export) == module);
        exports.map(|export| self.symbol(export)).collect()
    }

    /// Returns whether `module` exports `symbol`.
    pub fn is_from(&self, symbol: &str, module: &str) -> bool {
        let mut exports = self.packed(symbol);
        exports.any(|export| self.module_of(export) == module)
    }

    /// Returns whether `module` exports anything.
    pub fn exports_from(&self, module: &str) -> bool {
        self.modules.contains(module)
    }
}

/// Splits a text at an ASCII character, faster than [`str::split`].
fn split(text: &str, at: u8) -> impl Iterator<Item = &str> {
    let mut start = 0;
    let ends = memchr_iter(at, text.as_bytes()).chain([text.len()]);
    ends.map(move |end| {
        let part = &text[start..end];
        start = end + 1;
        part
    })
}

/// Makes text of bytes. Bytes that are no UTF-8 are replaced.
pub(crate) fn text_of(bytes: Vec<u8>) -> String {
    let lossy = |error: FromUtf8Error| String::from_utf8_lossy(error.as_bytes()).into_owned();
    String::from_utf8(bytes).unwrap_or_else(lossy)
}

/// Describes the symbols on which two sources differ, if there are any, and says which of the two
/// counts.
pub(crate) fn differ(
    symbols: &BTreeSet<&str>,
    one: &str,
    other: &str,
    counts: &str,
) -> Option<String> {
    const SHOWN: usize = 4;
    let shown: Vec<&str> = symbols.iter().copied().take(SHOWN).collect();
    let more = if symbols.len() > SHOWN { ", ..." } else { "" };
    (!symbols.is_empty()).then(|| {
        format!(
            "{one} and {other} differ on {} ({}{more}); {counts} counts",
            count(symbols.len(), "symbol"),
            shown.join(", ")
        )
    })
}

/// Returns the kernel's name of the module built at `path`.
pub fn module_name(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.strip_suffix(".ko").unwrap_or(name).replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn exporters_are_module_names() {
        let symvers = Symvers::parse(
            "0x00000000\t_printk\tvmlinux\tEXPORT_SYMBOL\t\n\
             0x12345678\tiscsi_x\tdrivers/scsi/scsi-transport.ko\tEXPORT_SYMBOL_GPL\tNS\n",
        )
        .unwrap();
        assert_eq!(symvers.exporter("_printk"), Some(VMLINUX));
        assert_eq!(symvers.exporter("iscsi_x"), Some("scsi_transport"));
        assert_eq!(symvers.exporter("nobody"), None);
        assert_eq!(symvers.crc("iscsi_x"), Some(0x1234_5678));
        assert!(symvers.exports_from("scsi_transport"));
        assert!(!symvers.exports_from("scsi-transport"));
    }

    #[test]
    fn exports_have_kinds_and_namespaces() {
        let symvers = Symvers::parse(
            "0x0\ta\tvmlinux\tEXPORT_SYMBOL\t\n\
             0x0\tb\tvmlinux\tEXPORT_SYMBOL_GPL\tNS\n\
             0x0\tc\tvmlinux\tEXPORT_SYMBOL_GPL\tmodule:kvm-intel,kvm_amd,gpio-*\n\
             0x0\td\tvmlinux\tEXPORT_SYMBOL\n",
        )
        .unwrap();
        let export = |symbol| symvers.exports(symbol).remove(0);
        let gpl_only = ["a", "b", "c", "d"].map(|symbol| export(symbol).gpl_only);
        assert_eq!(gpl_only, [false, true, true, false]);
        assert!(export("a").is_for("any", &[]) && export("d").is_for("any", &[]));
        assert!(!export("b").is_for("any", &[]) && export("b").is_for("any", &["NS".to_owned()]));
        for (module, is_for) in [
            ("kvm_intel", true),
            ("kvm_amd", true),
            ("gpio_x", true),
            ("gpio_", true),
            ("kvm", false),
            ("kvm_intel_new", false),
            ("gpio", false),
        ] {
            assert_eq!(export("c").is_for(module, &[]), is_for, "{module}");
        }
    }

    #[test]
    fn files_add_up() {
        let parse = |text: &str| Symvers::parse(text).unwrap();
        let mut symvers = parse("0x1\ta\told\tEXPORT_SYMBOL\t\n0x0\tb\told\tEXPORT_SYMBOL\t\n");
        symvers.extend(parse("0x2\ta\tnew\tEXPORT_SYMBOL_GPL\tNS\n"));
        let exports = symvers.exports("a").into_iter();
        let modules: Vec<_> = exports.map(|export| export.module).collect();
        assert_eq!(modules, ["new", "old"]);
        let last = (symvers.exporter("a"), symvers.crc("a"));
        assert_eq!(last, (Some("new"), Some(2)));
        assert_eq!(symvers.exporter("b"), Some("old"));
        let again = symvers.clone();
        symvers.extend(again);
        assert_eq!(symvers.exports("a").len(), 2);
        assert!(symvers.exports("c").is_empty());
    }

    #[test]
    fn other_files_are_refused_by_line() {
        for (text, line) in [
            ("c0ffee T main\n", "line 1"),
            ("0x0\ta\tb\tc\nrest\n", "line 2"),
        ] {
            let error = Symvers::parse(text).unwrap_err();
            assert!(error.to_string().contains(line), "{error}");
        }
        assert!(Symvers::parse("").is_err());
    }

    proptest! {
        #[test]
        fn every_line_is_an_export(
            exports in prop::collection::btree_map("[a-z_.]{1,8}", "[a-z_]{1,8}", 1..8),
        ) {
            let line = |(symbol, module): (&String, &String)| {
                format!("0x0\t{symbol}\tdrivers/{module}.ko\tEXPORT_SYMBOL\t\n")
            };
            let symvers = Symvers::parse(exports.iter().map(line).collect::<String>()).unwrap();
            for (symbol, module) in &exports {
                prop_assert_eq!(symvers.exporter(symbol), Some(module.as_str()));
                prop_assert!(symvers.exports_from(module));
            }
        }

        #[test]
        fn any_text_is_no_panic(text in "((0x)?[0-9a-f]{0,3}(\t[a-z/.-]{0,6}){0,5}\n){0,6}") {
            let _ = Symvers::parse(&text);
        }
    }
}
