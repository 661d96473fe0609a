#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Lets the allocations that a module asks for in an operation fail, one after the other; after the
# 100th, every tenth. After that, all of them fail from some points on. The operation fails then,
# or does without. It leaves nothing behind, and the next one succeeds. The kernel looks for lost
# memory at the end.
#
# kimport-vm: needs kernel-crate livepatch CONFIG_FAILSLAB CONFIG_FAIL_PAGE_ALLOC
# kimport-vm: needs CONFIG_FAULT_INJECTION_STACKTRACE_FILTER CONFIG_FAIL_MAKE_REQUEST
# kimport-vm: module tests/modules/imports/kimport_test_provider tests/modules/imports/import_cases
# kimport-vm: module tests/modules/lifetime/kimport_side_a tests/modules/lifetime/kimport_side_b
# kimport-vm: module tests/modules/lifetime/lifetime_interrupts
# kimport-vm: module tests/modules/lifetime/lifetime_load tests/modules/lifetime/lifetime_late
# kimport-vm: module tests/modules/lifetime/lifetime_rebind
# kimport-vm: module samples/hello_import/hello_import samples/rust_iblock/rust_iblock
# kimport-vm: module rust/guard/kimport_guard guarded
# kimport-vm: file $KIMPORT_BUILD/rust/engine/kimport_engine.ko:/test/kimport_engine.ko
# kimport-vm: file $KIMPORT_BUILD/shared/import_cases.ko:/test/shared/import_cases.ko
# kimport-vm: file $KIMPORT_GUEST_TOOLS/failures:/test/failures
# kimport-vm: stock target_core_mod tcm_loop sd_mod brd
# kimport-vm: timeout 1500
# shellcheck shell=dash disable=SC1090
. "$KTAP_SH"
. "$LIO_SH"

CORE=/sys/kernel/config/target/core
REQUESTS=/sys/kernel/debug/fail_make_request

# failures STEP [, STEP]...: the allocations of the step that begins with `fail` fail in turns. It
# has some. Says what came of it, and how often kimport itself ran out of memory.
failures() {
	log_mark
	{ /test/failures "$@" || echo "it ends with $?"; } | tee said
	log_since | grep 'kimport' | sed 's/[0-9a-f]\{16\}//g' | sort | uniq -c | sort -rn | head -n 20
	ktap_show "$(tail -n 1 said)"
	grep -q '^[1-9][0-9]* allocations failed: ' said
}

# loads NAME FILE [PARAMETERS]: of the load of a module, which fails for some of them.
loads() {
	name=$1
	shift
	failures fail load "$@" , unload "$name" && grep ': {.*"ENOMEM"' said
}

# An unload may need no memory.
unloads() {
	name=$1
	shift
	failures load "$@" , fail unload "$name" || grep '^0 allocations failed: ' said
}

in_test() {
	name=$1
	shift
	loads "$name" "$TEST_MODULES/$name.ko" "$@"
}

# The module that others link to.
interrupts() {
	[ -d /sys/module/lifetime_interrupts ] || load lifetime_interrupts
}

# If memory is short when the provider goes live, the block is bound when another module does.
late_loads() {
	failures fail load "$TEST_MODULES/kimport_side_a.ko" , load "$TEST_MODULES/hello_import.ko" , \
		contains /sys/kernel/debug/kimport/lifetime_late " kimport_side_a " , unload hello_import , unload kimport_side_a
}

late() {
	interrupts && load kimport_side_a && in_test lifetime_late && rmmod kimport_side_a &&
		load lifetime_late || return
	late_loads && unloads kimport_side_a "$TEST_MODULES/kimport_side_a.ko"
	result=$?
	rmmod lifetime_late && return $result
}

guard() {
	load kimport_guard || return
	in_test guarded && unloads guarded "$TEST_MODULES/guarded.ko"
	result=$?
	rmmod kimport_guard && return $result
}

# If memory is short, a module that was loaded before the guard stays.
takes_on() {
	failures load "$TEST_MODULES/guarded.ko" , fail load "$TEST_MODULES/kimport_guard.ko" , \
		unload guarded , unload kimport_guard
}

shared() {
	insmod /test/kimport_engine.ko || return
	loads import_cases /test/shared/import_cases.ko case=0
	result=$?
	rmmod kimport_engine && return $result
}

# Before the core loads its own driver.
rust_iblock() {
	[ -d /sys/module/rust_iblock ] || load rust_iblock
}

# disk STEP...: of a backstore that rust_iblock serves.
disk() {
	rust_iblock || return
	failures mkdir $CORE/iblock_0 , "$@" , rmdir $CORE/iblock_0
}

makes() {
	disk fail mkdir $CORE/iblock_0/data , rmdir $CORE/iblock_0/data
}

configures() {
	disk mkdir $CORE/iblock_0/data , fail write $CORE/iblock_0/data/control udev_path=/dev/ram0 , rmdir $CORE/iblock_0/data
}

enables() {
	disk mkdir $CORE/iblock_0/data , write $CORE/iblock_0/data/control udev_path=/dev/ram0 , \
		fail write $CORE/iblock_0/data/enable 1 , rmdir $CORE/iblock_0/data
}

# The block layer refuses all bios for the device, which only rust_iblock sends. The initiator gets
# an error each time.
refuse_bios() {
	log_mark
	echo 1 >/sys/block/ram0/make-it-fail && echo 0 >$REQUESTS/verbose && echo -1 >$REQUESTS/times &&
		echo 100 >$REQUESTS/probability || return
	for direction in "if=$disk of=/dev/null iflag=direct" "if=/dev/zero of=$disk oflag=direct"; do
		# shellcheck disable=SC2086
		if dd $direction bs=4k count=1; then return 1; fi
	done
	log_since | grep 'rust_iblock: bio error: 10'
}

# The disk works again afterwards.
refused_bios() {
	wwn=naa.6001405000000001
	rust_iblock && modprobe tcm_loop && modprobe sd_mod && lio_backstore_create target iblock_0 data /dev/ram0 &&
		lio_loop_attach target loopback $wwn iblock_0/data && disk=$(lio_wait_disk target loopback $wwn) || return
	refuse_bios
	result=$?
	echo 0 >$REQUESTS/probability
	dd if="$disk" of=/dev/null iflag=direct bs=4k count=1 || result=1
	lio_loop_detach target loopback $wwn && lio_backstore_remove target iblock_0 data && return $result
}

modprobe target_core_mod
modprobe brd rd_nr=1 rd_size=16384
ktap_plan 17
ktap_test "imports from the kernel image" in_test hello_import
ktap_test "the provider loads" load kimport_test_provider
ktap_test "imports from a module" in_test import_cases case=0
ktap_test "and they end" unloads import_cases "$TEST_MODULES/import_cases.ko" case=0
ktap_test "imports with the shared engine" shared
ktap_test "a block is bound late" late
ktap_test "the providers of a block load" eval "interrupts && load kimport_side_a && load kimport_side_b"
ktap_test "a block that holds its provider" in_test lifetime_load case=0
ktap_test "the move of a block to another provider" in_test lifetime_rebind sleep_ms=200
ktap_test "the guard refuses a module, or lets it load" guard
ktap_test "the guard takes on a module that was loaded before" takes_on
ktap_test "rust_iblock loads" in_test rust_iblock
ktap_test "and unloads" unloads rust_iblock "$TEST_MODULES/rust_iblock.ko"
ktap_test "a backstore is made" makes
ktap_test "a backstore is configured" configures
ktap_test "a backstore is enabled" enables
ktap_test "the block layer refuses the bios of rust_iblock" refused_bios
ktap_finish
