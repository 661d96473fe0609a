#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Tests a kernel that kimport is a part of, with its users built in: hello_import and the KUnit
# suites ran when it booted.
# shellcheck shell=dash disable=SC1090
. "$KTAP_SH"

dmesg | sed 's/^\[[^]]*\] //' >/tmp/log
suites=/sys/kernel/debug/kunit

# kunit NAME: the suite ran and all of its tests passed.
kunit() {
	cat "$suites/$1/results"
	grep -q "^ok 1 $1\$" "$suites/$1/results"
}

hello() {
	grep hello_import: /tmp/log
	grep -q "^hello_import: nr_processes at .* in the kernel image: $(default_calls)" /tmp/log || return
	grep -qE '^hello_import: [1-9][0-9]* processes' /tmp/log || return
	[ "$(sed -n 's/^hello_import: command line: //p' /tmp/log)" = "$(cat /proc/cmdline)" ]
}

listed() {
	cat /sys/kernel/debug/kimport/hello_import
	address=$(kallsyms_address nr_processes)
	grep -q "^kernel_image nr_processes nr_processes vmlinux $address $(default_sites) " /sys/kernel/debug/kimport/hello_import
}

dynamic_debug() {
	for module in hello_import kimport_selftest; do
		grep -F "[$module]" /sys/kernel/debug/dynamic_debug/control | grep '"found ' || return
	done
}

ktap_plan 9
ktap_test "hello_import has run at boot" hello
ktap_test "debugfs lists its imports" listed
ktap_test "dynamic debug knows both users by their names" dynamic_debug
for suite in static_call table calls lookup_address kallsyms imports; do
	ktap_test "KUnit: $suite" kunit "kimport_$suite"
done
ktap_finish
