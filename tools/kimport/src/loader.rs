// SPDX-License-Identifier: GPL-2.0

//! The reasons for which the kernel's module loader refuses a module as a whole, worded as in
//! `kernel/module/main.c` and `version.c`.

use crate::{elf, error::Result, kernel::symbols::EXPORT, relink::modinfo};
use object::{
    build::elf::Builder,
    elf::{EM_386, EM_AARCH64, EM_ARM, EM_PPC64, EM_RISCV, EM_S390, EM_X86_64},
    Endian, Endianness,
};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::HashMap;

/// The size of a record of `__versions`: a `long` and the name.
const VERSION: usize = 64;
/// The symbol whose version is that of the layout of `struct module`.
pub const LAYOUT: &str = "module_layout";
/// The end of the line that the kernel logs when it loads a module by force.
const TAINTED: &str = ": kernel tainted.";
/// The prefix of a namespace that modules cannot import.
const FOR_MODULES: &str = "module:";

/// The properties of a module that the loader checks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// The ELF header's `e_machine`.
    pub machine: u16,
    /// The version magic: the release and the options that it was built for.
    pub vermagic: Option<String>,
    /// The namespaces that it imports.
    pub namespaces: Vec<String>,
    /// Set if it is marked as a livepatch module.
    pub livepatch: bool,
    /// The symbols that it exports.
    pub exports: Vec<String>,
    /// The versions of the symbols that it needs, in the section `__versions`.
    pub versions: Option<HashMap<String, u32>>,
    /// The versions in `__version_ext_crcs` and `__version_ext_names`, which take precedence.
    pub extended: Option<HashMap<String, u32>>,
}

impl Marks {
    /// Reads the module.
    pub fn new(builder: &Builder<'_>) -> Result<Self> {
        let data = |name| elf::data(builder, name);
        let endian = builder.endian;
        let text = |bytes: &[u8]| {
            let text = bytes.split(|&byte| byte == 0).next().unwrap_or_default();
            String::from_utf8_lossy(text).into_owned()
        };
        let crc = |bytes: &[u8]| bytes.first_chunk().map(|crc| endian.read_u32_bytes(*crc));
        let modinfo = data(modinfo::SECTION)?.unwrap_or_default();
        let first = |key| modinfo::values(modinfo, key).next();
        let versions = data("__versions")?.map(|data| {
            let records = data.chunks_exact(VERSION).filter_map(|record| {
                let (version, name) = record.split_at(8);
                let low = if endian == Endianness::Little { 0 } else { 4 };
                Some((text(name), crc(&version[low..])?))
            });
            records.collect()
        });
        let names = data("__version_ext_names")?.unwrap_or_default();
        let names = names.split(|&byte| byte == 0).map(text);
        let extended = data("__version_ext_crcs")?
            .map(|crcs| names.zip(crcs.chunks_exact(4).filter_map(crc)).collect());
        let names = builder.symbols.iter().map(|symbol| symbol.name.as_slice());
        Ok(Self {
            machine: builder.header.e_machine,
            vermagic: first("vermagic").map(text),
            namespaces: modinfo::values(modinfo, "import_ns").map(text).collect(),
            livepatch: first("livepatch").is_some(),
            exports: names
                .filter_map(|name| name.strip_prefix(EXPORT.as_bytes()))
                .map(text)
                .collect(),
            versions,
            extended,
        })
    }
}

/// The known facts about a kernel's loader.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loader {
    /// The `e_machine` of its modules.
    pub machine: Option<u16>,
    /// The version magic of its modules.
    pub vermagic: Option<Magic>,
    /// `CONFIG_MODVERSIONS`.
    pub modversions: Option<bool>,
    /// `CONFIG_MODULE_FORCE_LOAD`.
    pub force_load: Option<bool>,
    /// `CONFIG_MODULE_ALLOW_MISSING_NAMESPACE_IMPORTS`.
    pub any_namespace: Option<bool>,
    /// `CONFIG_LIVEPATCH`.
    pub livepatch: Option<bool>,
}

/// The version magic of a kernel's modules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Magic {
    /// The whole version magic.
    Complete(String),
    /// The release, with which the version magic begins.
    Release(String),
}

/// A reason to refuse a module as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefusalReason {
    /// The module is for another architecture.
    Architecture,
    /// The module was built for another release, or with other options.
    VersionMagic,
    /// The version of the layout of `struct module` differs or is missing.
    Layout,
    /// The module is marked as a livepatch module, and the kernel has no livepatch.
    Livepatch,
    /// The module imports a namespace that is reserved for modules listed by name.
    ModuleNamespace,
    /// The module exports a symbol that the kernel image exports.
    DuplicateExport,
}

/// A refusal of a module as a whole, and what the kernel would log.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct LoaderRefusal {
    /// The reason.
    pub reason: RefusalReason,
    /// The line that the kernel would log, and what it means.
    pub message: String,
}

/// The loader's judgement of a module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoaderJudgement {
    /// The reasons to refuse the module.
    pub refusals: Vec<LoaderRefusal>,
    /// The lines that the loader would log while it accepts the module with a taint.
    pub warnings: Vec<String>,
    /// The questions that the known facts do not answer.
    pub unknown: Vec<String>,
}

impl LoaderJudgement {
    fn refuse(&mut self, reason: RefusalReason, message: String) {
        self.refusals.push(LoaderRefusal { reason, message });
    }

    /// Accepts what the kernel only loads by force, if that is configured: `try_to_force_load()`.
    fn force(
        &mut self,
        loader: &Loader,
        reason: RefusalReason,
        module: &str,
        what: &str,
        lack: &str,
    ) {
        match loader.force_load {
            // The kernel logs this only once.
            Some(true) if self.warnings.iter().any(|line| line.ends_with(TAINTED)) => {}
            Some(true) => self.warnings.push(format!("{module}: {what}{TAINTED}")),
            Some(false) => self.refuse(
                reason,
                format!("{module}: Invalid module format: it has no {lack}; the kernel logs nothing of it"),
            ),
            None => self.unknown.push(format!(
                "whether the kernel loads a module without {lack} (CONFIG_MODULE_FORCE_LOAD)"
            )),
        }
    }
}

/// The outcome of comparing the version of a symbol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Version {
    /// The version is the same, or the symbol has none.
    Fits,
    /// The kernel accepts the module and logs this line.
    Passes(String),
    /// The kernel refuses the module and logs this line.
    Refused(String),
    /// The module has no versions at all.
    None,
}

impl Loader {
    /// Returns what the loader does with `module` before it looks for symbols, and its judgement of
    /// the module's exports. `layout` is the version of [`LAYOUT`], if it is known. `is_exported`
    /// returns whether the image exports a symbol.
    pub fn judge(
        &self,
        module: &str,
        marks: &Marks,
        layout: Option<u32>,
        is_exported: impl Fn(&str) -> bool,
    ) -> LoaderJudgement {
        let mut judgement = LoaderJudgement::default();
        match self.machine {
            Some(machine) if machine != marks.machine => {
                let message = format!(
                    "Invalid architecture in ELF header: {}: {module} is for {}, the kernel for {}",
                    marks.machine,
                    architecture(marks.machine),
                    architecture(machine)
                );
                judgement.refuse(RefusalReason::Architecture, message);
                return judgement;
            }
            Some(_) => {}
            None => judgement
                .unknown
                .push("the kernel's architecture".to_owned()),
        }
        let has_versions = marks.versions.is_some() || marks.extended.is_some();
        let version = match layout {
            Some(layout) => self.version(module, marks, LAYOUT, layout),
            None if self.modversions == Some(true) && !has_versions => Version::None,
            None => Version::Fits,
        };
        match version {
            Version::Fits => {}
            Version::Passes(line) => judgement.warnings.push(line),
            Version::Refused(line) => judgement.refuse(RefusalReason::Layout, line),
            Version::None => {
                let (reason, lack) = (RefusalReason::Layout, "symbol versions");
                judgement.force(self, reason, module, LAYOUT, lack);
            }
        }
        self.judge_vermagic(module, marks, &mut judgement);
        if marks.livepatch && self.livepatch == Some(false) {
            let line = "module is marked as livepatch module, but livepatch support is disabled";
            judgement.refuse(RefusalReason::Livepatch, format!("{module}: {line}"));
        }
        let namespaces = marks.namespaces.iter();
        for namespace in namespaces.filter(|namespace| namespace.starts_with(FOR_MODULES)) {
            judgement.refuse(
                RefusalReason::ModuleNamespace,
                format!("{module}: module tries to import module namespace: {namespace}"),
            );
        }
        for symbol in marks.exports.iter().filter(|symbol| is_exported(symbol)) {
            judgement.refuse(
                RefusalReason::DuplicateExport,
                format!("{module}: exports duplicate symbol {symbol} (owned by kernel)"),
            );
        }
        judgement
    }

    fn judge_vermagic(&self, module: &str, marks: &Marks, judgement: &mut LoaderJudgement) {
        let Some(own) = &marks.vermagic else {
            let (reason, lack) = (RefusalReason::VersionMagic, "version magic");
            return judgement.force(self, reason, module, "bad vermagic", lack);
        };
        // The release does not count if symbols have versions.
        let is_versioned = marks.versions.is_some();
        let options = |magic: &str| magic.split_once(' ').map(|(_, rest)| rest.to_owned());
        let is_same = match (&self.vermagic, self.modversions) {
            (Some(Magic::Complete(magic)), Some(true)) if is_versioned => {
                Some(options(magic) == options(own))
            }
            (Some(Magic::Complete(magic)), Some(_)) => Some(magic == own),
            (Some(Magic::Complete(magic)), None) if !is_versioned => Some(magic == own),
            (Some(Magic::Release(release)), Some(false))
                if !own.starts_with(&format!("{release} ")) =>
            {
                Some(false)
            }
            _ => None,
        };
        let Some(Magic::Complete(magic) | Magic::Release(magic)) = &self.vermagic else {
            return judgement.unknown.push(format!(
                "what the kernel's modules are built for (this one: {own})"
            ));
        };
        match is_same {
            Some(true) => {}
            Some(false) => judgement.refuse(
                RefusalReason::VersionMagic,
                format!("{module}: version magic '{own}' should be '{magic}'"),
            ),
            None => judgement.unknown.push(format!(
                "whether the kernel, {magic}, takes a module that was built for {own}"
            )),
        }
    }

    /// Compares the version `crc` of an exported symbol like `check_version()`. 0 stands for no
    /// version.
    pub fn version(&self, module: &str, marks: &Marks, symbol: &str, crc: u32) -> Version {
        if crc == 0 || self.modversions == Some(false) {
            return Version::Fits;
        }
        let differs = || {
            Version::Refused(format!(
                "{module}: disagrees about version of symbol {symbol}"
            ))
        };
        if let Some(extended) = &marks.extended {
            return match extended.get(symbol) {
                Some(own) if *own == crc => Version::Fits,
                Some(_) => differs(),
                None => {
                    Version::Passes(format!("{module}: no extended symbol version for {symbol}"))
                }
            };
        }
        match marks.versions.as_ref().map(|versions| versions.get(symbol)) {
            None => Version::None,
            Some(Some(own)) if *own == crc => Version::Fits,
            Some(Some(_)) => differs(),
            Some(None) => Version::Refused(format!("{module}: no symbol version for {symbol}")),
        }
    }
}

/// Returns the name of an architecture.
fn architecture(machine: u16) -> String {
    let name = match machine {
        EM_X86_64 => "x86-64",
        EM_386 => "x86",
        EM_AARCH64 => "arm64",
        EM_ARM => "arm",
        EM_RISCV => "riscv",
        EM_PPC64 => "powerpc64",
        EM_S390 => "s390",
        other => return format!("machine {other}"),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAGIC: &str = "7.3.4 SMP preempt mod_unload ";

    fn loader(modversions: bool, magic: &str) -> Loader {
        Loader {
            machine: Some(EM_X86_64),
            vermagic: Some(Magic::Complete(magic.to_owned())),
            modversions: Some(modversions),
            force_load: Some(false),
            any_namespace: Some(false),
            livepatch: Some(true),
        }
    }

    fn marks(magic: &str) -> Marks {
        Marks {
            machine: EM_X86_64,
            vermagic: Some(magic.to_owned()),
            ..Marks::default()
        }
    }

    fn versions(versions: &[(&str, u32)]) -> Option<HashMap<String, u32>> {
        let all = versions.iter().map(|&(name, crc)| (name.to_owned(), crc));
        Some(all.collect())
    }

    fn refusals(loader: &Loader, marks: &Marks, layout: Option<u32>) -> Vec<String> {
        let judgement = loader.judge("m", marks, layout, |symbol| symbol == "printk");
        assert!(judgement.unknown.is_empty() && judgement.warnings.is_empty());
        let refusals = judgement.refusals.into_iter();
        refusals.map(|refusal| refusal.message).collect()
    }

    #[test]
    fn a_module_of_the_kernel_is_let_in() {
        assert!(refusals(&loader(false, MAGIC), &marks(MAGIC), None).is_empty());
        let magic = "7.3.4 SMP preempt mod_unload modversions ";
        let mut module = marks(&magic.replace("7.3.4", "7.3.5"));
        module.versions = versions(&[(LAYOUT, 7)]);
        assert!(refusals(&loader(true, magic), &module, Some(7)).is_empty());
    }

    #[test]
    fn refusals_are_in_the_kernels_words() {
        let other = marks("7.3.5 SMP preempt mod_unload ");
        let line = "m: version magic '7.3.5 SMP preempt mod_unload ' should be '7.3.4 SMP preempt mod_unload '";
        assert_eq!(refusals(&loader(false, MAGIC), &other, None), [line]);
        // The release only counts if the module has no versions. The options always count.
        let mut versioned = other.clone();
        versioned.versions = versions(&[]);
        assert_eq!(refusals(&loader(true, MAGIC), &other, None)[1..], [line]);
        assert!(refusals(&loader(true, MAGIC), &versioned, None).is_empty());
        versioned.vermagic = Some("7.3.4 preempt mod_unload ".to_owned());
        assert_eq!(refusals(&loader(true, MAGIC), &versioned, None).len(), 1);

        let arm = Marks {
            machine: EM_AARCH64,
            livepatch: true,
            namespaces: vec!["module:kvm".to_owned()],
            exports: vec!["printk".to_owned(), "own".to_owned()],
            ..marks(MAGIC)
        };
        let mut without = loader(false, MAGIC);
        without.livepatch = Some(false);
        let line = "Invalid architecture in ELF header: 183: m is for arm64, the kernel for x86-64";
        assert_eq!(refusals(&without, &arm, None), [line]);
        let same = Marks {
            machine: EM_X86_64,
            ..arm
        };
        let lines = [
            "m: module is marked as livepatch module, but livepatch support is disabled",
            "m: module tries to import module namespace: module:kvm",
            "m: exports duplicate symbol printk (owned by kernel)",
        ];
        assert_eq!(refusals(&without, &same, None), lines);
    }

    #[test]
    fn versions_are_compared() {
        let (none, one, two) = (versions(&[]), versions(&[("f", 1)]), versions(&[("f", 2)]));
        let refused = |why: &str| Version::Refused(format!("m: {why}"));
        let differs = refused("disagrees about version of symbol f");
        let passes = "m: no extended symbol version for f";
        for (plain, extended, modversions, crc, expected) in [
            (&one, &None, true, 1, Version::Fits),
            (&one, &None, true, 0, Version::Fits),
            (&one, &None, true, 2, differs.clone()),
            (&one, &None, false, 2, Version::Fits),
            (&none, &None, true, 1, refused("no symbol version for f")),
            (&None, &None, true, 1, Version::None),
            // The extended versions take precedence.
            (&two, &one, true, 1, Version::Fits),
            (&two, &one, true, 2, differs),
            (&None, &none, true, 1, Version::Passes(passes.to_owned())),
        ] {
            let marks = Marks {
                versions: plain.clone(),
                extended: extended.clone(),
                ..marks(MAGIC)
            };
            let found = loader(modversions, MAGIC).version("m", &marks, "f", crc);
            let case = (plain, extended, modversions, crc);
            assert_eq!(found, expected, "{case:?}");
        }
    }

    #[test]
    fn force_and_what_is_not_known_are_no_refusals() {
        let bare = Marks {
            vermagic: None,
            ..marks(MAGIC)
        };
        let silent = |lack| {
            format!("m: Invalid module format: it has no {lack}; the kernel logs nothing of it")
        };
        let silent = [silent("symbol versions"), silent("version magic")];
        assert_eq!(refusals(&loader(true, MAGIC), &bare, None), silent);
        let judge = |loader: &Loader, marks: &Marks| loader.judge("m", marks, Some(7), |_| false);
        let forced = Loader {
            force_load: Some(true),
            ..loader(true, MAGIC)
        };
        let judgement = judge(&forced, &bare);
        assert_eq!(judgement.warnings, ["m: module_layout: kernel tainted."]);
        assert!(judgement.refusals.is_empty());
        let judgement = judge(&Loader::default(), &marks(MAGIC));
        assert!(judgement.refusals.is_empty());
        assert_eq!(judgement.unknown.len(), 3, "{:?}", judgement.unknown);
        let release = |modversions| Loader {
            vermagic: Some(Magic::Release("7.3.4".to_owned())),
            modversions,
            ..loader(false, MAGIC)
        };
        assert_eq!(judge(&release(Some(false)), &marks(MAGIC)).unknown.len(), 1);
        let other = judge(&release(Some(false)), &marks("7.3.40 SMP "));
        assert_eq!(other.refusals.len(), 1);
        let judgement = release(None).judge("m", &marks("7.3.40 SMP "), None, |_| false);
        assert!(judgement.refusals.is_empty());
    }
}
