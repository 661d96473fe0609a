// SPDX-License-Identifier: GPL-2.0

//! The paths that set-up uses, as `scripts/env` prints them.

use crate::{
    error::{Error, Result},
    process,
};
use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    process::Command,
};

/// The checkout, or what `kimport prepare` has unpacked of it, and its cache.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// The checkout.
    pub top: PathBuf,
    /// The directory of everything that set-up makes.
    pub cache: PathBuf,
    /// The build root with the tools.
    pub root: Root,
    /// The kernel of `kernel.pin`, or another one that `KERNEL` names.
    pub kernel: Kernel,
}

/// A build root, one of `scripts/build-root.conf`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Root {
    /// Its directory.
    pub path: PathBuf,
    /// Its Debian release.
    pub suite: String,
    /// The backports suite of its Debian release; empty if it has none.
    pub backports: String,
    /// The version of its Rust compiler.
    pub rustc: String,
    /// The architecture of its programs if they only run in virtual machines, or nothing.
    pub foreign: String,
    /// Its packages.
    pub packages: Vec<String>,
}

/// A kernel of the distribution.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
    /// The build root with the compilers that the kernel was built with.
    pub root: Root,
    /// The root with the programs for virtual machines that run it.
    pub guest: Root,
}

/// Returns the directory of this user's cache, by the same rules as `scripts/env`.
pub fn cache_dir(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let set = |name| variable(name).filter(|value| !value.is_empty());
    let below = |directory: OsString, name: &str| PathBuf::from(directory).join(name);
    set("KIMPORT_CACHE")
        .map(PathBuf::from)
        .or_else(|| set("XDG_CACHE_HOME").map(|directory| below(directory, "kimport")))
        .or_else(|| set("HOME").map(|directory| below(directory, ".cache/kimport")))
}

/// A shell function that prints the values of a build root. [`Root::read`] reads them.
const ROOT: &str = r#"root() {
    build_root "$1" && printf '%s\n' "$2" "$SUITE" "$BACKPORTS" "$RUSTC" "$FOREIGN" "${PACKAGES[*]}"
};"#;

/// A script that prints the values that `scripts/env` sets for a kernel, and those of its build
/// root. [`Kernel::read`] reads them. It calls the function of [`ROOT`].
const KERNEL: &str = r#"printf '%s\n' "$RELEASE" "$VERSION" "$STOCK" "$SOURCE" "$KDIR"
root "$(build_root_of "$RELEASE")" "$KERNEL_ROOT"
root "$(guest_root_of "$RELEASE")" "$GUEST_ROOT""#;

impl Place {
    /// Reads the paths from `env` in the directory `scripts`.
    pub fn find(scripts: &Path) -> Result<Self> {
        let script = format!(
            r#"{ROOT} . "$1" && {KERNEL} && root trixie "$ROOT" &&
            printf '%s\n' "$KIMPORT_TOP" "$KIMPORT_CACHE""#
        );
        let mut lines = ask(scripts, &script, &[])?.into_iter();
        let kernel = Kernel::read(&mut lines)?;
        let root = Root::read(&mut lines)?;
        let mut next = || lines.next().ok_or_else(silent).map(PathBuf::from);
        Ok(Self {
            top: next()?,
            cache: next()?,
            root,
            kernel,
        })
    }

    /// Returns the root with this name in `scripts/build-root.conf`.
    pub(crate) fn named_root(&self, name: &str) -> Result<Root> {
        let script = format!(r#". "$1"; {ROOT} root "$2" "$(kimport_root "$2")""#);
        Root::read(&mut ask(&self.scripts(), &script, &[name])?.into_iter())
    }

    /// Returns the directory of the scripts.
    pub fn scripts(&self) -> PathBuf {
        self.top.join("scripts")
    }

    /// Returns whether everything is there.
    pub(crate) fn is_ready(&self) -> bool {
        let kernel = &self.kernel;
        self.root.path.is_dir() && kernel.is_ready() && kernel.guest.path.is_dir()
    }

    /// Returns the paths of another kernel.
    pub fn kernel(&self, release: &str, version: &str) -> Result<Kernel> {
        let script = format!(r#"{ROOT} . "$1" && kimport_kernel "$2" "$3" && {KERNEL}"#);
        Kernel::read(&mut ask(&self.scripts(), &script, &[release, version])?.into_iter())
    }

    /// Returns the paths of the kernel of `kernel.pin`.
    pub(crate) fn pinned(&self) -> Result<Kernel> {
        let script = format!(r#"{ROOT} unset KERNEL && . "$1" && {KERNEL}"#);
        Kernel::read(&mut ask(&self.scripts(), &script, &[])?.into_iter())
    }

    /// Returns a command that runs `program` in the build root with the tools.
    pub(crate) fn in_root(&self, program: impl AsRef<OsStr>) -> Command {
        self.within(&self.root, program)
    }

    /// Returns a command that runs `program` in a build root.
    pub(crate) fn within(&self, root: &Root, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(self.scripts().join("in-root"));
        command.arg("--root").arg(&root.path).arg("--").arg(program);
        command.current_dir(&self.top);
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
            root: Root::read(lines)?,
            guest: Root::read(lines)?,
        })
    }

    /// Returns the directory of its headers package.
    pub(crate) fn headers(&self) -> PathBuf {
        let name = format!("usr/src/linux-headers-{}", self.release);
        self.stock.join(name)
    }

    /// Returns the path of the file that exists once the tree is complete.
    pub(crate) fn mark(&self) -> PathBuf {
        self.kdir.join(".kimport")
    }

    /// Returns whether the build root and all directories of the kernel are there.
    pub(crate) fn is_ready(&self) -> bool {
        let directories = [&self.root.path, &self.stock, &self.source];
        directories.iter().all(|directory| directory.is_dir()) && self.mark().exists()
    }
}

impl Root {
    /// Returns the suites that the packages come from.
    pub(crate) fn suites(&self) -> impl Iterator<Item = &String> {
        let suites = [&self.suite, &self.backports];
        suites.into_iter().filter(|suite| !suite.is_empty())
    }

    fn read(lines: &mut impl Iterator<Item = String>) -> Result<Self> {
        let mut next = || lines.next().ok_or_else(silent);
        Ok(Self {
            path: next()?.into(),
            suite: next()?,
            backports: next()?,
            rustc: next()?,
            foreign: next()?,
            packages: next()?.split(' ').map(str::to_owned).collect(),
        })
    }
}

fn silent() -> Error {
    Error::new("scripts/env does not say where things are.")
        .help("It needs bash and the usual programs of a Linux system.")
}

fn ask(scripts: &Path, script: &str, arguments: &[&str]) -> Result<Vec<String>> {
    let mut command = Command::new("bash");
    command.args(["-euc", script, "bash"]);
    command.arg(scripts.join("env")).args(arguments);
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
        let pinned = place.pinned().unwrap();
        assert!(std::env::var_os("KERNEL").is_some() || pinned == place.kernel);
        let has = |root: &Root, name: &str| root.packages.iter().any(|package| package == name);
        assert!(has(&place.root, "cargo"));
        assert_eq!(place.root.suite, "trixie");
        let disks = place.named_root("trixie-disks").unwrap();
        assert!(has(&disks, "fio") && has(&disks, "busybox-static"));
        assert!(place.named_root("trixie-none").is_err());

        let (release, version) = (&place.kernel.release, &place.kernel.version);
        assert_eq!(place.kernel(release, version).unwrap(), place.kernel);
        for (release, suite, backports, foreign) in [
            ("1.2+deb13-amd64", "trixie", "trixie-backports", ""),
            ("1.2+deb13-arm64", "trixie", "trixie-backports", "arm64"),
            ("1.2+deb13-arm64-16k", "trixie", "trixie-backports", "arm64"),
            ("1.2+deb14-amd64", "sid", "", ""),
        ] {
            let other = place.kernel(release, "1.2-1~bpo+1").unwrap();
            let root = &other.root;
            assert_eq!((&*root.suite, &*root.backports), (suite, backports));
            assert!(has(root, "rustc"));
            assert_eq!(root.foreign, "");
            assert_eq!(other.guest.foreign, foreign);
            assert!(has(&other.guest, "busybox-static"));
            let beside = format!("kernels/{release}_1.2-1_bpo+1");
            let beside = place.cache.join(beside);
            let root = root.path.file_name().unwrap().to_str().unwrap();
            assert!(root.starts_with(&format!("{suite}-")), "{root}");
            assert_eq!(other.stock, beside.join("stock"));
            assert_eq!(other.kdir, beside.join(format!("kdir-{root}")));
            assert_eq!(other.source, place.cache.join("kernels/source_1.2-1_bpo+1"));
        }

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
