#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Must be killed: its second test never ends.
# shellcheck disable=SC1090

. "$KTAP_SH"
ktap_plan 3
ktap_test "a test before the hang" true
ktap_test "the test that hangs" sleep 10000
ktap_test "never reached" true
ktap_finish
