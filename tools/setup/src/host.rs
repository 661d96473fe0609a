// SPDX-License-Identifier: GPL-2.0

//! The programs and rights that set-up needs on this machine.

use crate::{
    error::{Error, Result},
    process::{self, Log},
};
use rustix::{process::geteuid, system::uname};
use std::{env, fs, path::Path, process::Command};

/// The keys of the Debian archive.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

pub(crate) fn is_root() -> bool {
    geteuid().is_root()
}

/// Returns a variable of the environment, if it is set and not empty.
pub(crate) fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// Returns whether there is a program of this name.
fn has_program(name: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|directory| directory.join(name).is_file())
}

pub(crate) fn has_content(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.len() > 0)
}

/// Returns the file with the keys of the Debian archive.
pub(crate) fn keyring() -> Result<String> {
    let file = variable("KIMPORT_KEYRING").unwrap_or_else(|| KEYRING.to_owned());
    if has_content(Path::new(&file)) {
        return Ok(file);
    }
    Err(Error::new(format_args!(
        "The keys of the Debian archive are not at {file}."
    ))
    .help("Install debian-archive-keyring, or set KIMPORT_KEYRING to a file that holds them."))
}

/// Returns the Debian packages that are missing. `has` tells whether a program is there, and
/// `has_keys` whether the archive's keys are.
fn missing(has: impl Fn(&str) -> bool, has_keys: bool, is_root: bool) -> Vec<&'static str> {
    [
        ("mmdebstrap", has("mmdebstrap")),
        ("bubblewrap", has("bwrap")),
        ("debian-archive-keyring", has_keys),
        ("uidmap", is_root || has("newuidmap")),
    ]
    .into_iter()
    .filter_map(|(package, is_there)| (!is_there).then_some(package))
    .collect()
}

/// Checks this machine, and installs what is missing if this is root on Debian.
pub(crate) fn prepare(log: &Log) -> Result<()> {
    check_machine(
        &uname().sysname().to_string_lossy(),
        &uname().machine().to_string_lossy(),
    )?;
    let has_keys = variable("KIMPORT_KEYRING").is_some() || has_content(Path::new(KEYRING));
    let missing = missing(has_program, has_keys, is_root());
    if !missing.is_empty() {
        let is_debian = Path::new("/etc/debian_version").exists() && has_program("apt-get");
        may_install(&missing, is_debian, is_root())?;
        install(&missing, log)?;
    }
    check_sandbox()
}

fn check_machine(system: &str, machine: &str) -> Result<()> {
    if (system, machine) == ("Linux", "x86_64") {
        return Ok(());
    }
    Err(Error::new(format_args!(
        "This is {system} on {machine}; the build root and the kernel are for Linux on x86_64 \
         (amd64)."
    ))
    .help("Run it on an amd64 machine."))
}

fn may_install(missing: &[&str], is_debian: bool, is_root: bool) -> Result<()> {
    let missing = missing.join(" ");
    if !is_debian {
        return Err(Error::new(format_args!(
            "These are needed and not installed: {missing} (the names of Debian's packages)."
        ))
        .help("Install them with this system's package manager and run it again."));
    }
    if !is_root {
        return Err(Error::new(format_args!(
            "These packages are needed and not installed: {missing}."
        ))
        .help(format_args!(
            "Have an administrator run: apt-get install {missing}"
        )));
    }
    Ok(())
}

fn install(packages: &[&str], log: &Log) -> Result<()> {
    let apt = || {
        let mut command = Command::new("apt-get");
        command.args(["-q", "-y", "-o", "DPkg::Lock::Timeout=120"]);
        command.env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    let install = || {
        let mut install = apt();
        install.args(["install", "--no-install-recommends"]);
        log.succeeds(install.args(packages))
    };
    // Lists may be absent (a container image) or too old.
    if install()? || log.succeeds(apt().arg("update"))? && install()? {
        return Ok(());
    }
    Err(Error::new(format_args!(
        "Installing {} with apt-get failed, see the log of this step in the cache.",
        packages.join(" ")
    ))
    .help("Check the network and this machine's apt configuration, or install them by hand."))
}

/// Tries to make a namespace, which may be forbidden although all programs are there.
fn check_sandbox() -> Result<()> {
    let user: &[&str] = match is_root() {
        true => &[],
        false => &["--unshare-user", "--uid", "0", "--gid", "0"],
    };
    let rest = ["--unshare-pid", "--proc", "/proc", "true"];
    let arguments = [&["--bind", "/", "/"], user, &rest].concat();
    let (works, said) = process::all_output("bwrap", &arguments)?;
    match (works, is_root()) {
        (true, true) => Ok(()),
        (true, false) => check_subordinates(),
        (false, true) => Err(Error::new(format_args!(
            "bubblewrap cannot make a mount namespace here although this is root: {said}"
        ))
        .help(
            "If this is a container, start it with the right to make one (docker run --privileged, \
             or --cap-add SYS_ADMIN and",
        )
        .help(
            "--security-opt with each of seccomp=unconfined, apparmor=unconfined and \
             systempaths=unconfined), or use a virtual machine.",
        )),
        (false, false) => Err(Error::new(format_args!(
            "This is not root, and user namespaces are not available: {said}"
        ))
        .help("Run it as root, or allow them, as root:")
        .help("  sysctl -w user.max_user_namespaces=15000")
        .help("  sysctl -w kernel.unprivileged_userns_clone=1                  # where it exists")
        .help("  sysctl -w kernel.apparmor_restrict_unprivileged_userns=0      # where it exists")),
    }
}

fn check_subordinates() -> Result<()> {
    let id = |what: &str| process::query(Command::new("id").arg(what));
    let name = id("-un")?.unwrap_or_default();
    let number = id("-u")?.unwrap_or_default();
    let (name, number) = (name.trim(), number.trim());
    for file in ["/etc/subuid", "/etc/subgid"] {
        if !has_subordinates(&fs::read_to_string(file).unwrap_or_default(), name, number) {
            return Err(Error::new(format_args!(
                "This is not root, and {name} is not in {file}: making a build root needs \
                 subordinate ids."
            ))
            .help(format_args!(
                "Run it as root, or as root: usermod --add-subuids 100000-165535 --add-subgids \
                 100000-165535 {name}"
            )));
        }
    }
    Ok(())
}

/// Returns whether a line of `/etc/subuid` is for this user.
fn has_subordinates(text: &str, name: &str, number: &str) -> bool {
    let users = text.lines().filter_map(|line| line.split(':').next());
    users.into_iter().any(|user| user == name || user == number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        let all = |_: &str| true;
        assert!(missing(all, true, true).is_empty());
        assert!(missing(|name| name != "newuidmap", true, true).is_empty());
        assert_eq!(missing(|name| name != "newuidmap", true, false), ["uidmap"]);
        assert_eq!(
            missing(|_| false, false, false),
            [
                "mmdebstrap",
                "bubblewrap",
                "debian-archive-keyring",
                "uidmap"
            ]
        );
    }

    #[test]
    fn each_refusal_has_its_way_out() {
        let text = |result: Result<()>| result.unwrap_err().to_string();
        assert_eq!(
            text(check_machine("Linux", "aarch64")),
            "This is Linux on aarch64; the build root and the kernel are for Linux on x86_64 \
             (amd64).\n  \
             Run it on an amd64 machine."
        );
        check_machine("Linux", "x86_64").unwrap();
        let tools = ["bubblewrap", "uidmap"];
        assert_eq!(
            text(may_install(&tools, false, true)),
            "These are needed and not installed: bubblewrap uidmap (the names of Debian's \
             packages).\n  \
             Install them with this system's package manager and run it again."
        );
        assert_eq!(
            text(may_install(&tools, true, false)),
            "These packages are needed and not installed: bubblewrap uidmap.\n  \
             Have an administrator run: apt-get install bubblewrap uidmap"
        );
        may_install(&tools, true, true).unwrap();
    }

    #[test]
    fn subordinate_ids_are_of_a_name_or_a_number() {
        let text = "me:100000:65536\n1001:200000:65536\n";
        assert!(has_subordinates(text, "me", "1000"));
        assert!(has_subordinates(text, "you", "1001"));
        assert!(!has_subordinates(text, "m", "100"));
        assert!(!has_subordinates("", "me", "1000"));
    }
}
