#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# All tests pass, but the run must fail: the kernel prints a stack trace of its
# own and a warning of ours, and only a third report was announced, once.
# shellcheck disable=SC1090,SC2317,SC2329

. "$KTAP_SH"
ktap_plan 3

traces() {
	echo l >/proc/sysrq-trigger
}

warns() {
	echo "WARNING: made up by warns.sh" >/dev/kmsg
}

twice() {
	expect_log 'BUG: announced once'
	echo "BUG: announced once, came first" >/dev/kmsg
	echo "BUG: announced once, came again" >/dev/kmsg
}

ktap_test "a stack trace" traces
ktap_test "a warning" warns
ktap_test "one report too many" twice
ktap_finish
