#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Loads hello_import, signed by `kimport relink --sign`, on a kernel that accepts only signed
# modules: with the kernel's own key, with that key and one byte changed afterwards, and with a key
# that the kernel does not know.
#
# kimport-vm: module trusted changed unknown
# shellcheck shell=dash disable=SC1090
. "$KTAP_SH"

enforce() {
	echo 1 >/sys/module/module/parameters/sig_enforce
	[ "$(cat /sys/module/module/parameters/sig_enforce)" = Y ]
}

accepted() {
	log_mark
	insmod "$TEST_MODULES/trusted.ko" || return
	log_since | grep 'hello_import: [1-9][0-9]* processes' && rmmod hello_import
}

# The loader reports the reason only to its caller.
changed() {
	[ "$(cmp -l "$TEST_MODULES/trusted.ko" "$TEST_MODULES/changed.ko" | wc -l)" = 1 ] || return
	if said=$(insmod "$TEST_MODULES/changed.ko" 2>&1); then return 1; fi
	echo "$said" | grep "Key was rejected by service"
}

unknown() {
	log_mark
	if insmod "$TEST_MODULES/unknown.ko"; then return 1; fi
	log_since | grep "Loading of module with unavailable key is rejected"
}

ktap_plan 5
ktap_test "from now on only signed modules" enforce
ktap_test "one signed with the kernel's key is loaded" accepted
ktap_test "with a byte changed it is not" changed
ktap_test "one signed with another key is not" unknown
ktap_test "the kernel's key is still good" accepted
ktap_finish
