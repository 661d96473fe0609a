// SPDX-License-Identifier: GPL-2.0

//! The times that steps took, from which the rest of a long command is estimated.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

/// The steps of set-up and of `make demo` in their order, with the seconds that they take on two
/// CPUs that nothing else uses. Steps with other names are not estimated.
const STEPS: &[(&str, u64)] = &[
    ("host and its tools", 6),
    ("build root", 76),
    ("looking for the pinned kernel", 2),
    ("kernel packages", 10),
    ("unpacking", 34),
    ("Rust build tree", 212),
    ("test module", 25),
    (HOST_COMMANDS, 1),
    ("modules", 70),
    (DEMO, 26),
];

/// The last step of set-up, which waits for what runs beside it.
pub(crate) const HOST_COMMANDS: &str = "host commands";

/// The last step of `make demo`.
const DEMO: &str = "demo";

/// The length of a bar in characters.
const BAR: u64 = 20;

/// The times of the last run of each step.
#[derive(Clone, Debug)]
pub(crate) struct Times {
    file: PathBuf,
    seconds: BTreeMap<String, u64>,
    /// Set if the steps of `make demo` follow on those of set-up.
    of_demo: bool,
}

impl Times {
    /// Reads the times. Without a file of them, those of [`STEPS`] stand in.
    pub(crate) fn read(cache: &Path, of_demo: bool) -> Self {
        let file = cache.join("log/times");
        let text = fs::read_to_string(&file).unwrap_or_default();
        let line = |line: &str| {
            let (seconds, step) = line.split_once(' ')?;
            Some((step.to_owned(), seconds.parse().ok()?))
        };
        Self {
            file,
            seconds: text.lines().filter_map(line).collect(),
            of_demo,
        }
    }

    /// Keeps the time of a step for later runs.
    pub(crate) fn keep(&mut self, step: &str, time: Duration) {
        self.seconds.insert(step.to_owned(), time.as_secs());
        let line = |(step, seconds)| format!("{seconds} {step}\n");
        let text = Vec::from_iter(self.seconds.iter().map(line)).concat();
        // If this fails, the next estimate is worse.
        let _ = fs::write(&self.file, text);
    }

    /// Estimates the time that remains when `step` has taken `time` so far, or nothing if the step
    /// is unknown.
    pub(crate) fn remaining(&self, step: &str, time: Duration) -> Option<Duration> {
        let last = if self.of_demo { DEMO } else { HOST_COMMANDS };
        let index = |name| STEPS.iter().position(|(step, _)| *step == name);
        let (first, last) = (index(step)?, index(last)?);
        let of = |&(step, usual): &(&str, u64)| *self.seconds.get(step).unwrap_or(&usual);
        let [this, later @ ..] = STEPS.get(first..=last)? else {
            return None;
        };
        let later: u64 = later.iter().map(of).sum();
        Some(Duration::from_secs(
            of(this).saturating_sub(time.as_secs()) + later,
        ))
    }
}

/// Returns the estimate in words.
pub(crate) fn words(remaining: Duration) -> String {
    match remaining.as_secs() {
        seconds @ ..=90 => format!("about {} s left", seconds.div_ceil(10).max(1) * 10),
        seconds => format!("about {} min left", seconds.div_ceil(60)),
    }
}

/// Returns a bar over the whole command, which began `elapsed` ago.
pub(crate) fn bar(elapsed: Duration, remaining: Duration) -> String {
    let whole = (elapsed + remaining).as_secs().max(1);
    let done = (BAR * elapsed.as_secs() / whole).min(BAR) as usize;
    format!("[{}{}]", "#".repeat(done), "-".repeat(BAR as usize - done))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn what_remains_is_estimated_from_the_last_run() {
        let cache = tempfile::tempdir().unwrap();
        fs::create_dir(cache.path().join("log")).unwrap();
        let mut times = Times::read(cache.path(), true);
        let usual = times.remaining("modules", seconds(0)).unwrap();
        times.keep("modules", seconds(1000));
        times.keep(DEMO, seconds(500));
        times.keep("build root of sid", seconds(7));
        let times = Times::read(cache.path(), true);
        assert_ne!(usual, seconds(1500));
        let remaining = |step, time| times.remaining(step, seconds(time));
        assert_eq!(remaining("modules", 0), Some(seconds(1500)));
        assert_eq!(remaining("modules", 400), Some(seconds(1100)));
        // A step that takes longer than the last time ends soon.
        assert_eq!(remaining("modules", 4000), Some(seconds(500)));
        assert_eq!(remaining("build root of sid", 0), None);
        // Set-up alone ends earlier.
        let times = Times::read(cache.path(), false);
        assert_eq!(times.remaining("modules", seconds(0)), None);
        let set_up = times.remaining("build root", seconds(0)).unwrap();
        assert_eq!(
            remaining("build root", 0).unwrap() - set_up,
            seconds(1500),
            "the rest of the demo"
        );
    }

    #[test]
    fn a_damaged_file_is_ignored() {
        let cache = tempfile::tempdir().unwrap();
        fs::create_dir(cache.path().join("log")).unwrap();
        let usual = Times::read(cache.path(), true).seconds;
        for text in ["\0\u{1F600}", "x demo\n\n", "-1 demo\nbuild root 3\n"] {
            fs::write(cache.path().join("log/times"), text).unwrap();
            assert_eq!(Times::read(cache.path(), true).seconds, usual, "{text}");
        }
    }

    #[test]
    fn words_and_bars() {
        assert_eq!(words(seconds(0)), "about 10 s left");
        assert_eq!(words(seconds(41)), "about 50 s left");
        assert_eq!(words(seconds(91)), "about 2 min left");
        assert_eq!(words(seconds(480)), "about 8 min left");
        assert_eq!(bar(seconds(0), seconds(0)), "[--------------------]");
        assert_eq!(bar(seconds(30), seconds(30)), "[##########----------]");
        assert_eq!(bar(seconds(30), seconds(0)), "[####################]");
    }
}
