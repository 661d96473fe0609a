#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Must fail at once: the kernel panics, which no expectation excuses.
# shellcheck disable=SC1090,SC2317,SC2329

. "$KTAP_SH"
ktap_plan 2

crash() {
	expect_log 'Kernel panic'
	echo c >/proc/sysrq-trigger
	sleep 10000
}

ktap_test "a test before the panic" true
ktap_test "the test that panics" crash
ktap_finish
