#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Loads modules with damaged tables, records and BTF. Each is refused, or does no harm. The log has
# the seed, which `make check-mutations SEED=N` repeats.
#
# kimport-vm: needs kernel-crate livepatch
# kimport-vm: module rust/guard/kimport_guard tests/modules/imports/kimport_test_provider
# kimport-vm: file $KIMPORT_BUILD/mutations/import_cases.ko:/test/import_cases.ko
# kimport-vm: file $KIMPORT_BUILD/mutations/hello_import.ko:/test/hello_import.ko
# kimport-vm: file $KIMPORT_BUILD/mutations/guarded.ko:/test/guarded.ko
# kimport-vm: file $KIMPORT_BUILD/mutations/kimport_side_a.ko:/test/kimport_side_a.ko
# kimport-vm: file $KIMPORT_BUILD/mutations/lifetime_load.ko:/test/lifetime_load.ko
# kimport-vm: file $KIMPORT_BUILD/mutations/parameters:/test/mutations.parameters
# kimport-vm: file $KIMPORT_GUEST_TOOLS/mutations:/test/mutations
# kimport-vm: timeout 5400
# shellcheck shell=dash disable=SC1090
. "$KTAP_SH"

read -r seed first count </test/mutations.parameters

mutations() {
	load kimport_test_provider && load kimport_guard || return
	/test/mutations "$seed" "$first" "$count" /test/kimport_side_a.ko+/test/lifetime_load.ko:case=0 \
		/test/guarded.ko /test/import_cases.ko:case=49 /test/import_cases.ko:case=51 /test/hello_import.ko
	result=$?
	rmmod kimport_guard && rmmod kimport_test_provider && return $result
}

ktap_plan 1
ktap_test "$count damaged modules, seed $seed, from number $first on" mutations
ktap_finish
