// SPDX-License-Identifier: GPL-2.0

//! The kernel's log: every bad line is in a report, and one expectation excuses one report.

#![no_main]

use kimport_fuzz::stock;
use kimport_vm::klog::{split_time, Scanner};
use libfuzzer_sys::fuzz_target;
use regex::Regex;
use std::sync::LazyLock;

static ANY: LazyLock<[(String, Regex); 2]> = LazyLock::new(|| {
    let any = || Regex::new("WARNING|BUG").expect("the pattern is fixed");
    [("s".to_owned(), any()), ("s".to_owned(), any())]
});

fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = stock::files("tools/vm/tests/recorded", ".log");
    let made = "[    3.1] kimport-vm: suite s begins\n[    3.2] ------------[ cut here ]------------\n\
        [    3.2][    T1] kernel BUG at call.rs:12!\n[    3.2] Oops: invalid opcode: 0000 [#1] SMP\n\
        [    3.3] ---[ end trace 0 ]---\n[    4.0] WARNING: x\n[    4.1] kimport-vm: suite s ends\n";
    seeds.push(made.into());
    seeds
}

fuzz_target!(init: kimport_fuzz::seeds(seeds), |bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let mut scanner = Scanner::default();
    for line in text.lines() {
        let (_, rest) = split_time(line);
        assert!(line.ends_with(rest));
        scanner.line(line);
    }
    for report in scanner.reports() {
        assert!(text.contains(&report.headline) && report.bad.contains(&report.headline));
        assert!(report.bad.iter().all(|line| text.contains(line.as_str())));
    }
    assert!(!scanner.panicked() || !scanner.reports().is_empty());
    let missed = scanner.excuse(&*ANY).len();
    let excused = scanner.reports().iter().filter(|report| report.expected).count();
    assert_eq!(missed + excused, ANY.len());
    let panics = |headline: &str| headline.contains("Kernel panic");
    assert!(!scanner.reports().iter().any(|report| report.expected && panics(&report.headline)));
});
