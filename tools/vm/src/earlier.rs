// SPDX-License-Identifier: GPL-2.0

//! Verdicts of earlier runs: what has passed need not run again as long as nothing has changed.

use crate::session::Verdict;
use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// The age at which a verdict is not believed any more. Something outside of the guest may have
/// changed that nobody has thought of.
const MAX_AGE: Duration = Duration::from_secs(7 * 24 * 3600);

/// A hash of all that a run depends on.
#[derive(Default)]
pub(crate) struct Inputs(Sha256);

impl Inputs {
    /// Adds a text, which may not be a part of another text.
    pub(crate) fn text(&mut self, text: &str) {
        self.0.update(text.len().to_le_bytes());
        self.0.update(text);
    }

    /// Adds the contents of a file.
    pub(crate) fn file(&mut self, path: &Path) -> Result<()> {
        let cannot = || format!("cannot read {}", path.display());
        let mut file = File::open(path).with_context(cannot)?;
        io::copy(&mut file, &mut self.0).with_context(cannot)?;
        Ok(())
    }

    /// Returns the place of the verdict.
    pub(crate) fn place(self, cache: &Path) -> Earlier {
        let name = format!("passed-{:x}.json", self.0.finalize());
        Earlier(cache.join(name))
    }
}

impl Write for Inputs {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The verdict of an earlier run of the same inputs, or the place for it.
pub(crate) struct Earlier(PathBuf);

impl Earlier {
    /// Returns the verdict and its age, if there is one that can be believed.
    pub(crate) fn verdict(&self) -> Option<(Verdict, Duration)> {
        let age = self.0.metadata().ok()?.modified().ok()?.elapsed().ok()?;
        let verdict: Verdict = serde_json::from_slice(&fs::read(&self.0).ok()?).ok()?;
        (age <= MAX_AGE && verdict.success()).then_some((verdict, age))
    }

    /// Forgets the verdict.
    pub(crate) fn forget(&self) -> Result<()> {
        if self.0.exists() {
            fs::remove_file(&self.0)
                .with_context(|| format!("cannot remove {}", self.0.display()))?;
        }
        Ok(())
    }

    /// Keeps a verdict for later runs. One that is no success makes an earlier one void.
    pub(crate) fn keep(&self, verdict: &Verdict) -> Result<()> {
        let cannot = || format!("cannot write {}", self.0.display());
        if !verdict.success() {
            return self.forget();
        }
        let directory = self.0.parent().context("a directory")?;
        remove_old(directory)?;
        let mut file = tempfile::NamedTempFile::new_in(directory).with_context(cannot)?;
        serde_json::to_writer(&mut file, verdict)?;
        file.persist(&self.0).with_context(cannot)?;
        Ok(())
    }
}

/// Removes the verdicts that are not believed any more.
fn remove_old(directory: &Path) -> Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("passed-") && name.ends_with(".json") {
            // Another run may have removed the file in between.
            let time = entry.metadata().and_then(|metadata| metadata.modified());
            let age = time
                .ok()
                .and_then(|time| SystemTime::now().duration_since(time).ok());
            if age.is_some_and(|age| age > MAX_AGE) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(passed: usize, failed: usize) -> Verdict {
        Verdict {
            suites: Vec::new(),
            problems: Vec::new(),
            passed,
            failed,
            skipped: 1,
            boot_seconds: Some(2.5),
            console_tail: Vec::new(),
            interrupted: None,
        }
    }

    fn place(texts: &[&str], cache: &Path) -> Earlier {
        let mut inputs = Inputs::default();
        texts.iter().for_each(|text| inputs.text(text));
        inputs.place(cache)
    }

    #[test]
    fn only_a_success_is_kept_and_a_failure_makes_it_void() {
        let cache = tempfile::tempdir().unwrap();
        let earlier = place(&["a"], cache.path());
        assert!(earlier.verdict().is_none());
        earlier.keep(&verdict(3, 0)).unwrap();
        let (kept, _) = earlier.verdict().unwrap();
        assert_eq!((kept.passed, kept.skipped), (3, 1));
        earlier.keep(&verdict(2, 1)).unwrap();
        assert!(earlier.verdict().is_none());
        earlier.keep(&verdict(2, 1)).unwrap();
        // No test at all is no success.
        earlier.keep(&verdict(0, 0)).unwrap();
        assert!(earlier.verdict().is_none());
    }

    #[test]
    fn other_inputs_have_another_place() {
        let cache = tempfile::tempdir().unwrap();
        place(&["a", "b"], cache.path())
            .keep(&verdict(1, 0))
            .unwrap();
        assert!(place(&["a", "b"], cache.path()).verdict().is_some());
        for other in [&["ab"][..], &["a", "c"], &["b", "a"], &["a"]] {
            assert!(place(other, cache.path()).verdict().is_none(), "{other:?}");
        }
    }

    #[test]
    fn an_old_verdict_is_not_believed_and_removed() {
        let cache = tempfile::tempdir().unwrap();
        let earlier = place(&["a"], cache.path());
        earlier.keep(&verdict(1, 0)).unwrap();
        let old = SystemTime::now() - MAX_AGE - Duration::from_secs(60);
        File::open(&earlier.0).unwrap().set_modified(old).unwrap();
        assert!(earlier.verdict().is_none());
        place(&["b"], cache.path()).keep(&verdict(1, 0)).unwrap();
        assert!(!earlier.0.exists());
    }
}
