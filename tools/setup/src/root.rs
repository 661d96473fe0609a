// SPDX-License-Identifier: GPL-2.0

//! The build root.

use crate::{
    archive::{find_mirror, own_settings},
    error::{At, Error, Result},
    host,
    place::Root,
    process::Log,
    steps::{move_to, need_space, Steps},
};
use std::{env, fs, path::PathBuf, process::Command};

impl Steps {
    /// Does the two steps that all others depend on: it checks this machine and makes the build
    /// root.
    pub(crate) fn root(&mut self) -> Result<()> {
        self.step("host and its tools", |_, log| host::prepare(log))?;
        let root = self.place.root.clone();
        self.make_root("build root", &root)
    }

    /// Makes a build root, unless it is there.
    pub(crate) fn make_root(&mut self, step: &str, root: &Root) -> Result<()> {
        if root.path.is_dir() {
            self.skip(step);
            return Ok(());
        }
        self.step(step, |steps, log| make(root, steps, log))
    }
}

fn make(root: &Root, steps: &Steps, log: &Log) -> Result<()> {
    let (suite, tmp) = (&root.suite, steps.tmp.join("root"));
    steps.need_space(3500, "The build root")?;
    let mirror = find_mirror(suite, &steps.tmp, log)?;
    let keys = host::keyring()?;
    let mut options: Vec<_> = own_settings()?
        .iter()
        .map(|line| format!("--aptopt={line}"))
        .collect();
    // Programs of another architecture cannot be configured here.
    options.extend(match root.foreign.as_str() {
        "" => vec!["--variant=apt".to_owned()],
        foreign => vec![
            "--variant=extract".to_owned(),
            format!("--architectures={foreign}"),
        ],
    });
    options.push(format!("--include={}", root.packages.join(",")));
    options.push("--aptopt=Acquire::Retries \"3\"".to_owned());
    let excluded = ["doc", "man", "locale"];
    options.extend(excluded.map(|part| format!("--dpkgopt=path-exclude=/usr/share/{part}/*")));
    // After a crash in between, the root is made anew.
    options.push("--dpkgopt=force-unsafe-io".to_owned());
    let sources = root
        .suites()
        .map(|suite| format!("deb [signed-by={keys}] {mirror} {suite} main"));

    fs::create_dir(&tmp).at(&tmp)?;
    if host::is_root() {
        let mut command = Command::new("mmdebstrap");
        command.args(options).args(["--format=directory", suite]);
        log.run(command.arg(&tmp).args(sources))?;
    } else {
        // The root goes through an archive, so that every file belongs to this user: bubblewrap
        // maps no other. mmdebstrap works in TMPDIR, because its mapped users often cannot enter
        // the home directory that the cache is in.
        let directory =
            env::var_os("TMPDIR").map_or_else(|| PathBuf::from("/var/tmp"), PathBuf::from);
        need_space(3500, "Making the build root", &directory, "TMPDIR")?;
        let mut command = Command::new("bash");
        let script = "set -o pipefail; out=$1; shift
            mmdebstrap --mode=unshare --format=tar \"$@\" |
                tar -x -C \"$out\" --no-same-owner --exclude='./dev/*'
            chmod -R u+rwX \"$out\"";
        command.args(["-ec", script, "bash"]).arg(&tmp);
        command.args(options).args([suite, "-"]).args(sources);
        log.run(command.env("TMPDIR", directory))?;
    }

    if root.foreign.is_empty() {
        let status = tmp.join("var/lib/dpkg/status");
        let found = version_of("rustc", &fs::read_to_string(&status).at(&status)?);
        check_rustc(suite, &found, &root.rustc)?;
    }
    // `scripts/in-root` mounts the host's files over these.
    let mut touch = fs::OpenOptions::new();
    touch.append(true).create(true);
    for path in ["etc/resolv.conf", "etc/hosts"].map(|name| tmp.join(name)) {
        touch.open(&path).at(&path)?;
    }
    move_to(&tmp, &root.path)
}

/// Returns the version of a package in dpkg's status file.
fn version_of(package: &str, status: &str) -> String {
    let mut lines = status
        .lines()
        .skip_while(|line| *line != format!("Package: {package}"));
    let version = lines.find_map(|line| line.strip_prefix("Version: "));
    version.unwrap_or_default().to_owned()
}

fn check_rustc(suite: &str, found: &str, wanted: &str) -> Result<()> {
    if found
        .strip_prefix(wanted)
        .is_some_and(|rest| rest.starts_with(['+', '-']))
    {
        return Ok(());
    }
    Err(Error::new(format_args!(
        "{suite} has rustc {found}, but the stock kernel is made with {wanted}."
    ))
    .help("When the kernel has moved on, change RUSTC in scripts/build-root.conf."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compiler_has_to_be_the_kernels() {
        let status =
            "Package: rust-src\nVersion: 9\n\nPackage: rustc\nStatus: x\nVersion: 1.85.0+dfsg3-1\n";
        assert_eq!(version_of("rustc", status), "1.85.0+dfsg3-1");
        assert_eq!(version_of("cargo", status), "");
        check_rustc("trixie", "1.85.0+dfsg3-1", "1.85.0").unwrap();
        for other in ["1.85.01-1", "1.86.0+dfsg", "", "1.85.0"] {
            let error = check_rustc("trixie", other, "1.85.0")
                .unwrap_err()
                .to_string();
            assert!(
                error.starts_with(&format!("trixie has rustc {other}, but")),
                "{error}"
            );
        }
    }
}
