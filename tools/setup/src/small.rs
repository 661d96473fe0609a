// SPDX-License-Identifier: GPL-2.0

//! Small kernels, built from the distribution's source with `tests/kernels/small.config`. The
//! source has three changes, so that the checkout can be part of the kernel: a link
//! `drivers/kimport` to it, one line in `drivers/Kconfig` and one in `drivers/Makefile`. Tree and
//! objects stay in the cache: the first build takes some minutes, later ones compile only what has
//! changed.

use crate::{
    error::{At, Error, Result},
    place::{Place, Root},
    process::{query, Log},
    steps::{remove, Lock, Steps},
    tree::jobs,
};
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The source tree of small kernels. While this value lives, no other process uses the tree.
struct Tree {
    steps: Steps,
    directory: PathBuf,
    source: PathBuf,
    /// The configuration that all small kernels have in common.
    config: String,
}

impl Tree {
    fn open(place: Place) -> Result<Self> {
        let (config, directory) = config_of(&place)?;
        let stock_source = place.kernel.source.clone();
        if !stock_source.is_dir() || !place.root.path.is_dir() {
            return Err(Error::new(format_args!(
                "There is no kernel source at {}.",
                stock_source.display()
            ))
            .help("Run 'make setup' first."));
        }
        fs::create_dir_all(&directory).at(&directory)?;
        let lock = Lock::take(&directory.join("lock"), |_| {
            format!("waiting for another build in {} ...", directory.display())
        })?;
        let source = directory.join("source");
        let steps = Steps::with(place, 1, lock, directory.join("tmp"))?;
        steps.need_space(1500, "A kernel")?;
        let tree = Self {
            steps,
            directory,
            source,
            config,
        };
        tree.make_source(&stock_source)?;
        Ok(tree)
    }

    /// Makes the source tree out of hard links. Builds do not write to it, and the files that
    /// differ are replaced.
    fn make_source(&self, stock_source: &Path) -> Result<()> {
        let place = &self.steps.place;
        if !self.source.is_dir() {
            let new = self.steps.tmp.join("source");
            let copied = query(Command::new("cp").arg("-al").arg(stock_source).arg(&new))?;
            copied.ok_or_else(|| {
                Error::new(format_args!("Cannot link {}.", stock_source.display()))
            })?;
            replace(&new.join("drivers/Kconfig"), |text| {
                text.replace("\nendmenu", "\nsource \"drivers/kimport/Kconfig\"\nendmenu")
            })?;
            replace(&new.join("drivers/Makefile"), |text| {
                text.to_owned() + "obj-$(CONFIG_KIMPORT) += kimport/\n"
            })?;
            fs::rename(&new, &self.source).at(&self.source)?;
        }
        // KCSAN is rustc's sanitizer `thread`, which the kernel's target does not have.
        let target = self.source.join("scripts/generate_rust_target.rs");
        let text = fs::read_to_string(&target).at(&target)?;
        let (without, with) = (r#""kernel-address"]"#, r#""kernel-address", "thread"]"#);
        if !text.contains(with) {
            replace(&target, |text| text.replace(without, with))?;
        }
        let link = self.source.join("drivers/kimport");
        if fs::read_link(&link).ok().as_deref() != Some(&place.top) {
            let _ = fs::remove_file(&link);
            std::os::unix::fs::symlink(&place.top, &link).at(&link)?;
        }
        Ok(())
    }

    /// Builds a kernel that does not contain the checkout, unless `directory` has it already.
    /// `begin` may put something into a new build directory. Returns `directory`. clang builds it
    /// if a root with clang is given.
    fn build_alone(
        self,
        name: &str,
        directory: PathBuf,
        options: &[&str],
        clang: Option<&Root>,
        begin: impl FnOnce(&Steps, &Log, &Path) -> Result<()>,
    ) -> Result<PathBuf> {
        let text = fragment_of(&self.config, options, clang);
        if is_made(&directory, &text) {
            return Ok(directory);
        }
        let Self {
            mut steps, source, ..
        } = self;
        fs::create_dir_all(&directory).at(&directory)?;
        // From now on, it is not the kernel of an earlier configuration any more.
        let made_of = directory.join(MADE_OF);
        if made_of.exists() {
            fs::remove_file(&made_of).at(&made_of)?;
        }
        let fragment = directory.join("fragment");
        fs::write(&fragment, &text).at(&fragment)?;
        steps.step(name, |steps, log| {
            let build = directory.join("build");
            if !build.is_dir() {
                begin(steps, log, &build)?;
            }
            let install = directory.join("install");
            Self::build(steps, &source, log, &build, &install, &fragment, clang)?;
            fs::copy(&fragment, &made_of).at(&made_of)?;
            Ok(())
        })?;
        Ok(directory)
    }

    /// Configures `build` with `fragment`, builds it, and installs the image and the modules to
    /// `install` as a distribution does. The output of the build goes to `build.log`.
    fn build(
        steps: &Steps,
        source: &Path,
        log: &Log,
        build: &Path,
        install: &Path,
        fragment: &Path,
        clang: Option<&Root>,
    ) -> Result<()> {
        let place = &steps.place;
        let beside = |extension: &str| build.with_extension(extension);
        let (begun, build_log) = (beside("begun"), beside("log"));
        let make = || {
            let mut make = Command::new("nice");
            make.arg(place.scripts().join("in-root"));
            make.arg("--root").arg(&clang.unwrap_or(&place.root).path);
            make.args(["--", "make", "-C"]).arg(source);
            make.arg(format!("O={}", build.display()));
            make.args(["ARCH=x86", "LOCALVERSION="]);
            make.args(clang.map(|_| "LLVM=1"));
            make.current_dir(&place.top);
            make
        };
        fs::create_dir_all(build).at(build)?;
        if begun.exists() {
            log.run(&mut remove_incomplete(build, &begun))?;
        }
        fs::write(&begun, "").at(&begun)?;
        log.run(make().arg("tinyconfig"))?;
        let mut merge = place.in_root(source.join("scripts/kconfig/merge_config.sh"));
        merge.args(["-m", "-O"]);
        log.run(merge.args([build, &build.join(".config"), fragment]))?;
        log.run(make().arg("olddefconfig"))?;
        let read = |path: &Path| fs::read_to_string(path).at(path);
        let wrong = refused(&read(fragment)?, &read(&build.join(".config"))?);
        if !wrong.is_empty() {
            let error = Error::new(
                "The kernel cannot have this configuration: other options rule out these lines:",
            );
            return Err(wrong.into_iter().fold(error, Error::help));
        }
        let jobs = env::var("JOBS").map_or_else(|_| jobs(), |jobs| format!("-j{jobs}"));
        let mut tee = Command::new("bash");
        let script = "set -o pipefail; log=$1; shift; \"$@\" 2>&1 | tee \"$log\"";
        tee.args(["-c", script, "bash"]).arg(&build_log);
        let command = make();
        tee.arg(command.get_program()).args(command.get_args());
        log.run(tee.arg(jobs).current_dir(&place.top))?;
        fs::remove_file(&begun).at(&begun)?;
        remove(place, install)?;
        // As the distribution's packages have them.
        let install = install.join("usr");
        let path = format!("INSTALL_MOD_PATH={}", install.display());
        log.run(make().arg("modules_install").arg(path))?;
        let release = read(&build.join("include/config/kernel.release"))?;
        let image = install.join(format!("lib/modules/{}/vmlinuz", release.trim()));
        fs::copy(build.join("arch/x86/boot/bzImage"), &image).at(&image)?;
        Ok(())
    }
}

/// The file beside a complete build that has its configuration.
const MADE_OF: &str = "made-of";

/// Returns whether a kernel with this configuration was built before.
fn is_made(directory: &Path, config: &str) -> bool {
    fs::read_to_string(directory.join(MADE_OF)).is_ok_and(|made_of| made_of == config)
}

/// Returns the configuration that all small kernels have in common, and their directory.
fn config_of(place: &Place) -> Result<(String, PathBuf)> {
    let file = place.top.join("tests/kernels/small.config");
    let config = fs::read_to_string(&file).at(&file)?;
    let name = format!("kernels/tree-{}", key(place, &config)?);
    Ok((config, place.cache.join(name)))
}

/// Returns the configuration of a kernel that does not contain the checkout.
fn fragment_of(config: &str, options: &[&str], clang: Option<&Root>) -> String {
    let mut text = ways_fragment(config, options);
    // Other compilers make another kernel.
    if let Some(root) = clang {
        text += &format!("# built in {}\n", root.path.display());
    }
    text
}

/// Returns a name for the results of this source, root and configuration.
fn key(place: &Place, config: &str) -> Result<String> {
    let text = format!(
        "{}\n{}\n{}\n",
        place.kernel.source.display(),
        place.root.path.display(),
        config.trim_end_matches('\n')
    );
    let sum = query(Command::new("sh").args(["-c", "printf %s \"$1\" | sha256sum", "sh", &text]))?;
    let sum = sum.and_then(|sum| sum.get(..12).map(str::to_owned));
    sum.ok_or_else(|| Error::new("sha256sum cannot be run."))
}

/// Replaces a file that may be a hard link.
fn replace(path: &Path, change: impl Fn(&str) -> String) -> Result<()> {
    let text = fs::read_to_string(path).at(path)?;
    let changed = change(&text);
    if changed == text {
        return Err(Error::new(format_args!(
            "{} is not as expected.",
            path.display()
        )));
    }
    fs::remove_file(path).at(path)?;
    fs::write(path, changed).at(path)
}

/// Returns the lines of `fragment` that `config` does not follow.
fn refused(fragment: &str, config: &str) -> Vec<String> {
    let follows = |line: &str| match line.strip_suffix('n') {
        Some(start) if start.ends_with('=') => {
            !config.lines().any(|other| other.starts_with(start))
        }
        _ => config.lines().any(|other| other == line),
    };
    let wrong = |line: &&str| line.starts_with("CONFIG_") && !follows(line);
    fragment.lines().filter(wrong).map(str::to_owned).collect()
}

/// Builds a small kernel that this checkout is part of, with the samples `builtin` or as `modules`.
/// Returns the directory where it is installed.
pub fn tree_kernel(place: Place, kind: &str) -> Result<PathBuf> {
    let how = if kind == "builtin" { 'y' } else { 'm' };
    let Tree {
        mut steps,
        directory,
        source,
        config,
    } = Tree::open(place)?;
    let install = directory.join(kind);
    steps.step(&format!("kernel with kimport ({kind})"), |steps, log| {
        let fragment = directory.join("fragment");
        let options = format!(
            "CONFIG_SAMPLE_KIMPORT_HELLO={how}\nCONFIG_KIMPORT_KUNIT_TEST={how}\nCONFIG_MODULE_SIG=y\n"
        );
        fs::write(&fragment, config + &options).at(&fragment)?;
        let build = directory.join("build");
        Tree::build(steps, &source, log, &build, &install, &fragment, None)?;
        let build_log = build.with_extension("log");
        let said = fs::read_to_string(&build_log).at(&build_log)?;
        // The warnings of the linker, the compilers and objtool about our code are errors.
        let mut warnings = said.lines().filter(|line| is_warning(line)).peekable();
        if warnings.peek().is_none() {
            return Ok(());
        }
        Err(warnings.fold(Error::new("The build has warnings:"), Error::help))
    })?;
    Ok(install)
}

fn is_warning(line: &str) -> bool {
    let about_us = line
        .find("kimport")
        .is_some_and(|at| line[at..].contains("warning"));
    line.starts_with("ld: warning") || line.starts_with("warning") || about_us
}

/// Builds one of the small kernels of `docs/ways.md`, with options as `NAME=VALUE`. Returns its
/// directory, which has `build/`, to build modules against, and `install/`, to boot. A new kernel
/// begins as a copy of one that was built with as many of the last of these options as possible, so
/// that only what its other options change is compiled.
pub fn ways_kernel(place: Place, options: &[&str]) -> Result<PathBuf> {
    if let Some(wrong) = options.iter().find(|option| !is_option(option)) {
        return Err(Error::new(format_args!(
            "{wrong} is no OPTION=VALUE of a kernel"
        )));
    }
    let tree = Tree::open(place)?;
    let root = tree.directory.clone();
    let with = match options {
        [] => String::new(),
        options => format!(" with {}", options.join(" ")),
    };
    let name = format!("small kernel{with}");
    let directory = ways_directory(&root, options);
    tree.build_alone(&name, directory, options, None, |steps, log, build| {
        let mut near = (1..=options.len()).map(|skip| ways_directory(&root, &options[skip..]));
        let origin = near.find(|other| other.join(MADE_OF).exists());
        let origin = origin.unwrap_or(root.clone()).join("build");
        match origin.is_dir() {
            true => copy_build(steps, log, &origin, build),
            false => Ok(()),
        }
    })
}

/// Builds the kernel of a profile, whose configuration is in `tests/kernels/profiles`. Returns the
/// variables with which make builds and runs tests for it. A profile with `CONFIG_CC_IS_CLANG=y`
/// has a build root of its own, which is made if it is not there.
///
/// # Errors
///
/// With `made`, the kernel must be there already.
pub fn profile_kernel(mut place: Place, name: &str, made: bool) -> Result<String> {
    let kernels = place.top.join("tests/kernels");
    let read = |name: &str| {
        let file = kernels.join(name);
        fs::read_to_string(&file).at(&file)
    };
    let (common, own) = (
        read("profiles.config")?,
        read(&format!("profiles/{name}.config"))?,
    );
    let options = [options_of(&common), options_of(&own)].concat();
    let clang = match options.contains(&"CC_IS_CLANG=y") {
        true => Some(place.named_root("trixie-clang")?),
        false => None,
    };
    let (config, directory) = config_of(&place)?;
    let directory = directory.join("profiles").join(name);
    // Nobody waits for a build if there is nothing to do.
    if !is_made(&directory, &fragment_of(&config, &options, clang.as_ref())) {
        let step = format!("kernel of the profile {name}");
        if made {
            let error = Error::new(format_args!("There is no current {step}."));
            return Err(error.help(format_args!("Build it: make check PROFILE={name}")));
        }
        if let Some(root) = clang.as_ref().filter(|root| !root.path.is_dir()) {
            let mut steps = Steps::begin(place, 1)?;
            steps.make_root("build root with clang", root)?;
            place = steps.place.clone();
        }
        let directory = directory.clone();
        Tree::open(place)?
            .build_alone(&step, directory, &options, clang.as_ref(), |_, _, _| Ok(()))?;
    }
    let release = directory.join("build/include/config/kernel.release");
    let release = fs::read_to_string(&release).at(&release)?;
    let (directory, release) = (directory.display(), release.trim());
    let mut variables =
        format!("KDIR={directory}/build STOCK={directory}/install RELEASE={release}");
    if let Some(root) = clang {
        variables += &format!(" KERNEL_ROOT={} LLVM=1", root.path.display());
    }
    Ok(variables)
}

/// Returns the options of a configuration.
fn options_of(config: &str) -> Vec<&str> {
    let lines = config.lines();
    lines
        .filter_map(|line| line.strip_prefix("CONFIG_"))
        .collect()
}

fn is_option(option: &str) -> bool {
    let name = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    let value = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    option.split_once('=').is_some_and(|(left, right)| {
        !left.is_empty() && !right.is_empty() && left.bytes().all(name) && right.bytes().all(value)
    })
}

/// Returns the directory of a small kernel. Its name has no characters that are special to make.
fn ways_directory(tree: &Path, options: &[&str]) -> PathBuf {
    let name = match options {
        [] => "none".to_owned(),
        options => options.join(".").replace('=', "-"),
    };
    tree.join("ways").join(name)
}

/// Returns the configuration without kimport, which is not part of these kernels. An option
/// replaces the configuration's line for the same name.
fn ways_fragment(config: &str, options: &[&str]) -> String {
    let options = options.iter().map(|option| format!("CONFIG_{option}"));
    let options: Vec<_> = options.collect();
    let is_kept = |line: &&str| {
        let name = line.split('=').next();
        let mut replaced = options.iter().map(|option| option.split('=').next());
        !line.contains("KIMPORT") && replaced.all(|replaced| replaced != name)
    };
    let kept = config.lines().filter(is_kept);
    let lines: Vec<_> = kept.chain(options.iter().map(String::as_str)).collect();
    lines.join("\n") + "\n"
}

/// Returns a command that removes what a build may have left incomplete that began with the file
/// `begun` and was killed: the files of its last two minutes. make would take them for complete.
fn remove_incomplete(build: &Path, begun: &Path) -> Command {
    let script = "
        last=$(find \"$1\" -type f -newer \"$2\" -printf '%T@\\n' | sort -n | tail -n 1)
        [ -z \"$last\" ] ||
            find \"$1\" -type f -newer \"$2\" -newermt \"@$((${last%.*} - 120))\" -delete";
    let mut sh = Command::new("sh");
    sh.args(["-c", script, "sh"]).args([build, begun]);
    sh
}

fn copy_build(steps: &Steps, log: &Log, origin: &Path, build: &Path) -> Result<()> {
    let copy = steps.tmp.join("copy");
    let mut cp = Command::new("cp");
    log.run(cp.args(["-a", "--reflink=auto"]).args([origin, &copy]))?;
    // make would build the copied files anew, because their commands name the other directory.
    let script = "grep -rlZF --include='*.cmd' \"$1\" \"$3\" | xargs -0r sed -i \"s|$1|$2|g\"";
    let mut sh = Command::new("sh");
    sh.args(["-c", script, "sh"]);
    log.run(sh.args([origin, build, &copy]))?;
    fs::rename(&copy, build).at(build)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, SystemTime};

    #[test]
    fn options_of_small_kernels() {
        assert!(is_option("KALLSYMS_ALL=n") && is_option("A1=16"));
        for wrong in ["A", "A=", "=y", "a=y", "A=Y", "A=y;x", "A=b=c"] {
            assert!(!is_option(wrong), "{wrong}");
        }
        let tree = Path::new("/t");
        assert_eq!(ways_directory(tree, &[]), Path::new("/t/ways/none"));
        assert_eq!(
            ways_directory(tree, &["A=n", "B=1"]),
            Path::new("/t/ways/A-n.B-1")
        );
    }

    #[test]
    fn a_killed_build_keeps_what_was_complete() {
        let directory = tempfile::tempdir().unwrap();
        let build = directory.path().join("build");
        fs::create_dir(&build).unwrap();
        let begun = directory.path().join("begun");
        let start = SystemTime::now() - Duration::from_secs(10_000);
        let write = |path: &Path, seconds: u64| {
            let file = fs::File::create(path).unwrap();
            file.set_modified(start + Duration::from_secs(seconds))
                .unwrap();
        };
        write(&begun, 1000);
        for seconds in [990, 1050, 1400, 2000, 2100] {
            write(&build.join(seconds.to_string()), seconds);
        }
        let left = || {
            assert!(remove_incomplete(&build, &begun)
                .status()
                .unwrap()
                .success());
            let names = fs::read_dir(&build).unwrap();
            let mut names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
            names.sort();
            names
        };
        assert_eq!(left(), ["1050", "1400", "990"]);
        // No file is of the last build.
        write(&begun, 3000);
        assert_eq!(left(), ["1050", "1400", "990"]);
        // The last build was shorter than two minutes.
        write(&begun, 1390);
        assert_eq!(left(), ["1050", "990"]);
    }

    #[test]
    fn options_replace_those_of_the_configuration() {
        let config = "# about\nCONFIG_A=y\nCONFIG_AB=y\nCONFIG_KIMPORT=y\n";
        assert_eq!(
            ways_fragment(config, &["A=n"]),
            "# about\nCONFIG_AB=y\nCONFIG_A=n\n"
        );
        assert_eq!(
            ways_fragment(config, &[]),
            "# about\nCONFIG_A=y\nCONFIG_AB=y\n"
        );
    }

    #[test]
    fn options_of_a_profile() {
        let profile = "# about\nCONFIG_A=y\n\nCONFIG_B=m\n";
        assert_eq!(options_of(profile), ["A=y", "B=m"]);
    }

    #[test]
    fn what_other_options_do_not_allow_is_named() {
        let config = "CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_C=m\n";
        let fragment = "# why\nCONFIG_A=y\nCONFIG_B=n\nCONFIG_D=n\n";
        assert!(refused(fragment, config).is_empty());
        assert_eq!(
            refused("CONFIG_C=y\nCONFIG_A=n\n", config),
            ["CONFIG_C=y", "CONFIG_A=n"]
        );
    }

    #[test]
    fn warnings_of_ours() {
        for ours in [
            "ld: warning: x",
            "warning: unused",
            "drivers/kimport/a.rs:1: warning: x",
        ] {
            assert!(is_warning(ours), "{ours}");
        }
        for other in [
            "fs/ext4/a.c:1: warning: x",
            "  CC kimport.o",
            "note: warning kimport",
        ] {
            assert!(!is_warning(other), "{other}");
        }
    }
}
