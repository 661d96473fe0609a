#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Loads and unloads importers and providers in random order from several threads, while a disk of
# rust_iblock is written and read. The log has the seed of the random choices, which
# `make stress SEED=N` repeats.
#
# kimport-vm: needs kernel-crate livepatch
# kimport-vm: module tests/modules/imports/kimport_test_provider tests/modules/imports/import_cases
# kimport-vm: module tests/modules/lifetime/*
# kimport-vm: module samples/hello_import/hello_import samples/rust_iblock/rust_iblock
# kimport-vm: module rust/guard/kimport_guard guarded guarded_second
# kimport-vm: file $KIMPORT_BUILD/rust/engine/kimport_engine.ko:/test/kimport_engine.ko
# kimport-vm: file $KIMPORT_BUILD/shared/import_cases.ko:/test/shared/import_cases.ko
# kimport-vm: file $KIMPORT_BUILD/shared-lifetime/lifetime_load.ko:/test/shared/lifetime_load.ko
# kimport-vm: file $KIMPORT_BUILD/shared-lifetime/lifetime_late.ko:/test/shared/lifetime_late.ko
# kimport-vm: file $KIMPORT_BUILD/shared-lifetime/lifetime_rebind.ko:/test/shared/lifetime_rebind.ko
# kimport-vm: file $KIMPORT_GUEST_TOOLS/stress:/test/stress
# kimport-vm: file $KIMPORT_BUILD/stress.parameters:/test/parameters
# kimport-vm: stock tcm_loop sd_mod brd
# kimport-vm: program cmp
# kimport-vm: timeout 1500
# shellcheck shell=dash disable=SC1090
. "$KTAP_SH"
. "$LIO_SH"

WWN=naa.6001405000000001
read -r seed operations </test/parameters

# A disk whose content is compared with what was written, as long as the modules come and go.
disk() {
	modprobe brd rd_nr=1 rd_size=65536 && modprobe tcm_loop && modprobe sd_mod && insmod "$TEST_MODULES/rust_iblock.ko" || return
	lio_backstore_create target iblock_0 data /dev/ram0 && lio_loop_attach target loopback $WWN iblock_0/data &&
		disk=$(lio_wait_disk target loopback $WWN)
}

io() {
	while [ ! -e /tmp/stop ]; do
		dd if=/dev/urandom of=/tmp/written bs=64k count=16 2>/dev/null &&
			dd if=/tmp/written of="$disk" bs=64k oflag=direct 2>/dev/null &&
			dd if="$disk" of=/tmp/read bs=64k count=16 iflag=direct 2>/dev/null &&
			cmp /tmp/written /tmp/read || return
		rounds=$((rounds + 1))
		echo $rounds >/tmp/rounds
	done
}

stress() {
	rounds=0
	io &
	pid=$!
	/test/stress "$seed" "$operations" $((2 * $(nproc))) \
		"$TEST_MODULES/kimport_test_provider.ko!" "$TEST_MODULES/kimport_side_a.ko" "$TEST_MODULES/kimport_side_b.ko" \
		"$TEST_MODULES/lifetime_interrupts.ko" "$TEST_MODULES/hello_import.ko" \
		"$TEST_MODULES/import_cases.ko:case=0" /test/shared/import_cases.ko:case=0 \
		"$TEST_MODULES/lifetime_load.ko:case=0" /test/shared/lifetime_load.ko:case=0 \
		"$TEST_MODULES/lifetime_rebind.ko:moves=2" /test/shared/lifetime_rebind.ko:moves=2 \
		"$TEST_MODULES/lifetime_late.ko:threads=2" /test/shared/lifetime_late.ko:threads=2 \
		"$TEST_MODULES/kimport_guard.ko" "$TEST_MODULES/guarded.ko" "$TEST_MODULES/guarded_second.ko" \
		/test/kimport_engine.ko >/tmp/said
	result=$?
	cat /tmp/said
	touch /tmp/stop
	wait "$pid" || result=1
	echo "I/O: $(cat /tmp/rounds) rounds"
	[ "$(cat /tmp/rounds)" -gt 0 ] && return $result
}

ktap_plan 2
ktap_test "a disk of rust_iblock" disk
ktap_test "modules come and go, seed $seed" stress
ktap_show "again: make stress-$(nproc) SEED=$seed OPERATIONS=$operations"
ktap_finish
