// SPDX-License-Identifier: GPL-2.0

//! A kernel that modules are checked against: its symbols, exports and types.
//!
//! The facts come from whatever files there are: the running system, a distribution's packages,
//! packed or unpacked, and single files. Each kind of input has its own module here. [`files`]
//! finds the files, [`image`] unpacks boot images, and [`kallsyms`] finds the symbol table in one.
//! [`text`] reads `System.map` and `/proc/kallsyms`, [`exports`] reads export tables, and
//! [`depmod`] chooses between several modules of one name. [`btf`] reads types, and [`dwarf`] the
//! functions that were inlined. [`symbols`] holds the resulting symbol tables.

pub mod btf;
mod depmod;
pub mod dwarf;
mod exports;
mod files;
pub mod image;
pub mod kallsyms;
pub mod symbols;
pub mod text;

use crate::{
    compression::{self, read_limited},
    elf::Image,
    error::{count, Error, Result},
    loader::{Loader, Magic, Marks, LAYOUT},
    module_file::ModuleFile,
    symvers::{differ, Export, Symvers, VMLINUX},
};
use btf::Types;
use files::{ModulePiece, Origin, Piece, Pieces};
use kimport_types::Btf;
use memchr::memmem;
use object::elf::{EM_AARCH64, EM_RISCV, EM_X86_64};
use rayon::prelude::*;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    fs::{self, File},
    io, mem,
    path::{Path, PathBuf},
    str::FromStr,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};
use symbols::{Linkage, Table};
use text::Text;

/// The word for the running system on the command line.
pub const RUNNING: &str = "running";
/// The file with the types of the running system.
const RUNNING_BTF: &str = "/sys/kernel/btf/vmlinux";

/// A kernel, as the user names it: `[NAME=]running[,PATH...]` or `[NAME=]PATH[,PATH...]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    name: Option<String>,
    /// Set for the running system, about which `paths` tell more.
    running: bool,
    paths: Vec<PathBuf>,
}

impl FromStr for Spec {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (name, rest) = match text.split_once('=') {
            // A path may contain `=`, but rarely before its first `/`.
            Some((name, rest)) if !name.contains('/') => {
                if name.is_empty() {
                    return Err(Error::unusable("a kernel's name is empty"));
                }
                (Some(name.to_owned()), rest)
            }
            _ => (None, text),
        };
        let mut paths: Vec<PathBuf> = rest.split(',').map(PathBuf::from).collect();
        let running = paths[0].as_os_str() == RUNNING;
        if running {
            paths.remove(0);
        }
        if paths.iter().any(|path| path.as_os_str().is_empty()) {
            return Err(Error::unusable("a path of the kernel is empty")
                .help("give running, or one or more paths with commas between them"));
        }
        Ok(Self {
            name,
            running,
            paths,
        })
    }
}

/// An exporter of a symbol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exporter {
    /// The module, or `vmlinux`.
    pub module: String,
    /// The terms of the export; `None`: the given files do not tell.
    pub terms: Option<Export>,
}

/// The known facts about a kernel.
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
    image: Table,
    /// The image's own export table.
    image_exports: Option<Symvers>,
    symvers: Option<Symvers>,
    modules: BTreeMap<String, ModulePiece>,
    /// The loaded modules of the running system.
    loaded: HashMap<String, Arc<Module>>,
    builtin: Option<BTreeSet<String>>,
    /// The type information. As long as it is not set, that of the running system can still be
    /// read.
    btf: OnceLock<Option<Vec<u8>>>,
    types: OnceLock<Option<Types>>,
    read: Mutex<HashMap<String, Arc<Module>>>,
    /// The files that may have debug information of the image. `debug_modules` has those of
    /// modules, which the modules' own files may hold as well.
    debug: Vec<Origin>,
    debug_modules: BTreeMap<String, Origin>,
    /// The inlined functions by module; `None` is for the image.
    inlined: Mutex<HashMap<Option<String>, HashSet<String>>>,
}

/// A module of a kernel.
#[derive(Clone, Debug)]
pub struct Module {
    /// Its symbols.
    pub symbols: Table,
    /// Its type information, if there is some.
    pub types: Option<ModuleTypes>,
    /// Its exports, where its file tells.
    exports: Symvers,
}

impl Module {
    /// Makes a module from its lines in `/proc/kallsyms`, or in a copy.
    fn loaded(entries: kallsyms::Entries, types: Option<ModuleTypes>) -> Self {
        Self {
            symbols: Table::of_loaded(entries),
            types,
            exports: Symvers::default(),
        }
    }
}

/// The type information of a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleTypes {
    /// The section `.BTF`, which continues the type information of the kernel image or
    /// [`base`](Self::base).
    pub btf: Vec<u8>,
    /// The section `.BTF.base` of a module built out of tree. It holds the types that the module
    /// needs of the image, because the image's numbers of these types are only known when the
    /// module is loaded.
    pub base: Option<Vec<u8>>,
}

impl Kernel {
    /// Reads the kernel that `spec` names.
    pub fn read(spec: &Spec) -> Result<Self> {
        if spec.running {
            return Self::running(spec);
        }
        let given = spec.paths.iter().map(|path| path.display().to_string());
        let given = given.collect::<Vec<_>>().join(",");
        let mut pieces = Pieces::default();
        for path in &spec.paths {
            pieces.add(path)?;
        }
        Self::of_pieces(pieces, spec.name.clone(), &given).map_err(|error| error.context(given))
    }

    /// Reads the running system.
    fn running(spec: &Spec) -> Result<Self> {
        let unreadable = |path: &str, error: io::Error| {
            Error::unusable(format_args!("{path}: {error}"))
                .help("the running system's symbols are in /proc/kallsyms (CONFIG_KALLSYMS)")
        };
        let read = |path: &str| {
            File::open(path)
                .and_then(read_limited)
                .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
                .map_err(|error| unreadable(path, error))
        };
        let text = text::parse(&read("/proc/kallsyms")?)
            .map_err(|error| error.context("/proc/kallsyms"))?;
        let release = read("/proc/sys/kernel/osrelease")?;
        let mut kernel = Self::of_running(text, release.trim(), spec.name.clone());
        kernel.tell_more(&spec.paths, release.trim(), &read("/proc/version")?)?;
        Ok(kernel)
    }

    /// Reads the running system, whose `/proc/kallsyms` is `text`.
    pub fn of_running(text: Text, release: &str, name: Option<String>) -> Self {
        let mut pieces = Pieces::default();
        let directory = format!("/lib/modules/{release}");
        let mut unknown = Vec::new();
        if pieces.add(Path::new(&directory)).is_err() {
            unknown.push(format!("modules that are not loaded: no {directory}"));
        }
        // Debug information is rarely installed.
        let _ = pieces.add(Path::new(&format!("/usr/lib/debug{directory}")));
        let debug = [
            format!("/usr/lib/debug{directory}/vmlinux"),
            format!("/usr/lib/debug/boot/vmlinux-{release}"),
        ];
        let debug = debug.into_iter().map(|path| Origin::File(path.into()));
        if File::open(RUNNING_BTF).is_err() {
            unknown.push(format!("types: no {RUNNING_BTF} (CONFIG_DEBUG_INFO_BTF)"));
        }
        let loaded = text.modules.into_iter().map(|(module, entries)| {
            // The kernel has rebuilt these types on those of the image, even if the module's file
            // has a base of its own.
            let btf = fs::read(format!("/sys/kernel/btf/{module}")).ok();
            let types = btf.map(|btf| ModuleTypes { btf, base: None });
            (module, Arc::new(Module::loaded(entries, types)))
        });
        Self {
            name: name.unwrap_or_else(|| release.to_owned()),
            sources: vec![format!("/proc/kallsyms of the running {release}")],
            unknown,
            notes: Vec::new(),
            loader: Loader::default(),
            image: Table::of_image(text.image),
            image_exports: None,
            symvers: None,
            loaded: loaded.collect(),
            modules: pieces.modules,
            builtin: pieces.builtin,
            btf: OnceLock::new(),
            types: OnceLock::new(),
            read: Mutex::default(),
            debug: debug.collect(),
            debug_modules: pieces.debug_modules,
            inlined: Mutex::default(),
        }
    }

    /// Adds the facts that files tell about the running system: its own files, and `paths`.
    /// `version` is the content of `/proc/version`.
    fn tell_more(&mut self, paths: &[PathBuf], release: &str, version: &str) -> Result<()> {
        let mut pieces = Pieces::default();
        let modules = format!("/lib/modules/{release}");
        for path in [modules.as_str(), &format!("{modules}/build/Module.symvers")] {
            // These files may not exist.
            let _ = pieces.add(Path::new(path));
        }
        let images = [
            format!("/boot/vmlinuz-{release}"),
            format!("{modules}/vmlinuz"),
        ];
        let image = images.iter().find_map(|path| {
            let (kernel, _) = image::unpack(fs::read(path).ok()?).ok()?;
            let banner = image::banner(&kernel)?;
            version.contains(banner).then_some((path, kernel))
        });
        if let Some((path, kernel)) = image {
            self.loader = image::loader(&kernel);
            self.image_exports = exports::of_image(&kernel);
            self.sources
                .push(format!("module loader and exports: {path}"));
        }
        for path in paths {
            pieces.add(path)?;
        }
        let other = [&pieces.texts, &pieces.types];
        if let Some(other) = other
            .into_iter()
            .flatten()
            .find(|piece| paths.iter().any(|path| Path::new(&piece.name) == path))
        {
            return Err(Error::unusable(format_args!(
                "{}: the running system tells this itself",
                other.name
            ))
            .help(
                "give modules and Module.symvers beside running, or the files of another kernel",
            ));
        }
        self.modules = mem::take(&mut pieces.modules);
        self.notes = notes(mem::take(&mut pieces.notes));
        self.read_symvers(&pieces.symvers)?;
        let machine = rustix::system::uname()
            .machine()
            .to_string_lossy()
            .into_owned();
        self.loader.machine = self.loader.machine.or(match machine.as_str() {
            "x86_64" => Some(EM_X86_64),
            "aarch64" => Some(EM_AARCH64),
            "riscv64" => Some(EM_RISCV),
            _ => None,
        });
        if !matches!(self.loader.vermagic, Some(Magic::Whole(_))) {
            self.loader.vermagic = Some(self.running_magic(release, version, &machine));
        }
        self.complete_loader();
        self.tell_of_data();
        Ok(())
    }

    /// Composes the version magic of the running kernel's modules from other facts about the
    /// kernel.
    fn running_magic(&self, release: &str, version: &str, machine: &str) -> Magic {
        let flags: Vec<&str> = version.split_ascii_whitespace().collect();
        let arch = match machine {
            "x86_64" => "",
            "aarch64" => "aarch64",
            "riscv64" => "riscv",
            _ => return Magic::Release(release.to_owned()),
        };
        let has = |name| !self.image.named(name).is_empty();
        let preempt = match () {
            _ if flags.contains(&"PREEMPT_RT") => "preempt_rt ",
            _ if flags.iter().any(|flag| flag.starts_with("PREEMPT")) => "preempt ",
            _ => "",
        };
        let option = |is_on, option| if is_on { option } else { "" };
        Magic::Whole(format!(
            "{release} {}{preempt}{}{}{arch}",
            option(flags.contains(&"SMP"), "SMP "),
            option(has("module_refcount"), "mod_unload "),
            option(has(LAYOUT), "modversions "),
        ))
    }

    /// Reports if there are no data in the symbol table.
    fn tell_of_data(&mut self) {
        if !self.image.tells_data() {
            let data = "data: the symbol table has functions only (no CONFIG_KALLSYMS_ALL)";
            self.unknown.push(data.to_owned());
        }
    }

    /// Adds the facts about the module loader that follow from the symbols and from one of the
    /// modules.
    fn complete_loader(&mut self) {
        // A module of the kernel's own is preferred to one that the user names.
        let mut modules: Vec<&ModulePiece> = self.modules.values().collect();
        modules.sort_by_key(|module| module.is_named());
        if self.loader.machine.is_none() || !matches!(self.loader.vermagic, Some(Magic::Whole(_))) {
            let marks = modules
                .into_iter()
                .find_map(|module| marks(&module.origin).ok());
            if let Some(marks) = marks {
                self.loader.machine.get_or_insert(marks.machine);
                let magic = marks.vermagic.map(Magic::Whole);
                self.loader.vermagic = magic.or(self.loader.vermagic.take());
            }
        }
        let has = |name| !self.image.named(name).is_empty();
        let is_told = has("load_module");
        let by_symbol = |name| has(name).then_some(true).or(is_told.then_some(false));
        self.loader.livepatch = by_symbol("klp_enable_patch");
        self.loader.modversions = match &self.loader.vermagic {
            Some(Magic::Whole(magic)) => Some(magic.split(' ').any(|word| word == "modversions")),
            _ => by_symbol(LAYOUT),
        };
    }

    /// Reads every `Module.symvers`; their contents add up.
    fn read_symvers(&mut self, pieces: &[Piece]) -> Result<()> {
        for piece in pieces {
            let bytes = piece_bytes(piece)?;
            let new = Symvers::parse(&String::from_utf8_lossy(&bytes))
                .map_err(|error| error.context(&piece.name))?;
            if let Some(old) = &self.symvers {
                self.notes
                    .extend(new.contradicts(old, Path::new(&piece.name)));
            }
            self.sources.push(format!("exports: {}", piece.name));
            self.symvers.get_or_insert_default().extend(new);
        }
        if let (Some(symvers), Some(image)) = (&self.symvers, &self.image_exports) {
            let mut differing = symvers.differing(image);
            let (listed, own) = (symvers.of_module(VMLINUX), image.of_module(VMLINUX));
            if !listed.is_empty() {
                differing.extend(listed.symmetric_difference(&own));
            }
            let note = differ(&differing, "Module.symvers", "the image", "the image");
            self.notes.extend(note);
        }
        Ok(())
    }

    fn of_pieces(mut pieces: Pieces, name: Option<String>, given: &str) -> Result<Self> {
        let mut sources = Vec::new();
        let mut unknown = Vec::new();
        let images = Images::read(mem::take(&mut pieces.images), &mut sources)?;
        let mut notes = notes(mem::take(&mut pieces.notes));
        notes.extend(images.notes);
        let mut loaded = HashMap::new();
        let mut symbols = None;
        for piece in &pieces.texts {
            let bytes = piece_bytes(piece)?;
            if text::is_placeholder(&bytes) {
                continue;
            }
            let text = text::parse(&String::from_utf8_lossy(&bytes))
                .map_err(|error| error.context(&piece.name))?;
            sources.push(format!("symbols: {}", piece.name));
            for (module, entries) in text.modules {
                let types = saved_types(&pieces, &module)?;
                loaded.insert(module, Arc::new(Module::loaded(entries, types)));
            }
            let before = symbols.as_ref().or(images.symbols.as_ref());
            let differing = before.map(|before| differing_names(before, &text.image));
            let note = differ(
                &differing.unwrap_or_default(),
                &piece.name,
                "what was read before",
                &piece.name,
            );
            notes.extend(note);
            symbols = Some(text.image);
        }
        let symbols = symbols.or(images.symbols).ok_or_else(|| {
            Error::unusable("nothing here tells the kernel image's symbols").help(
                "Debian's System.map is only a note; give vmlinuz or vmlinux \
                 (package linux-image or linux-binary), a real System.map, or saved /proc/kallsyms",
            )
        })?;

        let mut btf = images.btf;
        if let Err(error) = btf.as_deref().map_or(Ok(0), Btf::count) {
            unknown.push(format!("types: those in the image cannot be read: {error}"));
        }
        let mut types_from: Option<&str> = None;
        for piece in &pieces.types {
            let bytes = piece_bytes(piece)?;
            // Skip the types of a module, and files that are no types, such as
            // scripts/Makefile.btf.
            if image::is_split_btf(&bytes) || !image::is_btf(&bytes) {
                continue;
            }
            if let Some(other) = types_from.replace(&piece.name) {
                return Err(Error::unusable(format_args!(
                    "types of more than one kernel: {other} and {}",
                    piece.name
                ))
                .help("name the files of one"));
            }
            sources.push(format!("types: {}", piece.name));
            if let Err(error) = Btf::count(&bytes) {
                unknown.push(format!("types: {} cannot be read: {error}", piece.name));
                btf.get_or_insert(bytes);
                continue;
            }
            if btf.is_some_and(|image| image != bytes) {
                notes.push(format!(
                    "types: the image and {0} differ; {0} counts",
                    piece.name
                ));
            }
            btf = Some(bytes);
        }
        if btf.is_none() {
            unknown.push("types: no BTF in what was given".to_owned());
        }
        if pieces.modules.is_empty() && loaded.is_empty() {
            unknown.push("modules: none in what was given".to_owned());
        } else if !pieces.modules.is_empty() {
            sources.push(format!(
                "symbol tables of {}",
                count(pieces.modules.len(), "module")
            ));
        }
        let image = Table::of_image(symbols);
        if pieces.symvers.is_empty() && images.exports.is_none() && !image.tells_exports() {
            unknown.push("what is exported: no Module.symvers, no export table".to_owned());
        }
        let mut kernel = Self {
            name: name
                .or(images.release)
                .unwrap_or_else(|| short(given).to_owned()),
            sources,
            unknown,
            notes,
            loader: images.loader,
            image,
            image_exports: images.exports,
            symvers: None,
            modules: pieces.modules,
            loaded,
            builtin: pieces.builtin,
            btf: OnceLock::from(btf),
            types: OnceLock::new(),
            read: Mutex::default(),
            debug: images.debug,
            debug_modules: pieces.debug_modules,
            inlined: Mutex::default(),
        };
        kernel.read_symvers(&pieces.symvers)?;
        kernel.complete_loader();
        kernel.tell_of_data();
        Ok(kernel)
    }

    /// Returns the symbols of the kernel image.
    pub fn image(&self) -> &Table {
        &self.image
    }

    /// Returns whether any module is known.
    pub fn knows_modules(&self) -> bool {
        !self.modules.is_empty() || !self.loaded.is_empty()
    }

    /// Returns whether `module` is built into the image.
    pub fn is_builtin(&self, module: &str) -> bool {
        self.builtin
            .as_ref()
            .is_some_and(|builtin| builtin.contains(module))
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
            Arc::new(read_module(name, &piece.origin).map_err(|error| error.context(name))?);
        cache().insert(name.to_owned(), Arc::clone(&module));
        Ok(Some(module))
    }

    /// Returns the modules that have symbols of these names. Reads all modules and skips those that
    /// cannot be read.
    pub fn modules_with(&self, names: &BTreeSet<String>) -> BTreeMap<String, BTreeSet<String>> {
        let found = |module: &str, table: &Table| -> Vec<(String, String)> {
            names
                .iter()
                .filter(|name| !table.named(name).is_empty())
                .map(|name| (name.clone(), module.to_owned()))
                .collect()
        };
        let mut pairs: Vec<(String, String)> = self
            .modules
            .par_iter()
            .filter(|(module, _)| !self.loaded.contains_key(*module))
            .filter_map(|(module, piece)| Some((module, read_module(module, &piece.origin).ok()?)))
            .flat_map_iter(|(name, module)| found(name, &module.symbols))
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
        let mut modules: Vec<&str> = self
            .loaded
            .iter()
            .filter(|(_, module)| !module.symbols.named(name).is_empty())
            .map(|(module, _)| module.as_str())
            .collect();
        modules.sort_unstable();
        modules
    }

    /// Returns the loaded module of the running system that exports `symbol`.
    pub fn loaded_exporter(&self, symbol: &str) -> Option<&str> {
        let exports = |table: &Table| {
            let mut named = table.named(symbol).into_iter();
            table.exports(symbol) || named.any(|symbol| symbol.linkage == Linkage::Global)
        };
        let mut exporters = self
            .loaded
            .iter()
            .filter(|(_, module)| exports(&module.symbols));
        exporters.next().map(|(module, _)| module.as_str())
    }

    /// Returns the exporter of `symbol`, as far as the image's tables and `Module.symvers` tell.
    pub fn exporter(&self, symbol: &str) -> Option<&str> {
        if self.image_exporter(symbol).is_some() {
            return Some(VMLINUX);
        }
        let exports = self.symvers.as_ref()?.exports(symbol);
        let mut modules = exports.iter().map(|export| export.module.as_str());
        modules.find(|module| *module != VMLINUX)
    }

    /// Returns the image as the exporter, if it exports `symbol`. Its own table takes precedence
    /// over `Module.symvers`.
    fn image_exporter(&self, symbol: &str) -> Option<Exporter> {
        let of_image = |symvers: &Symvers| {
            let mut exports = symvers.exports(symbol).iter();
            exports.find(|export| export.module == VMLINUX).cloned()
        };
        let listed = || self.symvers.as_ref().and_then(of_image);
        let terms = match &self.image_exports {
            Some(exports) => {
                let mut own = of_image(exports)?;
                if own.crc == 0 {
                    own.crc = listed().map_or(0, |export| export.crc);
                }
                Some(own)
            }
            None if self.image.tells_exports() => {
                self.image.exports(symbol).then_some(())?;
                listed()
            }
            None => Some(listed()?),
        };
        Some(Exporter {
            module: VMLINUX.to_owned(),
            terms,
        })
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
        let others: Vec<(&str, Arc<Module>)> = others
            .filter_map(|(name, _)| Some((name.as_str(), self.file(name).ok()??)))
            .collect();
        for &symbol in symbols {
            let mut exporters = Vec::from_iter(self.image_exporter(symbol));
            let listed = self
                .symvers
                .as_ref()
                .map_or(&[][..], |symvers| symvers.exports(symbol));
            for export in listed.iter().filter(|export| export.module != VMLINUX) {
                let module = &export.module;
                let file = self.file(module).ok().flatten();
                let own = file.as_ref().map(|file| file.exports.exports(symbol));
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
                exporters.push(Exporter {
                    module: module.clone(),
                    terms: Some(terms.clone()),
                });
            }
            for (module, file) in &others {
                if let Some(own) = file.exports.exports(symbol).first() {
                    exporters.push(Exporter {
                        module: (*module).to_owned(),
                        terms: Some(own.clone()),
                    });
                }
            }
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
        let open = symbols
            .iter()
            .filter(|symbol| !found.contains_key(**symbol));
        let open: BTreeSet<&str> = open.copied().collect();
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
        self.symvers
            .as_ref()
            .is_some_and(|symvers| symvers.exports_from(VMLINUX))
    }

    /// Reads all modules of the kernel to find the exporters of symbols.
    fn exporters_in_tree(&self, symbols: &BTreeSet<&str>) -> Vec<(String, Exporter)> {
        let found = |(name, piece): (&String, &ModulePiece)| -> Vec<(String, Exporter)> {
            let Ok(module) = read_module(name, &piece.origin) else {
                return Vec::new();
            };
            let exporter = |symbol: &&str| {
                let export = module.exports.exports(symbol).first()?;
                let exporter = Exporter {
                    module: name.clone(),
                    terms: Some(export.clone()),
                };
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
        let listed = self
            .symvers
            .as_ref()
            .map_or(&[][..], |symvers| symvers.exports(symbol));
        listed.iter().any(|export| export.module == module)
            || self
                .module(module)
                .ok()
                .flatten()
                .is_some_and(|module| module.symbols.exports(symbol))
    }

    /// Returns whether it is known of every symbol whether something exports it.
    pub fn tells_exports(&self) -> bool {
        let of_image = self.image_exports.is_some() || self.image.tells_exports();
        self.lists_all() || of_image && self.knows_modules()
    }

    /// Returns the kernel's `Module.symvers`, if there is one.
    pub fn symvers(&self) -> Option<&Symvers> {
        self.symvers.as_ref()
    }

    /// Returns the type information of the kernel image, as bytes.
    pub fn btf(&self) -> Option<&[u8]> {
        self.btf
            .get_or_init(|| Origin::File(RUNNING_BTF.into()).bytes().ok())
            .as_deref()
    }

    /// Returns the types of the kernel image.
    pub fn types(&self) -> Option<&Types> {
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

    /// Returns the prototypes of a function of the image, or of `module`; `None`: they are not
    /// known.
    pub fn prototypes(&self, module: Option<&Module>, name: &str) -> Option<Vec<String>> {
        let image = self.types()?;
        match module {
            None => Some(image.prototypes(name)),
            Some(module) => {
                let module = module.types.as_ref()?;
                let base = module.base.as_deref().map(Types::of_image);
                let base = match &base {
                    Some(base) => base.as_ref().ok()?,
                    None => image,
                };
                let types = Types::of_module(&module.btf, base).ok()?;
                Some(types.prototypes(name))
            }
        }
    }

    /// Returns whether debug information of the image, or of the module `provider`, has a function
    /// of that name that was inlined.
    pub fn is_inlined(&self, provider: Option<&str>, name: &str) -> bool {
        let provider = provider.map(str::to_owned);
        let known = || self.inlined.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(names) = known().get(&provider) {
            return names.contains(name);
        }
        let origins: Vec<&Origin> = match &provider {
            None => self.debug.iter().collect(),
            Some(module) => [&self.debug_modules]
                .iter()
                .filter_map(|modules| modules.get(module))
                .chain(self.modules.get(module).map(|piece| &piece.origin))
                .collect(),
        };
        // Nothing follows from debug information that is missing or cannot be read.
        let names = origins
            .into_iter()
            .filter_map(|origin| origin.inlined().ok());
        let names = names.flatten().collect::<HashSet<_>>();
        let is_inlined = names.contains(name);
        known().insert(provider, names);
        is_inlined
    }
}

/// The contents of the kernel images.
#[derive(Default)]
struct Images {
    symbols: Option<kallsyms::Entries>,
    btf: Option<Vec<u8>>,
    release: Option<String>,
    debug: Vec<Origin>,
    loader: Loader,
    exports: Option<Symvers>,
    notes: Vec<String>,
}

impl Images {
    fn read(pieces: Vec<Piece>, sources: &mut Vec<String>) -> Result<Self> {
        let mut images = Self::default();
        let mut symbols_from: Option<(String, Option<String>)> = None;
        for Piece { name, origin } in pieces {
            let (path, bytes) = match origin {
                Origin::Bytes(bytes) => (None, Ok(bytes)),
                path => (Some(path.clone()), path.bytes()),
            };
            let bytes = bytes.map_err(|error| Error::unusable(format_args!("{name}: {error}")))?;
            let (kernel, what) = image::unpack(bytes).map_err(|error| error.context(&name))?;
            match (image::btf(&kernel), &images.btf) {
                (Some(btf), None) => {
                    images.btf = Some(btf.to_vec());
                    sources.push(format!("types: BTF in {name}"));
                }
                (Some(btf), Some(first)) if btf != first => {
                    images
                        .notes
                        .push(format!("types: the BTF in {name} differs and is not used"));
                }
                _ => {}
            }
            if images.exports.is_none() {
                images.exports = exports::of_image(&kernel);
                if images.exports.is_some() {
                    sources.push(format!("exports: export table in {name}"));
                }
            }
            if images.loader == Loader::default() {
                images.loader = image::loader(&kernel);
            }
            let banner = image::banner(&kernel).map(str::to_owned);
            match &symbols_from {
                // This is a boot image and the vmlinux that it was made of.
                Some((_, first)) if first.is_some() && *first == banner => {}
                _ => {
                    let found = kallsyms::find(&kernel);
                    let how = match found {
                        Some(_) => "kallsyms tables",
                        None => "symbol table",
                    };
                    let Some(found) = found.or_else(|| image::elf_symbols(&kernel)) else {
                        continue;
                    };
                    if let Some((other, _)) = symbols_from {
                        return Err(Error::unusable(format_args!(
                            "more than one kernel: {other} and {name}"
                        ))
                        .help("name the files of one"));
                    }
                    sources.push(format!("symbols: {how} in {name} ({what})"));
                    images.symbols = Some(found);
                    images.release = image::release(&kernel);
                    symbols_from = Some((name.clone(), banner));
                }
            }
            if image::section(&kernel, ".debug_info").is_some() {
                sources.push(format!("inlined functions: debug information in {name}"));
                images.debug.push(path.unwrap_or(Origin::Bytes(kernel)));
            }
        }
        Ok(images)
    }
}

/// Returns the unpacked content of a file.
fn piece_bytes(piece: &Piece) -> Result<Vec<u8>> {
    piece
        .origin
        .bytes()
        .and_then(compression::unpack)
        .map_err(|error| Error::unusable(format_args!("{}: {error}", piece.name)))
}

/// Returns the types of a module of which only the symbols are known otherwise: from a copy of its
/// file in `/sys/kernel/btf`, or from its `.ko`.
fn saved_types(pieces: &Pieces, module: &str) -> Result<Option<ModuleTypes>> {
    let is_it = |piece: &&Piece| {
        let name = short(&piece.name);
        name.strip_suffix(".btf").unwrap_or(name) == module
    };
    if let Some(piece) = pieces.types.iter().find(is_it) {
        let btf = piece_bytes(piece)?;
        return Ok(Some(ModuleTypes { btf, base: None }));
    }
    let file = pieces.modules.get(module);
    let file = file.map(|piece| read_module(module, &piece.origin));
    Ok(file.and_then(|file| file.ok()?.types))
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

/// Returns the names in the shorter one of two tables that the longer one does not have. The longer
/// one may have more names, as kallsyms leaves some out.
fn differing_names<'a>(
    one: &'a kallsyms::Entries,
    other: &'a kallsyms::Entries,
) -> BTreeSet<&'a str> {
    let (short, long) = if one.len() < other.len() {
        (one, other)
    } else {
        (other, one)
    };
    let known: HashSet<&str> = long.iter().map(|entry| entry.name).collect();
    let names = short.iter().map(|entry| entry.name);
    names.filter(|name| !known.contains(name)).collect()
}

fn module_file(origin: &Origin) -> Result<ModuleFile> {
    let bytes = origin
        .bytes()
        .and_then(compression::unpack)
        .map_err(Error::unusable)?;
    ModuleFile::from_bytes(bytes)
}

/// Reads the properties of a module that the module loader checks.
fn marks(origin: &Origin) -> Result<Marks> {
    Marks::new(&Image::new(module_file(origin)?.elf())?.builder()?)
}

fn read_module(name: &str, origin: &Origin) -> Result<Module> {
    let file = module_file(origin)?;
    let section = |name| image::section(file.elf(), name).map(<[u8]>::to_vec);
    Ok(Module {
        symbols: Table::of_module(&file)?,
        exports: exports::of_module(&file, name),
        types: section(".BTF").map(|btf| ModuleTypes {
            btf,
            base: section(".BTF.base"),
        }),
    })
}

/// Returns the last component of a path, ignoring slashes at its end.
fn short(path: &str) -> &str {
    path.trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_can_be_named() {
        let spec = |text: &str| text.parse::<Spec>().unwrap();
        assert!(spec("running").running && spec("running").paths.is_empty());
        assert_eq!(spec("now=running").name.as_deref(), Some("now"));
        let more = spec("running,Module.symvers");
        assert!(more.running && more.paths == [Path::new("Module.symvers")]);
        let two = spec("old=a.deb,dir/b.deb");
        assert_eq!(two.name.as_deref(), Some("old"));
        assert!(!two.running && two.paths.len() == 2);
        assert_eq!(spec("/a=b/c").name, None);
        for wrong in ["", "=x", "a,", ",", "n="] {
            assert!(wrong.parse::<Spec>().is_err(), "{wrong}");
        }
    }
}
