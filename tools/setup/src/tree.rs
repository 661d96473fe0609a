// SPDX-License-Identifier: GPL-2.0

//! The tree that modules are built against.
//!
//! For a kernel with Rust, it is made of the kernel's source. For 6.12, which has no Rust, it is
//! also made of the Rust crates of a newer kernel, and modules carry what they use of these
//! (`scripts/rust-6.12`). For another kernel, it is the headers package, and modules in C can be
//! built.

use crate::{
    archive::{after, Archive},
    error::{At, Error, Result},
    packages::{has_rust, takes_runtime, Origin, Wanted},
    place::Kernel,
    process::Log,
    steps::{note, remove, Steps},
};
use std::{
    collections::HashSet,
    fs,
    io::Write as _,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
    thread::available_parallelism,
};

/// The module in C that shows that a tree is complete.
const C_MODULE: &str =
    "#include <linux/module.h>\nMODULE_DESCRIPTION(\"\");\nMODULE_LICENSE(\"GPL\");\n";

/// The module in Rust that shows that a tree is complete.
const RUST_MODULE: &str = r#"//! Shows that the tree is complete.

use kernel::prelude::*;

module! {
    type: Try,
    name: "try",
    description: "",
    license: "GPL",
}

struct Try;

impl kernel::Module for Try {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        Ok(Self)
    }
}
"#;

impl Steps {
    /// Makes everything that modules for a kernel need besides the build root, in five steps.
    pub(crate) fn kernel(&mut self, wanted: &Wanted<'_>) -> Result<()> {
        let kernel = &wanted.kernel;
        if kernel.stock.is_dir() && kernel.source.is_dir() {
            self.skip("kernel packages");
            self.skip("unpacking");
        } else {
            self.step("kernel packages", |steps, log| wanted.fetch(steps, log))?;
            self.step("unpacking", |steps, log| wanted.unpack(steps, log))?;
            remove(&self.place, &wanted.debs(self))?;
        }
        self.make_root(
            &format!("build root of {}", kernel.root.suite),
            &kernel.root,
        )?;
        let config = kernel.headers().join(".config");
        let config = fs::read_to_string(&config).at(&config)?;
        let has_rust = has_rust(&config, &kernel.release);
        let builds_rust = has_rust || takes_runtime(&kernel.release);
        let tree = if builds_rust {
            "Rust build tree"
        } else {
            "build tree"
        };
        if kernel.is_ready() {
            self.skip(tree);
            self.skip("test module");
        } else {
            self.step(tree, |steps, log| match (builds_rust, has_rust) {
                (true, true) => prepare(kernel, &kernel.source, steps, log),
                (true, false) => prepare(kernel, &graft(wanted, steps, log)?, steps, log)
                    .and_then(|()| add_versions(kernel)),
                (false, _) => link_headers(kernel, steps),
            })?;
            self.step("test module", |steps, log| {
                let directory = steps.tmp.join("try");
                fs::create_dir(&directory).at(&directory)?;
                // A module for a kernel without Rust needs kimport's build rules.
                let (sources, name) = match (builds_rust, has_rust) {
                    (true, true) => (write_module(&directory, "try.rs", RUST_MODULE)?, "try"),
                    (true, false) => (link_sample(&directory, &steps.place.top)?, "hello_import"),
                    (false, _) => (write_module(&directory, "try.c", C_MODULE)?, "try"),
                };
                log.run(&mut make_modules(kernel, &sources, steps))?;
                check_module(kernel, &sources.join(format!("{name}.ko")), steps, log)?;
                let mark = kernel.mark();
                fs::write(&mark, "").at(&mark)
            })?;
        }
        if !builds_rust {
            note(&format!(
                "{} has no Rust that kimport's crate can use; the tree is for modules in C",
                kernel.release
            ));
        }
        Ok(())
    }
}

/// Returns the option of make for as many jobs as there are CPUs.
pub(crate) fn jobs() -> String {
    format!("-j{}", available_parallelism().map_or(1, usize::from))
}

/// Returns the value of an option whose value is in quotes.
fn value<'a>(config: &'a str, option: &str) -> Option<&'a str> {
    after(&format!("{option}=\""), config).strip_suffix('"')
}

/// Returns the arguments of make that choose the architecture and the cross compilers, from the
/// variables in the kernel's headers package.
fn architecture(variables: &str) -> Vec<String> {
    let overrides = variables
        .lines()
        .filter_map(|line| line.strip_prefix("override ")?.split_once(" = "));
    overrides
        .filter(|(name, _)| *name == "ARCH" || name.starts_with("CROSS"))
        .map(|(name, value)| format!("{name}={value}"))
        .collect()
}

/// Returns the lines that differ between two configurations. The configuration determines crate
/// hashes and structure layouts. Only the C compiler's packaging revision may differ; the
/// distribution does not compare it either (`DEBIAN_KERNEL_NO_CC_VERSION_CHECK`).
fn changes(before: &str, after: &str) -> Vec<String> {
    let not_in = |text: &str, other: &str, sign: &str| {
        let other: HashSet<_> = other.lines().collect();
        text.lines()
            .filter(|line| !other.contains(line) && !line.starts_with("CONFIG_CC_VERSION_TEXT="))
            .map(|line| format!("{sign} {line}"))
            .collect::<Vec<_>>()
    };
    [not_in(before, after, "<"), not_in(after, before, ">")].concat()
}

/// Makes the source that the tree of a kernel without Rust is made of. Returns its path.
fn graft(wanted: &Wanted<'_>, steps: &Steps, log: &Log) -> Result<PathBuf> {
    let (place, kernel) = (&steps.place, &wanted.kernel);
    let pinned = place.pinned()?;
    let newer = Wanted {
        archive: Archive::of(place, &pinned.root, &pinned.release),
        kernel: pinned.clone(),
        origin: Origin::Archive,
        command: wanted.command,
    };
    newer.fetch_source(steps, log)?;
    let target = kernel.kdir.with_file_name("source");
    let mut graft = place.in_root(place.scripts().join("rust-6.12/graft"));
    log.run(
        graft
            .args([&kernel.source, &newer.kernel.source])
            .arg(&target),
    )?;
    Ok(target)
}

/// Tells the builds of modules that the kernel checks the versions of symbols. The crates cannot be
/// built with that option.
fn add_versions(kernel: &Kernel) -> Result<()> {
    let add = |path: &str, text: &str| {
        let path = kernel.kdir.join(path);
        let mut file = fs::OpenOptions::new().append(true).open(&path).at(&path)?;
        file.write_all(text.as_bytes()).at(&path)
    };
    let options = "CONFIG_MODVERSIONS=y\nCONFIG_ASM_MODVERSIONS=y\n";
    add(".config", options)?;
    add("include/config/auto.conf", options)?;
    add(
        "include/config/auto.conf",
        "CONFIG_KIMPORT_RUST_RUNTIME=y\n",
    )?;
    add(
        "include/generated/autoconf.h",
        "#define CONFIG_MODVERSIONS 1\n#define CONFIG_ASM_MODVERSIONS 1\n",
    )?;
    // Only a build with the option makes this program.
    let program = "scripts/genksyms/genksyms";
    let directory = kernel.kdir.join("scripts/genksyms");
    fs::create_dir_all(&directory).at(&directory)?;
    let from = kernel.headers().join(program);
    fs::copy(&from, kernel.kdir.join(program)).at(&from)?;
    Ok(())
}

/// Makes the tree from `source` and the stock kernel's configuration. It is made in place, because
/// the build writes the path into its results. [`Kernel::mark`] tells that it is complete.
fn prepare(kernel: &Kernel, source: &Path, steps: &Steps, log: &Log) -> Result<()> {
    let place = &steps.place;
    let Kernel { release, kdir, .. } = kernel;
    steps.need_space(500, "The build tree")?;
    let headers = kernel.headers();
    let config = headers.join(".config");
    let before = fs::read_to_string(&config).at(&config)?;
    let cc = value(&before, "CONFIG_CC_VERSION_TEXT").unwrap_or_default();
    let cc = cc.split(' ').next().unwrap_or_default();
    let variables = headers.join(".kernelvariables");
    let variables = fs::read_to_string(&variables).at(&variables)?;
    let architecture = architecture(&variables);
    let mut find = place.within(&kernel.root, "sh");
    if !log.succeeds(find.args(["-c", "command -v \"$1\"", "sh", cc]))? {
        return Err(Error::new(format_args!(
            "Kernel {release} was built with {cc}, which the build root lacks."
        ))
        .help("Add its package to scripts/build-root.conf."));
    }
    let mut make = place.within(&kernel.root, "make");
    make.args(["-s", "-C"]).arg(source);
    let version = log.output(make.arg("kernelversion"))?;
    let version = version.trim();
    let local = release.strip_prefix(version).ok_or_else(|| {
        Error::new(format_args!(
            "The source of version {} calls itself {version}, the kernel {release}.",
            kernel.version
        ))
    })?;

    remove(place, kdir)?;
    fs::create_dir(kdir).at(kdir)?;
    // Without Rust in the kernel, the crates are built for modules alone.
    let is_grafted = source != kernel.source;
    let config = match is_grafted {
        true => before.replace("CONFIG_MODVERSIONS=y\n", "") + "CONFIG_RUST=y\n",
        false => before.clone(),
    };
    fs::write(kdir.join(".config"), config).at(kdir)?;
    let make = |arguments: &[&str]| {
        let mut make = place.within(&kernel.root, "make");
        make.arg("-C").arg(source).args(&architecture);
        make.arg(format!("O={}", kdir.display()));
        make.args([format!("CC={cc}"), format!("LOCALVERSION={local}")]);
        log.run(make.args(arguments))
    };
    make(&["olddefconfig"])?;
    let after = fs::read_to_string(kdir.join(".config")).at(kdir)?;
    let mut changed = changes(&before, &after);
    if is_grafted {
        changed.retain(|line| {
            let mut meant = ["RUST", "BINDGEN", "MODVERSIONS"].iter();
            !meant.any(|name| line.contains(name))
        });
    }
    if !changed.is_empty() {
        let error = Error::new(format_args!(
            "The build root's tools change the configuration of kernel {release}, so that modules \
             would not fit:"
        ));
        let error = changed.into_iter().fold(error, Error::help);
        return Err(error.help(format_args!(
            "Make the build root anew (remove {}); if that does not help, its tools are too new \
             or too old for this kernel.",
            kernel.root.path.display()
        )));
    }
    // The linker drops the functions that a module does not use.
    let flags = match is_grafted {
        true => "KRUSTFLAGS=-Zfunction-sections=y",
        false => "KRUSTFLAGS=",
    };
    make(&[&jobs(), flags, "modules_prepare"])?;

    let prepared = fs::read_to_string(kdir.join("include/config/kernel.release")).at(kdir)?;
    if prepared.trim() != release {
        return Err(Error::new(format_args!(
            "The prepared tree is for release {} instead of {release}.",
            prepared.trim()
        )));
    }
    let has = |path: &str| crate::host::has_content(&kdir.join(path));
    if !has("rust/libkernel.rmeta") {
        return Err(Error::new("The prepared tree has no rust/libkernel.rmeta."));
    }
    // Kernels carry syn since 6.19, and keep host libraries apart since 7.3.
    if source.join("rust/syn").is_dir() && !has("rust/host/libsyn.rlib") && !has("rust/libsyn.rlib")
    {
        return Err(Error::new("The prepared tree has no libsyn.rlib."));
    }
    // `Module.symvers` has the exported symbols, and `vmlinux` the types that the BTF of modules
    // refers to. `.kernelvariables` pins the release and the compiler.
    for file in ["Module.symvers", ".kernelvariables", "vmlinux"] {
        if file != "vmlinux" || headers.join(file).exists() {
            fs::copy(headers.join(file), kdir.join(file)).at(headers.join(file))?;
        }
    }
    Ok(())
}

/// Makes the tree of a kernel without Rust: links to the files of its headers package, which would
/// have to be in `/usr/src` otherwise.
fn link_headers(kernel: &Kernel, steps: &Steps) -> Result<()> {
    let Kernel { stock, kdir, .. } = kernel;
    let headers = kernel.headers();
    remove(&steps.place, kdir)?;
    fs::create_dir(kdir).at(kdir)?;
    for entry in fs::read_dir(&headers).at(&headers)? {
        let path = entry.at(&headers)?.path();
        if let Some(name) = path.file_name().filter(|name| *name != "Makefile") {
            symlink(&path, kdir.join(name)).at(kdir)?;
        }
    }
    let makefile = headers.join("Makefile");
    let text = fs::read_to_string(&makefile).at(&makefile)?;
    let moved = text.replace(" /usr/src/", &format!(" {}/usr/src/", stock.display()));
    fs::write(kdir.join("Makefile"), moved).at(kdir)
}

/// Links `samples/hello_import` into a directory. Returns the path of the sample there.
fn link_sample(directory: &Path, top: &Path) -> Result<PathBuf> {
    // Before 6.13, Kbuild has no MO=, so the module is built among links to its sources.
    let sample = directory.join("samples/hello_import");
    fs::create_dir_all(&sample).at(&sample)?;
    for name in ["Kbuild", "hello_import.rs"] {
        let source = top.join("samples/hello_import").join(name);
        symlink(&source, sample.join(name)).at(&sample)?;
    }
    symlink(top.join("scripts"), directory.join("scripts")).at(directory)?;
    Ok(sample)
}

/// Writes a module with one source file into a directory. Returns the directory.
fn write_module(directory: &Path, source: &str, text: &str) -> Result<PathBuf> {
    for (name, text) in [("Kbuild", "obj-m := try.o\n"), (source, text)] {
        fs::write(directory.join(name), text).at(directory)?;
    }
    Ok(directory.into())
}

/// Returns the command that builds the modules of a directory.
fn make_modules(kernel: &Kernel, directory: &Path, steps: &Steps) -> Command {
    let mut make = steps.place.within(&kernel.root, "make");
    make.arg(jobs()).arg("-C").arg(&kernel.kdir);
    make.arg(format!("M={}", directory.display()))
        .arg("modules");
    make
}

fn check_module(kernel: &Kernel, module: &Path, steps: &Steps, log: &Log) -> Result<()> {
    let mut modinfo = steps.place.in_root("modinfo");
    let vermagic = log.output(modinfo.args(["-F", "vermagic"]).arg(module))?;
    if vermagic.split(' ').next() == Some(&kernel.release) {
        return Ok(());
    }
    Err(Error::new(format_args!(
        "A module built with {} is not for {}.",
        kernel.kdir.display(),
        kernel.release
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_has_to_stay() {
        let before =
            "# made\nCONFIG_A=y\nCONFIG_CC_VERSION_TEXT=\"gcc-14 (Debian 14.2.0-1)\"\nCONFIG_B=m\n";
        let other_packaging = before.replace("14.2.0-1", "14.2.0-2");
        assert!(changes(before, before).is_empty());
        assert!(changes(before, &other_packaging).is_empty());
        let after = other_packaging.replace("CONFIG_B=m", "# CONFIG_B is not set\nCONFIG_C=y");
        assert_eq!(
            changes(before, &after),
            ["< CONFIG_B=m", "> # CONFIG_B is not set", "> CONFIG_C=y"]
        );
    }

    #[test]
    fn the_headers_name_the_architecture() {
        let variables = "override ARCH = arm64\noverride KERNELRELEASE = 7.3.4\nCC = gcc\n\
            override CROSS_COMPILE = aarch64-linux-gnu-\n\
            override CROSS_COMPILE_COMPAT = arm-linux-gnueabihf-\nexport CROSS_COMPILE_COMPAT\n";
        assert_eq!(
            architecture(variables),
            [
                "ARCH=arm64",
                "CROSS_COMPILE=aarch64-linux-gnu-",
                "CROSS_COMPILE_COMPAT=arm-linux-gnueabihf-"
            ]
        );
        assert!(architecture("").is_empty());
    }

    #[test]
    fn values_of_options() {
        let config = "CONFIG_CC_VERSION_TEXT=\"x86_64-linux-gnu-gcc-14 (Debian) 14\"\n";
        let text = value(config, "CONFIG_CC_VERSION_TEXT").unwrap();
        assert_eq!(text, "x86_64-linux-gnu-gcc-14 (Debian) 14");
        assert_eq!(value(config, "CONFIG_CC_VERSION"), None);
    }
}
