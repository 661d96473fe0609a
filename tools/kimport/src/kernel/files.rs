// SPDX-License-Identifier: GPL-2.0

//! The search for the files of a kernel: among single files, in directories and in Debian packages.

use super::{
    depmod::{self, SearchOrder},
    dwarf, image,
    module::{read_module, Module},
    text,
};
use crate::{
    compression::{self, read_limited, Format},
    error::{Error, Result},
    module_file::EXTENSIONS,
};
use object::{
    elf::{FileHeader64, ET_REL},
    read::{elf::FileHeader, ReadCache},
    Endianness,
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    fs::{self, File},
    io::{self, BufRead, BufReader, Read},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{mpsc::Sender, Arc},
};

/// The place of a file's bytes.
#[derive(Clone, Debug)]
pub(super) enum FilePlace {
    /// A file on disk.
    File(PathBuf),
    /// The bytes of a file of a package, which were read already.
    Bytes(Vec<u8>),
    /// A file of a package that is not read before it is needed, since it is large and seldom
    /// needed.
    Packed { package: PathBuf, name: String },
}

impl FilePlace {
    pub(super) fn bytes(&self) -> io::Result<Vec<u8>> {
        match self {
            Self::File(path) => compression::read_file(path),
            Self::Bytes(bytes) => Ok(bytes.clone()),
            Self::Packed { package, name } => {
                let mut found = None;
                in_package(package, |path, file| {
                    if path == name {
                        found = Some(read_limited(file)?);
                    }
                    Ok(found.is_none())
                })
                .map_err(io::Error::other)?;
                found.ok_or_else(|| io::Error::other("changed while it was read"))
            }
        }
    }

    /// Returns the unpacked content of a file that may be compressed.
    pub(super) fn unpacked(&self) -> io::Result<Vec<u8>> {
        self.bytes().and_then(compression::unpack)
    }

    /// Returns whether both are the same file, perhaps through a link.
    fn is_same(&self, other: &Self) -> bool {
        let real = |place: &Self| match place {
            Self::File(path) => fs::canonicalize(path).ok(),
            _ => None,
        };
        real(self).is_some_and(|path| real(other) == Some(path))
    }

    /// Returns the functions that were inlined, as far as there is debug information. Only reads
    /// the debug information of a file.
    pub(super) fn inlined(&self) -> Result<HashSet<String>> {
        match self {
            Self::File(path) => {
                let mut file = File::open(path).map_err(Error::unusable)?;
                let mut start = [0; 8];
                file.read_exact(&mut start).map_err(Error::unusable)?;
                if Format::of(&start).is_none() {
                    return dwarf::inlined(&ReadCache::new(file));
                }
            }
            Self::Bytes(bytes) if Format::of(bytes).is_none() => {
                return dwarf::inlined(bytes.as_slice());
            }
            _ => {}
        }
        dwarf::inlined(self.unpacked().map_err(Error::unusable)?.as_slice())
    }
}

/// A file and its name in messages.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub(super) name: String,
    pub(super) place: FilePlace,
}

/// The file of a module.
#[derive(Clone, Debug)]
pub(super) struct ModulePiece {
    pub(super) path: String,
    pub(super) place: FilePlace,
    /// The rank of its place; the lowest is the best. A file that the user names precedes all
    /// others.
    rank: usize,
}

impl ModulePiece {
    /// Returns whether the user names it.
    pub(super) fn is_named(&self) -> bool {
        self.rank == NAMED
    }

    /// Returns whether it was built together with its kernel, whose `Module.symvers` then lists it.
    pub(super) fn is_in_tree(&self) -> bool {
        let place = depmod::split(&self.path);
        !self.is_named() && place.is_some_and(|(_, _, rest)| rest.starts_with("kernel/"))
    }
}

/// The rank of a file that the user names.
const NAMED: usize = 0;

/// The files of a kernel.
#[derive(Clone, Debug, Default)]
pub(super) struct Pieces {
    pub(super) images: Vec<Piece>,
    /// The receiver of images that are found, instead of the list.
    pub(super) images_to: Option<Sender<Piece>>,
    /// The `System.map` and `/proc/kallsyms` files.
    pub(super) texts: Vec<Piece>,
    /// The copies of files of `/sys/kernel/btf`.
    pub(super) types: Vec<Piece>,
    pub(super) symvers: Vec<Piece>,
    /// The modules, by the kernel's names of them.
    pub(super) modules: BTreeMap<String, ModulePiece>,
    /// The debug files of modules, which hold hardly more than debug information.
    pub(super) debug_modules: BTreeMap<String, FilePlace>,
    pub(super) builtin: BTreeSet<String>,
    /// The notes about files that were found and are not used.
    pub(super) notes: Vec<String>,
    /// The orders of directories by the root of the system; `None` is for packages.
    searches: HashMap<Option<PathBuf>, SearchOrder>,
}

/// The kind of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Image,
    Text,
    Types,
    Symvers,
    Module,
    DebugModule,
    Builtin,
}

/// An entry of a directory.
enum Entry {
    Directory,
    Link,
    File(What),
}

impl Pieces {
    /// Adds the file, directory or package at `path`.
    pub(super) fn add(&mut self, path: &Path) -> Result<()> {
        let unreadable = |error: io::Error| Error::unusable(error).context(path.display());
        let data = fs::metadata(path).map_err(unreadable)?;
        if data.is_dir() {
            return self.add_directory(path).map_err(unreadable);
        }
        let mut start = Vec::new();
        File::open(path)
            .and_then(|file| file.take(8).read_to_end(&mut start))
            .map_err(unreadable)?;
        let with_path = |error: Error| error.context(path.display());
        if start == *b"!<arch>\n" {
            return self.add_package(path).map_err(with_path);
        }
        let place = FilePlace::File(path.to_owned());
        let what = by_content(place.bytes().map_err(unreadable)?).map_err(with_path)?;
        let name = path.display().to_string();
        let what = match by_name(&name) {
            Some(What::DebugModule) if what == What::Module => What::DebugModule,
            _ => what,
        };
        if what == What::Module {
            self.put_module(&name, place, NAMED);
        } else {
            self.put(what, &name, place);
        }
        Ok(())
    }

    /// Reads those of these modules that can be read.
    pub(super) fn read(&self, modules: Vec<String>) -> HashMap<String, Arc<Module>> {
        let read = |name: String| {
            let module = read_module(&name, &self.modules.get(&name)?.place).ok()?;
            Some((name, Arc::new(module)))
        };
        modules.into_iter().filter_map(read).collect()
    }

    fn put_module(&mut self, path: &str, place: FilePlace, rank: usize) {
        let Some(name) = module_name(path) else {
            return;
        };
        let new = ModulePiece {
            path: path.to_owned(),
            place,
            rank,
        };
        let Some(old) = self.modules.get(&name) else {
            self.modules.insert(name, new);
            return;
        };
        if old.place.is_same(&new.place) {
            return;
        }
        let is_better = new.rank < old.rank || new.rank == NAMED;
        let (read, other) = if is_better { (&new, old) } else { (old, &new) };
        let why = match (read.rank, other.rank) {
            (NAMED, _) => "is named",
            (read, other) if read < other => "is what depmod prefers",
            _ => "was found first",
        };
        self.notes.push(format!(
            "there are two of module {name}: {} is read, as it {why}; {} is not",
            read.path, other.path
        ));
        if is_better {
            self.modules.insert(name, new);
        }
    }

    /// Returns the rank of a module's place in a system or package.
    fn rank(&mut self, path: &str, place: &FilePlace) -> usize {
        let Some((root, release, rest)) = depmod::split(path) else {
            return NAMED + 1;
        };
        let root = matches!(place, FilePlace::File(_)).then_some(root);
        let search = self.searches.entry(root);
        let search = search.or_insert_with_key(SearchOrder::new);
        NAMED + 1 + search.rank(release, rest)
    }

    fn put(&mut self, what: What, path: &str, place: FilePlace) {
        let piece = Piece {
            name: path.to_owned(),
            place,
        };
        match what {
            What::Image => match &self.images_to {
                // The receiver takes all.
                Some(receiver) => receiver.send(piece).unwrap_or_default(),
                None => self.images.push(piece),
            },
            What::Text => self.texts.push(piece),
            What::Types => self.types.push(piece),
            What::Symvers => self.symvers.push(piece),
            What::Module => {
                let rank = self.rank(path, &piece.place);
                self.put_module(path, piece.place, rank);
            }
            What::DebugModule => {
                if let Some(name) = module_name(path) {
                    self.debug_modules.insert(name, piece.place);
                }
            }
            What::Builtin => {
                if let Ok(bytes) = piece.place.bytes() {
                    let text = String::from_utf8_lossy(&bytes);
                    self.builtin.extend(text.lines().filter_map(module_name));
                }
            }
        }
    }

    /// Adds the files below `directory` that have the names that distributions use.
    fn add_directory(&mut self, directory: &Path) -> io::Result<()> {
        // Follow links last, so that a file is not found a second time, and links in a circle end.
        let mut links = vec![directory.to_owned()];
        let mut seen = HashSet::new();
        while let Some(directory) = links.pop() {
            let mut todo = vec![(directory, Entry::Directory)];
            while let Some((path, entry)) = todo.pop() {
                let name = path.to_string_lossy();
                match entry {
                    Entry::File(what) => self.put(what, &name, FilePlace::File(path.clone())),
                    Entry::Link => links.extend(self.add_link(&path, &name)),
                    Entry::Directory => {
                        let of_path = |error: io::Error| {
                            io::Error::new(error.kind(), format!("{name}: {error}"))
                        };
                        let data = fs::metadata(&path).map_err(of_path)?;
                        if seen.insert((data.dev(), data.ino())) {
                            todo.extend(self.entries(&path).map_err(of_path)?);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Returns what is to be done in a directory, the first name last. Adds the images in it at
    /// once, because it takes long to unpack them.
    fn entries(&mut self, directory: &Path) -> io::Result<Vec<(PathBuf, Entry)>> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            let (path, kind) = (entry.path(), entry.file_type()?);
            let entry = if kind.is_dir() {
                // The headers are the most of a distribution's files.
                (!path.ends_with("include")).then_some(Entry::Directory)
            } else if kind.is_file() {
                by_name(&path.to_string_lossy()).map(Entry::File)
            } else {
                kind.is_symlink().then_some(Entry::Link)
            };
            entries.extend(entry.map(|entry| (path, entry)));
        }
        entries.sort_unstable_by(|(a, _), (b, _)| b.cmp(a));
        let is_image = |(_, entry): &(PathBuf, Entry)| matches!(entry, Entry::File(What::Image));
        let (images, entries): (Vec<_>, Vec<_>) = entries.into_iter().partition(is_image);
        for (path, _) in images.into_iter().rev() {
            let name = path.display().to_string();
            self.put(What::Image, &name, FilePlace::File(path));
        }
        Ok(entries)
    }

    /// Adds the module that a link leads to. Returns the directory that it leads to, if modules may
    /// be below it.
    fn add_link(&mut self, path: &Path, name: &str) -> Option<PathBuf> {
        let is_module = by_name(name) == Some(What::Module);
        // Other links lead to the images and trees of other kernels.
        let place = path.file_name().unwrap_or_default();
        let of_modules = depmod::split(name).is_some() || place == "lib" || place == "modules";
        if !is_module && (!of_modules || place == "build" || place == "source") {
            return None;
        }
        let behind = behind(path, name);
        match fs::metadata(&behind) {
            Ok(data) if data.is_dir() => return Some(behind).filter(|_| !is_module),
            Ok(data) if data.is_file() && is_module => {
                self.put(What::Module, name, FilePlace::File(behind));
            }
            Err(error) if is_module => self.notes.push(format!("{name}: {error}")),
            _ => {}
        }
        None
    }

    /// Adds the files in a Debian package that have the names that distributions use.
    fn add_package(&mut self, path: &Path) -> Result<()> {
        in_package(path, |name, file| {
            let Some(what) = by_name(name) else {
                return Ok(true);
            };
            let place = match what {
                // The debug files of a kernel's modules are gigabytes.
                What::DebugModule => FilePlace::Packed {
                    package: path.to_owned(),
                    name: name.to_owned(),
                },
                _ => FilePlace::Bytes(read_limited(file)?),
            };
            self.put(what, name, place);
            Ok(true)
        })
    }
}

/// Returns the file that a link leads to. In a mounted system, absolute links mean files of that
/// system.
fn behind(path: &Path, name: &str) -> PathBuf {
    let of_system = || {
        let target = fs::read_link(path).ok()?;
        let (root, ..) = depmod::split(name)?;
        let target = root.join(target.strip_prefix("/").ok()?);
        target.exists().then_some(target)
    };
    of_system().unwrap_or_else(|| path.to_owned())
}

/// Calls `visit` for each file in a `.deb`, an `ar` archive with a compressed `tar` of the files,
/// for as long as it returns true.
fn in_package(
    path: &Path,
    visit: impl FnMut(&str, &mut dyn Read) -> io::Result<bool>,
) -> Result<()> {
    let damaged = |error: io::Error| Error::unusable(format_args!("Debian package: {error}"));
    let mut archive = ar::Archive::new(File::open(path).map_err(damaged)?);
    while let Some(member) = archive.next_entry() {
        let member = member.map_err(damaged)?;
        if !member.header().identifier().starts_with(b"data.tar") {
            continue;
        }
        // Unpack while reading: most of a debug package is not kept.
        let mut packed = BufReader::new(member);
        let data: Box<dyn Read> = match Format::of(packed.fill_buf().map_err(damaged)?) {
            Some(format) => format.reader(packed).map_err(damaged)?,
            None => Box::new(packed),
        };
        return in_tar(data, visit).map_err(damaged);
    }
    let error = Error::unusable("an archive, but not a Debian package: it has no data.tar");
    Err(error.help("give a .deb of linux-image, linux-binary, linux-modules or linux-headers"))
}

fn in_tar(
    data: impl Read,
    mut visit: impl FnMut(&str, &mut dyn Read) -> io::Result<bool>,
) -> io::Result<()> {
    for entry in tar::Archive::new(data).entries()? {
        let mut entry = entry?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let name = entry.path()?.to_string_lossy().into_owned();
        if !visit(&name, &mut entry)? {
            break;
        }
    }
    Ok(())
}

/// Returns the kind of a distribution's file by its name.
fn by_name(path: &str) -> Option<What> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let is = |start: &str| {
        name.strip_prefix(start)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    Some(
        if name.ends_with(".btf") || path.rsplit('/').nth(1) == Some("btf") {
            What::Types
        } else if name == "Module.symvers" || is("symvers") || name.starts_with("symvers.") {
            What::Symvers
        } else if name == "modules.builtin" {
            What::Builtin
        } else if module_name(name).is_some() {
            if path.contains("usr/lib/debug/") {
                What::DebugModule
            } else {
                What::Module
            }
        } else if is("System.map") || name == "kallsyms.txt" {
            What::Text
        } else if is("vmlinuz") || is("vmlinux") || ["bzImage", "Image", "Image.gz"].contains(&name)
        {
            What::Image
        } else {
            return None;
        },
    )
}

fn by_content(bytes: Vec<u8>) -> Result<What> {
    if image::is_image(&bytes) {
        // Debian's headers packages have a relocatable vmlinux with nothing but type information.
        let is_module = is_relocatable(&bytes) && image::has_section(&bytes, ".modinfo");
        return Ok(if is_module { What::Module } else { What::Image });
    }
    let bytes = compression::unpack(bytes).map_err(Error::unusable)?;
    if image::is_btf(&bytes) {
        return Ok(What::Types);
    }
    if is_relocatable(&bytes) {
        return Ok(What::Module);
    }
    if image::is_image(&bytes) {
        return Ok(What::Image);
    }
    if bytes.starts_with(b"0x") && bytes.contains(&b'\t') {
        return Ok(What::Symvers);
    }
    if text::is_text(&bytes) {
        return Ok(What::Text);
    }
    Err(Error::unusable("not a piece of a kernel").help(
        "give vmlinuz, vmlinux, System.map, a copy of /proc/kallsyms or of /sys/kernel/btf/vmlinux, \
         Module.symvers, a .deb, or a directory with such files",
    ))
}

fn is_relocatable(bytes: &[u8]) -> bool {
    FileHeader64::<Endianness>::parse(bytes).is_ok_and(|header| {
        let endian = header.endian();
        endian.is_ok_and(|endian| header.e_type(endian) == ET_REL)
    })
}

/// Returns the kernel's name of the module in the file `path`.
pub(super) fn module_name(path: &str) -> Option<String> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let mut extensions = EXTENSIONS.iter();
    let stem = extensions.find_map(|extension| name.strip_suffix(extension))?;
    (!stem.is_empty()).then(|| stem.replace('-', "_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distributions_names() {
        use What::*;
        for (path, what) in [
            ("./boot/vmlinuz-6.1.0-50-amd64", Some(Image)),
            ("./usr/lib/modules/7.3.4/vmlinuz", Some(Image)),
            ("./usr/src/linux-headers-7.3.4/vmlinux", Some(Image)),
            ("./usr/lib/modules/7.3.4/System.map", Some(Text)),
            ("./boot/System.map-6.1.0-50-amd64", Some(Text)),
            ("./a/kernel/drivers/scsi/scsi-transport.ko.xz", Some(Module)),
            // The path of a module in a debug package of Debian's.
            (
                "./usr/lib/debug/lib/modules/7.3.4/kernel/lib/crc16.ko",
                Some(DebugModule),
            ),
            ("./usr/lib/debug/lib/modules/7.3.4/vmlinux", Some(Image)),
            ("./usr/src/linux-headers/Module.symvers", Some(Symvers)),
            ("./usr/lib/modules/7.3.4/modules.builtin", Some(Builtin)),
            ("./boot/symvers-5.14.0-1.x86_64.gz", Some(Symvers)),
            ("./usr/lib/modules/6.12/symvers.xz", Some(Symvers)),
            ("sys/kernel/btf/vmlinux", Some(Types)),
            ("saved/btf/loop", Some(Types)),
            ("saved/vmlinux.btf", Some(Types)),
            ("./usr/src/linux-headers/include/linux/kallsyms.h", None),
            ("./usr/lib/modules/7.3.4/modules.builtin.modinfo", None),
            ("scripts/Makefile.vmlinux", None),
        ] {
            assert_eq!(by_name(path), what, "{path}");
        }
        let name = module_name("a/scsi-transport.ko.zst");
        assert_eq!(name.as_deref(), Some("scsi_transport"));
        assert_eq!(module_name(".ko"), None);
    }
}
