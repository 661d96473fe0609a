// SPDX-License-Identifier: GPL-2.0

//! The state of the running system, and the system call that loads a module.

use crate::{
    compression::read_limited,
    error::{Error, Result},
    kernel::text::{self, Text},
};
use rustix::{fs::OFlags, io::Errno, system::init_module};
use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::CString,
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Read, Seek, SeekFrom},
    mem,
    os::unix::fs::OpenOptionsExt,
};

const KALLSYMS: &str = "/proc/kallsyms";
const RESTRICT: &str = "/proc/sys/kernel/kptr_restrict";
/// Twice the longest record of the kernel's log, with room for the prefix.
const RECORD: usize = 1 << 14;

/// The facts that decide whether the kernel accepts a module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct System {
    /// The lockdown mode: `none`, `integrity` or `confidentiality`; `None`: the kernel does not
    /// tell.
    pub lockdown: Option<String>,
    /// Set if only signed modules are loaded.
    pub signatures_enforced: bool,
    /// Set if no module is loaded any more.
    pub modules_disabled: bool,
    /// The kernel's release.
    pub release: String,
    /// The loaded modules; true if the module is past its init and before its exit.
    pub modules: BTreeMap<String, bool>,
}

impl System {
    /// Reads the state of the running system.
    pub fn read() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        Self {
            lockdown: bracketed(&read("/sys/kernel/security/lockdown")),
            signatures_enforced: read("/sys/module/module/parameters/sig_enforce").trim() == "Y",
            modules_disabled: read("/proc/sys/kernel/modules_disabled").trim() == "1",
            release: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            modules: live(&read("/proc/modules")),
        }
    }

    /// Returns the reason, if there is one, why the kernel would refuse a module that is signed, or
    /// that is not.
    pub fn forbids(&self, signed: bool) -> Option<String> {
        if self.modules_disabled {
            return Some(
                "this kernel loads no modules any more (kernel.modules_disabled is 1 until the next \
                 boot)"
                    .to_owned(),
            );
        }
        if signed {
            return None;
        }
        // The order of the kernel's own checks.
        let why = match self.lockdown.as_deref() {
            _ if self.signatures_enforced => "module.sig_enforce is set".to_owned(),
            Some(lockdown) if lockdown != "none" => format!("lockdown is {lockdown}"),
            _ => return None,
        };
        Some(format!(
            "this kernel only loads signed modules ({why}), and no signature fits a module with \
             addresses written into it"
        ))
    }
}

/// Returns the bracketed word in a list of choices.
fn bracketed(text: &str) -> Option<String> {
    let (_, rest) = text.split_once('[')?;
    let (word, _) = rest.split_once(']')?;
    Some(word.to_owned())
}

/// Reads `/proc/modules`.
fn live(text: &str) -> BTreeMap<String, bool> {
    text.lines()
        .filter_map(|line| {
            let mut words = line.split_ascii_whitespace();
            let name = words.next()?;
            // The size, the references and the users come before the state.
            let state = words.nth(3)?;
            Some((name.to_owned(), state == "Live"))
        })
        .collect()
}

/// The addresses at which the sections of a loaded module begin, in address order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModuleSections(Vec<(u64, String)>);

impl ModuleSections {
    /// Sorts the sections, which are listed in `/sys/module/*/sections`.
    pub fn new(sections: impl IntoIterator<Item = (u64, String)>) -> Self {
        let mut sections: Vec<_> = sections.into_iter().collect();
        sections.sort();
        Self(sections)
    }

    fn of_loaded(module: &str) -> Self {
        let entries = fs::read_dir(format!("/sys/module/{module}/sections"));
        let sections = entries.into_iter().flatten().filter_map(|entry| {
            let entry = entry.ok()?;
            let text = fs::read_to_string(entry.path()).ok()?;
            let address = u64::from_str_radix(text.trim().strip_prefix("0x")?, 16).ok()?;
            Some((address, entry.file_name().to_string_lossy().into_owned()))
        });
        Self::new(sections)
    }

    /// Returns the section that contains `address`, if the module does.
    pub fn of(&self, address: u64) -> Option<&str> {
        let after = self.0.partition_point(|(start, _)| *start <= address);
        let (_, name) = self.0.get(after.checked_sub(1)?)?;
        Some(name)
    }
}

/// The addresses of the running kernel.
#[derive(Clone, Debug)]
pub struct Addresses {
    /// The content of `/proc/kallsyms`.
    pub text: Text,
    /// The sections of each provider that was asked for.
    pub sections: BTreeMap<String, ModuleSections>,
    /// Set if `kptr_restrict` hid the addresses and was lowered to read them.
    pub raised: bool,
}

impl Addresses {
    /// Reads the addresses. With `force`, does so even if `kptr_restrict` hides them from
    /// everybody.
    pub fn read(providers: &BTreeSet<&str>, force: bool) -> Result<Self> {
        let text = kallsyms()?;
        if text.addresses {
            return Ok(Self::with(text, providers, false));
        }
        let restrict = fs::read_to_string(RESTRICT).unwrap_or_default();
        let restrict = restrict.trim();
        let none = |why: &str| format!("{KALLSYMS} shows no addresses{why}");
        if restrict != "2" {
            let why = none(": the kernel only shows them to root (CAP_SYSLOG)");
            return Err(Error::unusable(why).help("run this as root"));
        }
        if !force {
            let why = none(": kernel.kptr_restrict is 2, which hides them from everybody");
            return Err(Error::finding(why).help(
                "with --force they are shown to root (kptr_restrict 1) for as long as it takes to \
                 read them",
            ));
        }
        let lowered = Lowered::new(restrict)?;
        let text = kallsyms();
        let addresses = text.map(|text| Self::with(text, providers, true));
        lowered.restore()?;
        let addresses = addresses?;
        if !addresses.text.addresses {
            let why = none(", not even with kptr_restrict 1");
            return Err(Error::unusable(why).help("run this as root (CAP_SYSLOG)"));
        }
        Ok(addresses)
    }

    fn with(text: Text, providers: &BTreeSet<&str>, raised: bool) -> Self {
        let sections = providers
            .iter()
            .map(|&provider| (provider.to_owned(), ModuleSections::of_loaded(provider)));
        Self {
            text,
            sections: sections.collect(),
            raised,
        }
    }
}

fn kallsyms() -> Result<Text> {
    let bytes = File::open(KALLSYMS)
        .and_then(read_limited)
        .map_err(|error| match error.kind() {
            ErrorKind::NotFound => Error::unusable(format_args!(
                "there is no {KALLSYMS}: this kernel has no names of symbols (no CONFIG_KALLSYMS)"
            ))
            .help("on this kernel a module can only use what is exported, and insmod loads that"),
            _ => Error::unusable(format_args!("{KALLSYMS}: {error}")),
        })?;
    text::parse(&String::from_utf8_lossy(&bytes)).map_err(|error| error.context(KALLSYMS))
}

/// A guard that sets `kptr_restrict` to 1 and restores the previous value in any case.
struct Lowered<'a>(&'a str);

impl<'a> Lowered<'a> {
    fn new(before: &'a str) -> Result<Self> {
        let written = fs::write(RESTRICT, "1").map(|()| Self(before));
        written.map_err(|error| {
            Error::unusable(format_args!("{RESTRICT}: {error}")).help("run this as root")
        })
    }

    fn restore(self) -> Result<()> {
        let before = self.0;
        mem::forget(self);
        fs::write(RESTRICT, before).map_err(|error| {
            Error::unusable(format_args!("{RESTRICT} is still 1: {error}")).help(format_args!(
                "restore it: sysctl kernel.kptr_restrict={before}"
            ))
        })
    }
}

impl Drop for Lowered<'_> {
    fn drop(&mut self) {
        // A panic is unwinding, so an error could not be reported.
        let _ = fs::write(RESTRICT, self.0);
    }
}

/// Hands `image` to the kernel. On failure also returns what the kernel logged meanwhile.
pub fn load(image: &[u8], parameters: &CString) -> Result<(), (Errno, Vec<String>)> {
    let log = Log::from_now();
    init_module(image, parameters).map_err(|errno| (errno, log.map(Log::lines).unwrap_or_default()))
}

/// The kernel's log from some moment on.
struct Log(File);

impl Log {
    /// Opens the log at its end; `None`: it cannot be read.
    fn from_now() -> Option<Self> {
        let mut file = OpenOptions::new()
            .read(true)
            .custom_flags(OFlags::NONBLOCK.bits() as i32)
            .open("/dev/kmsg")
            .ok()?;
        file.seek(SeekFrom::End(0)).ok()?;
        Some(Self(file))
    }

    fn lines(mut self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut record = [0; RECORD];
        loop {
            // Each read returns one record.
            match self.0.read(&mut record) {
                Ok(0) => return lines,
                Ok(length) => lines.extend(message(&String::from_utf8_lossy(&record[..length]))),
                // The record was overwritten before it was read. The next read goes on after the
                // gap.
                Err(error) if error.raw_os_error() == Some(Errno::PIPE.raw_os_error()) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return lines,
            }
        }
    }
}

/// Returns the message of a record of `/dev/kmsg`, if the kernel wrote it.
fn message(record: &str) -> Option<String> {
    let (prefix, rest) = record.split_once(';')?;
    let level: u32 = prefix.split(',').next()?.parse().ok()?;
    // The facility is in the bits above the level. That of the kernel is 0.
    let is_kernel = level >> 3 == 0;
    let line = rest.lines().next()?;
    is_kernel.then(|| line.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lockdown_and_modules_are_read() {
        let mode = bracketed("none [integrity] confidentiality\n");
        assert_eq!(mode.unwrap(), "integrity");
        assert_eq!(bracketed(""), None);
        let modules = live(
            "loop 49152 0 - Live 0x0000000000000000\n\
             dm_mod 200704 1 dm_log, Unloading 0x0000000000000000 (O)\n\
             half 1\n",
        );
        assert_eq!(modules.len(), 2);
        assert!(modules["loop"] && !modules["dm_mod"]);
    }

    #[test]
    fn unsigned_modules_may_be_forbidden() {
        let mut system = System::default();
        assert_eq!(system.forbids(false), None);
        system.signatures_enforced = true;
        assert!(system.forbids(false).unwrap().contains("sig_enforce"));
        assert_eq!(system.forbids(true), None);
        system.signatures_enforced = false;
        system.lockdown = Some("confidentiality".to_owned());
        let forbids = system.forbids(false).unwrap();
        assert!(forbids.contains("lockdown is confidentiality"));
        system.modules_disabled = true;
        assert!(system.forbids(true).unwrap().contains("modules_disabled"));
    }

    #[test]
    fn records_of_the_log() {
        let record = "6,339,5140900,-,caller=T1;loop: module loaded\n SUBSYSTEM=block\n";
        assert_eq!(message(record).unwrap(), "loop: module loaded");
        assert_eq!(message("12,1,2,-;kimport-vm: mark\n"), None);
        assert_eq!(message("nonsense"), None);
    }

    #[test]
    fn addresses_lie_in_the_section_before_them() {
        let sections = ModuleSections::new([
            (0x2000, ".init.text".to_owned()),
            (0x1000, ".text".to_owned()),
        ]);
        assert_eq!(sections.of(0xfff), None);
        assert_eq!(sections.of(0x1000), Some(".text"));
        assert_eq!(sections.of(0x2001), Some(".init.text"));
    }

    proptest! {
        #[test]
        fn any_text_is_no_panic(text in "\\PC{0,60}") {
            let _ = (bracketed(&text), live(&text), message(&text));
        }
    }
}
