// SPDX-License-Identifier: GPL-2.0

//! The sizes of modules.

use anyhow::{Context, Result};
use object::elf::{self, FileHeader64};
use object::read::elf::{FileHeader, SectionHeader};
use object::Endianness;
use std::collections::BTreeMap;
use std::path::Path;

/// The bytes that each module takes while it is loaded, by the name of its file.
#[derive(Debug, Default)]
pub(crate) struct Sizes(BTreeMap<String, u64>);

impl Sizes {
    /// Reads the modules (`*.ko`) of a directory.
    pub(crate) fn of_directory(directory: &Path) -> Result<Self> {
        let place = || directory.display().to_string();
        let mut sizes = BTreeMap::new();
        for file in std::fs::read_dir(directory).with_context(place)? {
            let path = file.with_context(place)?.path();
            if path.extension().is_some_and(|extension| extension == "ko") {
                let place = || path.display().to_string();
                let name = path.file_stem().unwrap_or_default();
                let size = std::fs::read(&path).map_err(Into::into);
                let size = size.and_then(|module| kept(&module)).with_context(place)?;
                sizes.insert(name.to_string_lossy().into_owned(), size);
            }
        }
        Ok(Self(sizes))
    }

    /// Returns the size of the module in the file called `name`.
    pub(crate) fn of(&self, name: &str) -> Result<f64> {
        let size = self.0.get(name).map(|&size| size as f64);
        size.with_context(|| format!("the size of {name} is not known"))
    }
}

impl<'a> FromIterator<(&'a str, u64)> for Sizes {
    fn from_iter<I: IntoIterator<Item = (&'a str, u64)>>(sizes: I) -> Self {
        let sizes = sizes.into_iter();
        Self(sizes.map(|(name, size)| (name.to_owned(), size)).collect())
    }
}

/// Returns the size of the sections that the kernel keeps when the module's init has ended: those
/// that are loaded at all, except `.init*` (`module_init_section()`) and `.modinfo`.
fn kept(module: &[u8]) -> Result<u64> {
    let header = FileHeader64::<Endianness>::parse(module)?;
    let endian = header.endian()?;
    let sections = header.sections(endian, module)?;
    let is_kept = |section: &&elf::SectionHeader64<Endianness>| {
        let name = sections.section_name(endian, section).unwrap_or_default();
        let is_loaded = section.sh_flags(endian) & u64::from(elf::SHF_ALLOC) != 0;
        is_loaded && !name.starts_with(b".init") && name != b".modinfo"
    };
    let kept = sections.iter().filter(is_kept);
    Ok(kept.map(|section| section.sh_size(endian)).sum())
}

#[cfg(test)]
mod tests {
    use super::*;
    use object::write::{Object, StandardSegment};
    use object::{Architecture, BinaryFormat, SectionKind};

    #[test]
    fn what_the_kernel_keeps_is_counted() {
        let endian = object::Endianness::Little;
        let mut module = Object::new(BinaryFormat::Elf, Architecture::X86_64, endian);
        for (name, kind, size) in [
            (".text", SectionKind::Text, 1000),
            (".rodata", SectionKind::ReadOnlyData, 200),
            (".init.text", SectionKind::Text, 10_000),
            (".init.kimport", SectionKind::ReadOnlyData, 10_000),
            (".modinfo", SectionKind::ReadOnlyData, 10_000),
            (".comment", SectionKind::OtherString, 10_000),
        ] {
            let segment = module.segment_name(StandardSegment::Text).to_vec();
            let section = module.add_section(segment, name.into(), kind);
            module.append_section_data(section, &vec![0; size], 1);
        }
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("a.ko"), module.write().unwrap()).unwrap();
        std::fs::write(directory.path().join("other"), "no module").unwrap();
        let sizes = Sizes::of_directory(directory.path()).unwrap();
        assert_eq!(sizes.of("a").unwrap(), 1200.0);
        assert!(sizes.of("other").is_err());
        std::fs::write(directory.path().join("b.ko"), "no module").unwrap();
        let error = Sizes::of_directory(directory.path()).unwrap_err();
        assert!(error.to_string().ends_with("b.ko"));
    }
}
