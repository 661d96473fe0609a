// SPDX-License-Identifier: GPL-2.0

//! The needs of a suite, as the comments at its top state them.
//!
//! Each is a line `# kimport-vm: KEY VALUE...`; [`Key`] has the keys. The suites of one VM are
//! [merged](Needs::merge), which fails where one contradicts another.

use anyhow::{bail, ensure, Context, Result};
use clap::ValueEnum;
use std::collections::BTreeMap;
use std::{fmt, slice};

/// The beginning of a line that states a need.
const PREFIX: &str = "# kimport-vm:";

/// The maximum time of a suite, unless one states another time for the run.
pub(crate) const SECONDS_PER_SUITE: u64 = 300;

/// A feature that not every kernel has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Feature {
    /// `CONFIG_LIVEPATCH`.
    Livepatch,
    /// Modules in Rust.
    Rust,
    /// The whole kernel crate, which only kernels with `CONFIG_RUST` have.
    KernelCrate,
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Livepatch => "livepatch",
            Self::Rust => "rust",
            Self::KernelCrate => "kernel-crate",
        })
    }
}

/// A line of a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// `module NAME...`: `NAME.ko` of the build directory, put into `/test/modules`. `DIRECTORY/*`
    /// stands for all modules of a directory.
    Module(Vec<String>),
    /// `needs WHAT...`: the suite cannot run on kernels that lack the [`Feature`], or the stock
    /// module, WHAT.
    Needs(Vec<String>),
    /// `livepatch NAME...` or `rust NAME...`: modules that kernels without this feature do not get.
    Feature(Feature, Vec<String>),
    /// `file SRC:DEST...`: another file and its place in the guest. SRC may begin with `$NAME`, a
    /// variable of the environment.
    File(Vec<(String, String)>),
    /// `stock NAME...`: modules of the stock kernel besides the usual ones.
    Stock(Vec<String>),
    /// `optional NAME...`: modules of the stock kernel that some kernels lack.
    Optional(Vec<String>),
    /// `program NAME...`: programs besides the usual ones.
    Program(Vec<String>),
    /// `root DIRECTORY`: the root of the guest's programs, instead of the usual one. It may begin
    /// with `$NAME`, a variable of the environment.
    Root(String),
    /// `disk SIZE...`: empty disks, the first of which is `/dev/vda`.
    Disk(Vec<Size>),
    /// `append WORD...`: words to add to the kernel's command line.
    Append(Vec<String>),
    /// `qemu WORD...`: more arguments for QEMU.
    Qemu(Vec<String>),
    /// `timeout SECONDS`: a longest run other than the usual one.
    Timeout(u64),
    /// `one-thread`: TCG emulates the CPUs in turns.
    OneThread,
    /// `with NAME...`: suites that have to be in the same VM.
    With(Vec<String>),
    /// `last`: no suite can run after this one.
    Last,
}

/// The size of a disk in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub u64);

impl std::str::FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (digits, shift) = [("K", 10), ("M", 20), ("G", 30)]
            .iter()
            .find_map(|(suffix, shift)| Some((text.strip_suffix(*suffix)?, *shift)))
            .unwrap_or((text, 0));
        digits
            .parse::<u64>()
            .ok()
            .and_then(|count| count.checked_mul(1 << shift))
            .filter(|size| *size > 0 && size % 512 == 0)
            .map(Self)
            .ok_or_else(|| "a size that is a multiple of 512 is wanted, such as 64M".into())
    }
}

/// Reads `SRC:DST`.
pub fn parse_file(text: &str) -> Result<(String, String), String> {
    match text.split_once(':') {
        Some((from, to)) if !from.is_empty() && to.starts_with('/') && to.len() > 1 => {
            Ok((from.to_owned(), to.to_owned()))
        }
        _ => Err("SRC:DST with an absolute DST is wanted".into()),
    }
}

impl Key {
    fn parse(text: &str) -> Result<Self> {
        let (key, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let rest = rest.trim();
        let is_flag = matches!(key, "one-thread" | "last");
        ensure!(!is_flag || rest.is_empty(), "`{key}` takes no value");
        let words = || rest.split_whitespace().map(str::to_owned).collect();
        let parsed = match key {
            "module" => Self::Module(words()),
            "file" => Self::File(each(rest, parse_file)?),
            "needs" => Self::Needs(words()),
            "livepatch" => Self::Feature(Feature::Livepatch, words()),
            "rust" => Self::Feature(Feature::Rust, words()),
            "stock" => Self::Stock(words()),
            "optional" => Self::Optional(words()),
            "program" => Self::Program(words()),
            "root" => Self::Root(rest.to_owned()),
            "disk" => Self::Disk(each(rest, str::parse)?),
            "append" => Self::Append(words()),
            "qemu" => Self::Qemu(words()),
            "timeout" => Self::Timeout(rest.parse().context("a number of seconds is wanted")?),
            "with" => Self::With(words()),
            "one-thread" => Self::OneThread,
            "last" => Self::Last,
            _ => bail!("`{key}` is not known"),
        };
        ensure!(is_flag || !rest.is_empty(), "`{key}` has no value");
        Ok(parsed)
    }
}

/// Reads each word of `text`.
fn each<T>(text: &str, parse: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>> {
    text.split_whitespace()
        .map(|word| parse(word).map_err(|error| anyhow::anyhow!("{word}: {error}")))
        .collect()
}

/// Reads the header of a suite.
pub fn header(script: &str) -> Result<Vec<Key>> {
    let mut keys = Vec::new();
    let mut in_header = true;
    for (number, line) in script.lines().enumerate() {
        in_header &= line.starts_with('#');
        if let Some(text) = line.strip_prefix(PREFIX) {
            let place = || format!("line {}: {}", number + 1, line.trim());
            ensure!(in_header, "{}: not among the comments at the top", place());
            keys.push(Key::parse(text.trim()).with_context(place)?);
        }
    }
    Ok(keys)
}

/// A value, and the suite that asked for it first.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Said<T> {
    value: T,
    suite: String,
}

impl<T: Clone + PartialEq> Said<T> {
    fn new(value: &T, suite: &str) -> Self {
        let (value, suite) = (value.clone(), suite.to_owned());
        Self { value, suite }
    }

    /// Fails if the value of `what` that another suite asked for is another one.
    fn agree(&self, first: &Self, what: &str, show: impl Fn(&T) -> String) -> Result<()> {
        ensure!(
            self.value == first.value,
            "suites {} and {} cannot share a VM: they want {what} to be {} and {}",
            first.suite,
            self.suite,
            show(&first.value),
            show(&self.value)
        );
        Ok(())
    }
}

/// The needs of all suites of one VM.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Modules under test, by their names below the build directory.
    pub modules: Vec<String>,
    /// Modules under test for kernels with a feature.
    pub feature_modules: Vec<(Feature, String)>,
    /// The suites that need a kernel with a feature.
    pub feature_suites: Vec<(Feature, String)>,
    /// Modules of the stock kernel besides the usual ones.
    pub stock: Vec<String>,
    /// The same, for those that may be missing.
    pub optional: Vec<String>,
    /// Programs besides the usual ones.
    pub programs: Vec<String>,
    /// More arguments for QEMU.
    pub qemu: Vec<String>,
    /// Set if TCG emulates the CPUs in turns.
    pub one_thread: bool,
    /// The files by their place in the guest.
    files: BTreeMap<String, Said<String>>,
    /// The words by their names before a `=`.
    append: BTreeMap<String, Said<String>>,
    root: Option<Said<String>>,
    disks: Option<Said<Vec<Size>>>,
    timeout: Option<Said<u64>>,
    last: Option<String>,
    with: Vec<Said<String>>,
    suites: Vec<String>,
}

/// Takes an entry of a map unless another suite asked for another one.
fn agree_on(map: &mut BTreeMap<String, Said<String>>, key: &str, said: Said<String>) -> Result<()> {
    let first = map.entry(key.to_owned()).or_insert_with(|| said.clone());
    said.agree(first, key, String::clone)
}

/// Adds the entries that are not there yet.
fn union<T: Clone + PartialEq>(all: &mut Vec<T>, more: &[T]) {
    for one in more {
        if !all.contains(one) {
            all.push(one.clone());
        }
    }
}

impl Needs {
    /// Adds the header of the suite that runs next.
    pub fn merge(&mut self, suite: &str, header: &[Key]) -> Result<()> {
        if let Some(last) = &self.last {
            bail!("suite {last} must be the last of its VM, but {suite} is after it");
        }
        self.suites.push(suite.to_owned());
        for key in header {
            match key {
                Key::Module(names) => union(&mut self.modules, names),
                Key::Needs(names) => {
                    for name in names {
                        match Feature::from_str(name, false) {
                            Ok(feature) => self.feature_suites.push((feature, suite.to_owned())),
                            // The Makefile knows the kernel's configuration.
                            Err(_) if name.starts_with("CONFIG_") => {}
                            Err(_) => union(&mut self.stock, slice::from_ref(name)),
                        }
                    }
                }
                Key::Feature(feature, names) => {
                    let names: Vec<_> = names.iter().map(|name| (*feature, name.clone())).collect();
                    union(&mut self.feature_modules, &names);
                }
                Key::Stock(names) => union(&mut self.stock, names),
                Key::Optional(names) => union(&mut self.optional, names),
                Key::Program(names) => union(&mut self.programs, names),
                Key::Qemu(words) => union(&mut self.qemu, words),
                Key::OneThread => self.one_thread = true,
                Key::Last => self.last = Some(suite.to_owned()),
                Key::With(names) => {
                    let said = names.iter().map(|name| Said::new(name, suite));
                    self.with.extend(said);
                }
                Key::File(files) => {
                    for (from, to) in files {
                        agree_on(&mut self.files, to, Said::new(from, suite))?;
                    }
                }
                Key::Append(words) => {
                    for word in words {
                        let name = word.split_once('=').map_or(word.as_str(), |(name, _)| name);
                        agree_on(&mut self.append, name, Said::new(word, suite))?;
                    }
                }
                Key::Root(root) => {
                    let said = Said::new(root, suite);
                    let first = self.root.get_or_insert_with(|| said.clone());
                    said.agree(first, "the root", String::clone)?;
                }
                Key::Disk(sizes) => {
                    let said = Said::new(sizes, suite);
                    let first = self.disks.get_or_insert_with(|| said.clone());
                    said.agree(first, "the disks", |sizes| {
                        let sizes: Vec<_> = sizes.iter().map(|size| size.0).collect();
                        format!("{sizes:?} bytes")
                    })?;
                }
                Key::Timeout(seconds) => {
                    let said = Said::new(seconds, suite);
                    let first = self.timeout.get_or_insert_with(|| said.clone());
                    said.agree(first, "the timeout", u64::to_string)?;
                }
            }
        }
        Ok(())
    }

    /// Checks the conditions that depend on all suites of the VM.
    pub fn check(&self) -> Result<()> {
        for Said { value, suite } in &self.with {
            ensure!(
                self.suites.contains(value),
                "suite {suite} needs suite {value} in its VM"
            );
        }
        Ok(())
    }

    /// Returns the root that the guest's programs are taken from, if it is not the usual one.
    pub fn root(&self) -> Option<&str> {
        self.root.as_ref().map(|said| said.value.as_str())
    }

    /// Returns the sizes of the disks.
    pub fn disks(&self) -> &[Size] {
        self.disks
            .as_ref()
            .map_or(&[], |said| said.value.as_slice())
    }

    /// Returns other files and their places in the guest.
    pub fn files(&self) -> impl Iterator<Item = (String, String)> + '_ {
        self.files
            .iter()
            .map(|(to, from)| (from.value.clone(), to.clone()))
    }

    /// Returns the words to add to the kernel's command line.
    pub fn append(&self) -> impl Iterator<Item = &str> {
        self.append.values().map(|said| said.value.as_str())
    }

    /// Returns the maximum time of the run in seconds: the one that the suites state, or a time
    /// that grows with their number.
    pub fn timeout(&self) -> u64 {
        let usual = SECONDS_PER_SUITE.saturating_mul(self.suites.len() as u64);
        self.timeout.as_ref().map_or(usual, |said| said.value)
    }
}

/// Replaces a variable that `path` begins with.
pub fn expand(path: &str, variable: impl Fn(&str) -> Option<String>) -> Result<String> {
    let Some(rest) = path.strip_prefix('$') else {
        return Ok(path.to_owned());
    };
    let (name, rest) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let value = variable(name).with_context(|| format!("{path}: ${name} is not set"))?;
    Ok(value + rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SCRIPT: &str = "#!/bin/sh\n\
        # SPDX-License-Identifier: GPL-2.0\n\
        #\n\
        # Tests a thing.\n\
        # kimport-vm: module tests/modules/a ways/*\n\
        # kimport-vm: needs livepatch\n\
        # kimport-vm: rust b\n\
        # kimport-vm: file $KIMPORT_BUILD/x:/test/x README.md:/test/readme\n\
        # kimport-vm: disk 64M 512\n\
        # kimport-vm:   one-thread\n\
        # kimport-vm: last\n\
        # shellcheck shell=dash\n\
        . \"$KTAP_SH\"\n";

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    }

    fn merge(suites: &[(&str, &[Key])]) -> Result<Needs> {
        let mut needs = Needs::default();
        for (suite, keys) in suites {
            needs.merge(suite, keys)?;
        }
        needs.check()?;
        Ok(needs)
    }

    #[track_caller]
    fn refused<T: std::fmt::Debug>(result: Result<T>, wanted: &str) {
        let error = format!("{:#}", result.unwrap_err());
        assert!(error.contains(wanted), "no {wanted:?} in {error}");
    }

    #[test]
    fn a_header_is_read() {
        let expected = [
            Key::Module(words(&["tests/modules/a", "ways/*"])),
            Key::Needs(words(&["livepatch"])),
            Key::Feature(Feature::Rust, words(&["b"])),
            Key::File(vec![
                ("$KIMPORT_BUILD/x".into(), "/test/x".into()),
                ("README.md".into(), "/test/readme".into()),
            ]),
            Key::Disk(vec![Size(64 << 20), Size(512)]),
            Key::OneThread,
            Key::Last,
        ];
        assert_eq!(header(SCRIPT).unwrap(), expected);
        assert_eq!(header("#!/bin/sh\necho\n").unwrap(), []);
    }

    #[test]
    fn a_wrong_line_is_named() {
        for (line, wanted) in [
            (
                "modul a",
                "line 2: # kimport-vm: modul a: `modul` is not known",
            ),
            ("module", "`module` has no value"),
            ("last one", "`last` takes no value"),
            ("disk 64", "64: a size that is a multiple of 512"),
            ("file a", "a: SRC:DST"),
            ("timeout soon", "a number of seconds is wanted"),
            ("", "`` is not known"),
        ] {
            refused(header(&format!("#!/bin/sh\n{PREFIX} {line}\n")), wanted);
        }
        refused(
            header("#!/bin/sh\necho\n# kimport-vm: last\n"),
            "line 3: # kimport-vm: last: not among the comments at the top",
        );
    }

    #[test]
    fn suites_that_agree_share_a_vm() {
        let disks = || Key::Disk(vec![Size(512)]);
        let needs = merge(&[
            ("a", &[Key::Module(words(&["m", "n"])), disks()]),
            (
                "b",
                &[
                    Key::Module(words(&["n", "o"])),
                    Key::Append(words(&["quiet", "x=1"])),
                ],
            ),
            (
                "c",
                &[disks(), Key::OneThread, Key::With(words(&["a"])), Key::Last],
            ),
        ])
        .unwrap();
        assert_eq!(needs.modules, ["m", "n", "o"]);
        assert_eq!(needs.disks(), [Size(512)]);
        assert_eq!(needs.append().collect::<Vec<_>>(), ["quiet", "x=1"]);
        assert!(needs.one_thread);
        assert_eq!(needs.timeout(), 3 * SECONDS_PER_SUITE);
    }

    #[test]
    fn contradictions_are_refused_by_name() {
        let file = |from: &str| Key::File(vec![(from.to_owned(), "/test/x".to_owned())]);
        for (one, other, wanted) in [
            (
                Key::Disk(vec![Size(512)]),
                Key::Disk(vec![Size(1024)]),
                "they want the disks to be [512] bytes and [1024] bytes",
            ),
            (
                Key::Root("/x".into()),
                Key::Root("/y".into()),
                "they want the root to be /x and /y",
            ),
            (file("x"), file("y"), "they want /test/x to be x and y"),
            (
                Key::Append(words(&["a=1"])),
                Key::Append(words(&["a=2"])),
                "they want a to be a=1 and a=2",
            ),
            (
                Key::Timeout(1),
                Key::Timeout(2),
                "they want the timeout to be 1 and 2",
            ),
        ] {
            let result = merge(&[("first", &[one]), ("second", &[other])]);
            refused(
                result,
                &format!("suites first and second cannot share a VM: {wanted}"),
            );
        }
        refused(
            merge(&[("first", &[Key::Last]), ("second", &[])]),
            "suite first must be the last of its VM, but second is after it",
        );
        refused(
            merge(&[("new", &[Key::With(words(&["old"]))])]),
            "suite new needs suite old in its VM",
        );
    }

    #[test]
    fn the_suites_of_this_project_have_headers() {
        let top = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut suites = 0;
        for entry in top.join("tests/suites").read_dir().unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "sh") {
                let script = std::fs::read_to_string(&path).unwrap();
                header(&script).unwrap_or_else(|error| panic!("{}: {error:#}", path.display()));
                suites += 1;
            }
        }
        assert!(suites > 20);

        // The example for contributors.
        let text = std::fs::read_to_string(top.join("CONTRIBUTING.md")).unwrap();
        let (_, example) = text.split_once("```sh\n#!/bin/sh\n").unwrap();
        let (example, _) = example.split_once("```").unwrap();
        let module = Key::Module(words(&["samples/hello_import/hello_import"]));
        assert_eq!(header(example).unwrap(), [module]);
        // CONTRIBUTING.md has the same table of keys as this file.
        let (_, table) = text.split_once("what it asks for").unwrap();
        for line in table.lines().filter(|line| line.starts_with("| `")) {
            Key::parse(line.split('`').nth(1).unwrap()).unwrap();
        }
    }

    #[test]
    fn sizes() {
        assert_eq!("64M".parse(), Ok(Size(64 << 20)));
        assert_eq!("512".parse(), Ok(Size(512)));
        for wrong in ["", "M", "0", "100", "-1M", "99999999999G", "1T"] {
            assert!(wrong.parse::<Size>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn files() {
        assert_eq!(parse_file("a:/b"), Ok(("a".into(), "/b".into())));
        for wrong in ["a", "a:b", ":/b", "a:/", ""] {
            assert!(parse_file(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn variables() {
        let variable = |name: &str| (name == "TOP").then(|| "/top".to_owned());
        assert_eq!(expand("$TOP/x", variable).unwrap(), "/top/x");
        assert_eq!(expand("$TOP", variable).unwrap(), "/top");
        assert_eq!(expand("docs/$TOP", variable).unwrap(), "docs/$TOP");
        refused(expand("$NONE/x", variable), "$NONE/x: $NONE is not set");
    }

    fn any_key() -> impl Strategy<Value = Key> {
        let word = "[a-z/*$._-]{1,8}";
        let some = || prop::collection::vec(word, 1..3);
        prop_oneof![
            some().prop_map(Key::Module),
            some().prop_map(Key::Needs),
            some().prop_map(|words| Key::Feature(Feature::Livepatch, words)),
            some().prop_map(|words| Key::Feature(Feature::Rust, words)),
            word.prop_map(Key::Root),
            some().prop_map(Key::Stock),
            some().prop_map(Key::Optional),
            some().prop_map(Key::Program),
            some().prop_map(Key::Qemu),
            prop::collection::vec("[ab](=[12])?", 1..3).prop_map(Key::Append),
            prop::collection::vec(("[ab]", "/[cd]"), 1..3).prop_map(Key::File),
            prop::collection::vec((1..3_u64).prop_map(|n| Size(n * 512)), 1..3).prop_map(Key::Disk),
            (1..3_u64).prop_map(Key::Timeout),
            Just(Key::OneThread),
        ]
    }

    /// The line that states `key`.
    fn line(key: &Key) -> String {
        let (name, values) = match key {
            Key::Module(words) => ("module", words.join(" ")),
            Key::Needs(words) => ("needs", words.join(" ")),
            Key::Feature(Feature::Livepatch, words) => ("livepatch", words.join(" ")),
            Key::Feature(Feature::Rust, words) => ("rust", words.join(" ")),
            Key::Feature(Feature::KernelCrate, _) => unreachable!("no line states it"),
            Key::Stock(words) => ("stock", words.join(" ")),
            Key::Optional(words) => ("optional", words.join(" ")),
            Key::Program(words) => ("program", words.join("\t")),
            Key::Qemu(words) => ("qemu", words.join(" ")),
            Key::Append(words) => ("append", words.join("  ")),
            Key::With(words) => ("with", words.join(" ")),
            Key::File(files) => {
                let words = files.iter().map(|(from, to)| format!("{from}:{to}"));
                ("file", words.collect::<Vec<_>>().join(" "))
            }
            Key::Root(root) => ("root", root.clone()),
            Key::Disk(sizes) => {
                let words = sizes.iter().map(|size| size.0.to_string());
                ("disk", words.collect::<Vec<_>>().join(" "))
            }
            Key::Timeout(seconds) => ("timeout", seconds.to_string()),
            Key::OneThread => ("one-thread", String::new()),
            Key::Last => ("last", String::new()),
        };
        format!("{PREFIX} {name} {values}\n")
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(text in "(# kimport-vm: ?\\PC{0,20}\n|\\PC{0,20}\n){0,5}") {
            let _ = header(&text);
        }

        #[test]
        fn what_is_written_is_read(keys in prop::collection::vec(any_key(), 0..5)) {
            let script: String = keys.iter().map(line).collect();
            prop_assert_eq!(header(&script).unwrap(), keys);
        }

        #[test]
        fn a_suite_agrees_with_itself(keys in prop::collection::vec(any_key(), 0..5)) {
            if let Ok(mut once) = merge(&[("a", &keys)]) {
                let mut twice = merge(&[("a", &keys), ("b", &keys)]).unwrap();
                for needs in [&mut once, &mut twice] {
                    needs.suites.clear();
                    needs.feature_suites.clear();
                }
                prop_assert_eq!(once, twice);
            }
        }

        #[test]
        fn the_order_decides_not_on_agreement(
            a in prop::collection::vec(any_key(), 0..4),
            b in prop::collection::vec(any_key(), 0..4),
        ) {
            let one = merge(&[("a", &a), ("b", &b)]);
            let other = merge(&[("b", &b), ("a", &a)]);
            prop_assert_eq!(one.is_ok(), other.is_ok());
            if let (Ok(one), Ok(other)) = (one, other) {
                prop_assert_eq!(one.disks(), other.disks());
                prop_assert!(one.files().eq(other.files()));
                prop_assert!(one.append().eq(other.append()));
            }
        }
    }
}
