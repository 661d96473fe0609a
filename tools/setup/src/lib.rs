// SPDX-License-Identifier: GPL-2.0

//! A library that makes the build root, and the tree that Rust modules for a Debian kernel are
//! built against.
//!
//! `scripts/setup` builds the command of this crate with the machine's own cargo. `kimport prepare`
//! does the same work without a checkout. [`place`] knows the paths, `host` checks this machine,
//! `root` makes the build root, `archive` and `packages` find a kernel's packages, and `tree`
//! prepares the tree. `small` builds small kernels for tests, and `kernels` fetches the packages of
//! others. `steps` shows the progress.

mod archive;
mod beside;
pub mod error;
mod host;
mod kernels;
mod packages;
pub mod place;
mod process;
mod root;
mod small;
mod steps;
mod times;
mod tree;

use archive::{Archive, Choice};
use beside::Beside;
use error::{At, Error, Result};
use host::variable;
use packages::{Origin, Wanted};
use place::{Kernel, Place};
use process::Log;
use std::{fs, path::Path, path::PathBuf, process::Command, time::Instant};
use steps::{Shown, Steps};

pub use kernels::kernels;
pub use packages::check_release;
pub use small::{profile_kernel, tree_kernel, ways_kernel};
pub use steps::note;

/// A kernel, as people name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// The kernel of `kernel.pin`, or the one that `KERNEL` names.
    Chosen,
    /// A kernel that is installed here or in the archive.
    Release(String),
    /// The kernel whose `.deb` files lie in a directory.
    Directory(PathBuf),
}

/// The command of a checkout that does the work of `kimport prepare`.
pub const COMMAND_OF_CHECKOUT: &str = "scripts/setup prepare-kernel";

/// Makes the build root and the tree of the pinned kernel, or of the one that `KERNEL` names,
/// unless both are there.
pub fn setup(place: Place) -> Result<()> {
    let start = Instant::now();
    if place.is_ready() {
        return Ok(());
    }
    let beside = variable("KIMPORT_BESIDE");
    let kernel = place.kernel.clone();
    let named = match kernel.version.is_empty() {
        true => Named::Release(kernel.release.clone()),
        false => Named::Chosen,
    };
    let may_be_lost = may_be_lost(&place, &named)?;
    let needs_guest = kernel.guest.path != place.root.path && !kernel.guest.path.is_dir();
    let further = [may_be_lost, needs_guest, beside.is_some()];
    let further = further.into_iter().filter(|is_done| *is_done).count();
    let mut steps = Steps::begin(place, steps_of(&named)? + further)?;
    steps.root()?;
    let beside = match beside {
        Some(command) => Some(Beside::start(&steps, &command)?),
        None => None,
    };
    if may_be_lost {
        instead_of_lost(&mut steps, COMMAND_OF_CHECKOUT)?;
    }
    prepare_in(&mut steps, named, COMMAND_OF_CHECKOUT)?;
    if needs_guest {
        steps.make_root("programs of virtual machines", &kernel.guest)?;
    }
    if let Some(beside) = beside {
        beside.wait(&mut steps)?;
    }
    let seconds = start.elapsed().as_secs();
    let cache = steps.place.cache.display();
    note(&format!("set up in {seconds} s in {cache}"));
    Ok(())
}

/// Runs a program as a step of `make demo` that comes after set-up. Its output goes to a log.
pub fn step(place: &Place, name: &str, command: &mut Command) -> Result<()> {
    process::handle_signals()?;
    shown(place)?.step(&format!("{name} ..."), name, |log| log.run(command))
}

/// Runs a program as [`step`] does, but shows its output. Returns whether it succeeded.
pub fn show(place: &Place, name: &str, command: &mut Command) -> Result<bool> {
    shown(place)?.open(name, || {
        let status = command.status().at(command.get_program())?;
        Ok(status.success())
    })
}

fn shown(place: &Place) -> Result<Shown> {
    let logs = place.cache.join("log");
    fs::create_dir_all(&logs).at(&logs)?;
    Ok(Shown::new(place))
}

/// Makes a root of `scripts/build-root.conf`, unless it is there, and returns its path.
pub fn root(place: Place, name: &str) -> Result<PathBuf> {
    let root = place.named_root(name)?;
    if !root.path.is_dir() {
        Steps::begin(place, 1)?.make_root(&format!("root {name}"), &root)?;
    }
    Ok(root.path)
}

/// Returns whether the pinned kernel is needed, and has to come from the archive. The tree of a
/// kernel without Rust takes crates from its source.
fn may_be_lost(place: &Place, named: &Named) -> Result<bool> {
    Ok(match named {
        Named::Chosen => variable("KERNEL").is_none() && !place.kernel.stock.is_dir(),
        Named::Release(release) => {
            let is_absent = |kernel: Kernel| !kernel.source.is_dir() && !kernel.stock.is_dir();
            packages::takes_runtime(release) && is_absent(place.pinned()?)
        }
        Named::Directory(_) => false,
    })
}

/// Checks whether the archive still has the pinned kernel. If not, chooses the newest one that it
/// has, and makes a link that tells `scripts/env` of that choice.
fn instead_of_lost(steps: &mut Steps, command: &str) -> Result<()> {
    let place = steps.place.clone();
    let pinned = &place.pinned()?;
    let archive = Archive::of(&place, &pinned.root, &pinned.release);
    let newest = steps.step("looking for the pinned kernel", |steps, log| {
        let headers = format!("linux-headers-{}", pinned.release);
        if archive.has(&headers, &pinned.version)? {
            return Ok(None);
        }
        archive.refresh(&steps.tmp, log)?;
        match archive.has(&headers, &pinned.version)? {
            true => Ok(None),
            false => newest(&archive, steps, log).map(Some),
        }
    })?;
    let Some((release, version)) = newest else {
        return Ok(());
    };
    note(&format!(
        "the archive has lost the pinned kernel, {} ({}); taking its newest, {release} \
         ({version}){}",
        pinned.release,
        pinned.version,
        match command {
            COMMAND_OF_CHECKOUT => ". To pin that one: make update-kernel",
            _ => "",
        }
    ));
    let kernel = place.kernel(&release, &version)?;
    let [link, to] = [pinned, &kernel].map(|kernel| kernel.stock.parent().unwrap_or(&kernel.stock));
    fs::create_dir_all(link.with_file_name("")).at(link)?;
    // An earlier attempt to fetch the pinned kernel may have left this.
    steps::remove(&place, link)?;
    std::os::unix::fs::symlink(to.file_name().unwrap_or_default(), link).at(link)?;
    if place.kernel.release == pinned.release {
        steps.place.kernel = kernel;
    }
    Ok(())
}

/// Makes the tree of a kernel. `command` is the command that help texts name for that.
pub fn prepare(place: Place, named: Named, command: &str) -> Result<Kernel> {
    if named == Named::Chosen && place.is_ready() {
        return Ok(place.kernel);
    }
    let may_be_lost = may_be_lost(&place, &named)?;
    let mut steps = Steps::begin(place, steps_of(&named)? + usize::from(may_be_lost))?;
    steps.root()?;
    if may_be_lost {
        instead_of_lost(&mut steps, command)?;
    }
    prepare_in(&mut steps, named, command)
}

/// Returns the number of steps that make the build root and the tree of a kernel.
///
/// Refuses a kernel that no module can be built for.
fn steps_of(named: &Named) -> Result<usize> {
    const STEPS: usize = 7;
    let Named::Release(release) = named else {
        return Ok(STEPS);
    };
    packages::check_release(release)?;
    Ok(STEPS + 1)
}

/// Makes the tree of a kernel, as [`prepare`] does, once the build root is there.
fn prepare_in(steps: &mut Steps, named: Named, command: &str) -> Result<Kernel> {
    let place = steps.place.clone();
    let (kernel, origin) = match named {
        Named::Chosen => (place.kernel.clone(), Origin::Archive),
        Named::Release(release) => find_release(&release, command, steps)?,
        Named::Directory(directory) => {
            let debs = packages::debs_of(&place, &directory)?;
            let (release, version) = packages::kernel_of(&debs, &directory)?;
            packages::check_release(&release)?;
            (place.kernel(&release, &version)?, Origin::Debs(directory))
        }
    };
    let wanted = Wanted::new(&place, kernel, origin, command);
    steps.kernel(&wanted)?;
    Ok(wanted.kernel)
}

/// Finds the version and the origin of the kernel with this release.
fn find_release(release: &str, command: &str, steps: &mut Steps) -> Result<(Kernel, Origin)> {
    let image = format!("linux-image-{release}");
    let installed =
        packages::installed(&image, "${Version}")?.filter(|version| !version.is_empty());
    let place = steps.place.clone();
    let kernel = place.kernel(release, "")?;
    let wanted = Wanted::new(&place, kernel, Origin::Archive, command);
    let archive = &wanted.archive;
    steps.step(&format!("looking for {release}"), |steps, log| {
        let headers = format!("linux-headers-{release}");
        let is_listed = match archive.version(&image)? {
            Some(version) => archive.has(&headers, &version)?,
            None => false,
        };
        match is_listed {
            true => Ok(()),
            false => archive.refresh(&steps.tmp, log),
        }
    })?;
    let version = match &installed {
        Some(version) => Some(version.clone()),
        None => archive.version(&image)?,
    };
    let Some(version) = version else {
        return Err(wanted.gone(&[])?);
    };
    let is_in_archive = archive.has(&format!("linux-headers-{release}"), &version)?
        && archive.has(&archive::source_package(&version)?, &version)?;
    let is_here = place.kernel(release, &version)?.stock.is_dir();
    if installed.is_none() && !is_in_archive && !is_here {
        return Err(wanted.gone(&[])?);
    }
    let origin = match installed.is_some() && !is_in_archive {
        true => Origin::Installed,
        false => Origin::Archive,
    };
    Ok((place.kernel(release, &version)?, origin))
}

/// Returns the newest kernel with `CONFIG_RUST=y` that the archive has.
fn newest(archive: &Archive<'_>, steps: &Steps, log: &Log) -> Result<Choice> {
    let place = &steps.place;
    for (release, version) in archive.kernels()? {
        steps::remove(place, &steps.tmp.join("headers"))?;
        let kernel = place.kernel(&release, &version)?;
        let wanted = Wanted::new(place, kernel, Origin::Archive, "");
        let config = wanted.archive_config(steps, log)?;
        let config = fs::read_to_string(&config).at(&config)?;
        if config.lines().any(|line| line == "CONFIG_RUST=y") {
            return Ok((release, version));
        }
        log.line(&format!("{release} {version}: no CONFIG_RUST=y"))?;
        steps::remove(place, &wanted.debs(steps))?;
    }
    Err(Error::new(
        "The archive has no kernel with CONFIG_RUST=y whose headers and source it also has.",
    ))
}

/// Writes the newest stock kernel with `CONFIG_RUST=y` that backports offers into `kernel.pin`.
pub fn update_kernel(place: Place) -> Result<()> {
    let mut steps = Steps::begin(place, 4)?;
    steps.root()?;
    let place = steps.place.clone();
    let archive = Archive::of(&place, &place.kernel.root, &place.kernel.release);
    steps.step("package lists", |steps, log| {
        archive.refresh(&steps.tmp, log)
    })?;
    let chosen = steps.step("newest kernel", |steps, log| newest(&archive, steps, log))?;
    write_pin(&place, &chosen)
}

/// Writes `kernel.pin`, unless it says this already. The kernel of `place` may be one that stands
/// in for the pinned one.
fn write_pin(place: &Place, (release, version): &Choice) -> Result<()> {
    let pin = place.top.join("kernel.pin");
    let text = format!(
        "# The stock kernel that is used. Written by `make \
         update-kernel`.\nRELEASE={release}\nVERSION={version}\n"
    );
    if fs::read_to_string(&pin).at(&pin)? == text {
        note(&format!(
            "{release}, version {version}, is the newest already."
        ));
        return Ok(());
    }
    fs::write(&pin, text).at(&pin)?;
    note(&format!(
        "kernel.pin: now {release} ({version}). Run 'make setup', then the tests, and commit \
         kernel.pin."
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
    fn a_pin_is_written_though_its_kernel_stands_in_already() {
        let top = tempfile::tempdir().unwrap();
        let pin = top.path().join("kernel.pin");
        fs::write(&pin, "RELEASE=1\nVERSION=1-1\n").unwrap();
        let place = Place {
            top: top.path().into(),
            kernel: Kernel {
                release: "2".into(),
                version: "2-1".into(),
                ..Kernel::default()
            },
            ..Place::default()
        };
        for _ in 0..2 {
            write_pin(&place, &("2".into(), "2-1".into())).unwrap();
            let text = fs::read_to_string(&pin).unwrap();
            assert!(text.ends_with("\nRELEASE=2\nVERSION=2-1\n"), "{text}");
        }
    }

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
