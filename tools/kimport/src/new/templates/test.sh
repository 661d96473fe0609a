#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Loads and unloads the module in a virtual machine: make test
#
@STOCK@
. "$KTAP_SH"

loads() {
	@LOAD@insmod "$TEST_MODULES/@NAME@.ko" || return
	dmesg | grep "@NAME@: " | while read -r line; do ktap_show "$line"; done
}

ktap_plan 2
ktap_test "the module loads" loads
ktap_test "and unloads" rmmod @NAME@
ktap_finish
