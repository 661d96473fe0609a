// SPDX-License-Identifier: GPL-2.0

//! The exporters of symbols.

use super::{
    files::ModulePiece,
    module::{self, Module},
    symbols::{Linkage, SymbolTable},
    Kernel,
};
use crate::symvers::{differ, Export, Symvers, VMLINUX};
use rayon::prelude::*;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// An exporter of a symbol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exporter {
    /// The module, or `vmlinux`.
    pub module: String,
    /// The terms of the export; `None`: the given files do not tell.
    pub terms: Option<Export>,
}

impl From<&Export> for Exporter {
    fn from(export: &Export) -> Self {
        Self {
            module: export.module.clone(),
            terms: Some(export.clone()),
        }
    }
}

impl Kernel {
    /// Returns the loaded module of the running system that exports `symbol`.
    pub fn loaded_exporter(&self, symbol: &str) -> Option<&str> {
        let exports = |table: &SymbolTable| {
            let mut named = table.named(symbol).into_iter();
            table.exports(symbol) || named.any(|symbol| symbol.linkage == Linkage::Global)
        };
        let mut loaded = self.loaded.iter();
        let exporter = loaded.find(|(_, module)| exports(&module.symbols))?;
        Some(exporter.0)
    }

    /// Returns the exporter of `symbol`, as far as the image's tables and `Module.symvers` tell.
    pub fn exporter(&self, symbol: &str) -> Option<&str> {
        if self.image_exporter(symbol).is_some() {
            return Some(VMLINUX);
        }
        self.symvers.exporting_module(symbol)
    }

    /// Returns the image as the exporter, if it exports `symbol`. Its own table takes precedence
    /// over `Module.symvers`.
    fn image_exporter(&self, symbol: &str) -> Option<Exporter> {
        let of_image = |symvers: &Symvers| {
            let mut exports = symvers.exports(symbol).into_iter();
            exports.find(|export| export.module == VMLINUX)
        };
        let listed = || of_image(&self.symvers);
        let terms = match &self.image_exports {
            Some(exports) => {
                let mut own = of_image(exports)?;
                if own.crc == 0 {
                    own.crc = listed().map_or(0, |export| export.crc);
                }
                Some(own)
            }
            None if self.image.tells_exports => {
                self.image.exports(symbol).then_some(())?;
                listed()
            }
            None => Some(listed()?),
        };
        let module = VMLINUX.to_owned();
        Some(Exporter { module, terms })
    }

    /// Finds the exporters of each of these symbols, the image first. The file of a module takes
    /// precedence over `Module.symvers`, which may be of another build. Also returns notes on
    /// differences between the two.
    pub fn exporters(
        &self,
        symbols: &BTreeSet<&str>,
    ) -> (BTreeMap<String, Vec<Exporter>>, Vec<String>) {
        let mut found = BTreeMap::<String, Vec<Exporter>>::new();
        let mut differing = BTreeMap::<String, BTreeSet<&str>>::new();
        // The kernel's own Module.symvers does not list these modules.
        let others = self.modules.iter().filter(|(_, piece)| !piece.is_in_tree());
        let others: Vec<_> = others
            .filter_map(|(name, _)| self.file(name).ok()?)
            .collect();
        for &symbol in symbols {
            let mut exporters = Vec::from_iter(self.image_exporter(symbol));
            let listed = self.symvers.exports(symbol);
            for export in listed.iter().filter(|export| export.module != VMLINUX) {
                let module = &export.module;
                let file = self.file(module).ok().flatten();
                let own = file.as_ref().map(|file| file.exports.exports(symbol));
                let own = own.as_deref();
                let differs = match own {
                    Some([own, ..]) => own.differs(export),
                    Some([]) => true,
                    None => false,
                };
                if differs {
                    differing.entry(module.clone()).or_default().insert(symbol);
                }
                let terms = match own {
                    // The files of old modules do not hold the versions of their exports.
                    Some([own, ..]) if differs || own.crc != 0 => own,
                    Some([]) => continue,
                    _ => export,
                };
                exporters.push(Exporter::from(terms));
            }
            let own = |file: &Arc<Module>| file.exports.exports(symbol).first().map(Exporter::from);
            exporters.extend(others.iter().filter_map(own));
            if exporters.is_empty() {
                let loaded = self.loaded_exporter(symbol).map(|module| {
                    let file = self.file(module).ok().flatten();
                    let terms = file.and_then(|file| file.exports.exports(symbol).first().cloned());
                    let module = module.to_owned();
                    Exporter { module, terms }
                });
                exporters.extend(loaded);
            }
            exporters.dedup_by(|a, b| a.module == b.module);
            if !exporters.is_empty() {
                found.insert(symbol.to_owned(), exporters);
            }
        }
        let mut open = symbols.clone();
        open.retain(|symbol| !found.contains_key(*symbol));
        if !open.is_empty() && !self.lists_all() {
            for (symbol, exporter) in self.exporters_in_tree(&open) {
                found.entry(symbol).or_default().push(exporter);
            }
        }
        let notes = differing.iter().filter_map(|(module, symbols)| {
            let file = format!("the file of {module}");
            differ(symbols, "Module.symvers", &file, &file)
        });
        (found, notes.collect())
    }

    /// Returns whether `Module.symvers` is that of the whole kernel.
    fn lists_all(&self) -> bool {
        self.symvers.exports_from(VMLINUX)
    }

    /// Reads all modules of the kernel to find the exporters of symbols.
    fn exporters_in_tree(&self, symbols: &BTreeSet<&str>) -> Vec<(String, Exporter)> {
        let found = |(name, piece): (&String, &ModulePiece)| -> Vec<(String, Exporter)> {
            let Some(exports) = module::exports(name, &piece.place) else {
                return Vec::new();
            };
            let exporter = |symbol: &&str| {
                let exporter = Exporter::from(exports.exports(symbol).first()?);
                Some(((*symbol).to_owned(), exporter))
            };
            symbols.iter().filter_map(exporter).collect()
        };
        let mut exporters: Vec<_> = self
            .modules
            .par_iter()
            .filter(|(_, piece)| piece.is_in_tree())
            .flat_map_iter(found)
            .collect();
        exporters.sort_by(|(a, first), (b, second)| (a, &first.module).cmp(&(b, &second.module)));
        exporters
    }

    /// Returns whether `module`, or `vmlinux`, exports `symbol`, as far as is known.
    pub fn exports_from(&self, module: &str, symbol: &str) -> bool {
        if module == VMLINUX {
            return self.image_exporter(symbol).is_some();
        }
        let file = || self.module(module).ok().flatten();
        self.symvers.is_from(symbol, module)
            || file().is_some_and(|module| module.symbols.exports(symbol))
    }

    /// Returns whether it is known of every symbol whether something exports it.
    pub fn tells_exports(&self) -> bool {
        let of_image = self.image_exports.is_some() || self.image.tells_exports;
        self.lists_all() || of_image && self.knows_modules()
    }
}
