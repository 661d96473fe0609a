#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# What kimport shows of itself: the lines that dynamic debug switches on, and /sys/kernel/debug/kimport.
# shellcheck shell=dash disable=SC1090
. "$KTAP_SH"

CONTROL=/sys/kernel/debug/dynamic_debug/control
PROVIDER=kimport_test_provider

cases() {
	insmod "$TEST_MODULES/import_cases.ko" "$@"
}

# The lines of one load and unload of import_cases, in $lines.
lines_of() {
	log_mark
	cases "$@" || return
	rmmod import_cases || return
	lines=$(log_since | grep "import_cases: kimport: ")
	echo "$lines"
}

has_line() {
	echo "$lines" | grep -qE "^import_cases: kimport: $1\$" || {
		echo "no line matches $1"
		return 1
	}
}

quiet_by_default() {
	lines_of case=0 && [ -z "$lines" ]
}

# Each step of case 0, with the addresses of /proc/kallsyms.
steps() {
	lines_of case=0 dyndbg=+p || return
	lookup=$(awk '$3 == "kallsyms_lookup_name" { print $1 }' /proc/kallsyms)
	has_line "refused_probe: kallsyms_lookup_name is at 0x$lookup" && has_line "pinned $PROVIDER" || return
	for symbol in provider_add provider_value; do
		address=$(awk -v symbol=$symbol '$3 == symbol && $4 == "['$PROVIDER']" { print $1 }' /proc/kallsyms)
		has_line "found $symbol at 0x$address" && has_line "bound $symbol to 0x$address" && has_line "unbound $symbol" || return
	done
	has_line "optional provider_missing is missing: .*" && has_line "released $PROVIDER"
}

switched_while_loaded() {
	cases case=0 || return
	grep -F '[import_cases]' $CONTROL || return
	# One line: where it stands, in which function, flags, format.
	grep -qE '^[^ ]*provider\.rs:[0-9]+ \[import_cases\][^ ]+ =_ "pinned' $CONTROL || return
	echo 'module import_cases format released +pm' >$CONTROL || return
	[ "$(grep -F '[import_cases]' $CONTROL | grep -c '=pm ')" -eq 1 ] || return
	log_mark
	rmmod import_cases || return
	lines=$(log_since | grep kimport:)
	echo "$lines"
	[ "$lines" = "import_cases: import_cases: kimport: released $PROVIDER" ]
}

ktap_plan 5
ktap_test "the provider loads" insmod "$TEST_MODULES/$PROVIDER.ko"
ktap_test "nothing is said of the steps unless asked for" quiet_by_default
ktap_test "dyndbg=+p shows each step" steps
ktap_test "dynamic debug switches single lines of a loaded module" switched_while_loaded
ktap_test "the provider unloads" rmmod $PROVIDER
ktap_finish
