// SPDX-License-Identifier: GPL-2.0

//! A kernel of which files are given.

use super::{
    files::{ModulePiece, Piece, Pieces},
    image,
    images::{Images, Unpacked},
    kallsyms,
    module::{marks, read_module, Module},
    notes,
    symbols::SymbolTable,
    text, Kernel, ModuleTypes,
};
use crate::{
    error::{count, Error, Result},
    loader::{Magic, LAYOUT},
    symvers::{differ, text_of, Symvers, VMLINUX},
};
use kimport_types::Btf;
use std::{
    collections::{BTreeSet, HashMap, HashSet},
    mem,
    path::Path,
    sync::{Arc, OnceLock},
};

impl Kernel {
    pub(super) fn of_pieces(
        mut pieces: Pieces,
        images: Vec<Result<Unpacked>>,
        symvers: Result<Vec<(String, Symvers)>>,
        name: Option<String>,
        given: &str,
    ) -> Result<Self> {
        let mut sources = Vec::new();
        let mut unknown = Vec::new();
        let images = images.into_iter().collect::<Result<_>>()?;
        let images = Images::read(images, &mut sources)?;
        let mut notes = notes(mem::take(&mut pieces.notes));
        notes.extend(images.notes);
        let mut loaded = HashMap::new();
        let mut symbols = images.symbols;
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
            let differing = symbols
                .as_ref()
                .map(|before| differing_names(before, &text.image));
            let (differing, new) = (differing.unwrap_or_default(), &piece.name);
            notes.extend(differ(&differing, new, "what was read before", new));
            symbols = Some(text.image);
        }
        let symbols = symbols.ok_or_else(|| {
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
                let both = format!("types of more than one kernel: {other} and {}", piece.name);
                return Err(Error::unusable(both).help("name the files of one"));
            }
            sources.push(format!("types: {}", piece.name));
            if let Err(error) = Btf::count(&bytes) {
                unknown.push(format!("types: {} cannot be read: {error}", piece.name));
                btf.get_or_insert(bytes);
                continue;
            }
            if btf.is_some_and(|image| image != bytes) {
                let name = &piece.name;
                notes.push(format!("types: the image and {name} differ; {name} counts"));
            }
            btf = Some(bytes);
        }
        if btf.is_none() {
            unknown.push("types: no BTF in what was given".to_owned());
        }
        if pieces.modules.is_empty() && loaded.is_empty() {
            unknown.push("modules: none in what was given".to_owned());
        } else if !pieces.modules.is_empty() {
            let modules = count(pieces.modules.len(), "module");
            sources.push(format!("symbol tables of {modules}"));
        }
        let (image, symvers) = rayon::join(
            || SymbolTable::of_image(symbols),
            || symvers.map(|symvers| AllSymvers::new(symvers, images.exports.as_ref())),
        );
        if pieces.symvers.is_empty() && images.exports.is_none() && !image.tells_exports {
            unknown.push("what is exported: no Module.symvers, no export table".to_owned());
        }
        let name = name.or(images.release);
        let mut kernel = Self {
            name: name.unwrap_or_else(|| short(given).to_owned()),
            sources,
            unknown,
            notes,
            loader: images.loader,
            image,
            image_exports: images.exports,
            modules: pieces.modules,
            loaded,
            builtin: pieces.builtin,
            btf: OnceLock::from(btf),
            debug: images.debug,
            debug_modules: pieces.debug_modules,
            ..Self::default()
        };
        kernel.add_symvers(symvers?);
        kernel.complete_loader();
        kernel.tell_of_data();
        Ok(kernel)
    }

    /// Adds what every `Module.symvers` says.
    pub(super) fn add_symvers(&mut self, symvers: AllSymvers) {
        self.sources.extend(symvers.sources);
        self.notes.extend(symvers.notes);
        self.symvers = symvers.symvers;
    }

    /// Adds the facts about the module loader that follow from the symbols and from one of the
    /// modules.
    pub(super) fn complete_loader(&mut self) {
        // A module of the kernel's own is preferred to one that the user names.
        let mut modules: Vec<&ModulePiece> = self.modules.values().collect();
        modules.sort_by_key(|module| module.is_named());
        if self.loader.machine.is_none()
            || !matches!(self.loader.vermagic, Some(Magic::Complete(_)))
        {
            let mut modules = modules.into_iter();
            if let Some(marks) = modules.find_map(|module| marks(&module.place).ok()) {
                self.loader.machine.get_or_insert(marks.machine);
                let magic = marks.vermagic.map(Magic::Complete);
                self.loader.vermagic = magic.or(self.loader.vermagic.take());
            }
        }
        let has = |name| !self.image.named(name).is_empty();
        let is_told = has("load_module");
        let by_symbol = |name| has(name).then_some(true).or(is_told.then_some(false));
        self.loader.livepatch = by_symbol("klp_enable_patch");
        self.loader.modversions = match &self.loader.vermagic {
            Some(Magic::Complete(magic)) => {
                Some(magic.split(' ').any(|word| word == "modversions"))
            }
            _ => by_symbol(LAYOUT),
        };
    }

    /// Reports if there are no data in the symbol table.
    pub(super) fn tell_of_data(&mut self) {
        if !self.image.tells_data {
            let data = "data: the symbol table has functions only (no CONFIG_KALLSYMS_ALL)";
            self.unknown.push(data.to_owned());
        }
    }
}

/// The contents of every `Module.symvers`, which add up.
#[derive(Default)]
pub(super) struct AllSymvers {
    symvers: Symvers,
    sources: Vec<String>,
    notes: Vec<String>,
}

impl AllSymvers {
    /// Adds up files, and compares them with the exports of the image.
    pub(super) fn new(files: Vec<(String, Symvers)>, image: Option<&Symvers>) -> Self {
        let mut all = Self::default();
        for (name, new) in files {
            let note = new.contradicts(&all.symvers, Path::new(&name));
            all.notes.extend(note);
            all.sources.push(format!("exports: {name}"));
            all.symvers.extend(new);
        }
        if let Some(image) = image {
            let mut differing = all.symvers.differing(image);
            if all.symvers.exports_from(VMLINUX) {
                differing.extend(all.symvers.differing_names(image, VMLINUX));
            }
            let note = differ(&differing, "Module.symvers", "the image", "the image");
            all.notes.extend(note);
        }
        all
    }
}

/// Parses each `Module.symvers`, and returns it with its name.
pub(super) fn parse_symvers(pieces: &[Piece]) -> Result<Vec<(String, Symvers)>> {
    let parse = |piece: &Piece| {
        let symvers = Symvers::parse(text_of(piece_bytes(piece)?));
        let symvers = symvers.map_err(|error| error.context(&piece.name))?;
        Ok((piece.name.clone(), symvers))
    };
    pieces.iter().map(parse).collect()
}

fn piece_bytes(piece: &Piece) -> Result<Vec<u8>> {
    let bytes = piece.place.unpacked();
    bytes.map_err(|error| Error::unusable(error).context(&piece.name))
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
    let file = file.map(|piece| read_module(module, &piece.place));
    Ok(file.and_then(|file| file.ok()?.types))
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

/// Returns the last component of a path, ignoring slashes at its end.
fn short(path: &str) -> &str {
    let mut parts = path.trim_end_matches('/').rsplit('/');
    parts.next().unwrap_or(path)
}
