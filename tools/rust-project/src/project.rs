// SPDX-License-Identifier: GPL-2.0

//! The whole description: the kernel's crates, and the crates that were built with kimport.

use anyhow::{ensure, Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The part of the format that is used here. Other fields that the kernel writes are passed on.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Project {
    sysroot: PathBuf,
    crates: Vec<Crate>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Crate {
    display_name: String,
    root_module: PathBuf,
    edition: String,
    deps: Vec<Dependency>,
    #[serde(default)]
    cfg: Vec<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    is_workspace_member: bool,
    #[serde(default)]
    is_proc_macro: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    proc_macro_dylib_path: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<Source>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Dependency {
    #[serde(rename = "crate")]
    index: usize,
    name: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Source {
    include_dirs: Vec<PathBuf>,
    exclude_dirs: Vec<PathBuf>,
}

/// Returns the path, seen from outside, of a file in the system whose root is `root`.
fn outside(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

impl Project {
    /// Reads the kernel's description of its crates. The compiler and its sources are in the system
    /// whose root is `root`.
    pub(crate) fn of_kernel(text: &str, root: &Path) -> Result<Self> {
        let mut this: Self = serde_json::from_str(text)?;
        for item in &mut this.crates {
            // The editor only checks the crates that were built with kimport.
            item.is_workspace_member = false;
            if item.root_module.starts_with(&this.sysroot) {
                item.root_module = outside(root, &item.root_module);
            }
        }
        this.sysroot = outside(root, &this.sysroot);
        Ok(this)
    }

    /// Adds the crates that were built. One that was built several times, as the library is for
    /// each module, is added once.
    pub(crate) fn add(&mut self, mut built: Vec<Built>) -> Result<()> {
        let mut sources = BTreeSet::new();
        built.retain(|one| sources.insert(one.root_module.clone()));
        // Crates refer to each other by name. The parts of a module may share a name, but no crate
        // refers to a module.
        let mut indices = BTreeMap::new();
        let kernel = self.crates.iter().map(|item| item.display_name.clone());
        let ours = built.iter().map(|one| one.display_name.clone());
        for (index, name) in kernel.chain(ours).enumerate() {
            indices.entry(name).or_insert(index);
        }
        // Each crate that is built for a kernel has the kernel's configuration.
        let kernel = self
            .crates
            .iter()
            .find(|item| item.display_name == "kernel");
        let cfg = kernel.map(|item| item.cfg.clone()).unwrap_or_default();
        for one in built {
            let place = one.root_module.display().to_string();
            self.crates
                .push(one.into_crate(&indices, &cfg).context(place)?);
        }
        Ok(())
    }

    /// Fails unless all files and crates that are named exist. rust-analyzer silently passes over a
    /// file or crate that it does not find.
    pub(crate) fn check(&self) -> Result<()> {
        for item in &self.crates {
            let files = [Some(&item.root_module), item.proc_macro_dylib_path.as_ref()];
            for file in files.into_iter().flatten() {
                ensure!(
                    file.exists(),
                    "{}: there is no {}",
                    item.display_name,
                    file.display()
                );
            }
            ensure!(
                item.is_proc_macro == item.proc_macro_dylib_path.is_some(),
                "{}: a procedural macro has a library, nothing else has one",
                item.display_name
            );
            for dependency in &item.deps {
                ensure!(
                    dependency.index < self.crates.len(),
                    "{}: there is no crate {}",
                    item.display_name,
                    dependency.name
                );
            }
        }
        Ok(())
    }

    pub(crate) fn json(&self) -> Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}

/// A crate as scripts/Makefile.kimport describes it.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Built {
    display_name: String,
    root_module: PathBuf,
    edition: String,
    /// The names of the crates that it uses.
    deps: Vec<String>,
    cfg: Vec<String>,
    env: BTreeMap<String, String>,
    include_dirs: Vec<PathBuf>,
    proc_macro_dylib_path: Option<PathBuf>,
}

impl Built {
    fn into_crate(self, indices: &BTreeMap<String, usize>, kernel: &[String]) -> Result<Crate> {
        let deps = self.deps.into_iter().map(|name| {
            let index = *indices
                .get(&name)
                .with_context(|| format!("it uses the crate {name}, which is not known"))?;
            Ok(Dependency { index, name })
        });
        let is_proc_macro = self.proc_macro_dylib_path.is_some();
        // A macro runs on this machine.
        let kernel: &[String] = if is_proc_macro { &[] } else { kernel };
        Ok(Crate {
            display_name: self.display_name,
            root_module: self.root_module,
            edition: self.edition,
            deps: deps.collect::<Result<_>>()?,
            cfg: [kernel, &self.cfg].concat(),
            env: self.env,
            is_workspace_member: true,
            is_proc_macro,
            proc_macro_dylib_path: self.proc_macro_dylib_path,
            source: Some(Source {
                include_dirs: self.include_dirs,
                exclude_dirs: Vec::new(),
            }),
            others: Map::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::fs;

    fn kernel() -> String {
        let item = |name: &str, root: &str| {
            json!({
                "display_name": name, "root_module": root, "edition": "2021", "deps": [], "cfg": ["CONFIG_SMP"],
                "env": {}, "is_workspace_member": true,
            })
        };
        json!({
            "sysroot": "/usr",
            "crates": [
                item("core", "/usr/lib/core/lib.rs"),
                item("std", "/usr/lib/std/lib.rs"),
                item("kernel", "/source/rust/kernel/lib.rs"),
            ],
        })
        .to_string()
    }

    fn built(name: &str, source: &str, deps: &[&str]) -> Built {
        Built {
            display_name: name.into(),
            root_module: source.into(),
            edition: "2021".into(),
            deps: deps.iter().map(|name| (*name).to_owned()).collect(),
            ..Built::default()
        }
    }

    fn json(project: &Project) -> Value {
        serde_json::from_str(&project.json().unwrap()).unwrap()
    }

    #[test]
    fn paths_of_the_compiler_are_those_outside_of_the_root() {
        let project = json(&Project::of_kernel(&kernel(), Path::new("/root")).unwrap());
        assert_eq!(project["sysroot"], "/root/usr");
        assert_eq!(
            project["crates"][0]["root_module"],
            "/root/usr/lib/core/lib.rs"
        );
        assert_eq!(
            project["crates"][2]["root_module"],
            "/source/rust/kernel/lib.rs"
        );
        assert_eq!(project["crates"][2]["is_workspace_member"], false);
    }

    #[test]
    fn dependencies_are_found_by_name_in_any_order() {
        let mut project = Project::of_kernel(&kernel(), Path::new("/")).unwrap();
        let first = built("a_module", "/a/main.rs", &["core", "kimport", "kernel"]);
        let mut library = built("kimport", "/kimport/lib.rs", &["kernel"]);
        library.cfg = vec!["MODULE".into()];
        let second = built("b", "/b/main.rs", &["core", "kimport"]);
        let again = built("kimport", "/kimport/lib.rs", &["kernel"]);
        project.add(vec![first, library, second, again]).unwrap();
        let project = json(&project);
        let crates = project["crates"].as_array().unwrap();
        assert_eq!(crates.len(), 3 + 3);
        assert_eq!(crates[3]["display_name"], "a_module");
        let deps = json!([
            { "crate": 0, "name": "core" },
            { "crate": 4, "name": "kimport" },
            { "crate": 2, "name": "kernel" },
        ]);
        assert_eq!(crates[3]["deps"], deps);
        assert_eq!(crates[5]["deps"][1]["crate"], 4);
        assert_eq!(crates[4]["cfg"], json!(["CONFIG_SMP", "MODULE"]));
    }

    #[test]
    fn an_unknown_dependency_is_an_error() {
        let mut project = Project::of_kernel(&kernel(), Path::new("/")).unwrap();
        let module = built("a", "/a.rs", &["zerocopy"]);
        let error = project.add(vec![module]).unwrap_err();
        assert!(format!("{error:#}").contains("zerocopy"), "{error:#}");
    }

    #[test]
    fn all_that_is_named_must_be_there() {
        let dir = tempfile::tempdir().unwrap();
        let source = |name: &str| dir.path().join(name);
        for name in ["core.rs", "m.rs", "libm.so"] {
            fs::write(source(name), "").unwrap();
        }
        let kernel = json!({
            "sysroot": "/usr",
            "crates": [
                { "display_name": "core", "root_module": source("core.rs"), "edition": "2021", "deps": [], "is_workspace_member": true },
                { "display_name": "std", "root_module": source("core.rs"), "edition": "2021", "deps": [{"crate": 0, "name": "core"}],
                  "is_workspace_member": true },
            ],
        });
        let project = |change: &dyn Fn(&mut Value)| {
            let mut kernel = kernel.clone();
            change(&mut kernel);
            let mut project = Project::of_kernel(&kernel.to_string(), Path::new("/")).unwrap();
            let mut plugin = built("m", "", &["std"]);
            plugin.root_module = source("m.rs");
            plugin.proc_macro_dylib_path = Some(source("libm.so"));
            project.add(vec![plugin]).unwrap();
            let plugin = project.crates.last().unwrap();
            assert!(plugin.cfg.is_empty() && plugin.is_proc_macro);
            project
        };
        let check = |project: Project| project.check().map_err(|error| error.to_string());
        assert_eq!(check(project(&|_| {})), Ok(()));
        let error = check(project(&|kernel| {
            kernel["crates"][0]["root_module"] = "/no/such.rs".into()
        }));
        assert_eq!(error.unwrap_err(), "core: there is no /no/such.rs");
        let error = check(project(&|kernel| {
            kernel["crates"][1]["deps"][0]["crate"] = 9.into()
        }));
        assert_eq!(error.unwrap_err(), "std: there is no crate core");
        fs::remove_file(source("libm.so")).unwrap();
        assert!(check(project(&|_| {}))
            .unwrap_err()
            .starts_with("m: there is no "));
    }
}
