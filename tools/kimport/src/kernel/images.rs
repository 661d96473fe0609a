// SPDX-License-Identifier: GPL-2.0

//! The contents of kernel images.

use super::{
    exports,
    files::{FilePlace, Piece},
    image, kallsyms,
};
use crate::{
    error::{Error, Result},
    loader::Loader,
    symvers::Symvers,
};

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
    /// Reads the images, and adds to `sources` the facts that each one tells.
    pub(super) fn read(pieces: Vec<Piece>, sources: &mut Vec<String>) -> Result<Self> {
        let mut images = Self::default();
        let mut symbols_from: Option<(String, Option<String>)> = None;
        for Piece { name, place } in pieces {
            let (path, bytes) = match place {
                FilePlace::Bytes(bytes) => (None, Ok(bytes)),
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
                    let note = format!("types: the BTF in {name} differs and is not used");
                    images.notes.push(note);
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
                        let both = format!("more than one kernel: {other} and {name}");
                        return Err(Error::unusable(both).help("name the files of one"));
                    }
                    sources.push(format!("symbols: {how} in {name} ({what})"));
                    images.symbols = Some(found);
                    images.release = image::release(&kernel);
                    symbols_from = Some((name.clone(), banner));
                }
            }
            if image::section(&kernel, ".debug_info").is_some() {
                sources.push(format!("inlined functions: debug information in {name}"));
                images.debug.push(path.unwrap_or(FilePlace::Bytes(kernel)));
            }
        }
        Ok(images)
    }
}
