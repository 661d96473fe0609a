// SPDX-License-Identifier: GPL-2.0

//! The running system.

use super::{
    exports,
    files::{FilePlace, Pieces},
    given::{parse_symvers, AllSymvers},
    image,
    module::Module,
    notes,
    symbols::SymbolTable,
    text::{self, Text},
    Kernel, ModuleTypes, Spec, RUNNING_BTF,
};
use crate::{
    compression::read_limited,
    error::{Error, Result},
    loader::{Magic, LAYOUT},
};
use object::elf::{EM_AARCH64, EM_RISCV, EM_X86_64};
use std::{
    fs::{self, File},
    mem,
    path::{Path, PathBuf},
    sync::Arc,
};

impl Kernel {
    pub(super) fn running(spec: &Spec) -> Result<Self> {
        let read = |path: &str| match File::open(path).and_then(read_limited) {
            Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
            Err(error) => Err(Error::unusable(format_args!("{path}: {error}"))
                .help("the running system's symbols are in /proc/kallsyms (CONFIG_KALLSYMS)")),
        };
        let text = text::parse(&read("/proc/kallsyms")?)
            .map_err(|error| error.context("/proc/kallsyms"))?;
        let release = read("/proc/sys/kernel/osrelease")?;
        let mut kernel = Self::of_running(text, release.trim(), spec.name.clone());
        kernel.tell_more(&spec.paths, release.trim(), &read("/proc/version")?)?;
        Ok(kernel)
    }

    /// Reads the running system, whose `/proc/kallsyms` is `text`.
    pub fn of_running(text: Text, release: &str, name: Option<String>) -> Self {
        let mut pieces = Pieces::default();
        let directory = format!("/lib/modules/{release}");
        let mut unknown = Vec::new();
        if pieces.add(Path::new(&directory)).is_err() {
            unknown.push(format!("modules that are not loaded: no {directory}"));
        }
        // Debug information is rarely installed.
        let _ = pieces.add(Path::new(&format!("/usr/lib/debug{directory}")));
        let debug = [
            format!("/usr/lib/debug{directory}/vmlinux"),
            format!("/usr/lib/debug/boot/vmlinux-{release}"),
        ];
        let debug = debug.into_iter().map(|path| FilePlace::File(path.into()));
        if File::open(RUNNING_BTF).is_err() {
            unknown.push(format!("types: no {RUNNING_BTF} (CONFIG_DEBUG_INFO_BTF)"));
        }
        let loaded = text.modules.into_iter().map(|(module, entries)| {
            // The kernel has rebuilt these types on those of the image, even if the module's file
            // has a base of its own.
            let btf = fs::read(format!("/sys/kernel/btf/{module}")).ok();
            let types = btf.map(|btf| ModuleTypes { btf, base: None });
            (module, Arc::new(Module::loaded(entries, types)))
        });
        Self {
            name: name.unwrap_or_else(|| release.to_owned()),
            sources: vec![format!("/proc/kallsyms of the running {release}")],
            unknown,
            image: SymbolTable::of_image(text.image),
            loaded: loaded.collect(),
            modules: pieces.modules,
            builtin: pieces.builtin,
            debug: debug.collect(),
            debug_modules: pieces.debug_modules,
            ..Self::default()
        }
    }

    /// Adds the facts that files tell about the running system: its own files, and `paths`.
    /// `version` is the content of `/proc/version`.
    fn tell_more(&mut self, paths: &[PathBuf], release: &str, version: &str) -> Result<()> {
        let mut pieces = Pieces::default();
        let modules = format!("/lib/modules/{release}");
        for path in [modules.as_str(), &format!("{modules}/build/Module.symvers")] {
            // These files may not exist.
            let _ = pieces.add(Path::new(path));
        }
        let images = [
            format!("/boot/vmlinuz-{release}"),
            format!("{modules}/vmlinuz"),
        ];
        let image = images.iter().find_map(|path| {
            let (kernel, _) = image::unpack(fs::read(path).ok()?).ok()?;
            let banner = image::banner(&kernel)?;
            version.contains(banner).then_some((path, kernel))
        });
        if let Some((path, kernel)) = image {
            self.loader = image::loader(&kernel);
            self.image_exports = exports::of_image(&kernel);
            self.sources
                .push(format!("module loader and exports: {path}"));
        }
        for path in paths {
            pieces.add(path)?;
        }
        let is_named = |name: &str| paths.iter().any(|path| Path::new(name) == path);
        let mut other = pieces.texts.iter().chain(&pieces.types);
        if let Some(other) = other.find(|piece| is_named(&piece.name)) {
            let error = Error::unusable("the running system tells this itself").help(
                "give modules and Module.symvers beside running, or the files of another kernel",
            );
            return Err(error.context(&other.name));
        }
        self.modules = mem::take(&mut pieces.modules);
        self.notes = notes(mem::take(&mut pieces.notes));
        let symvers = parse_symvers(&pieces.symvers)?;
        self.add_symvers(AllSymvers::new(symvers, self.image_exports.as_ref()));
        let machine = match rustix::system::uname().machine().to_bytes() {
            b"x86_64" => Some((EM_X86_64, "")),
            b"aarch64" => Some((EM_AARCH64, "aarch64")),
            b"riscv64" => Some((EM_RISCV, "riscv")),
            _ => None,
        };
        self.loader.machine = self.loader.machine.or(machine.map(|(machine, _)| machine));
        if !matches!(self.loader.vermagic, Some(Magic::Complete(_))) {
            self.loader.vermagic = Some(match machine {
                Some((_, arch)) => self.running_magic(release, version, arch),
                None => Magic::Release(release.to_owned()),
            });
        }
        self.complete_loader();
        self.tell_of_data();
        Ok(())
    }

    /// Composes the version magic of the running kernel's modules from other facts about the
    /// kernel. `arch` is the architecture's part of it.
    fn running_magic(&self, release: &str, version: &str, arch: &str) -> Magic {
        let flags: Vec<&str> = version.split_ascii_whitespace().collect();
        let has = |name| !self.image.named(name).is_empty();
        let preempt = match () {
            _ if flags.contains(&"PREEMPT_RT") => "preempt_rt ",
            _ if flags.iter().any(|flag| flag.starts_with("PREEMPT")) => "preempt ",
            _ => "",
        };
        let option = |is_on, option| if is_on { option } else { "" };
        Magic::Complete(format!(
            "{release} {}{preempt}{}{}{arch}",
            option(flags.contains(&"SMP"), "SMP "),
            option(has("module_refcount"), "mod_unload "),
            option(has(LAYOUT), "modversions "),
        ))
    }
}
