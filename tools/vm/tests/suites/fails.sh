#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Has a test that fails, and announces a report that does not come.
# shellcheck disable=SC1090,SC2317,SC2329

. "$KTAP_SH"
ktap_plan 3

explains() {
	echo "the reason it failed"
	return 3
}

ktap_test "fails" explains
ktap_skip "skips" "nothing to test"
ktap_ok "passes"
expect_log 'BUG: never comes'
ktap_finish
