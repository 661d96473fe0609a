// SPDX-License-Identifier: GPL-2.0

//! The packages of a kernel, from one of three origins. The unpacked files are the same for all.

use crate::{
    archive::{after, architecture, natural, source_package, Archive, Choice},
    error::{At, Error, Result},
    place::{Kernel, Place},
    process::{query, Log},
    steps::{move_to, Steps},
    COMMAND_OF_CHECKOUT,
};
use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The origin of packages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The archive; apt checks the signatures.
    Archive,
    /// The packages that dpkg has installed here.
    Installed,
    /// A directory of `.deb` files.
    Debs(PathBuf),
}

/// A `.deb` file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Deb {
    file: PathBuf,
    package: String,
    version: String,
    depends: String,
}

/// Returns the `.deb` files in a directory.
pub(crate) fn debs_of(place: &Place, directory: &Path) -> Result<Vec<Deb>> {
    let script = r#"for f in "$1"/*.deb; do [ ! -e "$f" ] || printf '%s\t%s\n' "$f" \
        "$(dpkg-deb -W --showformat='${Package}\t${Version}\t${Depends}' "$f")"; done"#;
    let mut command = place.in_root("sh");
    command.args(["-c", script, "sh"]).arg(directory);
    command.env("KIMPORT_BIND", directory);
    Ok(parse_debs(&query(&mut command)?.unwrap_or_default()))
}

fn parse_debs(text: &str) -> Vec<Deb> {
    text.lines()
        .filter_map(|line| {
            let mut fields = line.split('\t');
            Some(Deb {
                file: fields.next()?.into(),
                package: fields.next()?.to_owned(),
                version: fields.next()?.to_owned(),
                depends: fields.next()?.to_owned(),
            })
        })
        .collect()
}

/// Returns the release and version of the one kernel whose image is among `debs`.
pub(crate) fn kernel_of(debs: &[Deb], directory: &Path) -> Result<Choice> {
    let directory = directory.display();
    if debs.is_empty() {
        return Err(Error::new(format_args!("{directory} holds no .deb files.")));
    }
    let images: Vec<_> = debs
        .iter()
        .filter_map(|deb| {
            let release = deb.package.strip_prefix("linux-image-")?;
            let is_release = release.starts_with(|first: char| first.is_ascii_digit());
            is_release.then(|| (release.to_owned(), deb.version.clone()))
        })
        .collect();
    match <[_; 1]>::try_from(images) {
        Ok([image]) => Ok(image),
        Err(images) => Err(Error::new(format_args!(
            "{directory} holds {} linux-image packages instead of one.",
            images.len()
        ))
        .help("Put one kernel's packages there.")),
    }
}

/// Returns the packages of the same kernel among the dependencies of a package: those named
/// `linux-*` that are required without a version, or with `version`.
fn same_kernel<'a>(depends: &'a str, version: &str) -> impl Iterator<Item = &'a str> {
    let same = format!("(= {version})");
    depends.split(',').filter_map(move |dependency| {
        let dependency = dependency.trim();
        let (package, rest) = dependency.split_once(' ').unwrap_or((dependency, ""));
        let fits = rest.is_empty() || rest.trim() == same;
        (fits && package.starts_with("linux-")).then_some(package)
    })
}

/// Returns the root directory of this machine's packages.
fn dpkg_root() -> PathBuf {
    env::var_os("DPKG_ROOT")
        .filter(|root| !root.is_empty())
        .map_or_else(|| "/".into(), PathBuf::from)
}

/// Returns what dpkg says of a package in this format, if it knows the package.
pub(crate) fn installed(package: &str, format: &str) -> Result<Option<String>> {
    query(Command::new("dpkg-query").args(["-W", "-f", format, package]))
}

/// A kernel that is to be prepared.
#[derive(Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) kernel: Kernel,
    pub(crate) origin: Origin,
    pub(crate) archive: Archive<'a>,
    /// The command that help texts name for the preparation of a kernel.
    pub(crate) command: &'a str,
}

impl<'a> Wanted<'a> {
    /// Creates the description of a kernel with the archive that has its release.
    pub(crate) fn new(place: &'a Place, kernel: Kernel, origin: Origin, command: &'a str) -> Self {
        Self {
            archive: Archive::of(place, &kernel.root, &kernel.release),
            kernel,
            origin,
            command,
        }
    }

    /// Returns the value of `Depends` of a package, if the origin has it in this kernel's version.
    fn find(&self, package: &str, debs: &[Deb]) -> Result<Option<String>> {
        let version = &self.kernel.version;
        match &self.origin {
            Origin::Archive => self.archive.depends(package, version),
            Origin::Installed => {
                let said = installed(package, "${db:Status-Status} ${Version}\n${Depends}")?;
                let wanted = format!("installed {version}\n");
                Ok(said.and_then(|said| said.strip_prefix(&wanted).map(str::to_owned)))
            }
            Origin::Debs(_) => {
                let is_it = |deb: &&Deb| deb.package == package && deb.version == *version;
                Ok(debs.iter().find(is_it).map(|deb| deb.depends.clone()))
            }
        }
    }

    /// Returns the packages whose files are unpacked. Kernels are split into packages in different
    /// ways (before 6.19, `linux-image-*` holds everything), so the dependencies decide.
    fn stock_packages(&self, debs: &[Deb]) -> Result<BTreeSet<String>> {
        let (release, version) = (&self.kernel.release, &self.kernel.version);
        let mut packages = BTreeSet::new();
        for kind in ["image", "headers"] {
            let package = format!("linux-{kind}-{release}");
            let depends = self.find(&package, debs)?.unwrap_or_default();
            packages.extend(same_kernel(&depends, version).map(str::to_owned));
            packages.insert(package);
        }
        Ok(packages)
    }

    /// Returns the directory of its packages. It stays until they are unpacked, so that an
    /// interrupted set-up need not download them again.
    pub(crate) fn debs(&self, steps: &Steps) -> PathBuf {
        let Kernel {
            release, version, ..
        } = &self.kernel;
        let name = format!("{release}_{}", version.replace('~', "_"));
        steps.place.cache.join("debs").join(name)
    }

    /// Downloads the headers package. Returns the path of the kernel's configuration in it.
    pub(crate) fn archive_config(&self, steps: &Steps, log: &Log) -> Result<PathBuf> {
        let package = format!("linux-headers-{}", self.kernel.release);
        let (debs, headers) = (self.debs(steps), steps.tmp.join("headers"));
        let version = &self.kernel.version;
        self.archive.download([&package], version, &debs, log)?;
        let deb = find_deb(&debs, &package)?;
        let mut unpack = steps.place.in_root("dpkg-deb");
        log.run(unpack.arg("-x").args([&deb, &headers]))?;
        Ok(headers.join("usr/src").join(&package).join(".config"))
    }

    /// Brings the packages to the directory [`Self::debs`], or checks that they are installed.
    pub(crate) fn fetch(&self, steps: &Steps, log: &Log) -> Result<()> {
        let (release, version) = (&self.kernel.release, &self.kernel.version);
        let directory = self.debs(steps);
        if self.origin == Origin::Archive {
            let headers = format!("linux-headers-{release}");
            // The lists of an earlier run suffice unless they lack this version.
            if !self.archive.has(&headers, version)? {
                self.archive.refresh(&steps.tmp, log)?;
            }
            if !self.archive.has(&headers, version)? {
                return Err(self.gone(&[])?);
            }
            steps.need_space(1000, "Downloading the kernel")?;
            let config = self.archive_config(steps, log)?;
            self.check_config(&config)?;
        }
        let debs = match &self.origin {
            Origin::Debs(directory) => debs_of(&steps.place, directory)?,
            _ => Vec::new(),
        };
        let mut packages = self.stock_packages(&debs)?;
        packages.insert(source_package(version)?);
        let mut missing = Vec::new();
        for package in &packages {
            if self.find(package, &debs)?.is_none() {
                missing.push(package.as_str());
            }
        }
        match (&self.origin, missing.as_slice()) {
            (Origin::Archive, []) => self.archive.download(&packages, version, &directory, log),
            (Origin::Archive, missing) => Err(self.gone(missing)?),
            (Origin::Installed, []) => {
                let config = format!("usr/src/linux-headers-{release}/.config");
                self.check_config(&dpkg_root().join(config))
            }
            (Origin::Installed, missing) => Err(Error::new(format_args!(
                "Version {version} of these packages is neither in the archive nor installed: {}",
                missing.join(" ")
            ))
            .help("Get their .deb files from the distribution's snapshot service and run:")
            .help(format_args!("  {} DIRECTORY-WITH-THE-DEBS", self.command))),
            (Origin::Debs(_), []) => {
                fs::create_dir_all(&directory).at(&directory)?;
                for deb in debs.iter().filter(|deb| packages.contains(&deb.package)) {
                    let name = deb.file.file_name().unwrap_or_default();
                    fs::copy(&deb.file, directory.join(name)).at(&deb.file)?;
                }
                Ok(())
            }
            (Origin::Debs(directory), missing) => Err(Error::new(format_args!(
                "{} has no version {version} of: {}",
                directory.display(),
                missing.join(" ")
            ))
            .help("Put their .deb files there, too.")),
        }
    }

    /// Returns the error that the archive does not have this kernel, or lacks the `missing`
    /// packages.
    pub(crate) fn gone(&self, missing: &[&str]) -> Result<Error> {
        Ok(gone(
            &self.kernel.release,
            &self.kernel.version,
            missing,
            &self.archive.kernels()?,
            self.command,
        ))
    }

    /// Refuses a kernel with this configuration if its Rust compiler is another one.
    pub(crate) fn check_config(&self, config: &Path) -> Result<()> {
        let text = fs::read_to_string(config).at(config)?;
        let Kernel { release, root, .. } = &self.kernel;
        check_config(&text, release, &root.rustc, &root.suite)
    }

    /// Brings only the source, from the archive, unless it is there.
    pub(crate) fn fetch_source(&self, steps: &Steps, log: &Log) -> Result<()> {
        let (source, version) = (&self.kernel.source, &self.kernel.version);
        if source.is_dir() {
            return Ok(());
        }
        let package = source_package(version)?;
        if !self.archive.has(&package, version)? {
            self.archive.refresh(&steps.tmp, log)?;
        }
        if !self.archive.has(&package, version)? {
            return Err(self.gone(&[&package])?);
        }
        steps.need_space(2200, "The source of a newer kernel")?;
        let debs = self.debs(steps);
        self.archive.download([&package], version, &debs, log)?;
        let unpacked = steps.tmp.join("newer");
        self.unpack_source(&unpacked, steps, log)?;
        fs::rename(&unpacked, source).at(source)?;
        let deb = find_deb(&debs, &package)?;
        fs::remove_file(&deb).at(&deb)
    }

    /// Unpacks the stock kernel and its source, which [`Self::fetch`] brought. The final
    /// directories appear complete or not at all, because later steps work in them.
    pub(crate) fn unpack(&self, steps: &Steps, log: &Log) -> Result<()> {
        steps.need_space(2800, "The kernel and its source")?;
        let kernel = &self.kernel;
        if !kernel.stock.is_dir() {
            let stock = steps.tmp.join("stock");
            self.unpack_stock(&stock, steps, log)?;
            move_to(&stock, &kernel.stock)?;
        }
        if !kernel.source.is_dir() {
            let source = steps.tmp.join("source");
            self.unpack_source(&source, steps, log)?;
            move_to(&source, &kernel.source)?;
        }
        Ok(())
    }

    fn unpack_stock(&self, stock: &Path, steps: &Steps, log: &Log) -> Result<()> {
        let release = &self.kernel.release;
        fs::create_dir(stock).at(stock)?;
        if self.origin == Origin::Installed {
            let script = "set -o pipefail; root=$1; out=$2; shift 2
                dpkg-query -L \"$@\" | sort -u | sed -n 's|^/||p' |
                    (cd \"$root\" && tar -c --no-recursion --ignore-failed-read -T -) |
                    tar -x -C \"$out\" --no-same-owner";
            let mut command = Command::new("bash");
            command.args(["-ec", script, "bash"]);
            command.arg(dpkg_root()).arg(stock);
            log.run(command.args(self.stock_packages(&[])?))?;
        } else {
            for deb in deb_files(&self.debs(steps))? {
                let name = deb.file_name().unwrap_or_default().to_string_lossy();
                if !name.starts_with("linux-source-") {
                    let mut unpack = steps.place.in_root("dpkg-deb");
                    log.run(unpack.arg("-x").arg(&deb).arg(stock))?;
                }
            }
        }
        one_layout(stock, release, log)?;
        let config = stock.join("usr/lib/modules").join(release).join("config");
        self.check_config(&config)?;
        let mut depmod = steps.place.in_root("depmod");
        log.run(depmod.arg("-b").arg(stock).arg(release))
    }

    fn unpack_source(&self, source: &Path, steps: &Steps, log: &Log) -> Result<()> {
        let package = source_package(&self.kernel.version)?;
        let tar = format!("usr/src/{package}.tar.xz");
        fs::create_dir(source).at(source)?;
        let unpack = unpack_source();
        let (mut command, script, from) = match self.origin {
            Origin::Installed => (
                Command::new("bash"),
                format!("{unpack} -f \"$1/$2\""),
                dpkg_root(),
            ),
            _ => (
                steps.place.in_root("bash"),
                format!("dpkg-deb --fsys-tarfile \"$1\" | tar -xO \"./$2\" | {unpack}"),
                find_deb(&self.debs(steps), &package)?,
            ),
        };
        command.args(["-ec", &format!("set -o pipefail; {script}"), "bash"]);
        log.run(command.arg(from).arg(tar).arg(source))
    }
}

/// Parts of the source that neither modules nor the kernels of tests are built with: a quarter of
/// its files, and two fifths of its bytes.
const NOT_BUILT: [&str; 4] = [
    "Documentation/*/*",
    "arch/*/boot/dts",
    "drivers/gpu/drm/amd/include",
    "tools/testing",
];

/// Returns the shell's command that unpacks the archive of the source into the directory `$3`.
fn unpack_source() -> String {
    let left_out = NOT_BUILT.map(|path| format!(" --exclude='*/{path}'"));
    format!(
        "tar -xJ -C \"$3\" --strip-components=1{}",
        left_out.concat()
    )
}

/// Gives each kernel the same layout: merged /usr, and the image beside its modules.
fn one_layout(stock: &Path, release: &str, log: &Log) -> Result<()> {
    let lib = stock.join("lib");
    if lib.is_dir() && !lib.is_symlink() {
        let merged = stock.join("usr/lib");
        fs::create_dir_all(&merged).at(&merged)?;
        log.run(Command::new("cp").arg("-a").arg(lib.join(".")).arg(&merged))?;
        fs::remove_dir_all(&lib).at(&lib)?;
    }
    if !lib.is_symlink() {
        std::os::unix::fs::symlink("usr/lib", &lib).at(&lib)?;
    }
    let modules = stock.join("usr/lib/modules").join(release);
    for file in ["vmlinuz", "System.map", "config"] {
        if !modules.join(file).exists() {
            let from = stock.join(format!("boot/{file}-{release}"));
            let mut copy = Command::new("cp");
            log.run(copy.arg("-a").args([from, modules.join(file)]))?;
        }
    }
    Ok(())
}

pub(crate) fn deb_files(directory: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(directory).at(directory)?;
    let mut files = entries
        .map(|entry| Ok(entry.at(directory)?.path()))
        .collect::<Result<Vec<_>>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "deb"));
    files.sort();
    Ok(files)
}

/// Returns the file of a package in a directory that holds one version of it.
pub(crate) fn find_deb(directory: &Path, package: &str) -> Result<PathBuf> {
    let is_of = |file: &PathBuf| {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        name.split('_').next() == Some(package)
    };
    let found = deb_files(directory)?.into_iter().find(is_of);
    found.ok_or_else(|| Error::Failed(format!("{} has no {package}", directory.display())))
}

fn gone(release: &str, version: &str, missing: &[&str], has: &[Choice], command: &str) -> Error {
    let version = match version {
        "" => String::new(),
        version => format!(", version {version}"),
    };
    let missing = match missing {
        [] => String::new(),
        missing => format!(": {}", missing.join(" ")),
    };
    Error::new(format_args!(
        "The archive does not have, or no longer has, kernel {release}{version}{missing}"
    ))
    .help("It has headers and source of:")
    .kernels(has)
    .help(format_args!(
        "Any of them can be prepared: {command} RELEASE.{}",
        match command {
            COMMAND_OF_CHECKOUT => " To use the newest for all from now on: make update-kernel",
            _ => "",
        }
    ))
    .help("To keep this one: get its .deb files from the distribution's snapshot service and run")
    .help(format_args!("  {command} DIRECTORY-WITH-THE-DEBS"))
}

/// The architectures of Debian's kernels that modules can be built for.
const ARCHITECTURES: [&str; 2] = ["amd64", "arm64"];

/// Refuses a kernel whose release shows that no module can be built for it.
pub fn check_release(release: &str) -> Result<()> {
    let mut parts = release.split('-').skip(1);
    if !parts.any(|part| ARCHITECTURES.contains(&part)) {
        return Err(Error::new(format_args!(
            "Kernel {release} is of another architecture, or not one of Debian's."
        ))
        .help(format_args!(
            "Modules can be built for Debian's kernels for {}, such as 7.3.4+deb13-amd64.",
            ARCHITECTURES.join(" and ")
        ))
        .help("For any other that is installed, its headers package suffices for modules in C."));
    }
    if natural(release) < natural("6.12") {
        return Err(Error::new(format_args!(
            "Kernel {release} is too old: the build roots lack its compilers."
        ))
        .help("Choose 6.12, or 6.19 or newer.")
        .help("`kimport relink` and `kimport load` take modules in C for older kernels."));
    }
    Ok(())
}

/// Returns whether modules in Rust can be built for a kernel with this configuration. Before 6.19,
/// the kernel's own Rust crates lack what kimport's need.
pub(crate) fn has_rust(config: &str, release: &str) -> bool {
    config.lines().any(|line| line == "CONFIG_RUST=y") && natural(release) >= natural("6.19")
}

/// Returns whether modules in Rust can be built for this kernel although it has no Rust, because
/// they carry the code that the kernel lacks. `scripts/rust-6.12` is for this series.
pub(crate) fn takes_runtime(release: &str) -> bool {
    release.starts_with("6.12.") && architecture(release) == "amd64"
}

/// Refuses a kernel whose Rust modules need another compiler than that of its build root.
fn check_config(config: &str, release: &str, compiler: &str, suite: &str) -> Result<()> {
    if !has_rust(config, release) {
        return Ok(());
    }
    let built_with = after("CONFIG_RUSTC_VERSION_TEXT=", config);
    if built_with.starts_with(&format!("\"rustc {compiler} ")) {
        return Ok(());
    }
    Err(Error::new(format_args!(
        "Kernel {release} was built with {built_with}, the build root of {suite} has rustc \
         {compiler}."
    ))
    .help(
        "Modules from another compiler do not fit it. When the suite has moved on, change RUSTC \
         in scripts/build-root.conf.",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn debs() -> Vec<Deb> {
        parse_debs(
            "/d/a.deb\tlinux-image-7.3.4-amd64\t7.3.4-1\tlinux-binary-7.3.4-amd64 (= 7.3.4-1), \
             kmod\n\
             /d/b.deb\tlinux-image-amd64\t7.3.4-1\tx\n\
             /d/broken.deb\t\n",
        )
    }

    #[test]
    fn deb_files_are_listed() {
        let debs = debs();
        assert_eq!(debs.len(), 2);
        assert_eq!(debs[0].version, "7.3.4-1");
        let here = Path::new("/d");
        let one = kernel_of(&debs, here).unwrap();
        assert_eq!(one, ("7.3.4-amd64".to_owned(), "7.3.4-1".to_owned()));
        let text = |debs: &[Deb]| kernel_of(debs, here).unwrap_err().to_string();
        assert_eq!(text(&[]), "/d holds no .deb files.");
        assert_eq!(
            text(&[debs[0].clone(), debs[0].clone()]),
            "/d holds 2 linux-image packages instead of one.\n  Put one kernel's packages there."
        );
        assert!(text(&debs[1..]).contains("0 linux-image packages"));
    }

    #[test]
    fn dependencies_of_the_same_kernel() {
        let depends = "linux-headers-7.3.4-common (= 7.3.4-1), linux-kbuild-7.3, gcc-14,\
            linux-base (>= 4.3), linux-other (= 7.3.4-2), linux-a | linux-b";
        let same: Vec<_> = same_kernel(depends, "7.3.4-1").collect();
        assert_eq!(same, ["linux-headers-7.3.4-common", "linux-kbuild-7.3"]);
        assert_eq!(same_kernel("", "1").count(), 0);
    }

    #[test]
    fn rust_modules_need_the_kernels_compiler() {
        let config = "CONFIG_RUST=y\nCONFIG_RUSTC_VERSION_TEXT=\"rustc 1.85.0 (4d9 x)\"\n";
        check_config(config, "7.3", "1.85.0", "trixie").unwrap();
        let text = |config, compiler| {
            check_config(config, "7.3", compiler, "trixie")
                .unwrap_err()
                .to_string()
        };
        let without = "# CONFIG_RUST is not set\n";
        check_config(without, "7.3", "1.86.0", "trixie").unwrap();
        assert!(has_rust(config, "7.3") && has_rust(config, "6.19"));
        assert!(!has_rust(without, "7.3") && !has_rust(config, "6.18"));
        assert!(takes_runtime("6.12.117+deb13-amd64"));
        assert!(!takes_runtime("6.12.117+deb13-arm64") && !takes_runtime("6.1.0-50-amd64"));
        assert_eq!(
            text(config, "1.86.0"),
            "Kernel 7.3 was built with \"rustc 1.85.0 (4d9 x)\", the build root of trixie has rustc 1.86.0.\n  \
             Modules from another compiler do not fit it. When the suite has moved on, change RUSTC in scripts/build-root.conf."
        );
        assert!(check_config(config, "7.3", "1.85", "trixie").is_err());
    }

    #[test]
    fn releases_that_no_module_fits() {
        for release in [
            "7.3.4+deb13-amd64",
            "7.3.4+deb13-cloud-amd64",
            "7.2.13+deb14-amd64",
            "7.3.4+deb13-arm64-16k",
            "6.19.6+deb13-rt-amd64",
            "6.12.117+deb13-amd64",
        ] {
            check_release(release).unwrap();
        }
        for (release, reason) in [
            ("7.3.4+deb13-riscv64", "another architecture"),
            ("7.3.4-200.fc43.x86_64", "not one of Debian's"),
            ("6.1.0-50-amd64", "too old"),
        ] {
            let error = check_release(release).unwrap_err().to_string();
            assert!(error.contains(reason) && error.contains(release), "{error}");
        }
    }

    #[test]
    fn a_kernel_that_is_gone_has_three_ways_out() {
        let has = [
            ("7.3".to_owned(), "7.3-1".to_owned()),
            ("7.2".to_owned(), "7.2-1".to_owned()),
        ];
        assert_eq!(
            gone("7.1", "7.1-1", &["linux-source-7.1"], &has, "kimport prepare").to_string(),
            "The archive does not have, or no longer has, kernel 7.1, version 7.1-1: \
             linux-source-7.1\n  \
             It has headers and source of:\n    \
             7.3 7.3-1\n    \
             7.2 7.2-1\n  \
             Any of them can be prepared: kimport prepare RELEASE.\n  \
             To keep this one: get its .deb files from the distribution's snapshot service and run\n    \
             kimport prepare DIRECTORY-WITH-THE-DEBS"
        );
        let text = gone("7.1", "", &[], &[], COMMAND_OF_CHECKOUT).to_string();
        assert!(
            text.ends_with(
                "make update-kernel\n  To keep this one: get its .deb files from \
            the distribution's snapshot service and run\n    scripts/setup prepare-kernel \
            DIRECTORY-WITH-THE-DEBS"
            ),
            "{text}"
        );
        assert!(
            text.starts_with("The archive does not have, or no longer has, kernel 7.1\n"),
            "{text}"
        );
        assert!(text.contains("\n    none\n"), "{text}");
    }

    fn put(directory: &tempfile::TempDir, path: &str) {
        let path = directory.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    }

    #[test]
    fn source_that_is_not_built_is_left_out() {
        let (packed, unpacked) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let built = [
            "Documentation/Kconfig",
            "arch/x86/boot/main.c",
            "drivers/gpu/drm/amd/amdgpu/Makefile",
            "tools/objtool/objtool.c",
        ];
        let not_built = [
            "Documentation/livepatch/api.rst",
            "arch/arm64/boot/dts/a/b.dts",
            "drivers/gpu/drm/amd/include/asic_reg/a.h",
            "tools/testing/selftests/Makefile",
        ];
        for path in built.iter().chain(&not_built) {
            put(&packed, &format!("linux-source-7.3/{path}"));
        }
        let script = format!(
            "set -o pipefail; tar -cJ -C \"$1\" linux-source-7.3 | {}",
            unpack_source()
        );
        let mut command = Command::new("bash");
        command.args(["-ec", &script, "bash"]).arg(packed.path());
        let status = command.arg("").arg(unpacked.path()).status().unwrap();
        assert!(status.success());
        let has = |path: &&&str| unpacked.path().join(path).exists();
        let all = built.iter().chain(&not_built);
        assert_eq!(all.filter(has).copied().collect::<Vec<_>>(), built);
    }

    #[test]
    fn all_kernels_are_laid_out_the_same() {
        let stock = tempfile::tempdir().unwrap();
        let put = |path| put(&stock, path);
        put("lib/modules/7.3/kernel/a.ko");
        put("usr/lib/modules/7.3/config");
        put("boot/vmlinuz-7.3");
        put("boot/System.map-7.3");
        let log = Log(tempfile::tempfile().unwrap());
        one_layout(stock.path(), "7.3", &log).unwrap();
        // A kernel that already has this layout keeps it.
        one_layout(stock.path(), "7.3", &log).unwrap();
        for file in ["vmlinuz", "System.map", "config", "kernel/a.ko"] {
            assert!(
                stock.path().join("lib/modules/7.3").join(file).is_file(),
                "{file}"
            );
        }
        assert!(stock.path().join("lib").is_symlink());
    }
}
