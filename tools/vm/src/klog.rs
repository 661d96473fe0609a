// SPDX-License-Identifier: GPL-2.0

//! Finds the kernel's complaints in its log.
//!
//! A report is a headline (`WARNING: ...`, `kernel BUG at ...`) with the lines that belong to it
//! (`Oops:`, `Call Trace:`), up to the kernel's own end mark where there is one. One report is one
//! failure, and one `expect-log` line of a suite excuses exactly one.

use regex::Regex;
use std::sync::LazyLock;

/// Matches each line that must not be in a good log.
static BAD: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"\bBUG:|\bWARNING:|\bOops\b|\bCall Trace:|\bKASAN\b|\bUBSAN\b|\bKCSAN\b|\bKFENCE: |",
        r"\bgeneral protection\b|\bMissing ENDBR\b|\brcu.*\bstall|\bsoft lockup\b|",
        r"\bhard LOCKUP\b|\bkernel BUG\b|\bCFI failure\b|\bblocked for more than \d+ seconds|",
        r"\bKernel panic\b|\bunregister_netdevice: waiting\b|\bDEBUG_LOCKS_WARN_ON\b|",
        // Of a slab, and of kmemleak.
        r"^BUG \S+ \(|\bkmemleak: \d+ new suspected memory leaks",
    ))
    .expect("the pattern is fixed")
});

/// Matches lines that [`BAD`] matches, but that a good boot prints: notes that a feature is on, not
/// its findings.
static HARMLESS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"^kfence: initialized|^kasan: KernelAddressSanitizer initialized|",
        r"^(Spectre V2|MDS|TAA|MMIO Stale Data|VMSCAPE) ?: WARNING: |",
        r"^Kernel command line: |^Command line: |^Unknown kernel command line parameters ",
    ))
    .expect("the pattern is fixed")
});

/// Matches a line of a report that goes on until the kernel's end mark.
static CONTINUES: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\bOops\b|\bCall Trace:").expect("the pattern is fixed"));

/// Matches a line after which the kernel does not go on as if nothing had happened.
static FATAL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"\bOops\b|\bkernel BUG\b|\bgeneral protection\b|\bKernel panic\b|",
        r"\bsoft lockup\b|\bhard LOCKUP\b|\brcu.*\bstall",
    ))
    .expect("the pattern is fixed")
});

const CUT_HERE: &str = "------------[ cut here ]------------";
const END_TRACE: &str = "---[ end trace";
const END_PANIC: &str = "---[ end Kernel panic";
/// The maximum number of lines in a report without an end mark.
const MAX_LINES: usize = 100;

/// Splits the time stamp off a line of the log.
pub fn split_time(line: &str) -> (Option<&str>, &str) {
    let split = line.strip_prefix('[').and_then(|rest| {
        let (stamp, text) = rest.split_once("] ")?;
        // With CONFIG_PRINTK_CALLER the caller follows the time.
        let stamp = stamp
            .split_once("][")
            .map_or(stamp, |(time, _)| time)
            .trim();
        let numeric = stamp.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        (numeric && !stamp.is_empty()).then_some((stamp, text))
    });
    split.map_or((None, line), |(stamp, text)| (Some(stamp), text))
}

/// One complaint of the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The first bad line, which names the problem.
    pub headline: String,
    /// All bad lines of the report, the headline first.
    pub bad: Vec<String>,
    /// The suite that ran when it came.
    pub suite: Option<String>,
    /// Set if the kernel cannot be trusted to go on.
    pub fatal: bool,
    /// Set if the end mark was seen.
    pub complete: bool,
    /// Set if an expectation excused it.
    pub expected: bool,
}

impl Report {
    /// Returns whether one of the report's lines matches.
    pub fn matches(&self, regex: &Regex) -> bool {
        self.bad.iter().any(|line| regex.is_match(line))
    }
}

/// Takes the log line by line, from its start, and collects the reports.
#[derive(Debug, Default)]
pub struct Scanner {
    reports: Vec<Report>,
    suite: Option<String>,
    /// The number of lines since the open report began.
    open: Option<usize>,
    /// Set if a `cut here` line announced a report whose headline is still to come.
    cut: bool,
    panicked: bool,
}

impl Scanner {
    /// Takes one line.
    pub fn line(&mut self, line: &str) {
        let (_, text) = split_time(line.trim_end());
        if let Some(rest) = text.strip_prefix("kimport-vm: suite ") {
            match rest.rsplit_once(' ') {
                Some((suite, "begins")) => self.suite = Some(suite.to_owned()),
                Some((_, "ends")) => self.suite = None,
                _ => {}
            }
            self.open = None;
            return;
        }
        if text.contains(CUT_HERE) {
            self.open = None;
            self.cut = true;
        } else if text.contains(END_TRACE) || text.contains(END_PANIC) {
            if let (Some(_), Some(report)) = (self.open.take(), self.reports.last_mut()) {
                report.complete = true;
            }
            self.cut = false;
        } else if BAD.is_match(text) && !HARMLESS.is_match(text) {
            self.bad(text);
        } else if let Some(lines) = &mut self.open {
            *lines += 1;
            if *lines > MAX_LINES {
                self.open = None;
            }
        }
    }

    fn bad(&mut self, text: &str) {
        let fatal = FATAL.is_match(text);
        self.panicked |= text.contains("Kernel panic");
        let continues = !self.cut && CONTINUES.is_match(text);
        if let (true, Some(_), Some(report)) = (continues, self.open, self.reports.last_mut()) {
            report.bad.push(text.to_owned());
            report.fatal |= fatal;
            return;
        }
        self.cut = false;
        self.open = Some(0);
        self.reports.push(Report {
            headline: text.to_owned(),
            bad: vec![text.to_owned()],
            suite: self.suite.clone(),
            fatal,
            complete: false,
            expected: false,
        });
    }

    /// Returns the reports so far.
    pub fn reports(&self) -> &[Report] {
        &self.reports
    }

    /// Returns whether the kernel panicked. Nothing comes after a panic.
    pub fn panicked(&self) -> bool {
        self.panicked
    }

    /// Excuses one report for each expectation: the first of the same suite that matches and is not
    /// excused yet. Returns the expectations that found none. A panic is never excused.
    pub fn excuse<'a>(&mut self, expected: &'a [(String, Regex)]) -> Vec<&'a (String, Regex)> {
        for report in &mut self.reports {
            report.expected = false;
        }
        expected
            .iter()
            .filter(|(suite, regex)| {
                let found = self.reports.iter_mut().find(|report| {
                    !report.expected
                        && report.suite.as_deref() == Some(suite)
                        && !report.headline.contains("Kernel panic")
                        && report.matches(regex)
                });
                found.map(|report| report.expected = true).is_none()
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn scan(text: &str) -> Scanner {
        let mut scanner = Scanner::default();
        text.lines().for_each(|line| scanner.line(line));
        scanner
    }

    const BUG: &str = "\
[    3.1] kimport-vm: suite s begins
[    3.2] ------------[ cut here ]------------
[    3.2] kernel BUG at call.rs:12!
[    3.2] Oops: invalid opcode: 0000 [#1] SMP
[    3.2] CPU: 0 UID: 0 PID: 99 Comm: insmod
[    3.2] Call Trace:
[    3.2]  <TASK>
[    3.2] ---[ end trace 0000000000000000 ]---
[    3.3] RIP: 0010:x+0x1
";

    #[test]
    fn one_bug_is_one_report() {
        let scanner = scan(BUG);
        let [report] = scanner.reports() else {
            panic!("{:?}", scanner.reports());
        };
        assert_eq!(report.headline, "kernel BUG at call.rs:12!");
        assert_eq!(report.bad.len(), 3);
        assert!(report.fatal && report.complete);
        assert_eq!(report.suite.as_deref(), Some("s"));
    }

    #[test]
    fn one_expectation_excuses_one_report_of_its_suite() {
        let mut scanner = scan(&format!("{BUG}{BUG}"));
        let expect = |suite: &str| (suite.to_owned(), Regex::new("kernel BUG at call").unwrap());
        assert!(scanner.excuse(&[expect("s")]).is_empty());
        let excused: Vec<_> = scanner.reports().iter().map(|r| r.expected).collect();
        assert_eq!(excused, [true, false]);
        assert_eq!(scanner.excuse(&[expect("other")]).len(), 1);
        assert!(scanner.reports().iter().all(|r| !r.expected));
    }

    #[test]
    fn a_second_headline_is_a_second_report() {
        let scanner = scan(
            "[    1.0] BUG: sleeping function called from invalid context\n\
             [    1.0] Call Trace:\n\
             [    1.1] WARNING: possible circular locking dependency detected\n",
        );
        assert_eq!(scanner.reports().len(), 2);
    }

    #[test]
    fn an_end_mark_closes_a_report() {
        let scanner = scan(&format!("{BUG}[    3.4] Call Trace:\n"));
        assert_eq!(scanner.reports().len(), 2);
    }

    #[test]
    fn a_cut_closes_a_report() {
        let scanner = scan(
            "WARNING: a\nCall Trace:\n------------[ cut here ]------------\nOops: b\nCall Trace:\n",
        );
        let heads: Vec<_> = scanner.reports().iter().map(|r| &*r.headline).collect();
        assert_eq!(heads, ["WARNING: a", "Oops: b"]);
    }

    #[test]
    fn each_pattern() {
        for line in [
            "[    1.0] BUG: kernel NULL pointer dereference, address: 0",
            "[    1.0] WARNING: CPU: 1 PID: 2 at kernel/x.c:3",
            "[    1.0] Oops: 0002 [#1]",
            "[    1.0] Call Trace:",
            "[    1.0][   T12] BUG: KASAN: slab-use-after-free in x",
            "[    1.0] UBSAN: array-index-out-of-bounds in x.c:1",
            "[    1.0] Oops: general protection fault",
            "[    1.0] traps: Missing ENDBR: f+0x0/0x10",
            "[    1.0] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:",
            "[    1.0] watchdog: BUG: soft lockup - CPU#0 stuck for 22s!",
            "[    1.0] kernel BUG at mm/slub.c:1!",
            "[    1.0] INFO: task insmod:7 blocked for more than 120 seconds.",
            "[    1.0] CFI failure at x (target: y)",
            "[    1.0] BUG kmalloc-64 (Tainted: G): Right Redzone overwritten",
            "[    1.0] kmemleak: 3 new suspected memory leaks (see /sys/kernel/debug/kmemleak)",
        ] {
            assert_eq!(scan(line).reports().len(), 1, "{line}");
        }
    }

    #[test]
    fn what_is_fine() {
        for line in [
            "[    1.0] hello: loading out-of-tree module taints kernel.",
            "[    1.0] hello: module verification failed: signature and/or required key missing - tainting kernel",
            "[    1.0] Kernel command line: x=BUG: ",
            "[    1.0] kfence: initialized - using 2097152 bytes",
            "[    1.0] rcu: \tRCU debug extended QS entry/exit.",
            "[    1.0] Warning: unable to open an initial console.",
            "[    1.0] DEBUG: all good",
            "[    1.0] kmemleak: Kernel memory leak detector initialized (mem pool available: 1)",
        ] {
            assert!(scan(line).reports().is_empty(), "{line}");
        }
    }

    #[test]
    fn times() {
        assert_eq!(split_time("[    1.25] a"), (Some("1.25"), "a"));
        assert_eq!(split_time("[    1.25][  T12] a"), (Some("1.25"), "a"));
        assert_eq!(split_time("[x] a"), (None, "[x] a"));
        assert_eq!(split_time("a"), (None, "a"));
    }

    #[test]
    fn a_panic_is_not_excused() {
        let mut scanner = scan(
            "kimport-vm: suite s begins\nKernel panic - not syncing: sysrq\n---[ end Kernel panic\n",
        );
        assert!(scanner.panicked());
        let all = [("s".to_owned(), Regex::new(".").unwrap())];
        assert_eq!(scanner.excuse(&all).len(), 1);
    }

    proptest! {
        #[test]
        fn each_expectation_excuses_one_report(
            lines in prop::collection::vec(
                prop::sample::select(vec![
                    "kimport-vm: suite s begins",
                    "kimport-vm: suite s ends",
                    CUT_HERE,
                    "WARNING: at x",
                    "Oops: y",
                    "Call Trace:",
                    "Kernel panic - not syncing",
                    "---[ end trace 0 ]---",
                    "[    1.0] BUG: z",
                    "[ é",
                ]),
                0..20,
            ),
            expected in 0_usize..4,
        ) {
            let mut scanner = scan(&lines.join("\n"));
            let regex = Regex::new("WARNING|BUG").unwrap();
            let expected: Vec<_> = (0..expected).map(|_| ("s".to_owned(), regex.clone())).collect();
            let missed = scanner.excuse(&expected).len();
            let excused = scanner.reports().iter().filter(|report| report.expected).count();
            prop_assert_eq!(missed + excused, expected.len());
            for report in scanner.reports() {
                prop_assert!(report.bad.contains(&report.headline));
            }
        }

        #[test]
        fn any_text_is_no_panic(text in "(?s).{0,200}") {
            scan(&text);
            for line in text.lines() {
                let (_, rest) = split_time(line);
                prop_assert!(line.ends_with(rest));
            }
        }
    }
}
