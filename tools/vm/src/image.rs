// SPDX-License-Identifier: GPL-2.0

//! The initramfs: two archives, one after the other. The first is the base, with userland and
//! stock modules, and is cached. The second is small and holds the files of one run.

use crate::modules::Stock;
use crate::options::Options;
use crate::{fingerprint, short_hash};
use anyhow::{bail, ensure, Context, Result};
use cpio::newc::{self, Builder};
use object::read::elf::{Dyn, FileHeader, ProgramHeader};
use object::{elf, Endianness};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, SystemTime};
use walkdir::WalkDir;

/// Programs that every base has. Some of them are in busybox, too, but suites rely on the real
/// ones, and Debian's busybox shell, unlike dash, prefers its own applets to the programs in PATH.
const PROGRAMS: &str = "\
    busybox dash insmod rmmod modprobe modinfo lsmod dd cmp sha256sum stat timeout";

/// Programs that a base has when the root has them.
const OPTIONAL_PROGRAMS: &[&str] = &[
    "mount",
    "umount",
    "losetup",
    "dmsetup",
    "flock",
    "sg_inq",
    "sg_vpd",
    "sg_readcap",
    "sg_sync",
    "sg_write_same",
    "sg_unmap",
    "sg_raw",
    "sg_modes",
    "sg_turs",
    "sg_requests",
    "sg_opcodes",
    "sg_persist",
    "sg_dd",
    "sg_get_lba_status",
    "lsscsi",
    "mkfs.ext4",
    "e2fsck",
    "blockdev",
    "blkid",
];

/// Libraries that every base has besides those of its programs: host commands in Rust need them.
const LIBRARIES: &[&str] = &["libgcc_s.so.1"];

/// Modules of the stock kernel that every base has, with their dependencies.
const MODULES: &str = "\
    virtio_pci virtio_blk virtio_scsi virtio_rng scsi_mod sd_mod sg scsi_debug ext4 loop \
    null_blk brd dm-mod dm-flakey dm-delay configfs target_core_mod target_core_iblock \
    target_core_file target_core_pscsi tcm_loop iscsi_target_mod";

/// The version of the code that makes a base. Raise it with each change of that code.
const FORMAT: u32 = 1;

/// The age at which a base counts as unused.
const UNUSED: Duration = Duration::from_secs(14 * 24 * 3600);

const DIRECTORIES: &str = "\
    dev proc sys run tmp mnt root etc usr usr/bin usr/sbin usr/lib usr/lib64 usr/lib/busybox";
const LINKS: &[(&str, &str)] = &[
    ("bin", "usr/bin"),
    ("sbin", "usr/sbin"),
    ("lib", "usr/lib"),
    ("lib64", "usr/lib64"),
    ("usr/bin/sh", "dash"),
    ("etc/mtab", "/proc/self/mounts"),
];

/// An archive being written; adds each path once, and the directories it needs.
pub(crate) struct Archive<W: Write> {
    out: W,
    inode: u32,
    seen: BTreeSet<String>,
}

impl<W: Write> Archive<W> {
    pub(crate) fn new(out: W) -> Self {
        Self {
            out,
            inode: 0,
            seen: BTreeSet::new(),
        }
    }

    fn entry(&mut self, path: &str, mode: u32, device: (u32, u32), data: &[u8]) -> Result<()> {
        let path = path.trim_matches('/');
        if !self.seen.insert(path.to_owned()) {
            return Ok(());
        }
        if let Some((parent, _)) = path.rsplit_once('/') {
            self.directory(parent)?;
        }
        self.inode += 1;
        let size = u32::try_from(data.len()).context("a file is too large for an initramfs")?;
        let mut writer = Builder::new(path)
            .ino(self.inode)
            .nlink(1)
            .mode(mode)
            .rdev_major(device.0)
            .rdev_minor(device.1)
            .write(&mut self.out, size);
        writer.write_all(data)?;
        writer.finish()?;
        Ok(())
    }

    pub(crate) fn directory(&mut self, path: &str) -> Result<()> {
        self.entry(path, 0o040_755, (0, 0), &[])
    }

    pub(crate) fn file(&mut self, path: &str, mode: u32, data: &[u8]) -> Result<()> {
        self.entry(path, 0o100_000 | (mode & 0o7777), (0, 0), data)
    }

    pub(crate) fn copy(&mut self, path: &str, from: &Path) -> Result<()> {
        let read = || -> io::Result<_> { Ok((fs::metadata(from)?, fs::read(from)?)) };
        let (metadata, data) = read().with_context(|| format!("cannot read {}", from.display()))?;
        self.file(path, metadata.permissions().mode(), &data)
    }

    pub(crate) fn link(&mut self, path: &str, target: &str) -> Result<()> {
        self.entry(path, 0o120_777, (0, 0), target.as_bytes())
    }

    pub(crate) fn device(&mut self, path: &str, major: u32, minor: u32) -> Result<()> {
        self.entry(path, 0o020_600, (major, minor), &[])
    }

    pub(crate) fn finish(self) -> Result<W> {
        Ok(newc::trailer(self.out)?)
    }
}

/// The build root's files that a set of programs needs.
#[derive(Debug, Default)]
struct Userland {
    /// The source of each file, by its place in the initramfs.
    files: BTreeMap<String, PathBuf>,
    links: BTreeMap<String, String>,
}

impl Userland {
    fn collect(root: &Path, required: &[String]) -> Result<Self> {
        let mut userland = Self::default();
        let mut missing = Vec::new();
        let wanted = required.iter().map(|name| (name.as_str(), true));
        for (name, needed) in wanted.chain(OPTIONAL_PROGRAMS.iter().map(|name| (*name, false))) {
            let found = ["usr/bin", "usr/sbin", "bin", "sbin"]
                .iter()
                .map(|dir| format!("{dir}/{name}"))
                .find(|path| root.join(path).symlink_metadata().is_ok());
            match found {
                Some(path) => userland.program(root, &path)?,
                None if needed => missing.push(name),
                None => {}
            }
        }
        ensure!(
            missing.is_empty(),
            "{} has no {}",
            root.display(),
            missing.join(", ")
        );
        for library in LIBRARIES {
            userland.program(root, &find_library(root, "this base", library, &[])?)?;
        }
        Ok(userland)
    }

    /// Adds a program or a library, and the libraries that it needs.
    fn program(&mut self, root: &Path, path: &str) -> Result<()> {
        let real = chase(root, path)?;
        let place = merged(path);
        if place != merged(&real) {
            self.links.insert(place, format!("/{}", merged(&real)));
        }
        let mut work = VecDeque::from([real]);
        while let Some(path) = work.pop_front() {
            let from = root.join(chase(root, &path)?);
            if self.files.insert(merged(&path), from.clone()).is_some() {
                continue;
            }
            let data =
                fs::read(&from).with_context(|| format!("cannot read {}", from.display()))?;
            let needs =
                needed(&data).with_context(|| format!("cannot parse {}", from.display()))?;
            work.extend(needs.interpreter.iter().cloned());
            for library in &needs.libraries {
                work.push_back(find_library(root, &path, library, &needs.search)?);
            }
        }
        Ok(())
    }

    /// Returns a text that changes when one of the files does.
    fn fingerprint(&self) -> Result<String> {
        let mut text = String::new();
        for (place, from) in &self.files {
            text += &format!("{place} {}\n", fingerprint(from)?);
        }
        Ok(format!("{text}{:?}", self.links))
    }
}

/// Follows symbolic links as they would be followed with `root` as `/`; both paths are without
/// the leading `/`.
fn chase(root: &Path, path: &str) -> Result<String> {
    let mut path = path.trim_start_matches('/').to_owned();
    for _ in 0..16 {
        let Ok(target) = fs::read_link(root.join(&path)) else {
            return Ok(path);
        };
        let base = Path::new(&path).parent().unwrap_or(Path::new(""));
        let mut clean = PathBuf::new();
        for part in base.join(target).components() {
            match part {
                Component::Normal(name) => clean.push(name),
                Component::ParentDir => drop(clean.pop()),
                _ => {}
            }
        }
        path = clean.to_string_lossy().into_owned();
    }
    bail!("too many symbolic links at {path}")
}

/// Returns the place of a file in the initramfs, where `/bin`, `/sbin` and `/lib` are links into
/// `/usr`.
fn merged(path: &str) -> String {
    let path = path.trim_start_matches('/');
    match path.split('/').next() {
        Some("bin" | "sbin" | "lib" | "lib64") => format!("usr/{path}"),
        _ => path.to_owned(),
    }
}

/// The files that an ELF file needs, and the directories where the dynamic loader looks for them.
#[derive(Debug, Default, PartialEq, Eq)]
struct Needs {
    interpreter: Option<String>,
    libraries: Vec<String>,
    search: Vec<String>,
}

fn needed(data: &[u8]) -> Result<Needs> {
    let mut needs = Needs::default();
    if !data.starts_with(&elf::ELFMAG) {
        ensure!(data.starts_with(b"#!"), "neither a program nor a script");
        return Ok(needs);
    }
    let header = elf::FileHeader64::<Endianness>::parse(data)?;
    let endian = header.endian()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    for segment in header.program_headers(endian, data)? {
        if let Some(path) = segment.interpreter(endian, data)? {
            needs.interpreter = Some(text(path));
        }
    }
    let sections = header.sections(endian, data)?;
    let Some((dynamic, strings)) = sections.dynamic(endian, data)? else {
        return Ok(needs);
    };
    let strings = sections.strings(endian, data, strings)?;
    for entry in dynamic {
        let string = || entry.string(endian, strings);
        match entry.tag32(endian) {
            Some(elf::DT_NEEDED) => needs.libraries.push(text(string()?)),
            Some(elf::DT_RUNPATH | elf::DT_RPATH) => needs
                .search
                .extend(text(string()?).split(':').map(str::to_owned)),
            _ => {}
        }
    }
    Ok(needs)
}

fn find_library(root: &Path, user: &str, library: &str, search: &[String]) -> Result<String> {
    let origin = Path::new(user).parent().unwrap_or(Path::new(""));
    let origin = format!("/{}", origin.display());
    let runpath = search.iter().map(|dir| dir.replace("$ORIGIN", &origin));
    let usual = [
        "usr/lib/x86_64-linux-gnu",
        "lib/x86_64-linux-gnu",
        "usr/lib/aarch64-linux-gnu",
        "usr/lib64",
        "lib64",
        "usr/lib",
    ];
    runpath
        .chain(usual.iter().map(|dir| (*dir).to_owned()))
        .map(|dir| format!("{}/{library}", dir.trim_start_matches('/')))
        .find(|path| root.join(path).exists())
        .with_context(|| format!("{user} needs {library}, which is not in {}", root.display()))
}

/// Returns the path of the base for these options in the cache. Makes the archive if it is not
/// there.
pub(crate) fn base(options: &Options, stock: &Stock, cache: &Path) -> Result<PathBuf> {
    let mut programs: Vec<_> = PROGRAMS.split_whitespace().map(str::to_owned).collect();
    programs.extend_from_slice(&options.program);
    let userland = Userland::collect(&options.root, &programs)?;
    let dependencies = stock.dependencies(cache)?;
    // A small kernel lacks most of the usual modules.
    let optional = options.optional_modules.iter().map(String::as_str);
    let usual = MODULES.split_whitespace().chain(optional);
    let usual = usual.filter(|name| dependencies.has(name));
    let named = options.modules_from_stock.iter().map(String::as_str);
    let modules = dependencies.closure(usual.chain(named))?;
    let key = short_hash(&format!(
        "{FORMAT}\n{}\n{}\n{modules:?}\n{DIRECTORIES:?}\n{LINKS:?}",
        userland.fingerprint()?,
        stock.fingerprint()?,
    ));
    let path = cache.join(format!("base-{}-{key}.cpio", stock.release));
    if let Ok(base) = fs::File::open(&path) {
        // `remove_unused` goes by this time. After an error here the base may be made again.
        let _ = base.set_modified(SystemTime::now());
        return Ok(path);
    }
    fs::create_dir_all(cache)?;
    let staged = tempfile::tempdir_in(cache)?;
    stock.stage(&modules, staged.path())?;

    let temp = tempfile::NamedTempFile::new_in(cache)?;
    let mut archive = Archive::new(BufWriter::new(temp));
    for path in DIRECTORIES.split_whitespace() {
        archive.directory(path)?;
    }
    for (path, target) in LINKS {
        archive.link(path, target)?;
    }
    // The kernel opens the console for init before anything is mounted.
    archive.device("dev/console", 5, 1)?;
    archive.device("dev/null", 1, 3)?;
    for (place, from) in &userland.files {
        archive.copy(place, from)?;
    }
    for (place, target) in &userland.links {
        archive.link(place, target)?;
    }
    add_tree(&mut archive, staged.path(), "usr")?;
    let temp = archive.finish()?.into_inner()?;
    // Two runs may make the same file at the same time. The later rename wins.
    temp.persist(&path)?;
    remove_unused(cache)?;
    Ok(path)
}

/// Removes the bases that no run has used for a long time: each is tens of megabytes.
fn remove_unused(cache: &Path) -> Result<()> {
    for entry in fs::read_dir(cache)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let used = || entry.metadata().and_then(|metadata| metadata.modified());
        if name.starts_with("base-") && name.ends_with(".cpio") {
            // Another run may have removed the file in between.
            let age = used().ok().and_then(|time| time.elapsed().ok());
            if age.is_some_and(|age| age > UNUSED) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
    Ok(())
}

fn add_tree<W: Write>(archive: &mut Archive<W>, from: &Path, place: &str) -> Result<()> {
    for entry in WalkDir::new(from).sort_by_file_name() {
        let entry = entry?;
        if !entry.file_type().is_dir() {
            let place = Path::new(place).join(entry.path().strip_prefix(from)?);
            archive.copy(&place.to_string_lossy(), entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;
    use std::os::unix::fs::symlink;

    #[test]
    fn an_archive_reads_back() {
        let mut archive = Archive::new(Vec::new());
        archive.file("a/b/c.sh", 0o755, b"#!/bin/sh\n").unwrap();
        archive.file("a/b/c.sh", 0o644, b"twice").unwrap();
        archive.link("l", "a/b").unwrap();
        let data = archive.finish().unwrap();
        let mut rest = Cursor::new(data);
        let mut found = Vec::new();
        loop {
            let mut reader = newc::Reader::new(rest).unwrap();
            if reader.entry().is_trailer() {
                break;
            }
            let entry = reader.entry();
            let (name, mode) = (entry.name().to_owned(), entry.mode());
            let mut data = Vec::new();
            io::Read::read_to_end(&mut reader, &mut data).unwrap();
            found.push((name, mode, String::from_utf8(data).unwrap()));
            rest = reader.finish().unwrap();
        }
        // A directory comes before what is in it.
        let expected = [
            ("a", 0o040_755, ""),
            ("a/b", 0o040_755, ""),
            ("a/b/c.sh", 0o100_755, "#!/bin/sh\n"),
            ("l", 0o120_777, "a/b"),
        ];
        let found: Vec<_> = found.iter().map(|(n, m, d)| (&**n, *m, &**d)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn links_are_followed_inside_the_root() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("usr/bin")).unwrap();
        fs::create_dir_all(root.path().join("etc/alternatives")).unwrap();
        symlink("/etc/alternatives/x", root.path().join("usr/bin/x")).unwrap();
        symlink("../../usr/bin/y", root.path().join("etc/alternatives/x")).unwrap();
        fs::write(root.path().join("usr/bin/y"), "#!/bin/sh\n").unwrap();
        assert_eq!(chase(root.path(), "usr/bin/x").unwrap(), "usr/bin/y");
        symlink("loop", root.path().join("usr/bin/loop")).unwrap();
        assert!(chase(root.path(), "usr/bin/loop").is_err());
    }

    #[test]
    fn missing_programs_are_all_named() {
        let root = tempfile::tempdir().unwrap();
        let wanted = ["here".to_owned(), "there".to_owned()];
        let error = Userland::collect(root.path(), &wanted).unwrap_err();
        assert!(error.to_string().ends_with("has no here, there"), "{error}");
    }

    #[test]
    fn this_very_program_needs_a_loader_and_libc() {
        let data = fs::read(std::env::current_exe().unwrap()).unwrap();
        let needs = needed(&data).unwrap();
        assert!(needs.interpreter.unwrap().contains("ld-linux"));
        assert!(needs.libraries.iter().any(|name| name == "libc.so.6"));
    }

    #[test]
    fn only_old_bases_are_removed() {
        let cache = tempfile::tempdir().unwrap();
        let old = SystemTime::now() - 2 * UNUSED;
        for (name, time) in [
            ("base-a.cpio", old),
            ("base-b.cpio", SystemTime::now()),
            ("else", old),
        ] {
            let file = fs::File::create(cache.path().join(name)).unwrap();
            file.set_modified(time).unwrap();
        }
        remove_unused(cache.path()).unwrap();
        let left = |name| cache.path().join(name).exists();
        assert!(!left("base-a.cpio") && left("base-b.cpio") && left("else"));
    }

    #[test]
    fn merged_usr() {
        assert_eq!(merged("/lib64/ld.so"), "usr/lib64/ld.so");
        assert_eq!(merged("usr/bin/x"), "usr/bin/x");
        assert_eq!(merged("libexec/x"), "libexec/x");
    }
}
