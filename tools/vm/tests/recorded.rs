// SPDX-License-Identifier: GPL-2.0

//! Judges recorded runs again: logs that the runner kept of real VMs, and the same logs with
//! something changed. The dumps lack the kernel's messages from before the first suite.

use kimport_vm::session::{Limits, Session, Stop, Verdict};
use std::path::Path;
use std::time::Duration;

const STEP: Duration = Duration::from_millis(200);

fn recorded(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/recorded/{name}.log"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Feeds the log of a run to a session, with the times in the log, and like the runner stops when
/// the session says so. If `alive` is set, the VM goes on in silence after the log's last line.
fn judge(log: &str, suites: &[&str], silence: u64, alive: bool) -> (Verdict, Option<Stop>) {
    let suites: Vec<_> = suites.iter().map(|name| (*name).to_owned()).collect();
    let token = log
        .split_once("channel| @")
        .and_then(|(_, rest)| rest.split_once(' '))
        .map_or("none", |(token, _)| token);
    let limits = Limits {
        silence: Duration::from_secs(silence),
        ..Limits::default()
    };
    let mut session = Session::new(token, &suites, limits);
    let mut now = Duration::ZERO;
    let mut stop = None;
    let wait_until = |session: &mut Session, now: &mut Duration, until: Duration| {
        while *now + STEP < until {
            *now += STEP;
            if let Some(reason) = session.check(*now) {
                return Some(reason);
            }
        }
        *now = until;
        None
    };
    for line in log.lines() {
        let (time, rest) = line.trim_start().split_once(' ').expect("a time");
        let (kind, text) = rest.split_once('|').expect("a channel's name");
        let text = text.strip_prefix(' ').unwrap_or(text);
        let time = Duration::from_secs_f64(time.parse().expect("a time"));
        stop = wait_until(&mut session, &mut now, time);
        if stop.is_some() {
            break;
        }
        match kind {
            "console" => session.console(text, now),
            "channel" => drop(session.channel(text, now)),
            "stopped" => break,
            other => panic!("unknown channel {other}"),
        }
    }
    if alive && stop.is_none() {
        stop = wait_until(&mut session, &mut now, Duration::from_secs(10_000));
    }
    let (verdict, _) = session.finish(stop.as_ref());
    (verdict, stop)
}

fn problems(verdict: &Verdict) -> Vec<String> {
    let suites = verdict.suites.iter().flat_map(|suite| {
        let text = |problem: &String| format!("{}: {problem}", suite.name);
        suite.problems.iter().map(text)
    });
    suites.chain(verdict.problems.iter().cloned()).collect()
}

#[track_caller]
fn assert_problem(verdict: &Verdict, wanted: &str) {
    assert!(!verdict.success());
    let all = problems(verdict);
    assert!(all.iter().any(|problem| problem == wanted), "{all:#?}");
}

fn without(log: &str, what: &str) -> String {
    let kept: Vec<_> = log.lines().filter(|line| !line.contains(what)).collect();
    assert_ne!(kept.len(), log.lines().count(), "nothing has {what}");
    kept.join("\n")
}

#[test]
fn an_expected_bug_passes() {
    let (verdict, stop) = judge(&recorded("expected"), &["expected"], 60, false);
    assert_eq!(problems(&verdict), [""; 0]);
    assert_eq!(stop, None);
    assert!(verdict.success());
    assert_eq!((verdict.passed, verdict.failed, verdict.skipped), (3, 0, 0));
    assert!(verdict.console_tail.is_empty());
}

#[test]
fn the_same_bug_unannounced_stops_the_vm() {
    let log = without(&recorded("expected"), "expect-log:");
    let (verdict, stop) = judge(&log, &["expected"], 60, false);
    let Some(Stop::Fatal(headline)) = &stop else {
        panic!("{stop:?}");
    };
    assert!(headline.starts_with("kernel BUG at "), "{headline}");
    assert_problem(&verdict, &format!("the kernel died: {headline}"));
    assert_problem(&verdict, "expected: did not come to its end");
    // The report is one problem, and not a second one as a line of the log.
    assert_eq!(verdict.problems.len(), 1, "{:#?}", verdict.problems);
}

/// A busy host loses characters of the console, but the dump of the log has them.
#[test]
fn the_end_of_a_headline_may_be_lost_on_the_console() {
    let console = "console| [    3.400716] kernel BUG at trouble.c:";
    let log = recorded("expected");
    assert!(log.contains(&format!("{console}8!")));
    let log = log.replace(&format!("{console}8!"), console);
    let (verdict, _) = judge(&log, &["expected"], 60, false);
    assert_eq!(problems(&verdict), [""; 0]);
}

#[test]
fn an_expectation_excuses_only_what_it_names() {
    let log = recorded("expected").replace("expect-log: kernel BUG", "expect-log: something else");
    let (verdict, stop) = judge(&log, &["expected"], 60, false);
    assert!(matches!(stop, Some(Stop::Fatal(_))), "{stop:?}");
    let unmet = "expected: the expected report did not come: ";
    assert!(problems(&verdict).iter().any(|p| p.starts_with(unmet)));
}

#[test]
fn an_expectation_for_everything_is_refused() {
    let log = recorded("expected").replace("expect-log: kernel BUG", "expect-log: |");
    let (verdict, _) = judge(&log, &["expected"], 60, false);
    let refused = |p: &String| p.contains("expect-log matches any line");
    assert!(problems(&verdict).iter().any(refused));
}

#[test]
fn each_piece_of_evidence_is_needed() {
    let log = recorded("expected");
    for (missing, problem) in [
        (" end", "the VM ended before the end marker"),
        ("channel| 1..3", "expected: no plan"),
        ("ok 3 - and on", "expected: 3 tests planned, 2 results seen"),
        (
            "ok 2 - goes on",
            "expected: result numbered 3 where 2 was due",
        ),
        ("suite-end", "expected: did not come to its end"),
        ("suite-begin", "expected: did not run"),
        ("dmesg-end", "the VM ended before the end marker"),
    ] {
        let text = match missing {
            " end" => {
                let last = |line: &&str| !(line.contains("channel| @") && line.ends_with(missing));
                log.lines().filter(last).collect::<Vec<_>>().join("\n")
            }
            _ => without(&log, missing),
        };
        let (verdict, _) = judge(&text, &["expected"], 60, false);
        assert_problem(&verdict, problem);
    }
}

#[test]
fn an_incomplete_kernel_log_fails() {
    let log = without(&without(&recorded("expected"), "dmesg-begin"), "dmesg-end");
    let (verdict, _) = judge(&log, &["expected"], 60, false);
    assert_problem(&verdict, "the kernel log is not complete");
}

#[test]
fn a_suite_that_never_ran_fails() {
    let (verdict, _) = judge(&recorded("expected"), &["expected", "other"], 60, false);
    assert_eq!(problems(&verdict), ["other: did not run"]);
    assert!(!verdict.success());
}

#[test]
fn a_good_suite_with_a_bad_status_fails() {
    let log = recorded("expected").replace("suite-end expected 0", "suite-end expected 4");
    let (verdict, _) = judge(&log, &["expected"], 60, false);
    assert_eq!(problems(&verdict), ["expected: the suite ended with 4"]);
}

#[test]
fn markers_need_this_runs_token() {
    let log = recorded("expected");
    let forged = log.replacen(
        "channel| 1..3",
        "channel| @0123456789abcdef end\n5.0 channel| 1..3",
        1,
    );
    let (verdict, _) = judge(&forged, &["expected"], 60, false);
    assert!(verdict.success(), "{:#?}", problems(&verdict));
}

#[test]
fn nothing_at_all_is_a_failure() {
    let (verdict, stop) = judge("", &["good"], 60, false);
    assert_eq!(stop, None);
    assert_problem(&verdict, "good: did not run");
    assert_problem(&verdict, "the VM ended before the end marker");
    assert_eq!(verdict.interrupted.as_deref(), Some("the boot"));
}

#[test]
fn an_oops_stops_the_vm_and_keeps_the_trace() {
    let (verdict, stop) = judge(&recorded("oops"), &["oops"], 60, true);
    let headline = "BUG: kernel NULL pointer dereference, address: 0000000000000008";
    assert_eq!(stop, Some(Stop::Fatal(headline.into())));
    assert_problem(&verdict, &format!("the kernel died: {headline}"));
    let tail = verdict.console_tail.join("\n");
    assert!(tail.contains("Call Trace:") && tail.contains("end trace"));
    assert_eq!(verdict.passed, 1);
}

#[test]
fn a_panic_is_a_failure_even_if_announced() {
    let (verdict, _) = judge(&recorded("panics"), &["panics"], 60, false);
    assert_problem(&verdict, "the VM ended before the end marker");
    assert_problem(
        &verdict,
        "kernel log during panics: Kernel panic - not syncing: sysrq triggered crash",
    );
    assert_eq!(
        verdict.interrupted.as_deref(),
        Some("panics: the test that panics")
    );
    // A VM that does not power off after a panic is stopped at once.
    let (_, stop) = judge(&recorded("panics"), &["panics"], 60, true);
    assert!(matches!(stop, Some(Stop::Fatal(_))), "{stop:?}");
}

#[test]
fn a_hang_is_stopped_and_named() {
    let log = booted_after(3.0, &recorded("hangs"));
    let (verdict, stop) = judge(&log, &["hangs"], 10, true);
    assert_eq!(stop, Some(Stop::Silence(Duration::from_secs(10))));
    assert_problem(&verdict, "hang: no output for 10 s");
    assert_eq!(
        verdict.interrupted.as_deref(),
        Some("hangs: the test that hangs")
    );
    assert_eq!((verdict.passed, verdict.skipped), (1, 0));
    // With a longer limit for silence, the limit of the whole run ends it.
    let (verdict, stop) = judge(&log, &["hangs"], 900, true);
    assert_eq!(stop, Some(Stop::Timeout(Duration::from_secs(300))));
    assert_problem(&verdict, "timeout: not done after 300 s");
}

/// Moves all lines of a log in time, so that the boot took this long.
fn booted_after(seconds: f64, log: &str) -> String {
    let lines = log.lines().map(|line| {
        let (time, rest) = line.trim_start().split_once(' ').expect("a time");
        (time.parse::<f64>().expect("a time"), rest)
    });
    let is_boot = |(_, rest): &(f64, &str)| rest.starts_with("channel| @");
    let (boot, _) = lines.clone().find(is_boot).expect("a boot");
    let moved = lines.map(|(time, rest)| format!("{} {rest}\n", (time - boot + seconds).max(0.0)));
    moved.collect()
}

#[test]
fn limits_grow_with_the_time_that_the_boot_took() {
    let log = recorded("hangs");
    for (boot, silence, total) in [(1.0, 10, 300), (8.0, 20, 600), (50.0, 100, 3000)] {
        let log = booted_after(boot, &log);
        let limit = |silence| judge(&log, &["hangs"], silence, true).1.expect("a limit");
        assert_eq!(limit(10), Stop::Silence(Duration::from_secs(silence)));
        assert_eq!(limit(900), Stop::Timeout(Duration::from_secs(total)));
    }
}

#[test]
fn only_a_boot_is_tried_once_more() {
    let boot = Session::new("token", &[], Limits::default());
    let silence = Stop::Silence(Duration::from_secs(60));
    let stall = Stop::Fatal("rcu: INFO: rcu_sched self-detected stall on CPU".into());
    let timeout = Stop::Timeout(Duration::from_secs(300));
    for (stop, reason) in [
        (Some(&silence), Some("hang: no output for 60 s")),
        (
            Some(&stall),
            Some("the kernel died: rcu: INFO: rcu_sched self-detected stall on CPU"),
        ),
        (None, Some("the VM ended")),
        (Some(&timeout), None),
    ] {
        assert_eq!(boot.failed_boot(stop).as_deref(), reason);
    }
    let mut booted = Session::new("token", &[], Limits::default());
    booted.channel("@token boot 7.3.4", Duration::from_secs(3));
    assert_eq!(booted.failed_boot(Some(&silence)), None);
    assert_eq!(booted.failed_boot(None), None);
    let crash = Stop::Crash("signal: 6 (SIGABRT): assertion failed".into());
    let reason = "QEMU crashed: signal: 6 (SIGABRT): assertion failed";
    assert_eq!(booted.failed_boot(Some(&crash)).as_deref(), Some(reason));
}

#[test]
fn a_hang_at_boot_has_a_limit_of_its_own() {
    let log = "0.5 console| [    0.1] tsc: Unable to calibrate against PIT";
    let (verdict, stop) = judge(log, &["good"], 5, true);
    assert_eq!(stop, Some(Stop::Silence(Duration::from_secs(60))));
    assert_eq!(verdict.interrupted.as_deref(), Some("the boot"));
}

#[test]
fn an_accelerator_that_gives_up_is_no_failure_of_the_guest() {
    let mut session = Session::new("t", &["s".to_owned()], Limits::default());
    assert_eq!(session.check(Duration::from_secs(1)), None);
    session.channel("@t boot 1.0", Duration::from_secs(1));
    session.accelerator_failed("KVM internal error. Suberror: 1");
    session.accelerator_failed("another");
    let stop = session.check(Duration::from_secs(2)).unwrap();
    let reason = "QEMU: KVM internal error. Suberror: 1".to_owned();
    assert_eq!(stop.to_string(), reason);
    // Another VM may be tried though this one has booted.
    assert_eq!(session.failed_boot(Some(&stop)), Some(reason.clone()));
    let (verdict, _) = session.finish(Some(&stop));
    assert_eq!(verdict.problems, [reason]);
}

#[test]
fn a_warning_in_the_log_fails_good_tests() {
    let (verdict, stop) = judge(&recorded("warning"), &["warning"], 60, false);
    assert_eq!(stop, None);
    assert_eq!((verdict.passed, verdict.failed), (1, 1));
    let [problem] = verdict.problems.as_slice() else {
        panic!("{:#?}", verdict.problems);
    };
    assert!(problem.starts_with("kernel log during warning: WARNING: "));
}

#[test]
fn a_report_after_the_dump_counts() {
    let log = recorded("expected") + "99.0 console| [   99.0] WARNING: on the way out\n";
    let (verdict, _) = judge(&log, &["expected"], 100, false);
    assert_eq!(problems(&verdict), ["kernel log: WARNING: on the way out"]);
}

#[test]
fn several_bad_suites() {
    let suites = ["warns", "fails", "short", "unplanned", "silent"];
    let (verdict, _) = judge(&recorded("bad"), &suites, 60, false);
    assert_eq!(
        problems(&verdict),
        [
            "short: 2 tests planned, 1 results seen",
            "unplanned: no plan",
            "silent: no `KTAP version 1` line and no plan",
            "fails: the expected report did not come: BUG: never comes",
            "kernel log during warns: Call Trace:",
            "kernel log during warns: WARNING: made up by warns.sh",
            "kernel log during warns: BUG: announced once, came again",
        ]
    );
    assert_eq!((verdict.passed, verdict.failed, verdict.skipped), (6, 8, 1));
}
