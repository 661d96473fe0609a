// SPDX-License-Identifier: GPL-2.0

//! The measurements of a run of tests/modules/bench, read from the log of the VM.

use anyhow::{bail, ensure, Context, Result};
use serde::Serialize;
use std::collections::BTreeMap;

/// The fewest samples that make a meaningful median.
const ENOUGH: usize = 5;

/// The samples of one run.
#[derive(Debug, Default)]
pub(crate) struct Samples {
    /// The kernel's release.
    pub(crate) kernel: String,
    pub(crate) cpus: u32,
    /// The kernel's own description of its indirect calls.
    pub(crate) spectre_v2: String,
    /// The ticks of each sample, by its name and the number of times that something was done.
    measured: BTreeMap<(String, u64), Vec<u64>>,
}

/// The result of all samples of one name.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Median {
    /// The number of calls or imports in one sample.
    pub(crate) count: u64,
    pub(crate) samples: usize,
    /// The median of a sample's ticks.
    pub(crate) ticks: f64,
}

impl Median {
    /// Returns the ticks for one call or import.
    pub(crate) fn each(self) -> f64 {
        self.ticks / self.count as f64
    }
}

impl Samples {
    /// Finds the samples in `log`.
    pub(crate) fn parse(log: &str) -> Result<Self> {
        let mut samples = Self::default();
        for line in log.lines() {
            let Some((_, line)) = line.split_once(" channel| # ") else {
                continue;
            };
            let Some((key, value)) = line.split_once(' ') else {
                continue;
            };
            match key {
                "kernel" => samples.kernel = value.into(),
                "spectre_v2" => samples.spectre_v2 = value.into(),
                "cpus" => samples.cpus = value.parse().with_context(|| line.to_owned())?,
                "sample" => samples.add(value).with_context(|| line.to_owned())?,
                _ => {}
            }
        }
        ensure!(!samples.measured.is_empty(), "it has no samples");
        Ok(samples)
    }

    /// Adds the sample `NAME COUNT TICKS`. Samples of one name with different counts are kept
    /// apart.
    fn add(&mut self, text: &str) -> Result<()> {
        let words: Vec<_> = text.split_whitespace().collect();
        let [name, count, ticks] = words[..] else {
            bail!("a name, a count and ticks are wanted");
        };
        let count: u64 = count.parse()?;
        ensure!(count > 0, "nothing was done");
        let samples = self.measured.entry((name.to_owned(), count));
        samples.or_default().push(ticks.parse()?);
        Ok(())
    }

    /// Returns whether there are samples whose names begin with `prefix`.
    pub(crate) fn has(&self, prefix: &str) -> bool {
        self.measured
            .keys()
            .any(|(name, _)| name.starts_with(prefix))
    }

    /// Returns the median of the samples called `name` with the count `count`.
    pub(crate) fn median(&self, name: &str, count: u64) -> Result<Median> {
        let ticks = self.measured.get(&(name.to_owned(), count));
        let ticks = ticks.with_context(|| format!("there is no sample of {name} {count}"))?;
        median(count, ticks).with_context(|| format!("{name} {count}"))
    }

    /// Returns all medians.
    pub(crate) fn medians(&self) -> Result<BTreeMap<String, Median>> {
        let keys = self.measured.keys();
        keys.map(|(name, count)| Ok((format!("{name} {count}"), self.median(name, *count)?)))
            .collect()
    }
}

fn median(count: u64, ticks: &[u64]) -> Result<Median> {
    let mut ticks = ticks.to_owned();
    let samples = ticks.len();
    ensure!(
        samples >= ENOUGH,
        "{samples} samples; {ENOUGH} are wanted at least"
    );
    ticks.sort_unstable();
    let (low, high) = (ticks[(samples - 1) / 2], ticks[samples / 2]);
    Ok(Median {
        count,
        samples,
        ticks: (low as f64 + high as f64) / 2.0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(lines: &str) -> String {
        let line = |line: &str| format!("    1.234 channel| # {line}\n");
        lines.lines().map(line).collect()
    }

    #[test]
    fn medians_are_those_of_the_samples() {
        let mut text =
            String::from("    0.1 console| # sample a 1 77\n    0.2 channel| ok 1 - a\n");
        text += &log("cpus 1\nkernel 7.3\nspectre_v2 Mitigation: x\nrunning: a\n");
        text += &log("sample a 2 9\nsample a 2 1\nsample a 2 8\nsample a 2 2\nsample a 2 4\n");
        let mut samples = Samples::parse(&text).unwrap();
        assert_eq!((samples.cpus, &*samples.kernel), (1, "7.3"));
        assert_eq!(samples.spectre_v2, "Mitigation: x");
        let median = samples.median("a", 2).unwrap();
        assert_eq!((median.samples, median.ticks, median.each()), (5, 4.0, 2.0));
        samples.add("a 2 5").unwrap();
        assert_eq!(samples.median("a", 2).unwrap().ticks, 4.5);
        assert_eq!(samples.medians().unwrap().len(), 1);
        assert!(samples.median("a", 1).is_err() && samples.median("b", 2).is_err());
    }

    #[test]
    fn what_is_no_sample_is_an_error() {
        for wrong in [
            "sample a 1",
            "sample a 0 1",
            "sample a x 1",
            "sample a 1 -1",
            "cpus many",
        ] {
            assert!(Samples::parse(&log(wrong)).is_err(), "{wrong}");
        }
        assert!(Samples::parse("").is_err());
    }

    #[test]
    fn few_samples_are_no_median() {
        let samples = Samples::parse(&log("sample a 1 1\nsample a 1 2")).unwrap();
        assert!(samples.median("a", 1).is_err() && samples.medians().is_err());
    }
}
