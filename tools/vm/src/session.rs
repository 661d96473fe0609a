// SPDX-License-Identifier: GPL-2.0

//! Follows one run of the VM and judges it.
//!
//! A [`Session`] is fed the lines of the console and of the result channel with the times at which
//! they came. It knows no process and no clock, so a recorded run can be judged again. A run passes
//! on positive evidence only: every suite began, printed its plan and every planned result, and
//! ended with status 0; the kernel log was dumped to its end; and the end marker came.

use crate::klog::{Report, Scanner};
use crate::ktap::{Item, Outcome, Parser, Point};
use regex::Regex;
use std::collections::VecDeque;
use std::time::Duration;

/// The time that a fatal report has to become complete before the VM is stopped.
const REPORT_GRACE: Duration = Duration::from_millis(1500);
/// The maximum number of diagnostics that are shown with a failed test.
const DIAGNOSTICS: usize = 30;
/// The number of lines of the console that are shown after a failure.
const CONSOLE_TAIL: usize = 40;

/// The longest boot on a machine that does nothing else.
const USUAL_BOOT: Duration = Duration::from_secs(4);
/// The most that limits grow. A VM that hangs should end.
const MAX_STRETCH: f64 = 10.0;

/// The time limits of a run. They hold for a machine that does nothing else. If a boot takes
/// longer than there, the limits after it grow as much.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The maximum time of the whole run, from the VM's start.
    pub total: Duration,
    /// The maximum time without any output until the kernel has booted. Until then it prints
    /// little, and a busy host makes the pauses long.
    pub boot_silence: Duration,
    /// The maximum time without any output once the kernel has booted.
    pub silence: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            total: Duration::from_secs(300),
            boot_silence: Duration::from_secs(60),
            silence: Duration::from_secs(60),
        }
    }
}

impl Limits {
    /// Returns the limits for a VM that took this long to boot.
    fn after(self, boot: Duration) -> Self {
        let stretch = (boot.as_secs_f64() / USUAL_BOOT.as_secs_f64()).clamp(1.0, MAX_STRETCH);
        Self {
            total: self.total.mul_f64(stretch),
            silence: self.silence.mul_f64(stretch),
            ..self
        }
    }
}

/// The reason for which the VM has to be stopped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stop {
    /// The total time is over.
    #[error("timeout: not done after {} s", .0.as_secs())]
    Timeout(Duration),
    /// No output for this long: a hang.
    #[error("hang: no output for {} s", .0.as_secs())]
    Silence(Duration),
    /// A suite printed the line at which the VM is to be killed.
    #[error("killed at the line: {0}")]
    Asked(String),
    /// The kernel reported something that it cannot be trusted to survive.
    #[error("the kernel died: {0}")]
    Fatal(String),
    /// QEMU's accelerator gave up with this line. That is never the guest's fault.
    #[error("QEMU: {0}")]
    Accelerator(String),
    /// QEMU itself crashed, with this last line. That is not the guest's fault, either.
    #[error("QEMU crashed: {0}")]
    Crash(String),
}

/// An event that a caller may want to show as soon as it happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The VM is not started, because a run of the same inputs has passed this long ago.
    Earlier(Duration),
    /// The VM is started once more.
    BootsAgain {
        /// The end of the first VM.
        reason: String,
        /// Set if the second VM does without the KVM of the first one.
        avoids_kvm: bool,
    },
    /// The VM reached its init. Holds the kernel's release.
    Booted(String),
    /// A result of a suite, and the suite's output before it.
    Point {
        /// The suite's name.
        suite: String,
        /// The result.
        point: Point,
        /// Its diagnostics, if it failed.
        diagnostics: Vec<String>,
        /// The texts of the suite's `# show:` lines.
        shown: Vec<String>,
        /// The time from the test's announcement to its result. Without an announcement, from the
        /// result before it.
        took: Duration,
    },
    /// A line of diagnostics.
    Diagnostic(String),
    /// Something is wrong with a suite as a whole.
    Problem {
        /// The suite's name.
        suite: String,
        /// The problem.
        problem: String,
    },
}

/// The judgement of one suite.
#[derive(Clone, Debug, Default, serde::Deserialize, serde::Serialize)]
pub struct SuiteReport {
    /// The file name without its extension.
    pub name: String,
    /// The exit status, or none if the suite did not end.
    pub status: Option<i32>,
    /// The results in order.
    pub points: Vec<Point>,
    /// Problems other than failed tests.
    pub problems: Vec<String>,
}

/// The judgement of a run.
#[derive(Clone, Debug, serde::Deserialize, serde::Serialize)]
pub struct Verdict {
    /// Each suite that was asked for.
    pub suites: Vec<SuiteReport>,
    /// Problems of the run as a whole.
    pub problems: Vec<String>,
    /// The number of passed tests.
    pub passed: usize,
    /// The number of failed tests and of problems.
    pub failed: usize,
    /// The number of skipped tests.
    pub skipped: usize,
    /// The seconds from the start to the first line of the guest's init.
    pub boot_seconds: Option<f64>,
    /// The last lines of the console, if something failed.
    pub console_tail: Vec<String>,
    /// The suite and the test that ran when the VM ended too early.
    pub interrupted: Option<String>,
}

impl Verdict {
    /// Returns whether every expected line came, and nothing is wrong.
    pub fn success(&self) -> bool {
        self.failed == 0 && self.passed > 0
    }
}

/// The meaning of the lines of the result channel at the moment.
#[derive(Debug, Default)]
enum Phase {
    /// Before, between and after suites.
    #[default]
    Idle,
    /// Output of the suite with this index.
    Suite(usize, Parser),
    /// The dump of the kernel log.
    Dmesg,
}

/// The state of a run.
#[derive(Debug, Default)]
pub struct Session {
    marker: String,
    limits: Limits,
    phase: Phase,
    suites: Vec<SuiteReport>,
    running: Option<String>,
    diagnostics: VecDeque<String>,
    shown: Vec<String>,
    test_began: Duration,
    expectations: Vec<(String, Regex)>,
    console: Scanner,
    console_tail: VecDeque<String>,
    dmesg: Scanner,
    dmesg_complete: bool,
    ended: bool,
    booted: Option<Duration>,
    last_output: Duration,
    fatal_since: Option<Duration>,
    accelerator_failure: Option<String>,
    problems: Vec<String>,
}

impl Session {
    /// Creates a session for these suites, in the order in which they will run. Each line of the
    /// protocol starts with `token`.
    pub fn new(token: &str, suites: &[String], limits: Limits) -> Self {
        Self {
            marker: format!("@{token} "),
            limits,
            suites: suites
                .iter()
                .map(|name| SuiteReport {
                    name: name.clone(),
                    ..SuiteReport::default()
                })
                .collect(),
            ..Self::default()
        }
    }

    /// Returns the reason for which another VM may be tried after this one has ended. `stop` is the
    /// reason for which it was stopped, or none if it ended by itself.
    ///
    /// About one boot of an emulated machine in some hundred hangs. The cause is not known. Some of
    /// these kernels are silent then, others report a stall. Before the VM reaches its init,
    /// nothing that is under test has run. If the accelerator gave up, or QEMU crashed, that does
    /// not matter.
    pub fn failed_boot(&self, stop: Option<&Stop>) -> Option<String> {
        match (&self.booted, stop) {
            (_, Some(stop @ (Stop::Accelerator(_) | Stop::Crash(_)))) => Some(stop.to_string()),
            (None, Some(stop @ (Stop::Silence(_) | Stop::Fatal(_)))) => Some(stop.to_string()),
            (None, None) => Some("the VM ended".to_owned()),
            _ => None,
        }
    }

    /// Returns whether the VM has reached its init.
    pub fn has_booted(&self) -> bool {
        self.booted.is_some()
    }

    /// Takes the line with which QEMU's accelerator gave up.
    pub fn accelerator_failed(&mut self, line: &str) {
        self.accelerator_failure.get_or_insert(line.to_owned());
    }

    /// Takes a line of the console.
    pub fn console(&mut self, line: &str, now: Duration) {
        self.last_output = now;
        self.console.line(line);
        push_bounded(&mut self.console_tail, line.trim_end(), CONSOLE_TAIL);
    }

    /// Takes a line of the result channel.
    pub fn channel(&mut self, line: &str, now: Duration) -> Vec<Progress> {
        self.last_output = now;
        let line = line.trim_end_matches(['\r', '\n']);
        if let Some(marker) = line.strip_prefix(&self.marker) {
            return self.marker(marker, now);
        }
        match &mut self.phase {
            Phase::Idle if line.is_empty() => Vec::new(),
            Phase::Idle => vec![Progress::Diagnostic(line.to_owned())],
            Phase::Dmesg => {
                self.dmesg.line(line);
                Vec::new()
            }
            Phase::Suite(index, parser) => {
                let index = *index;
                let items = parser.line(line);
                self.items(index, items, now)
            }
        }
    }

    fn marker(&mut self, marker: &str, now: Duration) -> Vec<Progress> {
        let (word, rest) = marker.split_once(' ').unwrap_or((marker, ""));
        match (word, &mut self.phase) {
            ("boot", Phase::Idle) => {
                self.booted = Some(now);
                self.limits = self.limits.after(now);
                return vec![Progress::Booted(rest.to_owned())];
            }
            ("suite-begin", Phase::Idle) => {
                match self.suites.iter().position(|suite| suite.name == rest) {
                    Some(index) => {
                        self.phase = Phase::Suite(index, Parser::default());
                        self.test_begins(None, now);
                    }
                    None => self.problems.push(format!("unknown suite {rest} began")),
                }
            }
            ("suite-end", Phase::Suite(..)) => return self.suite_end(rest, now),
            ("dmesg-begin", Phase::Idle) => self.phase = Phase::Dmesg,
            ("dmesg-end", Phase::Dmesg) => {
                self.phase = Phase::Idle;
                self.dmesg_complete = true;
            }
            ("end", Phase::Idle) => self.ended = true,
            _ => self.problems.push(format!("marker out of place: {marker}")),
        }
        Vec::new()
    }

    fn test_begins(&mut self, name: Option<String>, now: Duration) {
        self.diagnostics.clear();
        self.shown.clear();
        self.test_began = now;
        self.running = name;
    }

    fn suite_end(&mut self, rest: &str, now: Duration) -> Vec<Progress> {
        let Phase::Suite(index, parser) = std::mem::take(&mut self.phase) else {
            return Vec::new();
        };
        let suite = &mut self.suites[index];
        suite.status = rest
            .rsplit_once(' ')
            .filter(|(name, _)| *name == suite.name)
            .and_then(|(_, status)| status.parse().ok());
        let mut items = parser.finish();
        let failed = |point: &Point| point.outcome == Outcome::Failed;
        match suite.status {
            Some(0) => {}
            // A suite whose tests failed ends with such a status, which says nothing new.
            Some(_) if !items.is_empty() || suite.points.iter().any(failed) => {}
            Some(status) => items.push(Item::Broken(format!("the suite ended with {status}"))),
            None => items.push(Item::Broken(format!("unreadable end marker: {rest}"))),
        }
        self.running = None;
        self.items(index, items, now)
    }

    fn items(&mut self, index: usize, items: Vec<Item>, now: Duration) -> Vec<Progress> {
        let mut progress = Vec::new();
        for item in items {
            let suite = &mut self.suites[index];
            match item {
                Item::Point(point) => {
                    self.running = None;
                    let diagnostics = std::mem::take(&mut self.diagnostics);
                    let took = now.saturating_sub(self.test_began);
                    self.test_began = now;
                    suite.points.push(point.clone());
                    progress.push(Progress::Point {
                        suite: suite.name.clone(),
                        diagnostics: match point.outcome {
                            Outcome::Failed => diagnostics.into(),
                            _ => Vec::new(),
                        },
                        point,
                        shown: std::mem::take(&mut self.shown),
                        took,
                    });
                }
                Item::Running(name) => self.test_begins(Some(name), now),
                Item::Shown(text) => {
                    push_bounded(&mut self.diagnostics, &text, DIAGNOSTICS);
                    self.shown.push(text);
                }
                Item::Diagnostic(line) => {
                    push_bounded(&mut self.diagnostics, &line, DIAGNOSTICS);
                    progress.push(Progress::Diagnostic(line));
                }
                Item::ExpectLog(pattern) => match Regex::new(&pattern) {
                    // An expectation that matches every report would excuse unrelated ones.
                    Ok(regex) if !regex.is_match("") => {
                        self.expectations.push((suite.name.clone(), regex));
                    }
                    Ok(_) => progress.push(problem(
                        suite,
                        format!("expect-log matches any line: {pattern:?}"),
                    )),
                    Err(error) => {
                        progress.push(problem(suite, format!("expect-log: {error}")));
                    }
                },
                Item::Broken(text) => progress.push(problem(suite, text)),
            }
        }
        progress
    }

    /// Returns the reason if the VM has to be stopped now. The caller calls this often, even if no
    /// line comes.
    pub fn check(&mut self, now: Duration) -> Option<Stop> {
        if let Some(line) = &self.accelerator_failure {
            return Some(Stop::Accelerator(line.clone()));
        }
        self.console.excuse(&self.expectations);
        let fatal = self
            .console
            .reports()
            .iter()
            .find(|report| report.fatal && !report.expected);
        if let Some(report) = fatal {
            let since = *self.fatal_since.get_or_insert(now);
            // The end of the report may still come, and so may an expectation that is on its way
            // through the other channel.
            if now.saturating_sub(since) >= REPORT_GRACE {
                return Some(Stop::Fatal(report.headline.clone()));
            }
        } else {
            self.fatal_since = None;
        }
        if now >= self.limits.total {
            return Some(Stop::Timeout(self.limits.total));
        }
        // This holds after the end marker, too: the VM then only has to power off.
        let silence = match self.booted {
            Some(_) => self.limits.silence,
            None => self.limits.boot_silence,
        };
        if now.saturating_sub(self.last_output) >= silence {
            return Some(Stop::Silence(silence));
        }
        None
    }

    /// Judges the run. `stop` is the reason for which the VM was stopped, or none if it ended by
    /// itself.
    pub fn finish(mut self, stop: Option<&Stop>) -> (Verdict, Vec<Progress>) {
        let mut progress = Vec::new();
        let asked = matches!(stop, Some(Stop::Asked(_)));
        let interrupted = match &self.phase {
            // Nothing can come after that.
            Phase::Suite(index, _) if asked && *index + 1 == self.suites.len() => {
                self.suites[*index].status = Some(0);
                None
            }
            Phase::Suite(index, _) => {
                let suite = &mut self.suites[*index];
                progress.push(problem(suite, "did not come to its end".into()));
                Some(match &self.running {
                    Some(test) => format!("{}: {test}", suite.name),
                    None => suite.name.clone(),
                })
            }
            Phase::Dmesg => Some("the dump of the kernel log".into()),
            Phase::Idle if self.booted.is_none() => Some("the boot".into()),
            Phase::Idle if !self.ended => Some("the guest's init".into()),
            Phase::Idle => None,
        };
        for suite in &mut self.suites {
            if suite.status.is_none() && suite.problems.is_empty() {
                progress.push(problem(suite, "did not run".into()));
            }
        }
        match stop {
            Some(Stop::Asked(_)) => {}
            Some(stop) => self.problems.push(stop.to_string()),
            None if !self.ended => self
                .problems
                .push("the VM ended before the end marker".into()),
            None => {}
        }
        if self.ended && !self.dmesg_complete {
            self.problems.push("the kernel log is not complete".into());
        }
        self.judge_log(stop);

        let count = |outcome| {
            let points = self.suites.iter().flat_map(|suite| &suite.points);
            points.filter(|point| point.outcome == outcome).count()
        };
        let passed = count(Outcome::Passed);
        let skipped = count(Outcome::Skipped);
        let mut failed = count(Outcome::Failed)
            + self.problems.len()
            + self.suites.iter().map(|s| s.problems.len()).sum::<usize>();
        if passed == 0 && failed == 0 {
            self.problems.push("no test passed".into());
            failed += 1;
        }
        let verdict = Verdict {
            console_tail: match failed {
                0 => Vec::new(),
                _ => self.console_tail.into(),
            },
            suites: self.suites,
            problems: self.problems,
            passed,
            failed,
            skipped,
            boot_seconds: self.booted.map(|time| time.as_secs_f64()),
            interrupted,
        };
        (verdict, progress)
    }

    /// Adds the reports in the kernel log to the problems of the run.
    fn judge_log(&mut self, stop: Option<&Stop>) {
        let (rest, main) = match self.dmesg_complete {
            // Only the console has the reports that came after the dump.
            true => {
                let rest = missing_from(self.console.reports(), self.dmesg.reports());
                (rest, &mut self.dmesg)
            }
            false => (Vec::new(), &mut self.console),
        };
        for (suite, regex) in main.excuse(&self.expectations) {
            self.problems.push(format!(
                "{suite}: the expected report did not come: {regex}"
            ));
        }
        for report in main.reports().iter().chain(rest) {
            // The reason for the stop is a problem already.
            let known = matches!(stop, Some(Stop::Fatal(headline)) if *headline == report.headline);
            if known || report.expected {
                continue;
            }
            let place = match &report.suite {
                Some(suite) => format!(" during {suite}"),
                None => String::new(),
            };
            self.problems
                .push(format!("kernel log{place}: {}", report.headline));
        }
    }
}

fn problem(suite: &mut SuiteReport, problem: String) -> Progress {
    suite.problems.push(problem.clone());
    Progress::Problem {
        suite: suite.name.clone(),
        problem,
    }
}

fn push_bounded(queue: &mut VecDeque<String>, line: &str, bound: usize) {
    if queue.len() == bound {
        queue.pop_front();
    }
    queue.push_back(line.to_owned());
}

/// Returns the reports of `some` that `all` lacks. A report that occurs more often in `some` than
/// in `all` is returned as many times as it is missing. Of a report in `some`, the end of the
/// headline may be missing: the console loses characters when a CPU of the host is busy.
fn missing_from<'a>(some: &'a [Report], all: &[Report]) -> Vec<&'a Report> {
    let mut left = Vec::from_iter(all.iter().map(|report| report.headline.as_str()));
    let mut has = |is_it: &dyn Fn(&str) -> bool| {
        let found = left.iter().position(|headline| is_it(headline));
        found.map(|index| left.remove(index)).is_some()
    };
    let mut missing = Vec::from_iter(some);
    missing.retain(|report| !has(&|other| other == report.headline));
    missing.retain(|report| !has(&|other| other.starts_with(&report.headline)));
    missing
}
