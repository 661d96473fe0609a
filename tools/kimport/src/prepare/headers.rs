// SPDX-License-Identifier: GPL-2.0

//! Headers packages that have Rust metadata, as those of Ubuntu (linux-lib-rust), Arch and Fedora,
//! and trees in which a kernel was built. Such a tree is used as it is. So are headers without that
//! metadata, which suffice for modules in C, where no better tree can be made.

use super::Prepared;
use crate::error::{Error, Result};
use std::{env, ffi::OsStr, fs, path::Path, process::Command};

/// The file that tells that a tree has Rust metadata.
const METADATA: &str = "rust/libkernel.rmeta";

/// The file with the configuration of a tree.
const CONFIG: &str = "include/config/auto.conf";

/// The files that the crate and the macro are built with. Some packages lack them.
const NEEDED: [(&str, &[&str]); 4] = [
    ("Rust metadata", &[METADATA]),
    ("syn", &["rust/host/libsyn.rlib", "rust/libsyn.rlib"]),
    (
        "flags of bindgen",
        &["rust/Makefile", "source/rust/Makefile"],
    ),
    (
        "parameters of bindgen",
        &["rust/bindgen_parameters", "source/rust/bindgen_parameters"],
    ),
];

/// The file with the release of a tree.
const RELEASE: &str = "include/config/kernel.release";

/// Returns the tree for the kernel `release` of this system, if its headers have Rust metadata, or
/// if set-up can make none.
pub(super) fn installed(release: &str) -> Result<Option<Prepared>> {
    let build = Path::new("/lib/modules").join(release).join("build");
    let can_be_made = kimport_setup::check_release(release).is_ok();
    match build.join(METADATA).exists() || (is_tree(&build) && !can_be_made) {
        true => tree(&build).map(Some),
        false => Ok(None),
    }
}

/// Returns whether modules can be built in a directory.
pub(super) fn is_tree(directory: &Path) -> bool {
    directory.join(RELEASE).exists()
}

/// Checks that the compiler of this system is the one that the Rust of `directory` was built with.
pub(super) fn tree(directory: &Path) -> Result<Prepared> {
    let kdir = fs::canonicalize(directory)
        .map_err(|error| Error::unusable(format_args!("{}: {error}", directory.display())))?;
    let release = read(&kdir, RELEASE)?.trim().to_owned();
    if kdir.join(METADATA).exists() {
        let built_with = option(&read(&kdir, CONFIG)?, "CONFIG_RUSTC_VERSION_TEXT");
        check_compiler(
            &release,
            &built_with.unwrap_or_default(),
            rustc().as_deref(),
        )?;
    }
    let is_there = |paths: &[&str]| paths.iter().any(|path| kdir.join(path).exists());
    let lacks = NEEDED.iter().filter(|(_, paths)| !is_there(paths));
    let lacks: Vec<_> = lacks
        .map(|(what, paths)| format!("{what} ({})", paths[0]))
        .collect();
    Ok(Prepared {
        release,
        version: String::new(),
        stock: None,
        source: None,
        root: None,
        in_root: None,
        missing: Vec::new(),
        lacks,
        kdir,
    })
}

/// Returns the programs that modules are built with in `kdir` and that this system lacks.
pub(super) fn missing_programs(kdir: &Path) -> Result<Vec<String>> {
    let config = read(kdir, CONFIG)?;
    Ok(missing(&config, |program| match program {
        "rustc" => rustc(),
        program => version_of(program.as_ref()),
    }))
}

/// Returns the programs that build modules for a kernel with this configuration, but for those that
/// are there. Compilers have to be those of the kernel, but for the packaging revision of the C
/// compiler. Any bindgen and pahole will do.
fn missing(config: &str, version_of: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let rustc = option(config, "CONFIG_RUSTC_VERSION_TEXT")
        .filter(|text| version_of("rustc").is_none_or(|version| version != *text));
    let cc = option(config, "CONFIG_CC_VERSION_TEXT").filter(|text| {
        let version = version_of(text.split(' ').next().unwrap_or_default());
        version.is_none_or(|version| without_revision(&version) != without_revision(text))
    });
    let others = [
        ("CONFIG_BINDGEN_VERSION_TEXT", "bindgen"),
        ("CONFIG_DEBUG_INFO_BTF_MODULES", "pahole"),
    ];
    let others = others
        .into_iter()
        .filter(|(name, program)| option(config, name).is_some() && version_of(program).is_none());
    let others = others.map(|(_, program)| program.to_owned());
    rustc.into_iter().chain(cc).chain(others).collect()
}

/// Returns `gcc-14 (Debian 14.2.0` of `gcc-14 (Debian 14.2.0-19) 14.2.0`, and all of a version
/// without such a revision.
fn without_revision(version: &str) -> &str {
    let package = version.split_once(')').map_or(version, |(start, _)| start);
    match package.rsplit_once('-') {
        Some((start, _)) if start.contains('(') => start,
        _ => version,
    }
}

fn read(kdir: &Path, name: &str) -> Result<String> {
    let path = kdir.join(name);
    fs::read_to_string(&path)
        .map_err(|error| Error::unusable(format_args!("{}: {error}", path.display())))
}

/// Returns the value of an option, without quotes, if it is not empty.
fn option(config: &str, name: &str) -> Option<String> {
    let mut lines = config.lines();
    let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    let value = value?.trim_matches('"');
    (!value.is_empty()).then(|| value.to_owned())
}

/// Returns the version of this system's Rust compiler, or of the one that `RUSTC` names.
fn rustc() -> Option<String> {
    version_of(&env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
}

/// Returns the first line of what a program prints with `--version`.
fn version_of(program: &OsStr) -> Option<String> {
    let output = Command::new(program).arg("--version").output().ok()?;
    let version = String::from_utf8(output.stdout).ok()?;
    let version = version.lines().next()?;
    output.status.success().then(|| version.trim().to_owned())
}

/// Refuses a compiler other than the kernel's, whose metadata it could not read.
fn check_compiler(release: &str, built_with: &str, compiler: Option<&str>) -> Result<()> {
    let found = match compiler {
        Some(compiler) if compiler == built_with => return Ok(()),
        Some(compiler) => format!("this system has {compiler}"),
        None => "there is no rustc here".to_owned(),
    };
    Err(
        Error::finding(format_args!("{release} was built with {built_with}, and {found}")).help(
            "modules from another compiler do not fit; install that one, and name it in RUSTC if it is not in PATH",
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compilers_are_those_of_the_tree() {
        let versions = |program: &str| {
            let version = match program {
                "rustc" => "rustc 1.85.1",
                "gcc-14" => "gcc-14 (Debian 14.2.0-19) 14.2.0",
                "bindgen" => "bindgen 0.71.1",
                _ => return None,
            };
            Some(version.to_owned())
        };
        for (config, expected) in [
            ("", None),
            ("CONFIG_RUSTC_VERSION_TEXT=\"\"", None),
            ("CONFIG_RUSTC_VERSION_TEXT=\"rustc 1.85.1\"", None),
            (
                "CONFIG_RUSTC_VERSION_TEXT=\"rustc 1.85.0\"",
                Some("rustc 1.85.0"),
            ),
            (
                "CONFIG_CC_VERSION_TEXT=\"gcc-14 (Debian 14.2.0-20) 14.2.0\"",
                None,
            ),
            (
                "CONFIG_CC_VERSION_TEXT=\"gcc-14 (Debian 14.3.0-20) 14.3.0\"",
                Some("gcc-14 (Debian 14.3.0-20) 14.3.0"),
            ),
            (
                "CONFIG_CC_VERSION_TEXT=\"no-such-cc 1\"",
                Some("no-such-cc 1"),
            ),
            ("CONFIG_BINDGEN_VERSION_TEXT=\"bindgen 0.65.1\"", None),
            ("CONFIG_DEBUG_INFO_BTF_MODULES=y", Some("pahole")),
        ] {
            assert_eq!(missing(config, versions), Vec::from_iter(expected));
        }
        let all = "CONFIG_RUSTC_VERSION_TEXT=\"rustc 1\"\nCONFIG_CC_VERSION_TEXT=\"cc 1\"\n\
            CONFIG_BINDGEN_VERSION_TEXT=\"bindgen 1\"\nCONFIG_DEBUG_INFO_BTF_MODULES=y\n";
        assert_eq!(
            missing(all, |_| None),
            ["rustc 1", "cc 1", "bindgen", "pahole"]
        );
        let [one, other] = ["19", "19+deb13u1"]
            .map(|revision| format!("x86_64-linux-gnu-gcc-14 (Debian 14.2.0-{revision}) 14.2.0"));
        assert_eq!(without_revision(&one), without_revision(&other));
        for version in [
            "rustc 1.85.1",
            "x86_64-linux-gnu-gcc (GCC) 14.2.0",
            "gcc-14 14.2.0",
        ] {
            assert_eq!(without_revision(version), version);
        }
    }

    #[test]
    fn the_compiler_is_the_kernels() {
        let built_with = "rustc 1.85.1 (4eb161250 2025-03-15) (built from a source tarball)";
        check_compiler("7.3", built_with, Some(built_with)).unwrap();
        for (compiler, found) in [
            (
                Some("rustc 1.85.1 (4eb161250 2025-03-15)"),
                "this system has rustc 1.85.1",
            ),
            (None, "there is no rustc here"),
        ] {
            let error = check_compiler("7.3", built_with, compiler).unwrap_err();
            assert!(error.to_string().contains(found), "{error}");
        }
    }
}
