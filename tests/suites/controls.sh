#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Shows that the instruments of a kernel work in Rust modules: each reports a fault of the module
# controls. An instrument that the kernel lacks is skipped. Some say nothing any more after a
# report, lockdep after any report of another one. So this suite is the last in a VM.
#
# kimport-vm: needs kernel-crate
# kimport-vm: module tests/modules/controls/controls
# kimport-vm: append panic_on_warn=0
# kimport-vm: last
# shellcheck shell=dash disable=SC1090
. "$KTAP_SH"

# instrument PATTERN NAME COMMAND...: as ktap_test, but skipped if no symbol of the kernel matches.
instrument() {
	if ! grep -qE " $1\$" /proc/kallsyms; then
		ktap_skip "$2" "the kernel has no $1"
		return
	fi
	shift
	ktap_test "$@"
}

# fault NUMBER REPORT: the kernel reports the fault.
fault() {
	expect_log "$2"
	log_mark
	insmod "$TEST_MODULES/controls.ko" "fault=$1" && rmmod controls
	log_since | grep -E "$2"
}

# The threads race until the module goes, so there may be many reports.
race() {
	report="BUG: KCSAN: data-race in .*controls"
	log_mark
	insmod "$TEST_MODULES/controls.ko" fault=5 && rmmod controls || return
	reports=$(log_since | grep -cE "$report")
	for _ in $(seq "$reports"); do expect_log "$report"; done
	echo "$reports reports"
	[ "$reports" -gt 0 ]
}

# The task that made the mistyped call is killed, so the module stays in its init.
mistyped() {
	expect_log "CFI failure at .*controls"
	log_mark
	if insmod "$TEST_MODULES/controls.ko" fault=4; then return 1; fi
	log_since | grep "CFI failure at .*controls.* (target: nr_processes" || return
	! log_since | grep "by a mistyped call"
}

# kmemleak reports objects that are older than some seconds, at the end of the suite.
leak() {
	expect_log "kmemleak: [0-9]+ new suspected memory leaks"
	insmod "$TEST_MODULES/controls.ko" fault=3 && rmmod controls
}

ktap_plan 6
instrument lockdep_init_map_type "lockdep reports two orders of locks" fault 1 "WARNING: possible circular locking dependency detected"
instrument __might_sleep "a lock that may sleep is reported in atomic context" fault 2 "BUG: sleeping function called from invalid context"
instrument kasan_report "KASAN reports a use after free" fault 0 "BUG: KASAN: slab-use-after-free in .*controls"
instrument kmemleak_scan "kmemleak reports a leak" leak
instrument __tsan_read8 "KCSAN reports a data race" race
instrument report_cfi_failure "kCFI kills a task that calls an import as another type" mistyped
ktap_finish
