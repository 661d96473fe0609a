#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Runs the crate's own tests: the module kimport_selftest prints their results to the kernel log, or
# the kernel's KUnit does.
#
# kimport-vm: needs rust
# kimport-vm: module tests/modules/selftest/kimport_selftest
# kimport-vm: module tests/modules/selftest/kimport_late_memory
# kimport-vm: module tests/modules/imports/kimport_test_provider samples/hello_import/hello_import
# shellcheck shell=dash disable=SC1090
. "$KTAP_SH"

log_mark
insmod "$TEST_MODULES/kimport_selftest.ko" || echo "# kimport_selftest does not load"
log_since | sed 's/^kimport_selftest: //' | grep -E '^ *(1\.\.|(not )?ok )[0-9]' >/tmp/results
log_since | grep 'kimport: .*tests\.rs\|kimport: .*selftest' | sed 's/^/# /'

suites=$(sed -n 's/^1\.\.//p' /tmp/results)
tests=$(awk -F '1\\.\\.' '/^    1\.\./ { sum += $2 } END { print sum + 0 }' /tmp/results)
ktap_plan $((tests + 4))

# passed NAME: the line of the test says ok.
passed() {
	grep -qE "^    ok [0-9]+ $1\$" /tmp/results
}

all_suites() {
	[ "${suites:-0}" -gt 0 ] && [ "$(grep -cE '^ok [0-9]+ ' /tmp/results)" -eq "$suites" ]
}

results() {
	[ "$(grep -cE '^    (not )?ok [0-9]+ ' /tmp/results)" -eq "$tests" ]
}

# The module runs a few more tests when it is unloaded.
unloads() {
	log_mark
	rmmod kimport_selftest && log_since | grep 'kimport' | tee /tmp/after && grep -q "after init: Ok" /tmp/after
}

# A late block that lacked memory when its provider went live is bound when another module does.
late_without_memory() {
	log_mark
	insmod "$TEST_MODULES/kimport_late_memory.ko" || return
	insmod "$TEST_MODULES/kimport_test_provider.ko" || return
	log_since | grep "kimport_late_memory: kimport: cannot import block late from kimport_test_provider: no memory for the search" || return
	if log_since | grep "kimport_late_memory: live"; then return 1; fi
	insmod "$TEST_MODULES/hello_import.ko" || return
	log_since | grep "kimport_late_memory: live: Some(42)" || return
	rmmod hello_import kimport_late_memory kimport_test_provider
}

sed -nE 's/^    (not )?ok [0-9]+ //p' /tmp/results >/tmp/names
while read -r name; do
	ktap_test "$name" passed "$name"
done </tmp/names
ktap_test "every test has a result" results
ktap_test "every suite passed" all_suites
ktap_test "the module unloads, and its tests after init pass" unloads
ktap_test "late: no memory at first" late_without_memory
ktap_finish
