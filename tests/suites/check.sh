#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Tests `kimport check --kernel running`: the command and the kernel report the same of a module.
#
# kimport-vm: module tests/modules/imports/kimport_test_provider
# kimport-vm: rust samples/hello_import/hello_import tests/modules/imports/import_cases
# kimport-vm: module refused_not refused_namespace refused_license refused_release
# kimport-vm: module refused_architecture refused_stripped
# kimport-vm: file $KIMPORT_KDIR/Module.symvers:/test/Module.symvers
# kimport-vm: file $KIMPORT_GUEST_TOOLS/kimport:/usr/bin/kimport
# shellcheck shell=dash disable=SC1090
. "$KTAP_SH"

PROVIDER=kimport_test_provider
CASES=$TEST_MODULES/import_cases.ko
# Module.symvers has the facts that /proc/kallsyms lacks: namespaces, and the exports that are for
# GPL-compatible modules only.
KERNEL=running,/test/Module.symvers

# check STATUS FILE.ko [OPTION...]: runs `kimport check`, which must end with STATUS. Its output is
# in the file `said`.
check() {
	expected=$1
	shift
	kimport check "$@" --kernel "$KERNEL" >said 2>&1
	status=$?
	cat said
	[ "$status" -eq "$expected" ]
}

resolves() {
	check 0 "$TEST_MODULES/hello_import.ko" || return
	grep -q 'all of them resolve$' said && grep -q ' type.* as declared$' said || return
	insmod "$TEST_MODULES/hello_import.ko" && rmmod hello_import
}

# Checks the module whose imports fail in all ways that can be provoked here. Tests on the host have
# the other cases.
findings() {
	check 1 "$CASES"
}

# as_logged CASE: `kimport check` printed each line that the kernel logs of this case.
as_logged() {
	log_mark
	if insmod "$CASES" "case=$1" 2>/dev/null; then
		rmmod import_cases
		return 1
	fi
	log_since | sed -n '/^import_cases: kimport: cannot import /p; /^  /p' >logged
	cat logged
	[ -s logged ] && ! grep -vxFf said logged
}

# refused NAME: `kimport check` printed each line that the kernel logs of the module refused_NAME,
# perhaps with the file's name before it and the cause after it.
refused() {
	check 1 "$TEST_MODULES/refused_$1.ko" || return
	log_mark
	if insmod "$TEST_MODULES/refused_$1.ko" 2>/dev/null; then
		rmmod dummy
		return 1
	fi
	log_since | grep -v 'verification failed\|Disabling lock debugging\|module license taints' >logged
	cat logged
	[ -s logged ] || return
	while read -r line; do
		grep -qF "${line#dummy: }" said || return
	done <logged
}

not_refused() {
	check 0 "$TEST_MODULES/refused_not.ko" && grep -q 'all of them resolve$' said || return
	insmod "$TEST_MODULES/refused_not.ko" && rmmod dummy
}

# Without Module.symvers, `kimport check` says which facts are not known.
untold() {
	KERNEL=running
	check 0 "$TEST_MODULES/refused_namespace.ko" && grep -q 'all of them resolve, as far as is known$' said &&
		grep -q 'not known: the terms on which .* are exported: kind, namespace, version; add Module.symvers' said
}

ktap_plan 15
ktap_built import_cases "a provider that is absent" check 1 "$CASES"
ktap_test "the provider loads" insmod "$TEST_MODULES/$PROVIDER.ko"
ktap_built hello_import "a module whose imports resolve, and which loads" resolves
ktap_built import_cases "a module whose imports do not" findings
ktap_built import_cases "only a clone is left: as the kernel logs it" as_logged 17
ktap_built import_cases "data declared as a function: as the kernel logs it" as_logged 18
ktap_built import_cases "another prototype: as the kernel logs it" as_logged 22
ktap_test "the provider unloads" rmmod "$PROVIDER"
ktap_test "a module that the loader takes" not_refused
ktap_test "a namespace that is not imported: as the kernel logs it" refused namespace
ktap_test "a GPL-only export and another license: as the kernel logs it" refused license
ktap_test "another release: as the kernel logs it" refused release
ktap_test "another architecture: as the kernel logs it" refused architecture
ktap_test "no symbol table: as the kernel logs it" refused stripped
ktap_test "namespaces that are not known" untold
ktap_finish
