// SPDX-License-Identifier: GPL-2.0

//! The stock kernel's modules: their paths, their dependencies, and a small tree with some of them.

use crate::{commit_dir, fingerprint};
use anyhow::{bail, ensure, Context, Result};
use liblzma::read::XzDecoder;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// An installed or unpacked kernel.
#[derive(Clone, Debug)]
pub(crate) struct Stock {
    pub(crate) release: String,
    /// The directory that `lib/modules/RELEASE` is in.
    pub(crate) base: PathBuf,
    pub(crate) kernel: PathBuf,
}

impl Stock {
    /// Finds the kernel below `dir`, the root of an unpacked package or of a system.
    pub(crate) fn find(dir: &Path, release: Option<&str>) -> Result<Self> {
        let base = ["usr", ""]
            .iter()
            .map(|sub| dir.join(sub))
            .find(|base| base.join("lib/modules").is_dir())
            .with_context(|| format!("no lib/modules below {}", dir.display()))?;
        let modules = base.join("lib/modules");
        let mut releases: Vec<_> = fs::read_dir(&modules)
            .with_context(|| format!("cannot read {}", modules.display()))?
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| modules.join(name).join("kernel").is_dir())
            .filter(|name| release.is_none_or(|release| release == name))
            .collect();
        releases.sort();
        let release = match releases.as_slice() {
            [release] => release.clone(),
            [] => bail!("no kernel with modules in {}", modules.display()),
            many => bail!("which kernel? --release one of {}", many.join(", ")),
        };
        let candidates = [
            modules.join(&release).join("vmlinuz"),
            dir.join("boot").join(format!("vmlinuz-{release}")),
        ];
        let kernel = candidates
            .into_iter()
            .find(|path| path.is_file())
            .with_context(|| format!("no vmlinuz of {release} below {}", dir.display()))?;
        Ok(Self {
            release,
            base,
            kernel,
        })
    }

    pub(crate) fn modules(&self) -> PathBuf {
        self.base.join("lib/modules").join(&self.release)
    }

    /// Returns a text that changes when the kernel is another one, or when a module was installed.
    /// That makes depmod write its list anew, which an unpacked package lacks.
    pub(crate) fn fingerprint(&self) -> Result<String> {
        let order = self.modules().join("modules.order");
        let listed = self.modules().join("modules.dep");
        Ok(format!(
            "{} {} {} {}",
            self.release,
            fingerprint(&order)?,
            fingerprint(&self.kernel)?,
            fingerprint(&listed).unwrap_or_default()
        ))
    }

    /// Returns the dependencies of all modules. An unpacked package has none, so depmod writes them
    /// to the cache once.
    pub(crate) fn dependencies(&self, cache: &Path) -> Result<Dependencies> {
        let key = crate::short_hash(&format!(
            "{} {}",
            self.base.canonicalize()?.display(),
            self.fingerprint()?
        ));
        let dir = cache.join(format!("depmod-{}-{key}", self.release));
        let made = dir.join("lib/modules").join(&self.release);
        if !made.join("modules.dep").is_file() {
            fs::create_dir_all(cache)?;
            let temp = tempfile::tempdir_in(cache)?;
            let mut command = depmod(&self.base, &self.release);
            run(command.arg("-o").arg(temp.path()))?;
            commit_dir(temp, &dir)?;
        }
        let read = |name: &str| {
            let path = made.join(name);
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
        };
        let builtin = self.modules().join("modules.builtin");
        Ok(Dependencies::parse(
            &read("modules.dep")?,
            &read("modules.softdep")?,
            &read("modules.alias")?,
            &fs::read_to_string(&builtin).unwrap_or_default(),
        ))
    }

    /// Copies these modules, decompressed, and their index files into `target/lib/modules`.
    pub(crate) fn stage(&self, paths: &BTreeSet<String>, target: &Path) -> Result<()> {
        let to = target.join("lib/modules").join(&self.release);
        for path in paths {
            let from = self.modules().join(path);
            let plain = to.join(path.strip_suffix(".xz").unwrap_or(path));
            if let Some(parent) = plain.parent() {
                fs::create_dir_all(parent)?;
            }
            decompress(&from, &plain).with_context(|| format!("cannot copy {}", from.display()))?;
        }
        fs::create_dir_all(&to)?;
        for name in [
            "modules.order",
            "modules.builtin",
            "modules.builtin.modinfo",
        ] {
            let from = self.modules().join(name);
            if from.is_file() {
                fs::copy(&from, to.join(name))?;
            }
        }
        run(&mut depmod(target, &self.release))
    }
}

/// Decompresses a module, which would take time in each run if the guest did it.
fn decompress(from: &Path, to: &Path) -> Result<()> {
    if from.extension().is_some_and(|extension| extension == "xz") {
        let mut input = XzDecoder::new(fs::File::open(from)?);
        io::copy(&mut input, &mut fs::File::create(to)?)?;
    } else {
        // modprobe itself reads the other compressions.
        fs::copy(from, to)?;
    }
    Ok(())
}

fn depmod(base: &Path, release: &str) -> Command {
    let mut command = Command::new("depmod");
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{path}:/usr/sbin:/sbin"));
    command.arg("-b").arg(base).arg(release);
    command
}

fn run(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .with_context(|| format!("cannot run {program}"))?;
    ensure!(
        output.status.success(),
        "{program} failed: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(())
}

/// The contents of `modules.dep` and its siblings.
#[derive(Debug, Default)]
pub(crate) struct Dependencies {
    /// The path of each module and the paths of its dependencies, by name.
    modules: BTreeMap<String, (String, Vec<String>)>,
    /// The soft dependencies, which may be aliases.
    soft: BTreeMap<String, Vec<String>>,
    /// The modules that have an alias.
    aliases: BTreeMap<String, Vec<String>>,
    builtin: BTreeSet<String>,
}

impl Dependencies {
    /// Reads the contents of `modules.dep`, `modules.softdep`, `modules.alias` and
    /// `modules.builtin`.
    pub(crate) fn parse(dep: &str, softdep: &str, alias: &str, builtin: &str) -> Self {
        let modules = dep.lines().filter_map(|line| {
            let (path, needs) = line.split_once(':')?;
            let needs = needs.split_whitespace().map(str::to_owned).collect();
            Some((module_name(path), (path.to_owned(), needs)))
        });
        let mut soft: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for line in softdep.lines() {
            let mut words = line.split_whitespace();
            if let (Some("softdep"), Some(name)) = (words.next(), words.next()) {
                let wanted = words.filter(|word| !word.ends_with(':')).map(module_name);
                soft.entry(module_name(name)).or_default().extend(wanted);
            }
        }
        let mut aliases: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for line in alias.lines() {
            let words: Vec<_> = line.split_whitespace().collect();
            if let ["alias", alias, module] = words.as_slice() {
                let modules = aliases.entry(module_name(alias)).or_default();
                modules.push(module_name(module));
            }
        }
        Self {
            modules: modules.collect(),
            soft,
            aliases,
            builtin: builtin.lines().map(module_name).collect(),
        }
    }

    /// Returns whether the kernel has the module, as a file or in its image.
    pub(crate) fn has(&self, name: &str) -> bool {
        let key = module_name(name);
        self.modules.contains_key(&key) || self.builtin.contains(&key)
    }

    /// Returns the paths of these modules and of all their dependencies, including the soft ones
    /// that exist. A module that is part of the image has no path. One error names all unknown
    /// modules.
    pub(crate) fn closure<'a>(
        &self,
        names: impl Iterator<Item = &'a str>,
    ) -> Result<BTreeSet<String>> {
        let mut paths = BTreeSet::new();
        let mut unknown = Vec::new();
        let mut work = Vec::new();
        for name in names {
            let key = module_name(name);
            if self.modules.contains_key(&key) {
                work.push(key);
            } else if !self.builtin.contains(&key) {
                unknown.push(name);
            }
        }
        ensure!(
            unknown.is_empty(),
            "the kernel has no module named {}",
            unknown.join(", ")
        );
        while let Some(name) = work.pop() {
            let Some((path, needs)) = self.modules.get(&name) else {
                continue;
            };
            if paths.insert(path.clone()) {
                work.extend(needs.iter().map(|path| module_name(path)));
                for soft in self.soft.get(&name).into_iter().flatten() {
                    work.push(soft.clone());
                    work.extend(self.aliases.get(soft).into_iter().flatten().cloned());
                }
            }
        }
        Ok(paths)
    }
}

/// Returns a module's name as the kernel spells it, from a path or from any spelling.
fn module_name(path: &str) -> String {
    let file = path.rsplit('/').next().unwrap_or(path);
    let stem = file.split_once(".ko").map_or(file, |(stem, _)| stem);
    stem.replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DEP: &str = "\
kernel/fs/ext4/ext4.ko.xz: kernel/lib/crc/crc16.ko.xz kernel/fs/jbd2/jbd2.ko.xz
kernel/lib/crc/crc16.ko.xz:
kernel/fs/jbd2/jbd2.ko.xz:
kernel/crypto/crypto-hash.ko:
kernel/drivers/md/dm-flakey.ko.xz: kernel/drivers/md/dm-mod.ko.xz
kernel/drivers/md/dm-mod.ko.xz:
";

    fn closure(names: &[&str]) -> Result<Vec<String>> {
        let soft = "# comment\nsoftdep jbd2 pre: hash post: absent\n";
        let alias = "# comment\nalias hash crypto_hash\nalias pci:v*d* dm_flakey\n";
        let builtin = "kernel/drivers/virtio/virtio_pci.ko\n";
        let dependencies = Dependencies::parse(DEP, soft, alias, builtin);
        Ok(dependencies
            .closure(names.iter().copied())?
            .into_iter()
            .collect())
    }

    #[test]
    fn a_module_that_was_installed_makes_another_kernel() {
        let root = tempfile::tempdir().unwrap();
        let modules = root.path().join("lib/modules/1");
        fs::create_dir_all(modules.join("kernel")).unwrap();
        for name in ["modules.order", "vmlinuz"] {
            fs::write(modules.join(name), "").unwrap();
        }
        let stock = Stock::find(root.path(), None).unwrap();
        let unpacked = stock.fingerprint().unwrap();
        let with = |list: &str| {
            fs::write(modules.join("modules.dep"), list).unwrap();
            stock.fingerprint().unwrap()
        };
        let first = with("a.ko:\n");
        assert_ne!(unpacked, first);
        assert_ne!(first, with("a.ko:\nupdates/dkms/b.ko:\n"));
    }

    #[test]
    fn closure_follows_hard_and_soft_dependencies() {
        assert_eq!(
            closure(&["ext4"]).unwrap(),
            [
                "kernel/crypto/crypto-hash.ko",
                "kernel/fs/ext4/ext4.ko.xz",
                "kernel/fs/jbd2/jbd2.ko.xz",
                "kernel/lib/crc/crc16.ko.xz",
            ]
        );
    }

    #[test]
    fn both_spellings_are_one_name() {
        assert_eq!(
            closure(&["dm_flakey"]).unwrap(),
            closure(&["dm-flakey"]).unwrap()
        );
    }

    #[test]
    fn builtin_modules_need_no_file_and_unknown_ones_are_all_named() {
        assert!(closure(&["virtio_pci"]).unwrap().is_empty());
        let error = closure(&["nope", "ext4", "neither"])
            .unwrap_err()
            .to_string();
        assert!(error.contains("nope, neither"), "{error}");
    }

    proptest! {
        /// The modules may depend on each other in a circle.
        #[test]
        fn what_is_needed_is_in_the_closure(
            needs in prop::collection::btree_map(
                "[a-d]",
                prop::collection::vec("[a-e]", 0..3),
                1..5,
            ),
        ) {
            let line = |(name, needs): (&String, &Vec<String>)| {
                let needs: Vec<_> = needs.iter().map(|need| format!("k/{need}.ko")).collect();
                format!("k/{name}.ko: {}\n", needs.join(" "))
            };
            let text: String = needs.iter().map(line).collect();
            let dependencies = Dependencies::parse(&text, "", "", "");
            for name in needs.keys() {
                let paths = dependencies.closure([name.as_str()].into_iter()).unwrap();
                let has = |name: &str| paths.contains(&format!("k/{name}.ko"));
                prop_assert!(has(name));
                for (module, needs) in needs.iter().filter(|(module, _)| has(module)) {
                    let is_there = |need: &String| has(need) || !dependencies.has(need);
                    prop_assert!(needs.iter().all(is_there), "{}", module);
                }
            }
        }

        #[test]
        fn any_text_is_no_panic(text in "([a-z/.: -]{0,12}\n){0,5}") {
            let dependencies = Dependencies::parse(&text, &text, &text, &text);
            let _ = dependencies.closure(text.split_whitespace());
        }
    }
}
