// SPDX-License-Identifier: GPL-2.0

//! The steps of `scripts/Makefile.relink`, which relinks modules while they are built.
//!
//! modpost refuses a module with symbols that nothing exports. So before it runs, [`unexported`]
//! writes down those whose provider is named, as exports, which modpost then believes to exist. Any
//! other one it still complains of. After the final link [`relink()`] makes livepatch relocations of
//! them; `depends=` gets the providers then.

use crate::{
    elf::LivepatchSymbol,
    error::{Error, Result},
    module_file::ModuleFile,
    relink::{
        self,
        plan::Providers,
        request::{Choice, Request},
        Report, Wish,
    },
    symvers::{Symvers, VMLINUX},
};
use object::{Object, ObjectSymbol};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// Begins the names of the symbols by which an object file says what it exports.
const EXPORT: &str = "__export_symbol_";

/// A module that is being built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// Its name in the Kbuild, which is its path without suffix.
    name: String,
    /// What `kimport-from-<name>` says.
    requests: Vec<Request>,
    /// The symbols that it needs, and whether it can do without.
    undefined: BTreeMap<String, bool>,
}

impl Module {
    /// Reads the object files of the modules that `list` names: a line for each, with the requests
    /// behind the name. Also returns what the modules and others export, these being `others`.
    pub fn read_all(list: &str, others: Symvers) -> Result<(Vec<Self>, Symvers)> {
        let mut exports = others;
        let mut modules = Vec::new();
        for line in list.lines() {
            let mut words = line.split_whitespace();
            let Some(name) = words.next() else { continue };
            let requests = words.map(str::parse).collect::<Result<_>>();
            let requests = requests.map_err(|error| error.context(variable(name)))?;
            let path = PathBuf::from(format!("{name}.o"));
            let (undefined, exported) = symbols(&path)?;
            for symbol in exported {
                exports.add(&symbol, name);
            }
            modules.push(Self {
                name: name.to_owned(),
                requests,
                undefined,
            });
        }
        for module in &mut modules {
            module.requests = without_exported(&module.requests, &exports);
        }
        Ok((modules, exports))
    }

    /// Where the built module is.
    pub fn path(&self) -> PathBuf {
        format!("{}.ko", self.name).into()
    }

    /// Whether anything of it is to become a livepatch relocation.
    pub fn is_relinked(&self) -> bool {
        let mut undefined = self.undefined.keys();
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

/// The symbols that an object file needs, each with whether it is weak, and those that it exports.
fn symbols(path: &Path) -> Result<(BTreeMap<String, bool>, Vec<String>)> {
    let unusable = |error: &dyn std::fmt::Display| {
        Error::unusable(format_args!("{}: {error}", path.display()))
            .help("run the build again, after `make clean` if that does not help")
    };
    let bytes = fs::read(path).map_err(|error| unusable(&error))?;
    let file = object::File::parse(bytes.as_slice()).map_err(|error| unusable(&error))?;
    let mut undefined = BTreeMap::new();
    let mut exported = Vec::new();
    for symbol in file.symbols() {
        let name = symbol.name().map_err(|error| unusable(&error))?;
        if let Some(name) = name.strip_prefix(EXPORT) {
            exported.push(name.to_owned());
        } else if symbol.is_undefined() && !name.is_empty() {
            undefined.insert(name.to_owned(), symbol.is_weak());
        }
    }
    Ok((undefined, exported))
}

/// What a listed provider itself exports stays an ordinary import, which holds it.
fn without_exported(requests: &[Request], exports: &Symvers) -> Vec<Request> {
    let mut requests = requests.to_vec();
    requests.retain_mut(|Request { provider, choice }| {
        let Choice::Listed(symbols) = choice else {
            return true;
        };
        symbols.retain(|symbol| exports.exporter(&symbol.name) != Some(provider));
        !symbols.is_empty()
    });
    requests
}

/// A `Module.symvers` with what `modules` need and nothing exports, but has a provider.
///
/// modpost cannot tell which module an entry is for, so one that needs the same symbol without
/// saying from where is refused here.
pub fn unexported(modules: &[Module], exports: &Symvers) -> Result<String> {
    let mut named: BTreeMap<&str, (&Module, LivepatchSymbol)> = BTreeMap::new();
    let mut unnamed = Vec::new();
    for module in modules {
        let providers = module.providers(exports)?;
        for (symbol, &weak) in &module.undefined {
            if exports.exporter(symbol).is_some() {
                continue;
            }
            match providers.of(symbol, None, weak) {
                Some(to) => {
                    named.insert(symbol, (module, to));
                }
                None if weak => {}
                None => unnamed.push((module, symbol)),
            }
        }
    }
    let complaints: Vec<String> = unnamed
        .iter()
        .filter_map(|(module, symbol)| {
            let (other, to) = named.get(symbol.as_str())?;
            Some(format!(
                "{} needs {symbol}, which nothing exports; {} has it from {}",
                module.name, other.name, to.object
            ))
        })
        .collect();
    if !complaints.is_empty() {
        return Err(Error::finding(complaints.join("; "))
            .help("name the provider for each module: kimport-from-<module> := PROVIDER:SYMBOL"));
    }
    // As exports of the kernel image, which `depends=` never has. modpost looks for `.name` without the dot.
    let lines: Vec<_> = named
        .keys()
        .map(|symbol| symbol.strip_prefix('.').unwrap_or(symbol))
        .map(|symbol| format!("0x00000000\t{symbol}\t{VMLINUX}\tEXPORT_SYMBOL_GPL\t\n"))
        .collect();
    Ok(lines.concat())
}

/// Relinks the built module; [`None`] when that was done before.
pub fn relink(module: &Module, exports: &Symvers) -> Result<Option<(Vec<u8>, Report)>> {
    let file = ModuleFile::read(&module.path())?;
    let wish = Wish {
        requests: module.requests.clone(),
        ..Wish::default()
    };
    let (bytes, report) = relink::relink(&file, Some(exports), &wish)
        .map_err(|error| error.context(variable(&module.name)))?;
    Ok(report.changed.then_some((bytes, report)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module(name: &str, requests: &[&str], undefined: &[(&str, bool)]) -> Module {
        let undefined = undefined.iter();
        Module {
            name: name.to_owned(),
            requests: requests.iter().map(|text| text.parse().unwrap()).collect(),
            undefined: undefined
                .map(|&(name, weak)| (name.to_owned(), weak))
                .collect(),
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
        let undefined = [
            ("kfree", false),
            ("target_submit", false),
            ("hidden", false),
            ("forgotten", false),
        ];
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
    fn exports_stay_ordinary_imports() {
        let requests: Vec<Request> = ["vmlinux:kfree,hidden", "vmlinux:kfree", "new:target_submit"]
            .map(|text| text.parse().unwrap())
            .into();
        let left: Vec<Request> = ["vmlinux:hidden", "new:target_submit"]
            .map(|text| text.parse().unwrap())
            .into();
        assert_eq!(without_exported(&requests, &exports()), left);
    }

    #[test]
    fn a_wrong_request_is_shown_with_its_variable() {
        let error = Module::read_all("foo a/b:c\n", exports()).unwrap_err();
        assert!(
            error.to_string().starts_with("kimport-from-foo: "),
            "{error}"
        );
    }
}
