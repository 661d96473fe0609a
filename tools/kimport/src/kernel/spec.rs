// SPDX-License-Identifier: GPL-2.0

//! The way in which a user names a kernel.

use crate::error::{Error, Result};
use std::{path::PathBuf, str::FromStr};

/// The word for the running system on the command line.
pub const RUNNING: &str = "running";

/// A kernel, as the user names it: `[NAME=]running[,PATH...]` or `[NAME=]PATH[,PATH...]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    pub(super) name: Option<String>,
    /// Set for the running system, about which `paths` tell more.
    pub(super) running: bool,
    pub(super) paths: Vec<PathBuf>,
}

impl Spec {
    /// Returns the kernel with more files.
    pub fn with(mut self, paths: &[PathBuf]) -> Self {
        self.paths.extend_from_slice(paths);
        self
    }
}

impl FromStr for Spec {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (name, rest) = match text.split_once('=') {
            // A path may contain `=`, but rarely before its first `/`.
            Some((name, rest)) if !name.contains('/') => {
                if name.is_empty() {
                    return Err(Error::unusable("a kernel's name is empty"));
                }
                (Some(name.to_owned()), rest)
            }
            _ => (None, text),
        };
        let mut paths: Vec<PathBuf> = rest.split(',').map(PathBuf::from).collect();
        let running = paths[0].as_os_str() == RUNNING;
        if running {
            paths.remove(0);
        }
        if paths.iter().any(|path| path.as_os_str().is_empty()) {
            return Err(Error::unusable("a path of the kernel is empty")
                .help("give running, or one or more paths with commas between them"));
        }
        Ok(Self {
            name,
            running,
            paths,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn kernels_can_be_named() {
        let spec = |text: &str| text.parse::<Spec>().unwrap();
        assert!(spec("running").running && spec("running").paths.is_empty());
        assert_eq!(spec("now=running").name.as_deref(), Some("now"));
        let more = spec("running,Module.symvers");
        assert!(more.running && more.paths == [Path::new("Module.symvers")]);
        let two = spec("old=a.deb,dir/b.deb");
        assert_eq!(two.name.as_deref(), Some("old"));
        assert!(!two.running && two.paths.len() == 2);
        assert_eq!(spec("/a=b/c").name, None);
        for wrong in ["", "=x", "a,", ",", "n="] {
            assert!(wrong.parse::<Spec>().is_err(), "{wrong}");
        }
    }
}
