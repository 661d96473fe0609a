// SPDX-License-Identifier: GPL-2.0

//! The packages of the kernels in `tests/kernels/debian.pin`, which `make check-compare` reads.

use crate::{
    archive::{architecture, natural, Archive, Choice},
    error::{At, Error, Result},
    place::Place,
    process::Log,
    steps::{move_to, Steps},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// A line of `debian.pin`.
#[derive(Debug, PartialEq, Eq)]
struct Pin<'a> {
    release: &'a str,
    version: &'a str,
    suite: &'a str,
    packages: Vec<&'a str>,
}

fn pins(text: &str) -> Vec<Pin<'_>> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            Some(Pin {
                release: words.next()?,
                version: words.next()?,
                suite: words.next()?,
                packages: words.collect(),
            })
        })
        .collect()
}

impl Pin<'_> {
    fn directory(&self, place: &Place) -> PathBuf {
        let name = format!("{}_{}", self.release, self.version.replace('~', "_"));
        place.cache.join("packages").join(name)
    }

    fn fetch(&self, archive: &Archive<'_>, steps: &Steps, log: &Log) -> Result<()> {
        let directory = self.directory(&steps.place);
        let names: Vec<_> = self
            .packages
            .iter()
            .map(|package| format!("linux-{package}-{}", self.release))
            .collect();
        for name in &names {
            if !archive.has(name, self.version)? {
                let series = series(self.release);
                let offers = offers(archive, &series, flavour(self.release))?;
                return Err(self.gone(&offers, &series, &directory));
            }
        }
        let debs = steps.tmp.join("debs");
        archive.download(&names, self.version, &debs, log)?;
        move_to(&debs, &directory)
    }

    /// Returns the error that the archive does not have this kernel, but `has` those of its series.
    fn gone(&self, has: &[Choice], series: &str, directory: &Path) -> Error {
        Error::new(format_args!(
            "The archive's {} does not have, or no longer has, kernel {}, version {}.",
            self.suite, self.release, self.version
        ))
        .help(format_args!("Of {series} it has:"))
        .kernels(has)
        .help(
            "Write one of them into tests/kernels/debian.pin, run 'make check-compare \
             UPDATE_EXPECT=1', and commit what changed if it is right.",
        )
        .help(
            "To keep this one: put its .deb files, from the distribution's snapshot service, into",
        )
        .help(format_args!("  {}", directory.display()))
    }
}

/// Returns the first two numbers of a release.
fn series(release: &str) -> String {
    let version = release.split('-').next().unwrap_or_default();
    version.split('.').take(2).collect::<Vec<_>>().join(".")
}

/// Returns the end of a release, from the architecture on: `amd64`, `arm64-16k`.
fn flavour(release: &str) -> &str {
    let start = release.find(architecture(release)).unwrap_or_default();
    &release[start..]
}

/// Returns whether a package is the image of a kernel of a flavour: `linux-image-6.1.0-50-amd64`,
/// `linux-image-6.12.107+deb13-amd64`.
fn is_image(name: &str, flavour: &str) -> bool {
    let middle = name
        .strip_prefix("linux-image-")
        .and_then(|rest| rest.strip_suffix(flavour)?.strip_suffix('-'));
    middle.is_some_and(|middle| {
        let mut parts = middle.splitn(2, '-');
        let release = parts.next().unwrap_or_default();
        let abi = parts.next().unwrap_or("0");
        release.starts_with(|first: char| first.is_ascii_digit())
            && !abi.is_empty()
            && abi.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// Returns the kernels of a series and flavour, oldest first.
fn offers(archive: &Archive<'_>, series: &str, flavour: &str) -> Result<Vec<Choice>> {
    let mut names = archive.names(&format!("linux-image-{series}."))?;
    names.retain(|name| is_image(name, flavour));
    names.sort_by_cached_key(|name| natural(name));
    let mut offers = Vec::new();
    for name in names {
        let version = archive.version(&name)?.unwrap_or_default();
        offers.push((name["linux-image-".len()..].to_owned(), version));
    }
    Ok(offers)
}

/// Brings the packages to the cache. Prints the release and the files of each kernel, in the form
/// that `kimport compare --kernel` takes.
pub fn kernels(place: Place) -> Result<()> {
    let file = place.top.join("tests/kernels/debian.pin");
    let text = fs::read_to_string(&file).at(&file)?;
    let pins = pins(&text);
    if pins.iter().any(|pin| !pin.directory(&place).is_dir()) {
        let mut steps = Steps::begin(place.clone(), 3)?;
        steps.need_space(500, "Packages of kernels")?;
        steps.root()?;
        // The suites differ from those of the build root, and so do the package lists.
        let suites: BTreeSet<_> = pins.iter().map(|pin| pin.suite.to_owned()).collect();
        steps.step("kernel packages for tests", |steps, log| {
            let mut missing = BTreeMap::<_, Vec<_>>::new();
            for pin in pins.iter().filter(|pin| !pin.directory(&place).is_dir()) {
                missing
                    .entry(architecture(pin.release))
                    .or_default()
                    .push(pin);
            }
            for (architecture, pins) in missing {
                let suites = suites.iter().cloned().collect();
                let archive = Archive::new(&place, "apt-kernels", suites, architecture);
                archive.refresh(&steps.tmp, log)?;
                pins.iter()
                    .try_for_each(|pin| pin.fetch(&archive, steps, log))?;
            }
            Ok(())
        })?;
    }
    for pin in &pins {
        let files = crate::packages::deb_files(&pin.directory(&place))?;
        let files: Vec<_> = files
            .iter()
            .map(|file| file.display().to_string())
            .collect();
        println!("{}={}", pin.release, files.join(","));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_are_read() {
        let text = include_str!("../../../tests/kernels/debian.pin");
        let pins = pins(text);
        assert!(pins.len() >= 3);
        assert!(pins.iter().all(|pin| pin.packages.contains(&"headers")));
        assert_eq!(series(pins[0].release), "6.1");
    }

    #[test]
    fn images() {
        for image in [
            "linux-image-6.1.0-50-amd64",
            "linux-image-7.2.12+deb13-amd64",
            "linux-image-7.3.4+deb13-arm64-16k",
        ] {
            assert!(is_image(image, flavour(image)), "{image}");
        }
        for other in [
            "linux-image-6.1.0-50-rt-amd64",
            "linux-image-amd64",
            "linux-image-6.1.0--amd64",
        ] {
            assert!(!is_image(other, "amd64"), "{other}");
        }
    }

    #[test]
    fn a_kernel_that_is_gone_has_ways_out() {
        let pin = &pins("6.1.0-50-amd64 6.1.176-1 bookworm image\n")[0];
        let has = [("6.1.0-51-amd64".to_owned(), "6.1.177-1".to_owned())];
        assert_eq!(
            pin.gone(&has, "6.1", Path::new("/c")).to_string(),
            "The archive's bookworm does not have, or no longer has, kernel 6.1.0-50-amd64, \
             version 6.1.176-1.\n  \
             Of 6.1 it has:\n    \
             6.1.0-51-amd64 6.1.177-1\n  \
             Write one of them into tests/kernels/debian.pin, run 'make check-compare UPDATE_EXPECT=1', and commit what changed if it is right.\n  \
             To keep this one: put its .deb files, from the distribution's snapshot service, into\n    \
             /c"
        );
        assert!(pin
            .gone(&[], "6.1", Path::new("/c"))
            .to_string()
            .contains("\n    none\n"));
    }
}
