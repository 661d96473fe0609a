// SPDX-License-Identifier: GPL-2.0

//! Runs the command on a real kernel, with suites that pass and suites that must not.
//!
//! `make check` names the kernel in `KIMPORT_STOCK`.

use kimport_testing::{stock_directory, stock_test};
use serde_json::Value;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// A limit that no VM reaches, however busy the machine is. Only tests of limits have others.
const PATIENT: &str = "--hang-timeout=3600";

/// Held by the test whose VM runs. With one VM at a time, each one takes less long.
static ONE_VM: Mutex<()> = Mutex::new(());

fn command(suites: &[&str]) -> Command {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suites");
    let mut command = Command::new(env!("CARGO_BIN_EXE_kimport-vm"));
    command.arg("run").arg("--stock").arg(stock_directory());
    command.arg("--timeout=36000");
    for suite in suites {
        command.arg("--suite").arg(dir.join(format!("{suite}.sh")));
    }
    command
}

struct Outcome {
    output: Output,
    text: String,
    json: Value,
}

fn run(suites: &[&str], arguments: &[&str]) -> Outcome {
    let _one = ONE_VM.lock().unwrap_or_else(PoisonError::into_inner);
    let dir = tempfile::tempdir().unwrap();
    let json = dir.path().join("verdict.json");
    let log = dir.path().join("console.log");
    let mut command = command(suites);
    command.args(arguments).arg("--json").arg(&json);
    let output = command.arg("--log").arg(&log).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    let json = std::fs::read_to_string(&json).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_ne!(log.is_file(), text.contains("it is not run again"));
    Outcome {
        json: serde_json::from_str(&json).unwrap(),
        output,
        text,
    }
}

impl Outcome {
    #[track_caller]
    fn expect(&self, status: i32, texts: &[&str]) {
        assert_eq!(self.output.status.code(), Some(status), "{}", self.text);
        for wanted in texts {
            assert!(self.text.contains(wanted), "no {wanted:?} in {}", self.text);
        }
        assert_eq!(self.json["success"], Value::from(status == 0));
    }
}

#[stock_test]
fn a_good_suite_passes_and_what_it_shows_comes_with_its_results() {
    let outcome = run(&["good"], &[PATIENT, "--disk", "64M", "--show"]);
    outcome.expect(
        0,
        &[
            "ok   good: a SCSI disk\n       made of memory by scsi_debug\n",
            "ok   good: ext4 on it\n",
            "\n7 passed, 0 failed, 0 skipped\n",
        ],
    );
    assert_eq!(outcome.json["suites"][0]["status"], 0);
    assert_eq!(outcome.json["passed"], 7);
    let rows: Vec<_> = outcome
        .text
        .lines()
        .skip_while(|line| !line.starts_with("step "))
        .take_while(|line| !line.is_empty())
        .collect();
    assert_eq!(rows.len(), 1 + 7, "{}", outcome.text);
    assert!(rows[1..].iter().all(|row| row.contains("  ok  ")));
}

#[stock_test]
fn bad_suites_fail_one_by_one() {
    let outcome = run(
        &["warns", "fails", "short", "unplanned", "silent"],
        &[PATIENT],
    );
    outcome.expect(
        1,
        &[
            "# the reason it failed",
            "FAIL fails: fails\n",
            "skip fails: skips (nothing to test)\n",
            "FAIL fails: the expected report did not come: BUG: never comes\n",
            "FAIL short: 2 tests planned, 1 results seen\n",
            "FAIL unplanned: no plan\n",
            "FAIL silent: no `KTAP version 1` line and no plan\n",
            "FAIL kernel log during warns: Call Trace:\n",
            "FAIL kernel log during warns: WARNING: made up by warns.sh\n",
            "FAIL kernel log during warns: BUG: announced once, came again\n",
            "\n6 passed, 8 failed, 1 skipped\n",
        ],
    );
    // Shown texts need --show.
    assert!(!outcome.text.contains("all is well"), "{}", outcome.text);
}

#[stock_test]
fn a_panic_ends_the_run_not_the_silence_after_it() {
    let outcome = run(&["panics"], &[PATIENT]);
    outcome.expect(
        1,
        &[
            "Kernel panic - not syncing: sysrq triggered crash",
            "running at the end: panics: the test that panics\n",
            "log: ",
        ],
    );
    let problems = outcome.json["problems"].as_array().unwrap();
    assert!(!problems.is_empty());
    for problem in problems.iter().map(|problem| problem.as_str().unwrap()) {
        let by_time = problem.starts_with("hang: ") || problem.starts_with("timeout: ");
        assert!(!by_time, "{problem}");
    }
}

#[stock_test]
fn a_vm_is_killed_when_a_suite_says_so_and_its_disk_stays() {
    let disks = tempfile::tempdir().unwrap();
    let disks = format!("--disks={}", disks.path().display());
    let arguments = [PATIENT, "--disk", "1M", &disks, "--kill-at", "now"];
    let outcome = run(&["writes"], &arguments);
    outcome.expect(
        0,
        &["ok   writes: a disk is written\n", "\n1 passed, 0 failed"],
    );
    // The disk holds what was written. As the line at which the VM is killed does not come, the
    // suite fails like any other that hangs.
    let outcome = run(&["writes"], &["--hang-timeout=20", "--disk", "1M", &disks]);
    outcome.expect(1, &["ok   writes: it was written before\n", "FAIL hang: "]);
}

#[stock_test]
fn a_hang_is_killed() {
    let outcome = run(&["hangs"], &["--boot-timeout=3600", "--hang-timeout=20"]);
    outcome.expect(
        1,
        &[
            // The limit is longer if the boot takes long.
            "FAIL hang: no output for ",
            "running at the end: hangs: the test that hangs\n",
        ],
    );
}

/// Writes a QEMU that runs these lines of a shell before the real one. Returns the option that
/// names it.
fn qemu_after(directory: &Path, lines: &str) -> String {
    let qemu = directory.join("qemu");
    let script = format!("#!/bin/sh\n{lines}\nexec qemu-system-x86_64 \"$@\"\n");
    fs::write(&qemu, script).unwrap();
    fs::set_permissions(&qemu, Permissions::from_mode(0o755)).unwrap();
    format!("--qemu={}", qemu.display())
}

#[stock_test]
fn a_kvm_that_gives_up_is_not_taken() {
    if let Err(error) = File::options().read(true).write(true).open("/dev/kvm") {
        eprintln!("skipped: /dev/kvm: {error}");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    // The probe, which has a ROM of its own, succeeds.
    let kvm = "case \" $* \" in (*' -bios '*) exit 85 ;; (*' -accel kvm '*) \
        echo 'KVM internal error. Suberror: 1' >&2; exec sleep 36000 ;; esac";
    let qemu = qemu_after(dir.path(), kvm);
    let cache = format!("--cache={}", dir.path().display());
    let note =
        "note: the VM failed (QEMU: KVM internal error. Suberror: 1); once more, without KVM";
    let outcome = run(
        &["good"],
        &[PATIENT, "--accel=auto", "--disk=64M", &cache, &qemu],
    );
    outcome.expect(0, &[note, "\n7 passed, 0 failed, 0 skipped\n"]);
    assert!(dir.path().join("vm/kvm-failed").is_file());
    // If it is asked for, nothing else is taken, and the run ends at once.
    let outcome = run(&["good"], &[PATIENT, "--accel=kvm", "--disk=64M", &qemu]);
    outcome.expect(1, &["FAIL QEMU: KVM internal error. Suberror: 1\n"]);
}

#[stock_test]
fn a_boot_that_hangs_is_tried_once_more() {
    const AGAIN: &str = "note: the VM failed (hang: no output for 1 s); once more\n";
    // With -S QEMU does not start the CPUs.
    let outcome = run(
        &["good"],
        &[
            "--accel=tcg",
            "--qemu-arg=-S",
            "--boot-timeout=1",
            "--hang-timeout=2",
        ],
    );
    outcome.expect(
        1,
        &[
            AGAIN,
            "FAIL hang: no output for 2 s\n",
            "running at the end: the boot\n",
        ],
    );
    assert_eq!(outcome.text.matches(AGAIN).count(), 1);

    // The first VM hangs. The second one does not, or by chance only.
    let dir = tempfile::tempdir().unwrap();
    let first = dir.path().join("first");
    let qemu = qemu_after(
        dir.path(),
        &format!("rmdir {} 2>/dev/null && set -- \"$@\" -S", first.display()),
    );
    let one_that_hangs = || {
        fs::create_dir(&first).unwrap();
        run(
            &["good"],
            &[
                PATIENT,
                "--accel=tcg",
                "--disk=64M",
                "--boot-timeout=1",
                &qemu,
            ],
        )
    };
    let outcome = (0..3)
        .map(|_| one_that_hangs())
        .find(|outcome| !outcome.text.contains("running at the end: the boot\n"))
        .expect("a second boot that does not hang");
    outcome.expect(0, &[AGAIN, "\n7 passed, 0 failed, 0 skipped\n"]);
}

/// QEMU, when it emulates the CPUs, may fail an assertion (iotlb_to_section), on whatever guest.
#[stock_test]
fn a_qemu_that_crashes_is_started_once_more() {
    let dir = tempfile::tempdir().unwrap();
    let first = dir.path().join("first");
    fs::create_dir(&first).unwrap();
    let crash = "echo 'Assertion failed' >&2; kill -ABRT $$";
    let lines = format!("if rmdir {} 2>/dev/null; then {crash}; fi", first.display());
    let qemu = qemu_after(dir.path(), &lines);
    let outcome = run(&["good"], &[PATIENT, "--accel=tcg", "--disk=64M", &qemu]);
    let note = "note: the VM failed (QEMU crashed: signal: 6 (SIGABRT)";
    outcome.expect(0, &[note, "\n7 passed, 0 failed, 0 skipped\n"]);

    let qemu = qemu_after(dir.path(), crash);
    let outcome = run(&["good"], &[PATIENT, "--accel=tcg", "--disk=64M", &qemu]);
    outcome.expect(1, &[note, "FAIL QEMU crashed: signal: 6 (SIGABRT)"]);
}

#[stock_test]
fn what_has_passed_runs_again_only_if_something_has_changed() {
    const NOTE: &str = "; it is not run again\n";
    const PASSED: &str = "\n7 passed, 0 failed, 0 skipped\n";
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    let extra = format!("{}:/test/extra", file.display());
    let arguments = [PATIENT, "--disk=64M", "--file", &extra];
    let reusing = [&arguments[..], &["--reuse"]].concat();
    // The directory's name is random, so no earlier run of this test had these contents.
    let unique = dir.path().display();
    for (contents, is_new) in [("one", true), ("one", false), ("two", true)] {
        fs::write(&file, format!("{unique} {contents}")).unwrap();
        let outcome = run(&["good"], &reusing);
        outcome.expect(0, &[PASSED]);
        assert_eq!(outcome.text.contains(NOTE), !is_new, "{}", outcome.text);
    }
    // Without the option, everything runs.
    let again = run(&["good"], &arguments);
    again.expect(0, &[PASSED]);
    assert!(!again.text.contains(NOTE), "{}", again.text);
}

#[stock_test]
fn what_is_missing_is_no_failure_of_a_test() {
    // There is no verdict then, not even that of an earlier run.
    let dir = tempfile::tempdir().unwrap();
    let json = dir.path().join("verdict.json");
    fs::write(&json, "an earlier one").unwrap();
    let mut absent = command(&["absent"]);
    let output = absent.arg("--json").arg(&json).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(!json.exists());
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot read "));
    let output = command(&["good"])
        .args(["--qemu-arg", "-no-such-option"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("-no-such-option"));
    let output = command(&[]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_kernel_without_a_feature_does_not_run_suites_that_need_it() {
    let dir = tempfile::tempdir().unwrap();
    let suite = dir.path().join("patches.sh");
    fs::write(&suite, "#!/bin/sh\n# kimport-vm: needs livepatch\n").unwrap();
    let said = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kimport-vm"));
        command
            .args(["run", "--stock", "/none", "--suite"])
            .arg(&suite);
        let output = command.args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8(output.stderr).unwrap()
    };
    let without = |feature| said(&["--without", feature]);
    assert!(without("livepatch").contains("suite patches needs a kernel with livepatch"));
    assert!(without("rust").contains("no lib/modules below /none"));
    assert!(said(&[]).contains("no lib/modules below /none"));
}

/// Returns the processes whose parent is `parent`.
fn children(parent: u32) -> Vec<u32> {
    let path = format!("/proc/{parent}/task/{parent}/children");
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace()
        .filter_map(|pid| pid.parse().ok())
        .collect()
}

#[stock_test]
fn the_vm_does_not_outlive_a_killed_runner() {
    let dir = tempfile::tempdir().unwrap();
    let _one = ONE_VM.lock().unwrap_or_else(PoisonError::into_inner);
    let mut runner = command(&["hangs"])
        .arg(PATIENT)
        .arg("--log")
        .arg(dir.path().join("log"))
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let is_qemu = |pid: &u32| {
        let name = std::fs::read_to_string(format!("/proc/{pid}/comm"));
        name.is_ok_and(|name| name.starts_with("qemu-system"))
    };
    let qemu = loop {
        if let Some(qemu) = children(runner.id()).into_iter().find(is_qemu) {
            break qemu;
        }
        let ended = runner.try_wait().unwrap();
        assert!(ended.is_none(), "the runner ended before QEMU began");
        std::thread::sleep(Duration::from_millis(50));
    };
    // SIGKILL leaves the runner no chance to clean up.
    runner.kill().unwrap();
    runner.wait().unwrap();
    // Waits as long as another VM takes to boot and end. A busy machine slows down both.
    let other = command(&["good"])
        .args([PATIENT, "--disk", "64M", "--log"])
        .arg(dir.path().join("other"))
        .output()
        .unwrap();
    assert!(other.status.success());
    // If nothing reaps orphans, a dead process stays as a zombie.
    let status = std::fs::read_to_string(format!("/proc/{qemu}/status")).unwrap_or_default();
    assert!(
        status.is_empty() || status.contains("State:\tZ"),
        "{status}"
    );
}
