// SPDX-License-Identifier: GPL-2.0

//! `Module.symvers`: which part of the kernel exports a symbol.

use crate::error::{Error, Result};
use std::{collections::HashMap, fs, path::Path};

/// The name by which the kernel image itself goes, here and in livepatch symbols.
pub const VMLINUX: &str = "vmlinux";

#[derive(Clone, Debug)]
struct Export {
    module: String,
    crc: u32,
}

/// The exports of one kernel.
#[derive(Clone, Debug, Default)]
pub struct Symvers {
    exports: HashMap<String, Export>,
}

impl Symvers {
    /// Reads the file that a kernel's headers package or build tree has.
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
        let mut exports = HashMap::new();
        for (index, line) in text.lines().enumerate() {
            if line.is_empty() {
                continue;
            }
            let mut fields = line.split('\t');
            let (Some(crc), Some(symbol), Some(module), Some(_export)) =
                (fields.next(), fields.next(), fields.next(), fields.next())
            else {
                return Err(Error::unusable(format_args!(
                    "line {}: fewer than the four fields of Module.symvers",
                    index + 1
                )));
            };
            let crc = crc
                .strip_prefix("0x")
                .and_then(|crc| u32::from_str_radix(crc, 16).ok())
                .filter(|_| !symbol.is_empty() && !module.is_empty());
            let Some(crc) = crc else {
                return Err(Error::unusable(format_args!(
                    "line {}: not a line of Module.symvers",
                    index + 1
                )));
            };
            let module = module_name(module);
            exports.insert(symbol.to_owned(), Export { module, crc });
        }
        if exports.is_empty() {
            return Err(Error::unusable("no exported symbol in it"));
        }
        Ok(Self { exports })
    }

    /// Adds what others export; they go before what was there.
    pub fn extend(&mut self, others: Self) {
        self.exports.extend(others.exports);
    }

    /// Adds a symbol that the module built at `path` exports.
    pub fn add(&mut self, symbol: &str, path: &str) {
        let export = Export {
            module: module_name(path),
            crc: 0,
        };
        self.exports.insert(symbol.to_owned(), export);
    }

    /// The module that exports `symbol`, or [`VMLINUX`].
    pub fn exporter(&self, symbol: &str) -> Option<&str> {
        self.exports
            .get(symbol)
            .map(|export| export.module.as_str())
    }

    /// The version of `symbol`; 0 where the kernel has none (no `CONFIG_MODVERSIONS`).
    pub fn crc(&self, symbol: &str) -> Option<u32> {
        self.exports.get(symbol).map(|export| export.crc)
    }

    /// Whether `module` exports anything.
    pub fn exports_from(&self, module: &str) -> bool {
        self.exports.values().any(|export| export.module == module)
    }
}

/// The name under which the kernel knows the module built at `path`.
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
