#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Counts the instructions of I/O through a disk of the C driver and of samples/rust_iblock, in
# turns: `# sample disk/DRIVER/DEVICE/DEPTH/DIRECTION/ORDER COUNT TICKS`.
#
# kimport-vm: needs kernel-crate
# kimport-vm: module samples/rust_iblock/rust_iblock
# kimport-vm: file $KIMPORT_GUEST_TOOLS/kimport-bench-disk:/usr/bin/kimport-bench-disk
# kimport-vm: stock tcm_loop sd_mod target_core_iblock brd null_blk
# kimport-vm: one-thread
# kimport-vm: qemu -icount shift=0,sleep=off
# kimport-vm: timeout 900
# shellcheck shell=dash disable=SC1090
. "$KTAP_SH"
. "$LIO_SH"

ROUNDS=5
COUNT=1024
WWN=naa.6001405000000001

load() {
	case $1 in
	c) modprobe target_core_iblock ;;
	rust) insmod "$TEST_MODULES/rust_iblock.ko" ;;
	esac
}

unload() {
	case $1 in
	c) rmmod target_core_iblock ;;
	rust) rmmod rust_iblock ;;
	esac
}

# measure DRIVER DEVICE: prints a sample of each kind.
measure() {
	for depth in 1 16; do
		for direction in read write; do
			for order in sequential random; do
				ticks=$(kimport-bench-disk "$disk" $direction $order $depth $COUNT) || return
				echo "sample disk/$1/$2/$depth/$direction/$order $COUNT $ticks"
			done
		done
	done
}

# turn DRIVER: measures a driver on each device.
turn() {
	load "$1" || return
	for device in ram0 nullb0; do
		lio_backstore_create target iblock_0 data /dev/$device &&
			lio_loop_attach target loopback $WWN iblock_0/data &&
			disk=$(lio_wait_disk target loopback $WWN) &&
			# One command for each transfer.
			lio_write 2 "/sys/block/${disk##*/}/queue/nomerges" &&
			measure "$1" $device &&
			lio_loop_detach target loopback $WWN &&
			lio_backstore_remove target iblock_0 data || return
	done
	unload "$1"
}

turns() {
	for _ in $(seq $ROUNDS); do
		turn c && turn rust || return
	done
}

devices() {
	modprobe tcm_loop && modprobe sd_mod && modprobe brd rd_nr=1 && modprobe null_blk nr_devices=1 gb=1 &&
		# brd has no memory for a block before the first write.
		dd if=/dev/zero of=/dev/ram0 bs=1M count=16 status=none
}

ktap_plan 2
ktap_test "devices" devices
ktap_test "I/O through the C driver and the Rust driver" turns
ktap_finish
