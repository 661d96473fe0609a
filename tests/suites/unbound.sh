#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# A wrapper whose import is not bound ends in a BUG that names the symbol, never in a jump to
# nowhere. The task dies and the module stays, so this suite is the last in a VM. The cases are
# those of tests/modules/imports/cases/main.rs.
#
# kimport-vm: needs rust
# kimport-vm: module tests/modules/imports/import_cases
# kimport-vm: last
# shellcheck shell=dash disable=SC1090
. "$KTAP_SH"

unbound() {
	expect_log "kernel BUG at rust/helpers/bug"
	if [ "$(uname -m)" = aarch64 ]; then
		# The task dies in the exception of the BUG. arm64's checks see that at the next switch of
		# tasks, and when the CPU becomes idle.
		expect_log "WARNING: arch/arm64/kernel/process.c:[0-9]+ at __switch_to"
		expect_log "WARNING: kernel/context_tracking.c:[0-9]+ at ct_kernel_exit"
	fi
	log_mark
	insmod "$TEST_MODULES/import_cases.ko" case=13
	log_since | grep "import_cases: kimport: nr_processes was used before resolve_imports() succeeded"
}

ktap_plan 1
ktap_test "a call before resolve_imports is a BUG that names the symbol" unbound
ktap_finish
