#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Tests a kernel that kimport is a part of, with its users as modules of the tree.
#
# kimport-vm: module tree/hello_import tree/rust_iblock tree/kimport_selftest
# shellcheck shell=dash disable=SC1090
. "$KTAP_SH"

suites=/sys/kernel/debug/kunit

hello() {
	log_mark
	insmod "$TEST_MODULES/hello_import.ko" || return
	log_since | grep hello_import:
	log_since | grep -q "^hello_import: nr_processes at .* in the kernel image: $(default_calls)" || return
	grep "^kernel_image nr_processes nr_processes vmlinux [0-9a-f]* $(default_sites) " /sys/kernel/debug/kimport/hello_import &&
		rmmod hello_import
}

in_tree() {
	[ -e "$TEST_MODULES/rust_iblock.ko" ] && modinfo "$TEST_MODULES/hello_import.ko" | grep '^intree: *Y'
}

# kunit NAME: the suite ran and all of its tests passed.
kunit() {
	cat "$suites/$1/results"
	grep -q "^ok [0-9]* $1\$" "$suites/$1/results"
}

ktap_plan 9
ktap_test "the modules are the tree's" in_tree
ktap_test "hello_import loads, imports and unloads" hello
ktap_test "the self-test loads" insmod "$TEST_MODULES/kimport_selftest.ko"
for suite in static_call table lookup_address kallsyms imports; do
	ktap_test "KUnit: $suite" kunit "kimport_$suite"
done
ktap_test "the self-test unloads" rmmod kimport_selftest
ktap_finish
