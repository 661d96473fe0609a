// SPDX-License-Identifier: GPL-2.0

//! A kernel that modules are checked against: its symbols, exports and types.
//!
//! It is put together from whatever there is: the running system, a distribution's packages as
//! they are or unpacked, single files. Each kind of input is a file here: [`files`] finds the
//! pieces, [`image`] unpacks boot images, [`kallsyms`] finds the symbol table in one, [`text`]
//! reads `System.map` and `/proc/kallsyms`, [`btf`] reads types, [`dwarf`] what was inlined. [`symbols`] is what comes out.

pub mod btf;
pub mod dwarf;
mod files;
pub mod image;
pub mod kallsyms;
pub mod symbols;
pub mod text;

use crate::{
    compression::{self, read_limited},
    error::{count, Error, Result},
    module_file::ModuleFile,
    symvers::{Symvers, VMLINUX},
};
use btf::Types;
use files::{Origin, Piece, Pieces};
use memchr::memmem;
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

/// The word for the running system.
pub const RUNNING: &str = "running";
/// Its types.
const RUNNING_BTF: &str = "/sys/kernel/btf/vmlinux";

/// Which kernel, as the user says it: `[NAME=]running` or `[NAME=]PATH[,PATH...]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    name: Option<String>,
    /// None: the running system.
    paths: Option<Vec<PathBuf>>,
}

impl FromStr for Spec {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (name, rest) = match text.split_once('=') {
            // A path may contain `=`, but hardly before its first `/`.
            Some((name, rest)) if !name.contains('/') => {
                if name.is_empty() {
                    return Err(Error::unusable("a kernel's name is empty"));
                }
                (Some(name.to_owned()), rest)
            }
            _ => (None, text),
        };
        if rest == RUNNING {
            return Ok(Self { name, paths: None });
        }
        let paths: Vec<PathBuf> = rest.split(',').map(PathBuf::from).collect();
        if paths.iter().any(|path| path.as_os_str().is_empty()) {
            return Err(Error::unusable("a path of the kernel is empty")
                .help("give running, or one or more paths with commas between them"));
        }
        Ok(Self {
            name,
            paths: Some(paths),
        })
    }
}

/// A kernel.
pub struct Kernel {
    /// What to call it.
    pub name: String,
    /// Where its facts are from.
    pub sources: Vec<String>,
    /// What cannot be known of it, for want of input.
    pub unknown: Vec<String>,
    image: Table,
    symvers: Option<Symvers>,
    modules: BTreeMap<String, Origin>,
    /// Those of the running system that are loaded.
    loaded: HashMap<String, Arc<Module>>,
    builtin: Option<BTreeSet<String>>,
    /// Not set: that of the running system, which nobody has asked for yet.
    btf: OnceLock<Option<Vec<u8>>>,
    types: OnceLock<Option<Types>>,
    read: Mutex<HashMap<String, Arc<Module>>>,
    /// Where there may be debug information of the image, and of modules beside their files.
    debug: Vec<Origin>,
    debug_modules: BTreeMap<String, Origin>,
    /// By module; `None`: the image.
    inlined: Mutex<HashMap<Option<String>, HashSet<String>>>,
}

/// A module of a kernel.
#[derive(Clone, Debug)]
pub struct Module {
    /// Its symbols.
    pub symbols: Table,
    /// Its type information, if there is some.
    pub types: Option<ModuleTypes>,
}

/// Type information of a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleTypes {
    /// The section `.BTF`, which continues the kernel image's type information or [`base`](Self::base).
    pub btf: Vec<u8>,
    /// The section `.BTF.base` of a module built out of tree: what it needs of the image's types,
    /// because their numbers are only known where it is loaded.
    pub base: Option<Vec<u8>>,
}

impl Kernel {
    /// Reads what `spec` names.
    pub fn read(spec: &Spec) -> Result<Self> {
        match &spec.paths {
            None => Self::running(spec.name.clone()),
            Some(paths) => {
                let mut pieces = Pieces::default();
                for path in paths {
                    pieces.add(path)?;
                }
                let given = paths.iter().map(|path| path.display().to_string());
                let given = given.collect::<Vec<_>>().join(",");
                Self::of_pieces(pieces, spec.name.clone(), &given)
                    .map_err(|error| error.context(given))
            }
        }
    }

    /// The running system.
    fn running(name: Option<String>) -> Result<Self> {
        let unreadable = |path: &str, error: io::Error| {
            Error::unusable(format_args!("{path}: {error}"))
                .help("the running system's symbols are in /proc/kallsyms (CONFIG_KALLSYMS)")
        };
        let read = |path: &str| {
            File::open(path)
                .and_then(read_limited)
                .map_err(|error| unreadable(path, error))
        };
        let text = text::parse(&String::from_utf8_lossy(&read("/proc/kallsyms")?))
            .map_err(|error| error.context("/proc/kallsyms"))?;
        let release = String::from_utf8_lossy(&read("/proc/sys/kernel/osrelease")?)
            .trim()
            .to_owned();
        Ok(Self::of_running(text, &release, name))
    }

    /// The running system, whose `/proc/kallsyms` is `text`.
    pub fn of_running(text: Text, release: &str, name: Option<String>) -> Self {
        let mut pieces = Pieces::default();
        let directory = format!("/lib/modules/{release}");
        let mut unknown = Vec::new();
        if pieces.add(Path::new(&directory)).is_err() {
            unknown.push(format!("modules that are not loaded: no {directory}"));
        }
        // Hardly anybody has debug information installed.
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
            // The kernel has rebuilt it on the image's, whatever the module's file had.
            let btf = fs::read(format!("/sys/kernel/btf/{module}")).ok();
            let types = btf.map(|btf| ModuleTypes { btf, base: None });
            let symbols = Table::of_loaded(entries);
            (module, Arc::new(Module { symbols, types }))
        });
        Self {
            name: name.unwrap_or_else(|| release.to_owned()),
            sources: vec![format!("/proc/kallsyms of the running {release}")],
            unknown,
            image: Table::of_image(text.image),
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

    fn of_pieces(mut pieces: Pieces, name: Option<String>, given: &str) -> Result<Self> {
        let mut sources = Vec::new();
        let mut unknown = Vec::new();
        let images = Images::read(mem::take(&mut pieces.images), &mut sources)?;
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
                let symbols = Table::of_loaded(entries);
                let types = saved_types(&pieces, &module)?;
                loaded.insert(module, Arc::new(Module { symbols, types }));
            }
            symbols = Some(text.image);
        }
        let symbols = symbols.or(images.symbols).ok_or_else(|| {
            Error::unusable("nothing here tells the kernel image's symbols").help(
                "Debian's System.map is only a note; give vmlinuz or vmlinux \
                 (package linux-image or linux-binary), a real System.map, or saved /proc/kallsyms",
            )
        })?;

        let mut btf = images.btf;
        let mut types_from: Option<&str> = None;
        for piece in &pieces.types {
            let bytes = piece_bytes(piece)?;
            if image::is_split_btf(&bytes) {
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
            btf = Some(bytes);
        }
        if btf.is_none() {
            unknown.push("types: no BTF in what was given".to_owned());
        }
        let mut symvers = None;
        for piece in &pieces.symvers {
            let bytes = piece_bytes(piece)?;
            symvers = Some(
                Symvers::parse(&String::from_utf8_lossy(&bytes))
                    .map_err(|error| error.context(&piece.name))?,
            );
            sources.push(format!("exports: {}", piece.name));
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
        if symvers.is_none() && !image.tells_exports() {
            unknown.push("what is exported: no Module.symvers, no export table".to_owned());
        }
        Ok(Self {
            name: name
                .or(images.release)
                .unwrap_or_else(|| short(given).to_owned()),
            sources,
            unknown,
            image,
            symvers,
            modules: pieces.modules,
            loaded,
            builtin: pieces.builtin,
            btf: OnceLock::from(btf),
            types: OnceLock::new(),
            read: Mutex::default(),
            debug: images.debug,
            debug_modules: pieces.debug_modules,
            inlined: Mutex::default(),
        })
    }

    /// The symbols of the kernel image.
    pub fn image(&self) -> &Table {
        &self.image
    }

    /// Whether anything is known of modules.
    pub fn knows_modules(&self) -> bool {
        !self.modules.is_empty() || !self.loaded.is_empty()
    }

    /// Whether `module` is built into the image.
    pub fn is_builtin(&self, module: &str) -> bool {
        self.builtin
            .as_ref()
            .is_some_and(|builtin| builtin.contains(module))
    }

    /// The module of that name, if there is one.
    pub fn module(&self, name: &str) -> Result<Option<Arc<Module>>> {
        if let Some(module) = self.loaded.get(name) {
            return Ok(Some(Arc::clone(module)));
        }
        let Some(origin) = self.modules.get(name) else {
            return Ok(None);
        };
        let cache = || self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(module) = cache().get(name) {
            return Ok(Some(Arc::clone(module)));
        }
        let module = Arc::new(read_module(origin).map_err(|error| error.context(name))?);
        cache().insert(name.to_owned(), Arc::clone(&module));
        Ok(Some(module))
    }

    /// Which modules have symbols of these names. Reads all modules; those that cannot be read are
    /// left out.
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
            .filter_map(|(module, origin)| Some((module, read_module(origin).ok()?)))
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

    /// Which loaded modules of the running system have a symbol of that name.
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

    /// Which loaded module of the running system exports `symbol`.
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

    /// Who exports `symbol`, as far as the image's tables and `Module.symvers` tell.
    pub fn exporter(&self, symbol: &str) -> Option<&str> {
        match &self.symvers {
            Some(symvers) => symvers.exporter(symbol),
            None => self.image.exports(symbol).then_some(VMLINUX),
        }
    }

    /// Whether `module`, or `vmlinux`, exports `symbol`, as far as is known.
    pub fn exports_from(&self, module: &str, symbol: &str) -> bool {
        match self.exporter(symbol) {
            Some(exporter) => exporter == module,
            None if self.symvers.is_some() || module == VMLINUX => false,
            None => {
                let module = self.module(module).ok().flatten();
                module.is_some_and(|module| module.symbols.exports(symbol))
            }
        }
    }

    /// The kernel's `Module.symvers`, if there is one.
    pub fn symvers(&self) -> Option<&Symvers> {
        self.symvers.as_ref()
    }

    /// The type information of the kernel image.
    pub fn btf(&self) -> Option<&[u8]> {
        self.btf
            .get_or_init(|| Origin::File(RUNNING_BTF.into()).bytes().ok())
            .as_deref()
    }

    /// The types of the kernel image.
    pub fn types(&self) -> Option<&Types> {
        self.types
            .get_or_init(|| Types::of_image(self.btf()?).ok())
            .as_ref()
    }

    /// Whether types of the image, or of `module`, may have a function of that name: much faster than to read them.
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

    /// The prototypes of a function of the image, or of `module`; `None`: not known.
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

    /// Whether debug information of the image, or of the module `provider`, has a function of that name that was inlined.
    pub fn is_inlined(&self, provider: Option<&str>, name: &str) -> bool {
        let provider = provider.map(str::to_owned);
        let known = || self.inlined.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(names) = known().get(&provider) {
            return names.contains(name);
        }
        let origins: Vec<&Origin> = match &provider {
            None => self.debug.iter().collect(),
            Some(module) => [&self.debug_modules, &self.modules]
                .iter()
                .filter_map(|modules| modules.get(module))
                .collect(),
        };
        // That there is none, or that it cannot be read, says nothing about the function.
        let names = origins
            .into_iter()
            .filter_map(|origin| origin.inlined().ok());
        let names = names.flatten().collect::<HashSet<_>>();
        let is_inlined = names.contains(name);
        known().insert(provider, names);
        is_inlined
    }
}

/// What images have.
#[derive(Default)]
struct Images {
    symbols: Option<kallsyms::Entries>,
    btf: Option<Vec<u8>>,
    release: Option<String>,
    debug: Vec<Origin>,
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
            if let Some(btf) = image::btf(&kernel).filter(|_| images.btf.is_none()) {
                images.btf = Some(btf.to_vec());
                sources.push(format!("types: BTF in {name}"));
            }
            let banner = image::banner(&kernel).map(str::to_owned);
            match &symbols_from {
                // A boot image and the vmlinux that it was made of.
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
                sources.push(format!("what was inlined: debug information in {name}"));
                images.debug.push(path.unwrap_or(Origin::Bytes(kernel)));
            }
        }
        Ok(images)
    }
}

/// What is in a piece, unpacked.
fn piece_bytes(piece: &Piece) -> Result<Vec<u8>> {
    piece
        .origin
        .bytes()
        .and_then(compression::unpack)
        .map_err(|error| Error::unusable(format_args!("{}: {error}", piece.name)))
}

/// The types of a module of which otherwise only symbols are known: a copy of its file in
/// `/sys/kernel/btf`, or those in its `.ko`.
fn saved_types(pieces: &Pieces, module: &str) -> Result<Option<ModuleTypes>> {
    let is_it = |piece: &&Piece| {
        let name = short(&piece.name);
        name.strip_suffix(".btf").unwrap_or(name) == module
    };
    if let Some(piece) = pieces.types.iter().find(is_it) {
        let btf = piece_bytes(piece)?;
        return Ok(Some(ModuleTypes { btf, base: None }));
    }
    let file = pieces.modules.get(module).map(read_module);
    Ok(file.and_then(|file| file.ok()?.types))
}

fn read_module(origin: &Origin) -> Result<Module> {
    let bytes = origin
        .bytes()
        .and_then(compression::unpack)
        .map_err(Error::unusable)?;
    let file = ModuleFile::from_bytes(bytes)?;
    let section = |name| image::section(file.elf(), name).map(<[u8]>::to_vec);
    Ok(Module {
        symbols: Table::of_module(&file)?,
        types: section(".BTF").map(|btf| ModuleTypes {
            btf,
            base: section(".BTF.base"),
        }),
    })
}

/// The last part of a path that says something.
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
        assert_eq!(spec("running").paths, None);
        assert_eq!(spec("now=running").name.as_deref(), Some("now"));
        let two = spec("old=a.deb,dir/b.deb");
        assert_eq!(two.name.as_deref(), Some("old"));
        assert_eq!(two.paths.unwrap().len(), 2);
        assert_eq!(spec("/a=b/c").name, None);
        for wrong in ["", "=x", "a,", ",", "n="] {
            assert!(wrong.parse::<Spec>().is_err(), "{wrong}");
        }
    }
}
