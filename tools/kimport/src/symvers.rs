// SPDX-License-Identifier: GPL-2.0

//! `Module.symvers`: the exported symbols of a kernel and their exporters.

use crate::error::{count, Error, Result};
use std::{
    collections::{BTreeSet, HashMap},
    fs,
    path::Path,
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
        let versions = [self.crc, other.crc];
        self.gpl_only != other.gpl_only
            || self.namespace != other.namespace
            || !versions.contains(&0) && self.crc != other.crc
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

/// Returns whether `module` has the name `pattern`, or begins with it if `pattern` ends in `*`.
fn is_named(module: &str, pattern: &str) -> bool {
    let (module, pattern) = (module.replace('-', "_"), pattern.replace('-', "_"));
    match pattern.strip_suffix('*') {
        Some(start) => module.starts_with(start),
        None => module == pattern,
    }
}

/// The exports of one kernel.
#[derive(Clone, Debug, Default)]
pub struct Symvers {
    /// All exports of each symbol, the last added first.
    exports: HashMap<String, Vec<Export>>,
}

impl Symvers {
    /// Reads the `Module.symvers` of a kernel's headers package or build tree.
    pub fn read(path: &Path) -> Result<Self> {
        let help = "give the Module.symvers of the kernel's headers package or build tree";
        let bytes = fs::read(path).map_err(|error| {
            Error::unusable(format_args!("{}: {error}", path.display())).help(help)
        })?;
        Self::parse(&String::from_utf8_lossy(&bytes))
            .map_err(|error| error.context(path.display()).help(help))
    }

    /// Parses lines of `CRC<tab>symbol<tab>module<tab>export type<tab>namespace`.
    pub fn parse(text: &str) -> Result<Self> {
        let mut symvers = Self::default();
        for (index, line) in text.lines().enumerate() {
            if line.is_empty() {
                continue;
            }
            let wrong = |why: &str| Error::unusable(format_args!("line {}: {why}", index + 1));
            let mut fields = line.split('\t');
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
            let export = Export {
                module: module_name(module),
                crc,
                gpl_only: kind.ends_with("_GPL"),
                namespace: fields.next().unwrap_or_default().to_owned(),
            };
            symvers.put(symbol.to_owned(), export);
        }
        if symvers.exports.is_empty() {
            return Err(Error::unusable("no exported symbol in it"));
        }
        Ok(symvers)
    }

    /// Adds the exports of `others`, which take precedence over the earlier ones.
    pub fn extend(&mut self, others: Self) {
        for (symbol, exports) in others.exports {
            for export in exports.into_iter().rev() {
                self.put(symbol.clone(), export);
            }
        }
    }

    /// Adds a symbol that the module built at `path` exports to all modules.
    pub fn add(&mut self, symbol: &str, path: &str) {
        let export = Export {
            module: module_name(path),
            ..Export::default()
        };
        self.put(symbol.to_owned(), export);
    }

    /// Adds an export, unless it is already there.
    pub(crate) fn put(&mut self, symbol: String, export: Export) {
        let exports = self.exports.entry(symbol).or_default();
        exports.retain(|other| *other != export);
        exports.insert(0, export);
    }

    /// Returns whether there are no exports.
    pub fn is_empty(&self) -> bool {
        self.exports.is_empty()
    }

    /// Returns the exports of `symbol`, the last added first.
    pub fn exports(&self, symbol: &str) -> &[Export] {
        self.exports.get(symbol).map_or(&[], Vec::as_slice)
    }

    /// Returns the module that exports `symbol`, or [`VMLINUX`]; of several, the last added.
    pub fn exporter(&self, symbol: &str) -> Option<&str> {
        let export = self.exports(symbol).first()?;
        Some(&export.module)
    }

    /// Returns the version of `symbol`; 0 where the kernel has none (no `CONFIG_MODVERSIONS`).
    pub fn crc(&self, symbol: &str) -> Option<u32> {
        self.exports(symbol).first().map(|export| export.crc)
    }

    /// Returns the symbols that the same module exports on different terms in the two.
    pub fn differing<'a>(&'a self, other: &'a Self) -> BTreeSet<&'a str> {
        let differs = |(symbol, exports): &(&String, &Vec<Export>)| {
            let others = other.exports(symbol);
            exports.iter().any(|export| {
                let mut same = others.iter().filter(|other| other.module == export.module);
                same.any(|other| export.differs(other))
            })
        };
        let differing = self.exports.iter().filter(differs);
        differing.map(|(symbol, _)| symbol.as_str()).collect()
    }

    /// Describes the differences between this, read from `path`, and what was read before.
    pub fn contradicts(&self, before: &Self, path: &Path) -> Option<String> {
        let (path, differing) = (path.display().to_string(), self.differing(before));
        differ(&differing, &path, "what was read before", &path)
    }

    /// Returns the symbols that one module exports.
    pub fn of_module(&self, module: &str) -> BTreeSet<&str> {
        let is_it = |export: &Export| export.module == module;
        let all = self.exports.iter();
        all.filter(|(_, exports)| exports.iter().any(is_it))
            .map(|(symbol, _)| symbol.as_str())
            .collect()
    }

    /// Returns whether `module` exports anything.
    pub fn exports_from(&self, module: &str) -> bool {
        let mut exports = self.exports.values().flatten();
        exports.any(|export| export.module == module)
    }
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
        let export = |symbol| &symvers.exports(symbol)[0];
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
        let exports = symvers.exports("a").iter();
        let modules: Vec<_> = exports.map(|export| &export.module).collect();
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
            let symvers = Symvers::parse(&exports.iter().map(line).collect::<String>()).unwrap();
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
