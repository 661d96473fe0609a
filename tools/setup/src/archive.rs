// SPDX-License-Identifier: GPL-2.0

//! The Debian archive: the choice of a mirror, and the packages that it has.

use crate::{
    error::{At, Error, Result},
    host::variable,
    packages::{deb_files, find_deb},
    place::{Place, Root},
    process::{query, Log},
};
use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

/// The age up to which package lists are used again without asking the mirror.
const RECENT: Duration = Duration::from_secs(600);

/// Returns the URIs of the repositories in the output of `apt-get --print-uris update`.
fn repositories(printed: &str) -> Vec<String> {
    let mut seen = HashSet::new();
    printed
        .lines()
        .filter_map(|line| line.strip_prefix('\'')?.split('\'').next())
        .filter(|uri| uri.starts_with("http://") || uri.starts_with("https://"))
        .filter_map(|uri| Some(uri.rsplit_once("/dists/")?.0.trim_end_matches('/')))
        .filter(|uri| seen.insert(*uri))
        .map(str::to_owned)
        .collect()
}

/// Returns whether a release file is that of Debian's archive.
fn is_debian(release: &str) -> bool {
    ["Origin: Debian", "Label: Debian"]
        .iter()
        .all(|wanted| release.lines().any(|line| line == *wanted))
}

/// Returns the mirror to use: `KIMPORT_MIRROR`, or the first of this machine's repositories that
/// has `suite` of Debian. The release files that are fetched here only serve this choice. apt later
/// checks the signatures of everything that is used.
pub(crate) fn find_mirror(suite: &str, tmp: &Path, log: &Log) -> Result<String> {
    let uris = match variable("KIMPORT_MIRROR") {
        Some(mirror) => vec![mirror.trim_end_matches('/').to_owned()],
        None => {
            let mut apt = Command::new("apt-get");
            apt.args(["-o", "Debug::NoLocking=true", "--print-uris", "update"]);
            repositories(&query(&mut apt)?.unwrap_or_default())
        }
    };
    choose_mirror(&uris, suite, |uri| {
        let file = tmp.join("InRelease");
        let mut helper = Command::new("/usr/lib/apt/apt-helper");
        for option in [
            "APT::Sandbox::User=root",
            "Acquire::Retries=1",
            "Acquire::http::Timeout=20",
            "Acquire::https::Timeout=20",
        ] {
            helper.args(["-o", option]);
        }
        helper
            .args(["download-file", &format!("{uri}/dists/{suite}/InRelease")])
            .arg(&file);
        let got = match log.succeeds(&mut helper) {
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            got => got.unwrap_or(false),
        };
        let release = got.then(|| fs::read_to_string(&file).unwrap_or_default());
        let _ = fs::remove_file(&file);
        Ok(release)
    })
}

/// Returns the first mirror whose release file is Debian's. `fetch` returns the release file of a
/// mirror.
fn choose_mirror(
    uris: &[String],
    suite: &str,
    fetch: impl Fn(&str) -> Result<Option<String>>,
) -> Result<String> {
    if uris.is_empty() {
        return Err(Error::new(
            "This machine's apt configuration names no repository, so there is no Debian mirror \
             to use.",
        )
        .help("Set KIMPORT_MIRROR to the URL of a Debian mirror."));
    }
    let mut error = Error::new(format_args!(
        "No Debian mirror with '{suite}' could be reached. Tried:"
    ));
    for uri in uris {
        error = match fetch(uri)? {
            Some(release) if is_debian(&release) => return Ok(uri.clone()),
            Some(_) => error.help(format_args!("{uri}: not the Debian archive")),
            None => error.help(format_args!("{uri}: no dists/{suite} there, or no answer")),
        };
    }
    Err(error.help(
        "Check the network and http_proxy, or set KIMPORT_MIRROR to the URL of a Debian mirror.",
    ))
}

/// Returns this machine's settings for proxies and for mirrors that lag behind, as lines of
/// apt.conf. `http_proxy` and the like pass through the environment.
pub(crate) fn own_settings() -> Result<Vec<String>> {
    let settings = query(Command::new("apt-config").arg("dump"))?.unwrap_or_default();
    let is_kept = |line: &&str| {
        ["http::Proxy", "https::Proxy", "Check-Valid-Until"]
            .iter()
            .any(|name| line.starts_with(&format!("Acquire::{name}")))
    };
    let kept = settings.lines().filter(is_kept);
    Ok(kept.map(str::to_owned).collect())
}

/// Returns Debian's name for the architecture of a kernel.
pub(crate) fn architecture(release: &str) -> &'static str {
    match release.ends_with("-arm64") || release.contains("-arm64-") {
        true => "arm64",
        false => "amd64",
    }
}

/// The release of a kernel, and the version of its packages.
pub(crate) type Choice = (String, String);

/// Returns the kernels of `suite` in the output of `apt-cache madison linux-image-...`.
fn kernels_of(madison: &str, suite: &str) -> Vec<Choice> {
    let mut kernels: Vec<_> = madison
        .lines()
        .filter_map(|line| {
            let mut fields = line.split('|').map(str::trim);
            let release = fields.next()?.strip_prefix("linux-image-")?;
            let version = fields.next()?;
            let is_there = fields.next()?.contains(&format!("{suite}/"));
            is_there.then(|| (release.to_owned(), version.to_owned()))
        })
        .collect();
    kernels.sort_by_cached_key(|(release, version)| {
        std::cmp::Reverse((natural(release), natural(version)))
    });
    kernels.dedup();
    kernels
}

/// Returns a sort key. Numbers are ordered by value, and `~` comes before everything, even before
/// the end of the text.
pub(crate) fn natural(text: &str) -> Vec<(u8, u64)> {
    let mut key = Vec::new();
    let mut in_number = false;
    for byte in text.bytes() {
        match (byte, key.last_mut()) {
            (b'0'..=b'9', Some((_, number))) if in_number => {
                *number =
                    u64::saturating_add(u64::saturating_mul(*number, 10), u64::from(byte - b'0'));
            }
            (b'0'..=b'9', _) => key.push((2, u64::from(byte - b'0'))),
            (b'~', _) => key.push((0, 0)),
            _ => key.push((3, u64::from(byte))),
        }
        in_number = byte.is_ascii_digit();
    }
    // The end of the text comes after `~` and before everything else.
    key.push((1, 0));
    key
}

/// Returns the name of the package with the source of kernels of a version.
pub(crate) fn source_package(version: &str) -> Result<String> {
    let mut numbers = version
        .split(|c: char| !c.is_ascii_digit())
        .filter(|part| !part.is_empty());
    match (numbers.next(), numbers.next()) {
        (Some(major), Some(minor)) if version.starts_with(&format!("{major}.{minor}")) => {
            Ok(format!("linux-source-{major}.{minor}"))
        }
        _ => Err(Error::new(format_args!(
            "'{version}' is not the version of a kernel package."
        ))),
    }
}

/// Returns the rest of the first line that begins with `start`, or nothing.
pub(crate) fn after<'a>(start: &str, text: &'a str) -> &'a str {
    let mut lines = text.lines();
    let rest = lines.find_map(|line| line.strip_prefix(start));
    rest.unwrap_or_default()
}

/// Returns the names of the packages whose `.deb` files are in a directory.
fn packages_in(directory: &Path) -> Result<HashSet<String>> {
    let files = deb_files(directory)?;
    let names = files.iter().filter_map(|file| file.file_name()?.to_str());
    Ok(names
        .filter_map(|name| Some(name.split_once('_')?.0.to_owned()))
        .collect())
}

/// The archive as apt inside the build root sees it. Lists and downloads live in the cache.
#[derive(Debug)]
pub(crate) struct Archive<'a> {
    place: &'a Place,
    directory: PathBuf,
    suites: Vec<String>,
    architecture: &'static str,
}

impl<'a> Archive<'a> {
    /// Creates the archive of these suites for an architecture. Its lists are in a directory of the
    /// cache.
    pub(crate) fn new(
        place: &'a Place,
        directory: &str,
        suites: Vec<String>,
        architecture: &'static str,
    ) -> Self {
        let directory = match architecture {
            "amd64" => directory.to_owned(),
            other => format!("{directory}-{other}"),
        };
        Self {
            place,
            directory: place.cache.join(directory),
            suites,
            architecture,
        }
    }

    /// Creates the archive that has the kernel with this release.
    pub(crate) fn of(place: &'a Place, root: &Root, release: &str) -> Self {
        let directory = format!("apt-{}", root.suite);
        let suites = root.suites().cloned().collect();
        Self::new(place, &directory, suites, architecture(release))
    }

    fn configuration(&self) -> PathBuf {
        self.directory.join("apt.conf")
    }

    pub(crate) fn has_lists(&self) -> bool {
        self.configuration().exists()
    }

    /// Returns the command of one of apt's programs.
    fn apt(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = self.place.in_root(program);
        command.args(arguments);
        command.env("APT_CONFIG", self.configuration());
        command
    }

    /// Fetches the package lists, unless that was done a few minutes ago, from the mirror to use.
    pub(crate) fn refresh(&self, tmp: &Path, log: &Log) -> Result<()> {
        let list = self.directory.join("sources.list");
        let fetched = self.directory.join("fetched");
        let age = |path: &Path| fs::metadata(path).ok()?.modified().ok()?.elapsed().ok();
        let sources = fs::read_to_string(&list).unwrap_or_default();
        let is_mirror = variable("KIMPORT_MIRROR").is_none_or(|mirror| sources.contains(&mirror));
        if is_mirror && age(&fetched).is_some_and(|age| age < RECENT) {
            return Ok(());
        }
        let suite = self.suites.first().map_or("", String::as_str);
        let mirror = find_mirror(suite, tmp, log)?;
        let directory = self.directory.display();
        for part in ["lists/partial", "cache/archives/partial"] {
            let path = self.directory.join(part);
            fs::create_dir_all(&path).at(&path)?;
        }
        let line = |suite: &String| format!("deb {mirror} {suite} main\n");
        let sources: String = self.suites.iter().map(line).collect();
        fs::write(&list, sources).at(&list)?;
        let settings = format!(
            "Dir::State::lists \"{directory}/lists\";\n\
             Dir::Cache \"{directory}/cache\";\n\
             Dir::Etc::sourcelist \"{directory}/sources.list\";\n\
             Dir::Etc::sourceparts \"/dev/null\";\n\
             APT::Sandbox::User \"root\";\n\
             APT::Architecture \"{}\";\n\
             APT::Update::Error-Mode \"any\";\n\
             Acquire::Languages \"none\";\n\
             Acquire::GzipIndexes \"true\";\n\
             Acquire::Retries \"3\";\n{}\n",
            self.architecture,
            own_settings()?.join("\n")
        );
        fs::write(self.configuration(), settings).at(self.configuration())?;
        log.run(&mut self.apt("apt-get", &["-q", "update"]))?;
        fs::write(&fetched, "").at(&fetched)
    }

    /// Returns the value of a field of a package, if `apt-cache show` finds it.
    fn show(&self, package: &str, field: &str) -> Result<Option<String>> {
        if !self.has_lists() {
            return Ok(None);
        }
        let shown = query(&mut self.apt("apt-cache", &["show", "--no-all-versions", package]))?;
        let shown = shown.filter(|text| !text.trim().is_empty());
        let value = |text: String| after(&format!("{field}: "), &text).to_owned();
        Ok(shown.map(value))
    }

    /// Returns whether the lists are there and have this version of a package.
    pub(crate) fn has(&self, package: &str, version: &str) -> Result<bool> {
        Ok(self.version(&format!("{package}={version}"))?.is_some())
    }

    /// Returns the newest version of a package, or that of `PACKAGE=VERSION` if the lists have it.
    pub(crate) fn version(&self, package: &str) -> Result<Option<String>> {
        self.show(package, "Version")
    }

    /// Returns the value of `Depends` of a package, if the lists have this version of it.
    pub(crate) fn depends(&self, package: &str, version: &str) -> Result<Option<String>> {
        self.show(&format!("{package}={version}"), "Depends")
    }

    /// Returns the names of the packages that begin with `prefix`.
    pub(crate) fn names(&self, prefix: &str) -> Result<Vec<String>> {
        let names = query(&mut self.apt("apt-cache", &["pkgnames", prefix]))?.unwrap_or_default();
        Ok(names.lines().map(str::to_owned).collect())
    }

    /// Downloads this version of packages into a directory, which has no other versions, unless
    /// they are there. apt writes to the final name, so it works in a directory `partial`, where it
    /// goes on with what an interrupted download left.
    pub(crate) fn download<'p>(
        &self,
        packages: impl IntoIterator<Item = &'p String>,
        version: &str,
        directory: &Path,
        log: &Log,
    ) -> Result<()> {
        fs::create_dir_all(directory).at(directory)?;
        let present = packages_in(directory)?;
        let missing = packages.into_iter();
        let missing: Vec<_> = missing
            .filter(|package| !present.contains(*package))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let partial = directory.join("partial");
        fs::create_dir_all(&partial).at(&partial)?;
        let versions = missing.iter().map(|package| format!("{package}={version}"));
        let mut apt = self.apt("apt-get", &["-q", "download"]);
        log.run(apt.args(versions).current_dir(&partial))?;
        for package in missing {
            let deb = find_deb(&partial, package)?;
            let name = deb.file_name().unwrap_or_default();
            fs::rename(&deb, directory.join(name)).at(&deb)?;
        }
        // It stays if it has a part of another package.
        let _ = fs::remove_dir(&partial);
        Ok(())
    }

    /// Returns the kernels of the last suite, newest first. The archive keeps images longer than
    /// headers and source; a kernel that lacks one of them is left out.
    pub(crate) fn kernels(&self) -> Result<Vec<Choice>> {
        let mut names = self.names("linux-image-")?;
        names.retain(|name| is_kernel_image(name, self.architecture));
        if names.is_empty() {
            return Ok(Vec::new());
        }
        names.extend(self.names("linux-headers-")?);
        names.extend(self.names("linux-source-")?);
        // Each start of apt takes a part of a second, so all packages are asked for at once.
        let madison = query(self.apt("apt-cache", &["madison"]).args(&names))?.unwrap_or_default();
        let has: HashSet<(&str, &str)> = madison
            .lines()
            .filter_map(|line| {
                let mut fields = line.split('|').map(str::trim);
                Some((fields.next()?, fields.next()?))
            })
            .collect();
        let mut kernels = Vec::new();
        let suite = self.suites.last().map_or("", String::as_str);
        for (release, version) in kernels_of(&madison, suite) {
            let (headers, source) = (
                format!("linux-headers-{release}"),
                source_package(&version)?,
            );
            if [&headers, &source]
                .iter()
                .all(|name| has.contains(&(name.as_str(), &version)))
            {
                kernels.push((release, version));
            }
        }
        Ok(kernels)
    }
}

/// Returns whether a package is the image of a stock kernel: `linux-image-7.3.4+deb13-amd64`, not
/// `-cloud-amd64` or `-dbg`.
fn is_kernel_image(name: &str, architecture: &str) -> bool {
    name.strip_prefix("linux-image-").is_some_and(|rest| {
        rest.starts_with(|first: char| first.is_ascii_digit())
            && rest
                .strip_suffix(architecture)
                .and_then(|release| release.strip_suffix('-'))
                .is_some_and(|release| !release.contains('-'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_that_are_there_are_known() {
        let directory = tempfile::tempdir().unwrap();
        for name in [
            "linux-headers-7.3_7.3-1_amd64.deb",
            "linux-image-7.3_7.3-1_amd64.deb.part",
        ] {
            fs::write(directory.path().join(name), "").unwrap();
        }
        let present = packages_in(directory.path()).unwrap();
        assert_eq!(present, HashSet::from(["linux-headers-7.3".to_owned()]));
    }

    #[test]
    fn an_interrupted_download_goes_on() {
        let top = tempfile::tempdir().unwrap();
        let path = |name: &str| top.path().join(name);
        fs::create_dir(path("scripts")).unwrap();
        // Stands in for apt, which is interrupted the first time. Another process makes the
        // program, so that none of this one has it open for writing.
        let apt = "#!/bin/sh\n[ -e one_1_all.deb ] || { echo half >one_1_all.deb; exit 1; }\n\
            echo whole >one_1_all.deb\n";
        fs::write(path("apt"), apt).unwrap();
        let mut install = Command::new("install");
        install.args([path("apt"), path("scripts/in-root")]);
        assert!(install.status().unwrap().success());

        let place = Place {
            top: top.path().into(),
            ..Place::default()
        };
        let archive = Archive::new(&place, "lists", Vec::new(), "amd64");
        let log = Log(fs::File::create(path("log")).unwrap());
        let (package, debs) = ("one".to_owned(), path("debs"));
        let download = || archive.download([&package], "1", &debs, &log);
        assert!(download().is_err());
        assert!(packages_in(&debs).unwrap().is_empty());
        download().unwrap();
        let deb = fs::read_to_string(debs.join("one_1_all.deb")).unwrap();
        assert_eq!(deb, "whole\n");
        assert!(!debs.join("partial").exists());
        // A package that is there is not downloaded again.
        fs::remove_file(path("scripts/in-root")).unwrap();
        download().unwrap();
    }

    #[test]
    fn repositories_of_apt() {
        let printed = "\
            'http://one.example/debian/dists/trixie/InRelease' one.example_InRelease 0 \n\
            'http://one.example/debian/dists/trixie-updates/InRelease' x 0 \n\
            'https://two.example/debian//dists/trixie-security/updates/InRelease' x 0 \n\
            'cdrom:[Debian]/dists/trixie/InRelease' x 0\n\
            'mirror+file:/etc/apt/m/dists/x/InRelease' x 0\n\
            E: some error\n";
        assert_eq!(
            repositories(printed),
            ["http://one.example/debian", "https://two.example/debian"]
        );
        assert!(repositories("").is_empty());
    }

    #[test]
    fn the_first_mirror_that_is_debian() {
        const DEBIAN: &str = "Origin: Debian\nLabel: Debian\nSuite: stable\n";
        let uris = ["a", "b", "c"].map(str::to_owned);
        let chosen = choose_mirror(&uris, "trixie", |uri| {
            Ok(match uri {
                "a" => None,
                "b" => Some("Origin: Debian\nLabel: Debian-Security\n".to_owned()),
                _ => Some(DEBIAN.to_owned()),
            })
        });
        assert_eq!(chosen.unwrap(), "c");

        let error = choose_mirror(&uris[..2], "trixie", |uri| {
            Ok((uri == "b").then(|| "Origin: Other\nLabel: Debian\n".to_owned()))
        });
        assert_eq!(
            error.unwrap_err().to_string(),
            "No Debian mirror with 'trixie' could be reached. Tried:\n  \
             a: no dists/trixie there, or no answer\n  \
             b: not the Debian archive\n  \
             Check the network and http_proxy, or set KIMPORT_MIRROR to the URL of a Debian mirror."
        );
        let error = choose_mirror(&[], "trixie", |_| unreachable!()).unwrap_err();
        assert!(error.to_string().contains("names no repository"), "{error}");
        // A signal ends the search.
        let error = choose_mirror(&uris, "trixie", |_| Err(Error::Interrupted));
        assert_eq!(error, Err(Error::Interrupted));
    }

    #[test]
    fn kernels_come_newest_first() {
        let madison = "\
            linux-image-7.3.4+deb13-amd64 | 7.3.4-1~bpo13+1 | http://x/debian trixie-backports/main amd64 Packages\n\
            linux-image-7.10.1+deb13-amd64 | 7.10.1-1~bpo13+1 | http://x/debian trixie-backports/main amd64 Packages\n\
            linux-image-7.3.4+deb13-amd64 | 7.3.4-1~bpo13+2 | http://x/debian trixie-backports/main amd64 Packages\n\
            linux-image-7.3.4+deb13-amd64 | 7.3.4-1~bpo13+2 | http://x/debian trixie-backports/main amd64 Packages\n\
            linux-image-6.12.117-amd64 | 6.12.117-1 | http://x/debian trixie/main amd64 Packages\n";
        let versions: Vec<_> = kernels_of(madison, "trixie-backports")
            .into_iter()
            .map(|(_, version)| version)
            .collect();
        assert_eq!(
            versions,
            ["7.10.1-1~bpo13+1", "7.3.4-1~bpo13+2", "7.3.4-1~bpo13+1"]
        );
    }

    #[test]
    fn versions_are_ordered() {
        let sorted = ["1.0~rc1", "1.0", "1.0+b1", "1.2", "1.10", "1.10a", "2"];
        assert!(sorted
            .windows(2)
            .all(|pair| natural(pair[0]) < natural(pair[1])));
    }

    #[test]
    fn which_package_has_the_source() {
        assert_eq!(
            source_package("7.3.4-1~bpo13+1").unwrap(),
            "linux-source-7.3"
        );
        assert_eq!(source_package("6.12-1").unwrap(), "linux-source-6.12");
        for wrong in ["7", "x7.3", "", "7-3"] {
            let error = source_package(wrong).unwrap_err().to_string();
            assert_eq!(
                error,
                format!("'{wrong}' is not the version of a kernel package.")
            );
        }
    }

    #[test]
    fn images_of_kernels() {
        assert!(is_kernel_image("linux-image-7.3.4+deb13-amd64", "amd64"));
        assert!(is_kernel_image("linux-image-7.3.4+deb13-arm64", "arm64"));
        for other in [
            "linux-image-amd64",
            "linux-image-7.3.4+deb13-cloud-amd64",
            "linux-image-7.3.4+deb13-amd64-dbg",
        ] {
            assert!(!is_kernel_image(other, "amd64"), "{other}");
        }
    }
}
