// SPDX-License-Identifier: GPL-2.0

//! The description as a whole: the kernel's crates, and those that were built with kimport.

use crate::command::Command;
use anyhow::{bail, ensure, Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The part of the format that is used here; what else the kernel writes is passed on.
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

/// Where a path of the system whose root is `root` is seen from outside of it.
fn outside(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

impl Project {
    /// What the kernel says of its crates. The compiler and its sources are in the system whose root is `root`.
    pub(crate) fn of_kernel(text: &str, root: &Path) -> Result<Self> {
        let mut this: Self = serde_json::from_str(text)?;
        for item in &mut this.crates {
            // Only what was built with kimport is the editor's to check.
            item.is_workspace_member = false;
            if item.root_module.starts_with(&this.sysroot) {
                item.root_module = outside(root, &item.root_module);
            }
        }
        this.sysroot = outside(root, &this.sysroot);
        Ok(this)
    }

    /// Adds what `commands` compiled. What was compiled several times, as the library is for each module, is one crate.
    pub(crate) fn add(&mut self, commands: &[Command]) -> Result<()> {
        let mut distinct: Vec<&Command> = Vec::new();
        for command in commands {
            if distinct.iter().all(|known| known.source != command.source) {
                distinct.push(command);
            }
        }
        // Names by which others refer to a crate. Modules may share theirs, as `main`, but nobody refers to one.
        let mut indices = BTreeMap::new();
        let kernel = self.crates.iter().map(|item| item.display_name.clone());
        let ours = distinct.iter().map(|command| command.crate_name.clone());
        for (index, name) in kernel.chain(ours).enumerate() {
            indices.entry(name).or_insert(index);
        }
        for command in distinct {
            let item = Crate::new(command, &indices)
                .with_context(|| format!("{}", command.source.display()))?;
            self.crates.push(item);
        }
        Ok(())
    }

    /// Whether rust-analyzer will find everything that is named: it would pass over what it does not find in silence.
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
                match self.crates.get(dependency.index) {
                    Some(_) => {}
                    None => bail!(
                        "{}: there is no crate {}",
                        item.display_name,
                        dependency.name
                    ),
                }
            }
        }
        Ok(())
    }

    pub(crate) fn json(&self) -> Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}

impl Crate {
    fn new(command: &Command, indices: &BTreeMap<String, usize>) -> Result<Self> {
        // The one that the compiler adds by itself.
        let standard = match command.proc_macro {
            Some(_) => "std",
            None => "core",
        };
        let deps = std::iter::once(standard)
            .chain(command.externs.iter().map(String::as_str))
            .map(|name| {
                let index = *indices
                    .get(name)
                    .with_context(|| format!("it uses the crate {name}, which is not known"))?;
                let name = name.to_owned();
                Ok(Dependency { index, name })
            })
            .collect::<Result<_>>()?;
        // Parts of a module are called `main` and the like; people know the module.
        let module = command
            .env
            .get("RUST_MODFILE")
            .and_then(|file| Path::new(file).file_name());
        let module = module.map(|name| name.to_string_lossy().replace('-', "_"));
        let directory = command.source.parent().context("its source is no file")?;
        Ok(Self {
            display_name: module.unwrap_or_else(|| command.crate_name.clone()),
            root_module: command.source.clone(),
            edition: command.edition.clone(),
            deps,
            cfg: command.cfgs.clone(),
            env: command.env.clone(),
            is_workspace_member: true,
            is_proc_macro: command.proc_macro.is_some(),
            proc_macro_dylib_path: command.proc_macro.clone(),
            source: Some(Source {
                include_dirs: std::iter::once(directory.to_owned())
                    .chain(command.generated.clone())
                    .collect(),
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
                "display_name": name, "root_module": root, "edition": "2021", "deps": [], "cfg": [],
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

    fn command(name: &str, source: &str, externs: &[&str]) -> Command {
        Command {
            crate_name: name.into(),
            source: source.into(),
            edition: "2021".into(),
            externs: externs.iter().map(|name| (*name).to_owned()).collect(),
            ..Command::default()
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
        let mut first = command("main", "/a/main.rs", &["kimport", "kernel"]);
        first.env.insert("RUST_MODFILE".into(), "./a-module".into());
        let library = || command("kimport", "/kimport/lib.rs", &["kernel"]);
        let second = command("main", "/b/main.rs", &["kimport"]);
        project.add(&[first, library(), second, library()]).unwrap();
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
    }

    #[test]
    fn an_unknown_dependency_is_an_error() {
        let mut project = Project::of_kernel(&kernel(), Path::new("/")).unwrap();
        let error = project
            .add(&[command("a", "/a.rs", &["zerocopy"])])
            .unwrap_err();
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
            let mut plugin = command("m", "", &[]);
            plugin.source = source("m.rs");
            plugin.proc_macro = Some(source("libm.so"));
            project.add(&[plugin]).unwrap();
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
