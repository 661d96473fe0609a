// SPDX-License-Identifier: GPL-2.0

//! The paths that set-up uses, as `scripts/env` prints them.

use crate::{
    error::{Error, Result},
    process,
};
use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

/// The checkout, or what `kimport prepare` has unpacked of it, and its cache.
#[derive(Clone, Debug)]
pub struct Place {
    /// The checkout.
    pub top: PathBuf,
    /// The directory of everything that set-up makes.
    pub cache: PathBuf,
    /// The build root.
    pub root: PathBuf,
    /// The Debian release of the build root.
    pub suite: String,
    /// The version of its Rust compiler.
    pub rustc: String,
    /// The packages of the build root.
    pub packages: Vec<String>,
    /// The kernel of `kernel.pin`.
    pub pinned: Kernel,
}

/// A kernel of the distribution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kernel {
    /// The release, which `uname -r` prints.
    pub release: String,
    /// The version of its packages.
    pub version: String,
    /// The unpacked packages.
    pub stock: PathBuf,
    /// The source.
    pub source: PathBuf,
    /// The tree to build modules against.
    pub kdir: PathBuf,
}

/// Returns the cache of this user, the same as `scripts/env` does.
pub fn cache_dir(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let set = |name| variable(name).filter(|value| !value.is_empty());
    let below = |directory: OsString, name: &str| PathBuf::from(directory).join(name);
    set("KIMPORT_CACHE")
        .map(PathBuf::from)
        .or_else(|| set("XDG_CACHE_HOME").map(|directory| below(directory, "kimport")))
        .or_else(|| set("HOME").map(|directory| below(directory, ".cache/kimport")))
}

/// The values that `scripts/env` sets for a kernel.
const KERNEL: &str = r#"printf '%s\n' "$RELEASE" "$VERSION" "$STOCK" "$SOURCE" "$KDIR""#;

impl Place {
    /// Reads the paths from `env` in the directory `scripts`.
    pub fn find(scripts: &Path) -> Result<Self> {
        let script = format!(
            r#". "$1" && {KERNEL} && . "$KIMPORT_TOP/scripts/build-root.conf" &&
            printf '%s\n' "$KIMPORT_TOP" "$KIMPORT_CACHE" "$ROOT" "$SUITE" "$RUSTC" "${{PACKAGES[*]}}""#
        );
        let mut lines = ask(scripts, &script, &[])?.into_iter();
        let pinned = Kernel::read(&mut lines)?;
        let mut next = || lines.next().ok_or_else(silent);
        Ok(Self {
            top: next()?.into(),
            cache: next()?.into(),
            root: next()?.into(),
            suite: next()?,
            rustc: next()?,
            packages: next()?.split(' ').map(str::to_owned).collect(),
            pinned,
        })
    }

    /// Returns the directory of the scripts.
    pub fn scripts(&self) -> PathBuf {
        self.top.join("scripts")
    }

    /// Returns the paths of a kernel other than the pinned one.
    pub fn kernel(&self, release: &str, version: &str) -> Result<Kernel> {
        let script = format!(r#". "$1" && kimport_kernel "$2" "$3" && {KERNEL}"#);
        Kernel::read(&mut ask(&self.scripts(), &script, &[release, version])?.into_iter())
    }

    /// Returns a command that runs `program` in the build root.
    pub(crate) fn in_root(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(self.scripts().join("in-root"));
        command.arg("--").arg(program).current_dir(&self.top);
        command
    }
}

impl Kernel {
    fn read(lines: &mut impl Iterator<Item = String>) -> Result<Self> {
        let mut next = || lines.next().ok_or_else(silent);
        Ok(Self {
            release: next()?,
            version: next()?,
            stock: next()?.into(),
            source: next()?.into(),
            kdir: next()?.into(),
        })
    }

    /// Returns the directory of its headers package.
    pub(crate) fn headers(&self) -> PathBuf {
        self.stock
            .join("usr/src")
            .join(format!("linux-headers-{}", self.release))
    }

    /// Returns the path of the file that exists once the tree is complete.
    pub(crate) fn mark(&self) -> PathBuf {
        self.kdir.join(".kimport")
    }

    /// Returns whether the build root `root` and all directories of the kernel are there.
    pub(crate) fn is_ready(&self, root: &Path) -> bool {
        root.is_dir() && self.stock.is_dir() && self.source.is_dir() && self.mark().exists()
    }
}

fn silent() -> Error {
    Error::new("scripts/env does not say where things are.")
        .help("It needs bash and the usual programs of a Linux system.")
}

fn ask(scripts: &Path, script: &str, arguments: &[&str]) -> Result<Vec<String>> {
    let mut command = Command::new("bash");
    command
        .args(["-euc", script, "bash"])
        .arg(scripts.join("env"))
        .args(arguments);
    let said = process::query(&mut command)?.ok_or_else(silent)?;
    Ok(said.lines().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_env_knows() {
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts");
        let place = Place::find(&scripts).unwrap();
        assert!(place.scripts().join("env").is_file());
        assert!(place.packages.iter().any(|package| package == "rustc"));
        let root = place.root.file_name().unwrap().to_str().unwrap();
        assert!(root.starts_with(&format!("{}-", place.suite)), "{root}");

        let Kernel {
            release, version, ..
        } = &place.pinned;
        assert_eq!(place.kernel(release, version).unwrap(), place.pinned);
        let other = place.kernel("1.2+x-amd64", "1.2-1~bpo+1").unwrap();
        let beside = place.cache.join("kernels/1.2+x-amd64_1.2-1_bpo+1");
        assert_eq!(other.stock, beside.join("stock"));
        assert_eq!(other.kdir, beside.join(format!("kdir-{root}")));
        assert_eq!(other.source, place.cache.join("kernels/source_1.2-1_bpo+1"));

        // `cache_dir` agrees with `scripts/env`.
        let cache = cache_dir(|name| std::env::var_os(name)).unwrap();
        assert_eq!(place.cache, std::path::absolute(cache).unwrap());
    }

    #[test]
    fn the_cache_is_named_by_three_variables() {
        let with = |set: &[(&str, &str)]| {
            cache_dir(|name| {
                let mut found = set.iter().filter(|(known, _)| *known == name);
                found.next().map(|(_, value)| value.into())
            })
        };
        let home = ("HOME", "/home/me");
        assert_eq!(with(&[]), None);
        assert_eq!(with(&[home]), Some("/home/me/.cache/kimport".into()));
        let xdg = ("XDG_CACHE_HOME", "/x");
        assert_eq!(with(&[home, xdg]), Some("/x/kimport".into()));
        assert_eq!(
            with(&[home, xdg, ("KIMPORT_CACHE", "/k")]),
            Some("/k".into())
        );
        assert_eq!(
            with(&[xdg, ("KIMPORT_CACHE", "")]),
            Some("/x/kimport".into())
        );
    }
}
