// SPDX-License-Identifier: GPL-2.0

//! The steps of `scripts/Makefile.relink`, which relinks modules while they are built.
//!
//! modpost refuses a module that uses symbols that nothing exports, or that are exported to other
//! modules only. Two files that are written before modpost runs make it accept those symbols whose
//! provider is named. [`unexported`] lists such symbols as exports, which modpost then believes to
//! exist. [`to_all`] lists the kernel's own exports without the namespaces of such symbols. modpost
//! still complains of any other symbol. After the final link, [`relink()`] makes livepatch
//! relocations of the symbols and adds the providers to `depends=`.

use crate::{
    elf::LivepatchSymbol,
    error::{Error, Result},
    kernel::Kernel,
    module_file::ModuleFile,
    relink::{self, modinfo, plan::Providers, request::Request, RelinkOptions, RelinkReport},
    symvers::{module_name, Export, Symvers, VMLINUX},
};
use object::{Object, ObjectSection, ObjectSymbol};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// The prefix of the symbols by which an object file says what it exports.
const EXPORT: &str = "__export_symbol_";

/// A module that is being built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnfinishedModule {
    /// The module's name in the Kbuild: its path without suffix.
    name: String,
    /// The value of `kimport-from-<name>`.
    requests: Vec<Request>,
    object: ObjectFile,
}

/// The facts that an object file tells of a module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct ObjectFile {
    /// The symbols that the module needs; true if it can do without.
    undefined: BTreeMap<String, bool>,
    exported: Vec<String>,
    /// The namespaces that the module imports.
    imported: Vec<String>,
}

impl UnfinishedModule {
    /// Reads the object files of the modules in `list`, which has a line for each: the name and
    /// then the requests. Also returns the exports of these modules together with `others`, the
    /// exports of other modules.
    pub fn read_all(list: &str, others: Symvers) -> Result<(Vec<Self>, Symvers)> {
        let mut exports = others;
        let mut modules = Vec::new();
        for line in list.lines() {
            let mut words = line.split_whitespace();
            let Some(name) = words.next() else { continue };
            let requests = words.map(str::parse).collect::<Result<_>>();
            let requests = requests.map_err(|error| error.context(variable(name)))?;
            let object = ObjectFile::read(&PathBuf::from(format!("{name}.o")))?;
            for symbol in &object.exported {
                exports.add(symbol, name);
            }
            modules.push(Self {
                name: name.to_owned(),
                requests,
                object,
            });
        }
        Ok((modules, exports))
    }

    /// Returns the path of the built module.
    pub fn path(&self) -> PathBuf {
        format!("{}.ko", self.name).into()
    }

    /// Returns whether any of its symbols becomes a livepatch symbol.
    pub fn is_relinked(&self) -> bool {
        let mut undefined = self.object.undefined.keys();
        !self.requests.is_empty()
            || undefined.any(|symbol| LivepatchSymbol::parse(symbol.as_bytes()).is_some())
    }

    fn providers(&self, exports: &Symvers) -> Result<Providers<'_>> {
        Providers::new(&self.requests, Some(exports))
            .map_err(|error| error.context(variable(&self.name)))
    }
}

fn variable(module: &str) -> String {
    format!("kimport-from-{module}")
}

impl ObjectFile {
    fn read(path: &Path) -> Result<Self> {
        let unusable = |error: &dyn std::fmt::Display| {
            Error::unusable(format_args!("{}: {error}", path.display()))
                .help("run the build again, after `make clean` if that does not help")
        };
        let bytes = fs::read(path).map_err(|error| unusable(&error))?;
        let file = object::File::parse(bytes.as_slice()).map_err(|error| unusable(&error))?;
        let mut this = Self::default();
        for symbol in file.symbols() {
            let name = symbol.name().map_err(|error| unusable(&error))?;
            if let Some(name) = name.strip_prefix(EXPORT) {
                this.exported.push(name.to_owned());
            } else if symbol.is_undefined() && !name.is_empty() {
                this.undefined.insert(name.to_owned(), symbol.is_weak());
            }
        }
        if let Some(section) = file.section_by_name(modinfo::SECTION) {
            let section = section.data().map_err(|error| unusable(&error))?;
            let imported = modinfo::values(section, "import_ns");
            let imported = imported.map(|name| String::from_utf8_lossy(name).into_owned());
            this.imported = imported.collect();
        }
        Ok(this)
    }
}

/// A symbol that a module needs.
struct UndefinedSymbol<'a> {
    module: &'a UnfinishedModule,
    symbol: &'a str,
    weak: bool,
    /// The livepatch symbol that it becomes.
    to: Option<LivepatchSymbol>,
    export: Option<Export>,
}

fn undefined_symbols<'a>(
    modules: &'a [UnfinishedModule],
    exports: &'a Symvers,
) -> Result<Vec<UndefinedSymbol<'a>>> {
    let mut undefined = Vec::new();
    for module in modules {
        let providers = module.providers(exports)?;
        for (symbol, &weak) in &module.object.undefined {
            undefined.push(UndefinedSymbol {
                module,
                symbol,
                weak,
                to: providers.of(symbol, exports.exporter(symbol), weak),
                export: exports.exports(symbol).into_iter().next(),
            });
        }
    }
    Ok(undefined)
}

/// Refuses a symbol that one module takes from a named provider and another module needs without
/// naming one: modpost cannot tell which of the modules an entry is for.
fn named_by_each(
    undefined: &[UndefinedSymbol<'_>],
    is_missed: impl Fn(&UndefinedSymbol<'_>) -> Option<String>,
) -> Result<()> {
    let named = |symbol: &str| {
        let mut others = undefined.iter().filter(|other| other.symbol == symbol);
        others.find_map(|other| Some((other.module, other.to.as_ref()?)))
    };
    let complaint = |symbol: &UndefinedSymbol<'_>| {
        let (other, to) = named(symbol.symbol)?;
        let why = is_missed(symbol)?;
        Some(format!(
            "{} needs {}, which {why}; {} has it from {}",
            symbol.module.name, symbol.symbol, other.name, to.object
        ))
    };
    let unnamed = undefined
        .iter()
        .filter(|symbol| symbol.to.is_none() && !symbol.weak);
    let complaints: Vec<String> = unnamed.filter_map(complaint).collect();
    if complaints.is_empty() {
        return Ok(());
    }
    Err(Error::finding(complaints.join("; "))
        .help("name the provider for each module: kimport-from-<module> := PROVIDER:SYMBOL"))
}

/// Returns a `Module.symvers` with the symbols that `modules` need, that nothing exports and that
/// have a provider.
pub fn unexported(modules: &[UnfinishedModule], exports: &Symvers) -> Result<String> {
    let mut undefined = undefined_symbols(modules, exports)?;
    undefined.retain(|symbol| symbol.export.is_none());
    named_by_each(&undefined, |_| Some("nothing exports".to_owned()))?;
    // The entries are exports of the kernel image, which `depends=` never names. modpost looks for
    // `.name` without the dot.
    let named = undefined.iter().filter(|symbol| symbol.to.is_some());
    let named: BTreeSet<_> = named
        .map(|symbol| symbol.symbol.strip_prefix('.').unwrap_or(symbol.symbol))
        .collect();
    let line = |symbol| format!("0x00000000\t{symbol}\t{VMLINUX}\tEXPORT_SYMBOL_GPL\t\n");
    Ok(named.into_iter().map(line).collect())
}

/// Returns `text`, a `Module.symvers`, changed as if the symbols that `modules` get from a provider
/// were exported to all modules.
pub fn to_all(text: &str, modules: &[UnfinishedModule], exports: &Symvers) -> Result<String> {
    let mut undefined = undefined_symbols(modules, exports)?;
    undefined.retain(|symbol| {
        let export = symbol.export.as_ref();
        export.is_some_and(|export| !export.namespace.is_empty())
    });
    named_by_each(&undefined, |symbol| {
        let export = symbol.export.as_ref()?;
        let UnfinishedModule { name, object, .. } = symbol.module;
        let is_for = export.is_for(&module_name(name), &object.imported);
        let (module, namespace) = (&export.module, &export.namespace);
        (!is_for).then(|| format!("{module} exports in namespace {namespace} only"))
    })?;
    let named = undefined.iter().filter(|symbol| symbol.to.is_some());
    let named: BTreeSet<&str> = named.map(|symbol| symbol.symbol).collect();
    let mut edited = String::with_capacity(text.len());
    for line in text.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        match fields.as_slice() {
            [crc, symbol, module, kind, _] if named.contains(symbol) => {
                edited += &format!("{crc}\t{symbol}\t{module}\t{kind}\t\n");
            }
            _ => edited += &format!("{line}\n"),
        }
    }
    Ok(edited)
}

/// Relinks the built module; returns [`None`] if that was done before. `kernel` tells the types
/// that the module was built with.
pub fn relink(
    module: &UnfinishedModule,
    exports: &Symvers,
    kernel: Option<&Kernel>,
) -> Result<Option<(Vec<u8>, RelinkReport)>> {
    let file = ModuleFile::read(&module.path())?;
    let options = RelinkOptions {
        requests: module.requests.clone(),
        ..RelinkOptions::default()
    };
    let (bytes, report) = relink::relink(&file, Some(exports), kernel, &options)
        .map_err(|error| error.context(variable(&module.name)))?;
    Ok(report.changed.then_some((bytes, report)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module(name: &str, requests: &[&str], undefined: &[(&str, bool)]) -> UnfinishedModule {
        let undefined = undefined.iter();
        let undefined = undefined.map(|&(name, weak)| (name.to_owned(), weak));
        UnfinishedModule {
            name: name.to_owned(),
            requests: requests.iter().map(|text| text.parse().unwrap()).collect(),
            object: ObjectFile {
                undefined: undefined.collect(),
                ..ObjectFile::default()
            },
        }
    }

    fn exports() -> Symvers {
        Symvers::parse(
            "0x0\tkfree\tvmlinux\tEXPORT_SYMBOL\t\n0x0\ttarget_submit\ttarget_core_mod\tEXPORT_SYMBOL\t\n",
        )
        .unwrap()
    }

    const HIDDEN: &str = "0x00000000\thidden\tvmlinux\tEXPORT_SYMBOL_GPL\t\n";
    const MARKED: &str = ".klp.sym.new.hidden,0";

    #[test]
    fn modpost_hears_of_what_is_named_and_no_export() {
        let undefined = ["kfree", "target_submit", "hidden", "forgotten"];
        let undefined = undefined.map(|name| (name, false));
        let listed = module("a", &["new:target_submit,hidden"], &undefined);
        assert_eq!(unexported(&[listed], &exports()).unwrap(), HIDDEN);
        let nothing = module("a", &["new=target_core_mod"], &undefined);
        assert_eq!(unexported(&[nothing], &exports()).unwrap(), "");
        let marked = module("a", &[], &[(MARKED, false), ("kfree", false)]);
        assert!(marked.is_relinked());
        let text = unexported(&[marked], &exports()).unwrap();
        assert_eq!(text, HIDDEN.replace("hidden", &MARKED[1..]));
    }

    #[test]
    fn each_module_names_its_own() {
        let a = module("a", &["new:hidden"], &[("hidden", false)]);
        let b = |weak| module("b", &[], &[("hidden", weak)]);
        let error = unexported(&[a.clone(), b(false)], &exports()).unwrap_err();
        assert!(error.to_string().starts_with("b needs hidden"), "{error}");
        let text = unexported(&[a.clone(), b(true)], &exports()).unwrap();
        assert_eq!(text, HIDDEN);
        let other = module("b", &["vmlinux:hidden@2"], &[("hidden", false)]);
        assert_eq!(unexported(&[a, other], &exports()).unwrap(), HIDDEN);
        assert!(!b(false).is_relinked());
    }

    #[test]
    fn what_is_taken_from_a_provider_is_in_no_namespace() {
        let text = "0x1\topen\tvmlinux\tEXPORT_SYMBOL\t\n\
                    0x2\tshut\tvmlinux\tEXPORT_SYMBOL_GPL\tmodule:kvm,kvm-amd\n\
                    0x3\tns\tfoo\tEXPORT_SYMBOL_GPL\tNS\n";
        let exports = Symvers::parse(text).unwrap();
        let undefined = [("open", false), ("shut", false), ("ns", false)];
        let a = module("a", &["vmlinux:open,shut"], &undefined);
        let to_all = |modules: &[UnfinishedModule]| super::to_all(text, modules, &exports);
        let opened = text.replace("module:kvm,kvm-amd", "");
        assert_eq!(to_all(std::slice::from_ref(&a)).unwrap(), opened);
        let by_exporter = module("a", &["other=foo"], &undefined);
        let opened_ns = text.replace("NS", "");
        assert_eq!(to_all(&[by_exporter]).unwrap(), opened_ns);

        // modpost would not complain of the other module.
        let b = module("b", &[], &[("shut", false)]);
        let error = to_all(&[a.clone(), b.clone()]).unwrap_err();
        let why = "b needs shut, which vmlinux exports in namespace module:kvm,kvm-amd only; a has it from vmlinux";
        assert_eq!(error.to_string(), why);
        let kvm = UnfinishedModule {
            name: "kvm-amd".to_owned(),
            ..b.clone()
        };
        assert_eq!(to_all(&[a.clone(), kvm]).unwrap(), opened);
        let mut imports = b;
        imports.object.imported = vec!["module:kvm,kvm-amd".to_owned()];
        assert_eq!(to_all(&[a, imports]).unwrap(), opened);
        // A symbol that no module takes from a provider stays as it is.
        let none = module("c", &[], &undefined);
        assert_eq!(to_all(&[none]).unwrap(), text);
    }

    #[test]
    fn a_wrong_request_is_shown_with_its_variable() {
        let error = UnfinishedModule::read_all("foo a/b:c\n", exports()).unwrap_err();
        let error = error.to_string();
        assert!(error.starts_with("kimport-from-foo: "), "{error}");
    }
}
