// SPDX-License-Identifier: GPL-2.0

//! A library that makes the build root, and the tree that Rust modules for a Debian kernel are
//! built against.
//!
//! `scripts/setup` builds the command of this crate with the machine's own cargo. `kimport prepare`
//! does the same work without a checkout. [`place`] knows the paths, `host` checks this machine,
//! `root` makes the build root, `archive` and `packages` find a kernel's packages, and `tree`
//! prepares the tree. `steps` shows the progress.

mod archive;
pub mod error;
mod host;
mod kernels;
mod packages;
pub mod place;
mod process;
mod root;
mod small;
mod steps;
mod tree;

use archive::{Archive, Choice};
use error::{At, Error, Result};
use packages::{Origin, Wanted};
use place::{Kernel, Place};
use std::{fs, path::Path, path::PathBuf, time::Instant};
use steps::Steps;

pub use kernels::kernels;
pub use small::{tree_kernel, ways_kernel};
pub use steps::note;

/// The directory of the package lists in the cache.
const LISTS: &str = "apt";

/// The name by which people ask for a kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// The kernel of `kernel.pin`.
    Pinned,
    /// A kernel that is installed here or in the archive.
    Release(String),
    /// The kernel whose `.deb` files lie in a directory.
    Directory(PathBuf),
}

/// Makes the build root and the pinned kernel's tree, unless both are there.
pub fn setup(place: Place) -> Result<()> {
    let start = Instant::now();
    if place.pinned.is_ready(&place.root) {
        return Ok(());
    }
    let cache = place.cache.clone();
    prepare(place, Named::Pinned, "scripts/prepare-kernel")?;
    let seconds = start.elapsed().as_secs();
    note(&format!("set up in {seconds} s in {}", cache.display()));
    Ok(())
}

/// Makes the tree of a kernel. `command` is the command that people call for that.
pub fn prepare(place: Place, named: Named, command: &str) -> Result<Kernel> {
    let pinned = place.pinned.clone();
    if named == Named::Pinned && pinned.is_ready(&place.root) {
        return Ok(pinned);
    }
    let number = if matches!(named, Named::Release(_)) {
        7
    } else {
        6
    };
    let mut steps = Steps::begin(place, number)?;
    steps.root()?;
    let place = steps.place.clone();
    let mut wanted = Wanted {
        kernel: pinned,
        origin: Origin::Archive,
        archive: Archive::new(&place, LISTS),
        command,
    };
    match named {
        Named::Pinned => {}
        Named::Release(release) => find_release(&mut wanted, &release, &mut steps)?,
        Named::Directory(directory) => {
            let debs = packages::debs_of(&place, &directory)?;
            let (release, version) = packages::kernel_of(&debs, &directory)?;
            wanted.kernel = place.kernel(&release, &version)?;
            wanted.origin = Origin::Debs(directory);
        }
    }
    steps.kernel(&wanted)?;
    Ok(wanted.kernel)
}

/// Finds the version and the origin of the kernel with this release.
fn find_release(wanted: &mut Wanted<'_>, release: &str, steps: &mut Steps) -> Result<()> {
    let image = format!("linux-image-{release}");
    let installed =
        packages::installed(&image, "${Version}")?.filter(|version| !version.is_empty());
    let archive = &wanted.archive;
    steps.step(
        &format!("looking for {release}"),
        |steps, log| match archive.version(&image)? {
            Some(_) => Ok(()),
            None => archive.refresh_own(&steps.tmp, log),
        },
    )?;
    let version = match &installed {
        Some(version) => Some(version.clone()),
        None => archive.version(&image)?,
    };
    let is_known = version.is_some();
    wanted.kernel = steps.place.kernel(release, &version.unwrap_or_default())?;
    if !is_known {
        return Err(wanted.gone(&[])?);
    }
    let version = &wanted.kernel.version;
    if installed.is_some()
        && !(archive.has(&format!("linux-headers-{release}"), version)?
            && archive.has(&archive::source_package(version)?, version)?)
    {
        wanted.origin = Origin::Installed;
    }
    Ok(())
}

/// Writes the newest stock kernel with `CONFIG_RUST=y` that backports offers into `kernel.pin`.
pub fn update_kernel(place: Place) -> Result<()> {
    let mut steps = Steps::begin(place, 4)?;
    steps.root()?;
    let place = steps.place.clone();
    let archive = Archive::new(&place, LISTS);
    steps.step("package lists", |steps, log| {
        archive.refresh_own(&steps.tmp, log)
    })?;
    let chosen = steps.step("newest kernel", |steps, log| {
        for (release, version) in archive.kernels()? {
            steps::remove(&place, &steps.tmp.join("debs"))?;
            let wanted = Wanted {
                kernel: place.kernel(&release, &version)?,
                origin: Origin::Archive,
                archive: Archive::new(&place, LISTS),
                command: "",
            };
            let config = wanted.archive_config(steps, log)?;
            let config = fs::read_to_string(&config).at(&config)?;
            if config.lines().any(|line| line == "CONFIG_RUST=y") {
                return Ok((release, version));
            }
            log.line(&format!("{release} {version}: no CONFIG_RUST=y"))?;
        }
        Err(Error::new(format_args!(
            "The archive's {}-backports has no amd64 kernel with CONFIG_RUST=y whose headers and \
             source it also has.",
            place.suite
        )))
    })?;
    write_pin(&place, &chosen)
}

fn write_pin(place: &Place, chosen: &Choice) -> Result<()> {
    let (release, version) = chosen;
    let old = &place.pinned;
    if *release == old.release && *version == old.version {
        note(&format!(
            "{release}, version {version}, is the newest already."
        ));
        return Ok(());
    }
    let pin = place.top.join("kernel.pin");
    let text = format!(
        "# The stock kernel that is used. Written by `make \
         update-kernel`.\nRELEASE={release}\nVERSION={version}\n"
    );
    fs::write(&pin, text).at(&pin)?;
    note(&format!(
        "kernel.pin: {} ({}) -> {release} ({version}). Run 'make setup', then the tests, and \
         commit kernel.pin.",
        old.release, old.version
    ));
    Ok(())
}

/// Reads the name of a kernel: a release, or a directory.
pub fn named(argument: &str) -> std::result::Result<Named, String> {
    let release = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.~_".contains(&byte);
    if Path::new(argument).is_dir() {
        let directory = fs::canonicalize(argument).map_err(|error| error.to_string())?;
        Ok(Named::Directory(directory))
    } else if argument.starts_with(|first: char| first.is_ascii_digit())
        && argument.bytes().all(release)
    {
        Ok(Named::Release(argument.to_owned()))
    } else {
        Err("neither a directory nor a kernel's release such as 7.3.4+deb13-amd64".to_owned())
    }
}

/// Returns the release of the kernel that runs here.
pub fn running() -> String {
    rustix::system::uname()
        .release()
        .to_string_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_are_named() {
        assert_eq!(
            named("7.3.4+deb13-amd64"),
            Ok(Named::Release("7.3.4+deb13-amd64".into()))
        );
        assert!(matches!(named("/"), Ok(Named::Directory(_))));
        for wrong in ["", "a/b", "-x", "linux", "7.3;true"] {
            assert!(named(wrong).is_err(), "{wrong}");
        }
    }
}
