// SPDX-License-Identifier: GPL-2.0

//! The contents of kernel images.

use super::{
    exports, extract,
    files::{FilePlace, Piece},
    image, kallsyms,
};
use crate::{
    error::{Error, Result},
    loader::Loader,
    symvers::Symvers,
};
use std::{mem, path::PathBuf};

/// The origin of symbols that are not in an ELF file's symbol table.
const KALLSYMS: &str = "kallsyms tables";

/// The contents of the kernel images.
#[derive(Default)]
pub(super) struct Images {
    pub(super) symbols: Option<kallsyms::Entries>,
    pub(super) btf: Option<Vec<u8>>,
    pub(super) release: Option<String>,
    pub(super) debug: Vec<FilePlace>,
    pub(super) loader: Loader,
    pub(super) exports: Option<Symvers>,
    pub(super) notes: Vec<String>,
}

impl Images {
    /// Reads images that [`unpack`] returned, and adds to `sources` the facts that each one tells.
    pub(super) fn read(unpacked: Vec<Unpacked>, sources: &mut Vec<String>) -> Result<Self> {
        let mut images = Self::default();
        let mut symbols_from: Option<(String, Option<String>)> = None;
        for image in unpacked {
            let Unpacked {
                piece: Piece { name, place },
                kernel,
                what,
                extract,
            } = image;
            let banner = image::banner(&kernel).map(str::to_owned);
            // This is a boot image and the vmlinux that it was made of.
            let is_known = matches!(&symbols_from, Some((_, first @ Some(_))) if *first == banner);
            let find_symbols = || match kallsyms_of(&kernel) {
                Some(found) => Some((found, KALLSYMS)),
                None => Some((image::elf_symbols(&kernel)?, "symbol table")),
            };
            let has_debug = image::section(&kernel, ".debug_info").is_some();
            let wants_exports = images.exports.is_none();
            let first_btf = &images.btf;
            let (symbols, (btf, exports, loader, extract)) = rayon::join(
                || (!is_known).then(find_symbols).flatten(),
                || {
                    let exports = || exports::of_image(&kernel);
                    let loader = image::loader(&kernel);
                    let tells_the_same = |extract: &[u8]| {
                        image::loader(extract) == loader
                            && image::banner(extract) == banner.as_deref()
                    };
                    let extract = extract.as_deref().filter(|_| !has_debug);
                    let extract = extract
                        .and_then(|path| extract::write(path, &kernel, what, tells_the_same));
                    let btf = image::btf(&kernel).map(|btf| match first_btf {
                        Some(first) => (btf == first, None),
                        None => (true, Some(btf.to_vec())),
                    });
                    (btf, wants_exports.then(exports).flatten(), loader, extract)
                },
            );
            if let (Some(extract), Some((_, KALLSYMS))) = (extract, &symbols) {
                // The next run makes the extract if this one cannot.
                let _ = extract.keep();
            }
            match btf {
                Some((_, Some(btf))) => {
                    images.btf = Some(btf);
                    sources.push(format!("types: BTF in {name}"));
                }
                Some((false, None)) => {
                    let note = format!("types: the BTF in {name} differs and is not used");
                    images.notes.push(note);
                }
                _ => {}
            }
            if let Some(exports) = exports {
                images.exports = Some(exports);
                sources.push(format!("exports: export table in {name}"));
            }
            if images.loader == Loader::default() {
                images.loader = loader;
            }
            if let Some((symbols, how)) = symbols {
                if let Some((other, _)) = symbols_from {
                    let both = format!("more than one kernel: {other} and {name}");
                    return Err(Error::unusable(both).help("name the files of one"));
                }
                sources.push(format!("symbols: {how} in {name} ({what})"));
                images.symbols = Some(symbols);
                images.release = banner
                    .as_deref()
                    .map(|banner| image::release_of(banner).to_owned());
                symbols_from = Some((name.clone(), banner));
            } else if !is_known {
                continue;
            }
            if has_debug {
                sources.push(format!("inlined functions: debug information in {name}"));
                images.debug.push(match place {
                    FilePlace::Bytes(_) => FilePlace::Bytes(kernel),
                    path => path,
                });
            }
        }
        Ok(images)
    }
}

/// Finds the kernel's own symbol table.
fn kallsyms_of(kernel: &[u8]) -> Option<kallsyms::Entries> {
    // Debian's headers packages have a vmlinux with nothing but type information.
    if image::has_section(kernel, ".BTF") && !image::has_section(kernel, image::CODE) {
        return None;
    }
    kallsyms::find(image::section(kernel, image::CONSTANTS).unwrap_or(kernel))
}

/// An image that is not packed any more, or its extract.
pub(super) struct Unpacked {
    piece: Piece,
    kernel: Vec<u8>,
    /// The kind of the image.
    what: &'static str,
    /// The path of the extract that is to be made.
    extract: Option<PathBuf>,
}

/// Reads and unpacks an image.
pub(super) fn unpack(mut piece: Piece) -> Result<Unpacked> {
    let extract = extract::path(&piece.place);
    if let Some((kernel, what)) = extract.as_deref().and_then(extract::read) {
        return Ok(Unpacked {
            piece,
            kernel,
            what,
            extract: None,
        });
    }
    let bytes = match &mut piece.place {
        FilePlace::Bytes(bytes) => Ok(mem::take(bytes)),
        path => path.bytes(),
    };
    let name = &piece.name;
    let bytes = bytes.map_err(|error| Error::unusable(format_args!("{name}: {error}")))?;
    let (kernel, what) = image::unpack(bytes).map_err(|error| error.context(name))?;
    Ok(Unpacked {
        piece,
        kernel,
        what,
        extract,
    })
}
