#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# A wrapper whose import is not bound ends in a BUG that names the symbol, never in a jump to
# nowhere. The task dies and the module stays, so this suite is the last in a VM.
#
# kimport-vm: needs rust
# kimport-vm: module tests/modules/imports/import_cases
# kimport-vm: module tests/modules/lifetime/lifetime_interrupts
# kimport-vm: module tests/modules/lifetime/lifetime_rebind
# kimport-vm: last
# shellcheck shell=dash disable=SC1090
. "$KTAP_SH"

# unbound SYMBOL MODULE PARAMETER: the module calls the symbol in its init.
unbound() {
	expect_log "kernel BUG at rust/helpers/bug"
	if [ "$(uname -m)" = aarch64 ]; then
		# The task dies in the exception of the BUG. arm64's checks see that at the next switch of
		# tasks, and when the CPU becomes idle.
		expect_log "WARNING: arch/arm64/kernel/process.c:[0-9]+ at __switch_to"
		expect_log "WARNING: kernel/context_tracking.c:[0-9]+ at ct_kernel_exit"
	fi
	log_mark
	insmod "$TEST_MODULES/$2.ko" "$3"
	log_since | grep "$2: kimport: $1 was used before resolve_imports() succeeded"
}

rebindable() {
	insmod "$TEST_MODULES/lifetime_interrupts.ko" || return
	unbound kimport_side_a:side_id lifetime_rebind unbound=1
}

[ ! -e /test/kimport_engine.ko ] || insmod /test/kimport_engine.ko
# The kernel loses what its loader allocates for the init in which a task dies.
[ ! -e /sys/kernel/debug/kmemleak ] || expect_log "kmemleak: [0-9]+ new suspected memory leaks"
ktap_plan 2
ktap_test "a call before resolve_imports is a BUG that names the symbol" unbound nr_processes import_cases case=13
ktap_test "a call in a #[rebindable] block, too" rebindable
ktap_finish
