// SPDX-License-Identifier: GPL-2.0

//! The stock kernel's files, the command, and a reader of modules that shares no code with the code
//! under test: it uses the low-level half of `object`, while the code under test uses the builder.

// Each test program uses only a part of this module.
#![allow(dead_code, unreachable_pub)]

use kimport_testing::{index, stock_btf};
#[allow(unused_imports)] // Candidates need no kernel.
pub use kimport_testing::{kdir, stock_directory, stock_release, stock_test};
use kimport_types::{Btf, BtfKind, BtfType, Encoding, TypeSource};
use object::{
    elf::{self, FileHeader64, SectionHeader64},
    read::elf::{FileHeader, Rela, SectionHeader, Sym},
    LittleEndian,
};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};
use tempfile::TempDir;
use walkdir::WalkDir;

/// Returns every module of the stock kernel below `subdirectory` of its `kernel/`.
pub fn stock_modules(subdirectory: &str) -> Vec<PathBuf> {
    let directory = stock_release().join("kernel").join(subdirectory);
    let modules: Vec<_> = WalkDir::new(&directory)
        .sort_by_file_name()
        .into_iter()
        .map(|entry| entry.unwrap().into_path())
        .filter(|path| path.is_file() && path.to_string_lossy().contains(".ko"))
        .collect();
    assert!(!modules.is_empty(), "no modules in {}", directory.display());
    modules
}

/// Returns every module of the stock kernel that needs `module`, by the files that depmod wrote.
pub fn stock_modules_needing(module: &str) -> Vec<PathBuf> {
    let release = stock_release();
    let needed = format!("/{module}.ko");
    let text = fs::read_to_string(release.join("modules.dep")).unwrap();
    let mut modules: Vec<_> = text
        .lines()
        .filter_map(|line| line.split_once(':'))
        .filter(|(_, needs)| needs.contains(&needed))
        .map(|(path, _)| release.join(path))
        .collect();
    assert!(!modules.is_empty(), "nothing needs {module}");
    modules.sort();
    modules
}

/// Returns the path of a module of LIO, compressed as the distribution ships it.
pub fn stock(name: &str) -> String {
    stock_module("drivers/target", name)
}

/// Returns the path of a module of the stock kernel below `subdirectory` of its `kernel/`.
pub fn stock_module(subdirectory: &str, name: &str) -> String {
    let modules = stock_modules(subdirectory);
    let module = modules.iter().find(|path| module_name(path) == name);
    let module = module.unwrap_or_else(|| panic!("the stock kernel has no {name}"));
    module.to_str().unwrap().to_owned()
}

/// Returns the name of the module in a file.
pub fn module_name(path: &Path) -> String {
    let file = path.file_name().unwrap().to_string_lossy();
    file.split('.').next().unwrap().replace('-', "_")
}

/// Returns the path of the stock kernel's `Module.symvers`.
pub fn symvers() -> String {
    kdir().join("Module.symvers").to_str().unwrap().to_owned()
}

/// Returns the stock kernel's packages as a value of `--kernel`.
pub fn stock_kernel() -> String {
    stock_directory().to_str().unwrap().to_owned()
}

/// Returns the path of a file in `directory`.
pub fn path(directory: &TempDir, name: &str) -> String {
    directory.path().join(name).to_str().unwrap().to_owned()
}

/// Writes a file in `directory`. Returns its path.
pub fn write(directory: &TempDir, name: &str, bytes: impl AsRef<[u8]>) -> String {
    let path = path(directory, name);
    fs::write(&path, bytes).unwrap();
    path
}

/// Returns the symbols that `module` exports.
pub fn exports_of(module: &str) -> Vec<String> {
    let text = fs::read_to_string(symvers()).unwrap();
    let fields = text
        .lines()
        .map(|line| line.split('\t').collect::<Vec<_>>());
    fields
        .filter(|fields| Path::new(fields[2]).file_name().unwrap() == module)
        .map(|fields| fields[1].to_owned())
        .collect()
}

/// Runs `kimport` with the words of a command line, which have no spaces. Returns the exit code and
/// the texts on standard output and on standard error.
pub fn kimport(line: impl AsRef<str>) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_kimport"))
        .args(line.as_ref().split_whitespace())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let (out, err) = (text(output.stdout), text(output.stderr));
    (output.status.code(), out, err)
}

/// Runs `kimport`, which must end with `code`. Returns the texts on standard output and on standard
/// error.
#[track_caller]
pub fn ends(code: i32, line: impl AsRef<str>) -> (String, String) {
    let line = line.as_ref();
    let (ended, out, err) = kimport(line);
    assert_eq!(ended, Some(code), "{line}: {out}{err}");
    (out, err)
}

/// Runs `kimport`, which must succeed.
#[track_caller]
pub fn fine(line: impl AsRef<str>) -> (String, String) {
    ends(0, line)
}

/// Asserts that `text` has `words` in it.
#[track_caller]
pub fn has(text: &str, words: &str) {
    assert!(text.contains(words), "{text}");
}

/// Reads JSON that the command printed.
pub fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

/// Runs another program, which must succeed and print nothing on standard error.
pub fn tool(name: &str, arguments: &[&str]) -> String {
    let output = Command::new(name)
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("{name}: {error}"));
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && complaint.is_empty(),
        "{name}: {complaint}"
    );
    String::from_utf8(output.stdout).unwrap()
}

/// The `control` file of a package.
pub const CONTROL: &str =
    "Package: made\nVersion: 1\nArchitecture: all\nMaintainer: nobody\nDescription: made\n";

/// Unpacks a module with the `xz` command.
pub fn unxz(path: &str) -> Vec<u8> {
    let output = Command::new("xz").args(["-dc", path]).output().unwrap();
    assert!(output.status.success());
    output.stdout
}

/// Returns the position of the first `part` of `bytes`.
pub fn position(bytes: &[u8], part: &[u8]) -> usize {
    let mut windows = bytes.windows(part.len());
    windows.position(|window| window == part).unwrap()
}

/// Moves the first member of the struct `name` of a stock module by one byte, in the module's BTF,
/// which may have the struct more than once. Returns the name of the member.
pub fn moved_member(module: &mut [u8], name: &str) -> String {
    let section = Module::read(module).section(".BTF").data.clone();
    let image = stock_btf();
    let (mut image_index, mut own_index) = (index(&image), index(&section));
    let image = Btf::new(&image, None, &mut image_index).unwrap();
    let mut offsets = index(&section);
    Btf::new(&section, Some(&image), &mut offsets).unwrap();
    let btf = Btf::new(&section, Some(&image), &mut own_index).unwrap();
    let word = |at: usize| u32::from_le_bytes(*section[at..].first_chunk().unwrap());
    let types = position(module, &section) as u32 + word(4) + word(8);
    let mut moved = None;
    for (id, at) in (btf.first_id()..).zip(offsets) {
        let ty = btf.type_by_id(id).unwrap();
        let is_struct = matches!(ty.kind(), BtfKind::Struct { .. });
        if is_struct && btf.name(ty.name_offset()) == Some(name.as_bytes()) {
            moved = ty.members().next();
            let offset_of_member = BtfType::SIZE as u32 + 8;
            module[(types + at + offset_of_member) as usize] += 8;
        }
    }
    let member = btf.name(moved.unwrap().name).unwrap();
    String::from_utf8(member.to_vec()).unwrap()
}

/// A symbol as a relocation refers to it, without its index.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Symbol {
    pub name: String,
    pub section: String,
    pub index: u16,
    pub value: u64,
    pub size: u64,
    pub info: u8,
}

/// A relocation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Relocation {
    pub target: String,
    pub offset: u64,
    pub kind: u32,
    pub addend: i64,
    pub symbol: Symbol,
}

/// A section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    pub name: String,
    pub kind: u32,
    pub flags: u64,
    pub link: String,
    pub info: u32,
    pub alignment: u64,
    pub data: Vec<u8>,
    pub relocations: Vec<Relocation>,
}

/// A module.
#[derive(Clone, Debug)]
pub struct Module {
    pub sections: Vec<Section>,
    pub symbols: Vec<Symbol>,
}

impl Module {
    pub fn read(bytes: &[u8]) -> Self {
        let endian = LittleEndian;
        let header = FileHeader64::<LittleEndian>::parse(bytes).unwrap();
        let table = header.sections(endian, bytes).unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let name = |section: &SectionHeader64<LittleEndian>| {
            text(table.section_name(endian, section).unwrap())
        };
        let name_at = |index| name(table.section(object::SectionIndex(index)).unwrap());
        let symbols = table.symbols(endian, bytes, elf::SHT_SYMTAB).unwrap();
        let symbol = |entry: &elf::Sym64<LittleEndian>| {
            let index = entry.st_shndx(endian);
            let is_section = index != elf::SHN_UNDEF && index < elf::SHN_LORESERVE;
            Symbol {
                name: text(symbols.symbol_name(endian, entry).unwrap()),
                section: if is_section {
                    name_at(index.into())
                } else {
                    String::new()
                },
                index: if is_section { 0 } else { index },
                value: entry.st_value(endian),
                size: entry.st_size(endian),
                info: entry.st_info(),
            }
        };
        let sections = table.iter().skip(1).map(|section| {
            let relocations = section.rela(endian, bytes).unwrap().map(|(entries, _)| {
                let relocation = |entry: &elf::Rela64<LittleEndian>| Relocation {
                    target: name_at(section.sh_info(endian) as usize),
                    offset: entry.r_offset(endian),
                    kind: entry.r_type(endian, false),
                    addend: entry.r_addend(endian),
                    symbol: entry
                        .symbol(endian, false)
                        .map(|index| symbol(symbols.symbol(index).unwrap()))
                        .unwrap(),
                };
                let has_effect = |entry: &&elf::Rela64<LittleEndian>| {
                    entry.r_type(endian, false) != elf::R_X86_64_NONE
                };
                entries.iter().filter(has_effect).map(relocation).collect()
            });
            Section {
                name: name(section),
                kind: section.sh_type(endian),
                flags: section.sh_flags(endian),
                link: match section.sh_link(endian) {
                    0 => String::new(),
                    link => name_at(link as usize),
                },
                info: section.sh_info(endian),
                alignment: section.sh_addralign(endian),
                data: section.data(endian, bytes).unwrap().to_vec(),
                relocations: relocations.unwrap_or_default(),
            }
        });
        Self {
            sections: sections.collect(),
            symbols: symbols.iter().skip(1).map(symbol).collect(),
        }
    }

    pub fn open(path: impl AsRef<Path>) -> Self {
        Self::read(&fs::read(path).unwrap())
    }

    pub fn section(&self, name: &str) -> &Section {
        let mut found = self.sections.iter().filter(|section| section.name == name);
        let section = found.next().unwrap_or_else(|| panic!("no section {name}"));
        assert!(found.next().is_none(), "more than one section {name}");
        section
    }

    pub fn has(&self, name: &str) -> bool {
        self.sections.iter().any(|section| section.name == name)
    }

    pub fn relocations(&self) -> Vec<Relocation> {
        let all = self
            .sections
            .iter()
            .flat_map(|section| &section.relocations);
        let mut all: Vec<_> = all.cloned().collect();
        all.sort();
        all
    }

    pub fn undefined(&self) -> Vec<&str> {
        self.symbols
            .iter()
            .filter(|symbol| symbol.section.is_empty() && symbol.index == elf::SHN_UNDEF)
            .map(|symbol| symbol.name.as_str())
            .collect()
    }

    pub fn modinfo(&self) -> BTreeMap<String, Vec<String>> {
        let mut fields = BTreeMap::<_, Vec<_>>::new();
        let text = String::from_utf8(self.section(".modinfo").data.clone()).unwrap();
        for (key, value) in text.split('\0').filter_map(|field| field.split_once('=')) {
            let values = fields.entry(key.to_owned()).or_default();
            values.push(value.to_owned());
        }
        fields
    }
}

/// Puts an import table into a module of the distribution.
pub fn with_table(directory: &TempDir, table: &[u8]) -> String {
    let plain = write(directory, "plain.ko", unxz(&stock("target_core_file")));
    let add = format!(".init.kimport={}", write(directory, "table", table));
    let output = path(directory, "table.ko");
    tool("objcopy", &["--add-section", &add, &plain, &output]);
    output
}

/// The flag of an import of kimport itself.
pub const INTERNAL: u8 = 1 << 4;

/// Makes one record of an import table.
pub fn record(kind: u8, flags: u8, position: u32, provider: &str, name: &str) -> Vec<u8> {
    kimport_testing::record(kind, flags, position, ["block", provider, name, name], &[])
}

/// Makes the record of a function, with its declared type.
pub fn function(
    flags: u8,
    provider: &str,
    name: &str,
    arguments: &[Encoding],
    returned: Encoding,
) -> Vec<u8> {
    let declared = Encoding::function(arguments, returned, false);
    let strings = ["block", provider, name, name];
    kimport_testing::record(0, flags, 0, strings, declared.as_bytes())
}

/// Returns the path of the kernel's own tool for object files.
pub fn objtool() -> String {
    let path = kdir().join("tools/objtool/objtool");
    path.to_str().unwrap().to_owned()
}

/// The source of a provider of the symbols that the tests need.
const SOURCE: &str = r#"
#include <linux/module.h>
#include <linux/blkdev.h>
sector_t provider_size(struct block_device *bdev, u32 unit);
sector_t noinline provider_size(struct block_device *bdev, u32 unit)
{
	return bdev_nr_bytes(bdev) / unit;
}
void provider_exported(void);
void noinline provider_exported(void) { barrier(); }
EXPORT_SYMBOL_GPL(provider_exported);
void provider_spaced(void);
void noinline provider_spaced(void) { barrier(); }
EXPORT_SYMBOL_NS(provider_spaced, "SPACE");
asm(".text\n.globl provider_assembly\n.type provider_assembly, @function\nprovider_assembly:\n\tint3\n"
    ".size provider_assembly, . - provider_assembly\n");
MODULE_DESCRIPTION("Provides");
MODULE_LICENSE("GPL");
"#;

/// A module that the kernel's own build makes out of tree.
pub struct Built {
    directory: TempDir,
    pub log: String,
}

impl Built {
    pub fn provider(&self) -> String {
        path(&self.directory, "provider.ko")
    }
}

pub static OUT_OF_TREE: LazyLock<Built> = LazyLock::new(|| {
    let directory = TempDir::new().unwrap();
    write(&directory, "provider.c", SOURCE);
    let kbuild = "obj-m := provider.o\nOBJECT_FILES_NON_STANDARD := y\n";
    write(&directory, "Kbuild", kbuild);
    let (success, log) = kernel_build(&directory, &[]);
    assert!(success, "{log}");
    Built { directory, log }
});

/// Runs the kernel's build on the modules in `directory`. Returns whether it succeeded, and its
/// output.
pub fn kernel_build(directory: &TempDir, arguments: &[&str]) -> (bool, String) {
    let output = Command::new("make")
        .arg("-C")
        .arg(kdir())
        .arg(format!("M={}", directory.path().display()))
        .args(arguments)
        .env_remove("MAKEFLAGS")
        .output()
        .unwrap();
    let log = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(log).unwrap())
}
