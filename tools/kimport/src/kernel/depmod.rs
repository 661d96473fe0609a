// SPDX-License-Identifier: GPL-2.0

//! The choice between several modules of one name. modprobe loads the one that depmod lists, and
//! depmod chooses by the directories of the modules, in an order that a system can configure
//! (depmod.d(5)).

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

/// The directories with the configuration of depmod. A file takes precedence over a file of the
/// same name in a later directory.
const DIRECTORIES: [&str; 5] = [
    "etc/depmod.d",
    "run/depmod.d",
    "usr/local/lib/depmod.d",
    "usr/lib/depmod.d",
    "lib/depmod.d",
];
/// The word that stands for all directories that are not listed.
const BUILT_IN: &str = "built-in";
/// The order on distributions that configure one. Without a configuration, depmod itself only
/// prefers the first of these directories.
const DEFAULT: [&str; 4] = ["updates", "extra", BUILT_IN, "weak-updates"];

/// An order of directories below `lib/modules/RELEASE`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct SearchOrder {
    /// The directories, from the best on.
    directories: Vec<String>,
    /// The modules that come from one directory whatever the order is: `DIRECTORY/MODULE` without
    /// suffix, and the release that this holds for.
    overrides: Vec<(String, String)>,
}

impl SearchOrder {
    /// Returns the order of the system below `root`, or the default order for packages.
    pub(super) fn new(root: &Option<PathBuf>) -> Self {
        root.as_deref()
            .map_or_else(|| Self::parse(""), Self::of_system)
    }

    /// Reads the configuration of the system below `root`.
    fn of_system(root: &Path) -> Self {
        let mut files = BTreeMap::new();
        for directory in DIRECTORIES {
            let entries = fs::read_dir(root.join(directory)).into_iter().flatten();
            for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
                if path.extension() == Some(OsStr::new("conf")) {
                    let name = path.file_name().unwrap_or_default().to_owned();
                    files.entry(name).or_insert(path);
                }
            }
        }
        let texts = files.values().map(fs::read_to_string);
        Self::parse(&texts.flatten().collect::<Vec<_>>().join("\n"))
    }

    fn parse(text: &str) -> Self {
        let mut search = Self::default();
        for line in text.lines() {
            let mut words = line.split([' ', '\t']).filter(|word| !word.is_empty());
            match words.next() {
                Some("search") => search.directories.extend(words.map(str::to_owned)),
                Some("override") => {
                    if let (Some(module), Some(release), Some(directory)) =
                        (words.next(), words.next(), words.next())
                    {
                        let path = format!("{directory}/{module}").replace('-', "_");
                        search.overrides.push((path, release.to_owned()));
                    }
                }
                _ => {}
            }
        }
        if search.directories.is_empty() {
            search.directories = DEFAULT.map(str::to_owned).into();
        }
        search
    }

    /// Returns the rank of the place of a module; the lowest rank is the best. `path` is relative
    /// to `lib/modules/RELEASE`.
    pub(super) fn rank(&self, release: &str, path: &str) -> usize {
        let stem = path.rsplit_once(".ko").map_or(path, |(stem, _)| stem);
        let stem = stem.replace('-', "_");
        let is_override =
            |(module, of): &(String, String)| *module == stem && (of == "*" || of == release);
        if self.overrides.iter().any(is_override) {
            return 0;
        }
        let place = |is_it: &dyn Fn(&str) -> bool| {
            let mut directories = self.directories.iter();
            directories.position(|directory| is_it(directory))
        };
        let is_above = |directory: &str| {
            let below = path.strip_prefix(directory.trim_matches('/'));
            directory != BUILT_IN && below.is_some_and(|below| below.starts_with('/'))
        };
        1 + place(&is_above)
            .or_else(|| place(&|directory| directory == BUILT_IN))
            .unwrap_or(self.directories.len())
    }
}

/// Splits the path of a module into the root of a system, the release and the rest:
/// `ROOT/lib/modules/RELEASE/REST`.
pub(super) fn split(path: &str) -> Option<(PathBuf, &str, &str)> {
    const MODULES: &str = "lib/modules/";
    let is_whole = |at: &usize| *at == 0 || path[..*at].ends_with('/');
    let mut places = path.match_indices(MODULES).map(|(at, _)| at);
    let at = places.find(is_whole)?;
    let (release, rest) = path[at + MODULES.len()..].split_once('/')?;
    let root = path[..at].strip_suffix("usr/").unwrap_or(&path[..at]);
    Some((PathBuf::from(root), release, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn earlier_directories_are_better() {
        let paths = [
            "updates/a.ko",
            "extra/a.ko",
            "kernel/a.ko.xz",
            "weak-updates/a.ko",
        ];
        let order = |text: &str| {
            let search = SearchOrder::parse(text);
            let mut sorted = paths;
            sorted.sort_by_key(|path| search.rank("7.3", path));
            sorted
        };
        assert_eq!(order(""), paths);
        let ours = order("# Ours\nsearch weak-updates built-in\nsearch\textra\n");
        assert_eq!(ours, [paths[3], paths[0], paths[2], paths[1]]);
        let search = "search updates\noverride a 7.3 kernel\noverride a 7.2 extra\n";
        assert_eq!(order(search)[..2], [paths[2], paths[0]]);
        assert_eq!(SearchOrder::parse("").rank("7.3", "updated/a.ko"), 3);
    }

    #[test]
    fn a_systems_own_order_is_read() {
        let root = tempfile::TempDir::new().unwrap();
        for (name, text) in [
            ("etc/depmod.d/a.conf", "search extra\n"),
            ("lib/depmod.d/a.conf", "search weak-updates\n"),
            ("lib/depmod.d/b.conf", "search updates\n"),
            ("lib/depmod.d/b.txt", "search c\n"),
        ] {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let search = SearchOrder::of_system(root.path());
        assert_eq!(search.directories, ["extra", "updates"]);
        let nothing = SearchOrder::of_system(&root.path().join("etc"));
        assert_eq!(nothing.directories, DEFAULT);
    }

    #[test]
    fn paths_are_split() {
        let path = "/mnt/usr/lib/modules/7.3/kernel/a.ko";
        let parts = (PathBuf::from("/mnt/"), "7.3", "kernel/a.ko");
        assert_eq!(split(path), Some(parts));
        assert_eq!(split("./lib/modules/7.3/a.ko").unwrap().0, Path::new("./"));
        assert_eq!(split("/mnt/a.ko"), None);
        assert_eq!(split("/mylib/modules/7.3/a.ko"), None);
    }
}
