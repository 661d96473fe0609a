#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The diagnostics of kimport: the lines that dynamic debug switches on, and
# /sys/kernel/debug/kimport.
#
# kimport-vm: needs rust
# kimport-vm: module samples/hello_import/hello_import tests/modules/imports/kimport_test_provider
# kimport-vm: module tests/modules/imports/import_cases
# shellcheck shell=dash disable=SC1090
. "$KTAP_SH"

CONTROL=/sys/kernel/debug/dynamic_debug/control
PROVIDER=kimport_test_provider

cases() {
	insmod "$TEST_MODULES/import_cases.ko" "$@"
}

# Puts the lines of one load and unload of import_cases into $lines.
lines_of() {
	load_unload import_cases "$@" || return
	lines=$(log_since | grep "import_cases: kimport: ")
	echo "$lines"
}

has_line() {
	matches "$lines" "^import_cases: kimport: $1\$"
}

quiet_by_default() {
	lines_of case=0 && [ -z "$lines" ]
}

# Checks the line of each step of case 0, with the addresses of /proc/kallsyms.
steps() {
	lines_of case=0 dyndbg=+p || return
	has_line "refused_probe: kallsyms_lookup_name is at 0x$(kallsyms_address kallsyms_lookup_name)" && has_line "pinned $PROVIDER" || return
	for symbol in provider_add provider_value; do
		address=$(kallsyms_address $symbol $PROVIDER)
		has_line "found $symbol at 0x$address" && has_line "bound $symbol to 0x$address" && has_line "unbinding $symbol" || return
	done
	has_line "optional provider_missing is missing: .*" && has_line "released $PROVIDER"
}

switched_while_loaded() {
	cases case=0 || return
	grep -F '[import_cases]' $CONTROL || return
	# A line of the file has the place, the function, the flags and the format.
	grep -qE '^[^ ]*provider\.rs:[0-9]+ \[import_cases\][^ ]+ =_ "pinned' $CONTROL || return
	echo 'module import_cases format released +pm' >$CONTROL || return
	[ "$(grep -F '[import_cases]' $CONTROL | grep -c '=pm ')" -eq 1 ] || return
	log_mark
	rmmod import_cases || return
	lines=$(log_since | grep kimport:)
	echo "$lines"
	[ "$lines" = "import_cases: import_cases: kimport: released $PROVIDER" ]
}

# ---- debugfs. The columns: block symbol kernel_name provider address call direct/sites verified

DIRECTORY=/sys/kernel/debug/kimport

# row FILE "BLOCK SYMBOL": prints the rest of the line of SYMBOL.
row() {
	sed -n "s/^$2 //p" "$DIRECTORY/$1"
}

listed() {
	! [ -e $DIRECTORY/import_cases ] && cases case=0 || return
	cat $DIRECTORY/import_cases
	is "# block symbol kernel_name provider address call direct/sites verified" "$(head -n 1 $DIRECTORY/import_cases)" &&
		is "provider_add $PROVIDER $(kallsyms_address provider_add $PROVIDER) $(default_sites) yes" \
			"$(row import_cases "provider provider_add")" &&
		is "provider_value $PROVIDER $(kallsyms_address provider_value $PROVIDER) data - unverified: no BTF" \
			"$(row import_cases "provider provider_value")" &&
		is "provider_missing - - missing - -" "$(row import_cases "provider provider_missing")" &&
		is 5 "$(wc -l <$DIRECTORY/import_cases)"
	result=$?
	rmmod import_cases || return
	! [ -e $DIRECTORY/import_cases ] && return $result
}

# Two modules in one directory, an entry with a Rust name, and the kernel image.
two_modules() {
	insmod "$TEST_MODULES/hello_import.ko" && cases case=0 || return
	cat $DIRECTORY/*
	is "saved_command_line vmlinux $(kallsyms_address saved_command_line) data - unverified: no BTF" \
		"$(row hello_import "kernel_image command_line")" &&
		is "nr_processes vmlinux $(kallsyms_address nr_processes) $(default_sites) yes" \
			"$(row hello_import "kernel_image nr_processes")" &&
		row import_cases "provider provider_add" | grep "^provider_add $PROVIDER "
	result=$?
	rmmod hello_import && rmmod import_cases && is "" "$(ls $DIRECTORY)" && return $result
}

restricted() {
	cases case=0 || return
	echo 2 >/proc/sys/kernel/kptr_restrict
	got=$(row import_cases "provider provider_add")
	echo 0 >/proc/sys/kernel/kptr_restrict
	rmmod import_cases || return
	is "provider_add $PROVIDER 0000000000000000 $(default_sites) yes" "$got"
}

# An open file keeps the module loaded.
open_file() {
	cases case=0 && exec 3<$DIRECTORY/import_cases || return
	if message=$(rmmod import_cases 2>&1); then return 1; fi
	exec 3<&-
	has "$message" "in use" || return
	rmmod import_cases
}

# Files are read while their modules are loaded and unloaded.
readers() {
	: >/tmp/reading
	for _ in 1 2; do
		while [ -e /tmp/reading ]; do cat $DIRECTORY/* >>/tmp/read 2>/dev/null; done &
		pids="$pids $!"
	done
	result=0
	for _ in 1 2 3 4; do
		cases case=1 && insmod "$TEST_MODULES/hello_import.ko" || result=1
		for module in import_cases hello_import; do
			# A reader may have the file open.
			until rmmod $module 2>/dev/null || [ ! -e /sys/module/$module ]; do :; done
		done
		if [ -e /sys/module/import_cases ] || [ -e /sys/module/hello_import ]; then result=1; fi
	done
	rm /tmp/reading
	# shellcheck disable=SC2086 # several
	wait $pids
	is "" "$(ls $DIRECTORY)" && grep -c nr_processes /tmp/read && return $result
}

ktap_plan 10
ktap_test "the provider loads" insmod "$TEST_MODULES/$PROVIDER.ko"
ktap_test "nothing is said of the steps unless asked for" quiet_by_default
ktap_test "dyndbg=+p shows each step" steps
ktap_test "dynamic debug switches single lines of a loaded module" switched_while_loaded
ktap_test "debugfs lists the imports of a module" listed
ktap_test "debugfs lists two modules" two_modules
ktap_test "kptr_restrict hides the addresses" restricted
ktap_test "a module whose file is open stays" open_file
ktap_test "reading while blocks are resolved and dropped" readers
ktap_test "the provider unloads" rmmod $PROVIDER
ktap_finish
