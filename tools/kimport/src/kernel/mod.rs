// SPDX-License-Identifier: GPL-2.0

//! A kernel that modules are checked against: its symbols, exports and types.
//!
//! The facts come from whatever files there are. [`Spec`] is the user's name for a kernel.
//! [`running`] reads the running system, and [`given`] reads files: a distribution's packages,
//! packed or unpacked, and single files. Each kind of input has its own module here. [`files`]
//! finds the files, [`image`] unpacks a boot image, [`images`] reads all images that are given, and
//! [`kallsyms`] finds the symbol table in an image. [`text`] reads `System.map` and
//! `/proc/kallsyms`, [`exports`] reads export tables, and [`exporters`] tells from them which
//! module exports a symbol. [`index`] keeps the names that are in modules, and [`extract`] the
//! tables of images, both with [`cache`]. [`depmod`] chooses between several modules of one name.
//! [`btf`] reads types, and [`dwarf`] the functions that were inlined. [`module`] holds the facts
//! about a module, and [`symbols`] the resulting symbol tables.

pub mod btf;
mod cache;
mod depmod;
pub mod dwarf;
mod exporters;
mod exports;
mod extract;
mod files;
mod given;
pub mod image;
mod images;
mod index;
pub mod kallsyms;
mod module;
mod running;
mod spec;
pub mod symbols;
pub mod text;

pub use exporters::Exporter;
pub use module::{Module, ModuleTypes};
pub use spec::{Spec, RUNNING};

use crate::{
    error::Result,
    loader::Loader,
    symvers::{Symvers, VMLINUX},
};
use btf::Types;
use files::{FilePlace, ModulePiece, Pieces};
use memchr::memmem;
use module::{read_module, symbols_with};
use rayon::prelude::*;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    iter,
    sync::{mpsc, Arc, Mutex, OnceLock, PoisonError},
};
use symbols::SymbolTable;

/// The file with the types of the running system.
const RUNNING_BTF: &str = "/sys/kernel/btf/vmlinux";

/// The known facts about a kernel.
#[derive(Default)]
pub struct Kernel {
    /// The name in messages and tables.
    pub name: String,
    /// The sources of the facts.
    pub sources: Vec<String>,
    /// The facts that cannot be known because files are missing.
    pub unknown: Vec<String>,
    /// Differences between two of its sources, and which of the two counts.
    pub notes: Vec<String>,
    /// The facts that the module loader goes by.
    pub loader: Loader,
    /// The symbols of the kernel image.
    pub image: SymbolTable,
    /// The image's own export table.
    image_exports: Option<Symvers>,
    /// The kernel's `Module.symvers`; empty if there is none.
    pub symvers: Symvers,
    modules: BTreeMap<String, ModulePiece>,
    /// The loaded modules of the running system.
    loaded: HashMap<String, Arc<Module>>,
    builtin: BTreeSet<String>,
    /// The type information. As long as it is not set, that of the running system can still be
    /// read.
    btf: OnceLock<Option<Vec<u8>>>,
    types: OnceLock<Option<Types<'static>>>,
    read: Mutex<HashMap<String, Arc<Module>>>,
    /// The files that may have debug information of the image. `debug_modules` has those of
    /// modules, which the modules' own files may hold as well.
    debug: Vec<FilePlace>,
    debug_modules: BTreeMap<String, FilePlace>,
    /// The inlined functions by module; `None` is for the image.
    inlined: Mutex<HashMap<Option<String>, HashSet<String>>>,
}

impl Kernel {
    /// Reads the kernel that `spec` names.
    pub fn read(spec: &Spec) -> Result<Self> {
        Self::read_while(spec, || ((), Vec::new())).0
    }

    /// Reads the kernel that `spec` names. Meanwhile does `work`, which returns the names of
    /// modules that will be needed.
    pub fn read_while<T: Send>(
        spec: &Spec,
        work: impl FnOnce() -> (T, Vec<String>) + Send,
    ) -> (Result<Self>, T) {
        if spec.running {
            return (Self::running(spec), work().0);
        }
        // To unpack the image takes the longest, and everything else can be done meanwhile.
        let (images_to, images) = mpsc::channel();
        let images = Mutex::new(images.into_iter().enumerate());
        let next = || images.lock().unwrap_or_else(PoisonError::into_inner).next();
        let unpack = || -> Vec<_> {
            let unpack = |(number, image)| (number, images::unpack(image));
            iter::from_fn(next).map(unpack).collect()
        };
        let find = || {
            let mut pieces = Pieces::default();
            pieces.images_to = Some(images_to);
            let added = spec.paths.iter().try_for_each(|path| pieces.add(path));
            pieces.images_to = None;
            let (value, modules) = work();
            let symvers = given::parse_symvers(&pieces.symvers);
            let read = pieces.read(modules);
            (value, added.map(|()| (pieces, symvers, read)), unpack())
        };
        let ((value, found, mut images), others) = rayon::join(find, unpack);
        images.extend(others);
        images.sort_by_key(|(number, _)| *number);
        let images = images.into_iter().map(|(_, image)| image).collect();
        let kernel = found.and_then(|(pieces, symvers, read)| {
            let given = spec.paths.iter().map(|path| path.display().to_string());
            let given = given.collect::<Vec<_>>().join(",");
            let kernel = Self::of_pieces(pieces, images, symvers, spec.name.clone(), &given);
            let mut kernel = kernel.map_err(|error| error.context(given))?;
            kernel.read = Mutex::new(read);
            Ok(kernel)
        });
        (kernel, value)
    }

    /// Returns whether any module is known.
    pub fn knows_modules(&self) -> bool {
        !self.modules.is_empty() || !self.loaded.is_empty()
    }

    /// Returns whether `module` is built into the image.
    pub fn is_builtin(&self, module: &str) -> bool {
        self.builtin.contains(module)
    }

    /// Returns the module of that name, if there is one.
    pub fn module(&self, name: &str) -> Result<Option<Arc<Module>>> {
        if let Some(module) = self.loaded.get(name) {
            return Ok(Some(Arc::clone(module)));
        }
        self.file(name)
    }

    /// Reads the module from its file, whether it is loaded or not.
    fn file(&self, name: &str) -> Result<Option<Arc<Module>>> {
        let Some(piece) = self.modules.get(name) else {
            return Ok(None);
        };
        let cache = || self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(module) = cache().get(name) {
            return Ok(Some(Arc::clone(module)));
        }
        let module =
            Arc::new(read_module(name, &piece.place).map_err(|error| error.context(name))?);
        cache().insert(name.to_owned(), Arc::clone(&module));
        Ok(Some(module))
    }

    /// Returns the modules that have symbols of these names. Reads all modules that may have one
    /// and skips those that cannot be read.
    pub fn modules_with(&self, names: &BTreeSet<String>) -> BTreeMap<String, BTreeSet<String>> {
        let any_of: HashSet<&[u8]> = names.iter().map(String::as_bytes).collect();
        let found = |module: &str, table: &SymbolTable| -> Vec<(String, String)> {
            let found = names.iter().filter(|name| !table.named(name).is_empty());
            found
                .map(|name| (name.clone(), module.to_owned()))
                .collect()
        };
        let others = self.modules.iter();
        let others = others.filter(|(module, _)| !self.loaded.contains_key(*module));
        let (modules, places): (Vec<_>, Vec<_>) =
            others.map(|(module, piece)| (module, &piece.place)).unzip();
        let mut pairs: Vec<(String, String)> = index::may_have(&places, names)
            .into_par_iter()
            .zip(modules.par_iter().zip(&places))
            .filter(|(may_have, _)| *may_have)
            .filter_map(|(_, (module, place))| Some((module, symbols_with(&any_of, place)?)))
            .flat_map_iter(|(module, symbols)| found(module, &symbols))
            .collect();
        for (name, module) in &self.loaded {
            pairs.extend(found(name, &module.symbols));
        }
        let mut modules = BTreeMap::<String, BTreeSet<String>>::new();
        for (symbol, module) in pairs {
            modules.entry(symbol).or_default().insert(module);
        }
        modules
    }

    /// Returns the loaded modules of the running system that have a symbol of that name.
    pub fn loaded_with(&self, name: &str) -> Vec<&str> {
        let has = |module: &Module| !module.symbols.named(name).is_empty();
        let modules = self.loaded.iter().filter(|(_, module)| has(module));
        let mut modules: Vec<&str> = modules.map(|(module, _)| module.as_str()).collect();
        modules.sort_unstable();
        modules
    }

    /// Returns the type information of the kernel image, as bytes.
    pub fn btf(&self) -> Option<&[u8]> {
        self.btf
            .get_or_init(|| FilePlace::File(RUNNING_BTF.into()).bytes().ok())
            .as_deref()
    }

    /// Returns the types of the kernel image.
    pub fn types(&self) -> Option<&Types<'static>> {
        self.types
            .get_or_init(|| Types::of_image(self.btf()?).ok())
            .as_ref()
    }

    /// Returns whether the types of the image, or of `module`, may have a function of that name.
    /// This is much faster than to read the types.
    pub fn mentions(&self, module: Option<&Module>, name: &str) -> bool {
        let string = [name.as_bytes(), &[0]].concat();
        let of_module = module.and_then(|module| module.types.as_ref());
        let own = of_module.map(|types| types.btf.as_slice());
        let base = of_module.and_then(|types| types.base.as_deref());
        [self.btf(), own, base]
            .into_iter()
            .flatten()
            .any(|btf| memmem::find(btf, &string).is_some())
    }

    /// Calls `ask` with the types of the image, or of `module`; `None`: they are not known.
    pub fn with_types<R>(
        &self,
        module: Option<&ModuleTypes>,
        ask: impl FnOnce(&Types<'_>) -> R,
    ) -> Option<R> {
        let Some(module) = module else {
            return self.types().map(ask);
        };
        let own_base;
        let base = match &module.base {
            Some(base) => {
                own_base = Types::of_image(base).ok()?;
                &own_base
            }
            None => self.types()?,
        };
        Some(ask(&Types::of_module(&module.btf, base).ok()?))
    }

    /// Calls `ask` with the types of a module, or of the image if `place` is `vmlinux`.
    pub fn with_types_of<R>(&self, place: &str, ask: impl FnOnce(&Types<'_>) -> R) -> Option<R> {
        if place == VMLINUX {
            return self.with_types(None, ask);
        }
        let module = self.module(place).ok().flatten()?;
        self.with_types(Some(module.types.as_ref()?), ask)
    }

    /// Returns the prototypes of a function of the image, or of `module`; `None`: they are not
    /// known.
    pub fn prototypes(&self, module: Option<&Module>, name: &str) -> Option<Vec<String>> {
        let module = match module {
            None => None,
            Some(module) => Some(module.types.as_ref()?),
        };
        self.with_types(module, |types| types.prototypes(name))
    }

    /// Returns whether debug information of the image, or of the module `provider`, has a function
    /// of that name that was inlined.
    pub fn is_inlined(&self, provider: Option<&str>, name: &str) -> bool {
        let provider = provider.map(str::to_owned);
        let known = || self.inlined.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(names) = known().get(&provider) {
            return names.contains(name);
        }
        let places: Vec<&FilePlace> = match &provider {
            None => self.debug.iter().collect(),
            Some(module) => {
                let debug = self.debug_modules.get(module).into_iter();
                let own = self.modules.get(module).map(|piece| &piece.place);
                debug.chain(own).collect()
            }
        };
        // Nothing follows from debug information that is missing or cannot be read.
        let names = places.into_iter().filter_map(|place| place.inlined().ok());
        let names = names.flatten().collect::<HashSet<_>>();
        let is_inlined = names.contains(name);
        known().insert(provider, names);
        is_inlined
    }
}

/// Shortens the list of notes, of which there may be one for each module.
fn notes(mut notes: Vec<String>) -> Vec<String> {
    const SHOWN: usize = 8;
    let more = notes.len().saturating_sub(SHOWN);
    if more > 0 {
        notes.truncate(SHOWN);
        notes.push(format!("{more} more such files"));
    }
    notes
}
