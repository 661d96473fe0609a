#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Checks that people and initiators see the same of samples/rust_iblock and of the C driver that it
# is a port of, on the same devices.
#
# kimport-vm: needs kernel-crate
# kimport-vm: module samples/rust_iblock/rust_iblock
# kimport-vm: stock tcm_loop sd_mod null_blk sg target_core_iblock
# kimport-vm: optional scsi_debug
# kimport-vm: disk 64M 64M
# shellcheck shell=dash disable=SC1090,SC2317,SC2329
. "$KTAP_SH"
. "$LIO_SH"

WWN=naa.6001405000000001
NULLB=$LIO_CONFIGFS/nullb/data
BACKSTORE=$LIO_CONFIGFS/target/core/iblock_0/data

# setup KIND: makes a block device; sets LIO_DISK. teardown KIND: removes it.
setup() {
	case $1 in
	virtio) LIO_DISK=/dev/vda ;;
	null)
		modprobe null_blk nr_devices=0 && mkdir "$NULLB" || return
		for setting in memory_backed=1 size=64 blocksize=4096 discard=1 cache_size=1 power=1; do
			lio_write "${setting#*=}" "$NULLB/${setting%%=*}" || return
		done
		LIO_DISK=/dev/data
		[ -b "$LIO_DISK" ]
		;;
	4k) lio_scsi_debug sector_size=4096 lbpu=1 lbpws=1 ;;
	512e) lio_scsi_debug physblk_exp=3 lowest_aligned=7 opt_blks=64 ;;
	esac
}

teardown() {
	case $1 in
	virtio) ;;
	null) lio_write 0 "$NULLB/power" && rmdir "$NULLB" && rmmod null_blk ;;
	*) rmmod scsi_debug ;;
	esac
}

# write FILE TEXT: writes TEXT in one write, and prints the result and the state of the device after
# it.
write() {
	printf '%s' "$2" | dd of="$BACKSTORE/$1" bs=8192 status=none 2>&1
	{ read -r _ && while IFS= read -r line; do printf '%s\n' "$line"; done; } <"$BACKSTORE/info"
}

# The parameters that are accepted do not depend on the device.
parameters() {
	for text in readonly=1 readonly=-1 readonly=0x10 readonly=010 readonly=08 readonly=zero readonly= \
		readonly=99999999999999999999 readonly=0 exclusive=0 exclusive=-5 exclusive=99999999999 exclusive=1,readonly=1 force=1 \
		force=x nonsense readonly udev_path= udev_path=/dev/nothing " udev_path=/dev/x" udev_path=/dev/x,,readonly=0 \
		"udev_path=$(printf '/%0510d' 0)"; do
		printf '== %.60s\n' "$text"
		write control "$text"
	done
	write enable 1
	write control udev_path=/dev/null
	write enable 1
}

commands() {
	echo "$BACKSTORE"/attrib/*
	grep '' "$BACKSTORE"/attrib/* 2>&1
	sg_inq "$disk"
	sg_readcap --long "$disk"
	for page in sv di bl bdc lbpv; do
		sg_vpd -H --page=$page "$disk" 2>&1
	done
	sg_modes -H -a "$disk"
	sg_opcodes "$disk"
	sg_persist --in --report-capabilities "$disk"
	sg_sync "$disk" && echo "flushed"
	(cd "/sys/block/${disk##*/}" && grep '' size queue/logical_block_size queue/physical_block_size queue/minimum_io_size \
		queue/optimal_io_size queue/rotational queue/write_cache queue/fua)
}

# shown KIND: prints everything that is visible of the driver that is loaded.
shown() {
	setup "$1" && mkdir -p "${BACKSTORE%/*}" && mkdir "$BACKSTORE" || return
	[ "$1" != virtio ] || parameters
	lio_write "udev_path=$LIO_DISK,readonly=0,exclusive=1" "$BACKSTORE/control" &&
		lio_write serial "$BACKSTORE/wwn/vpd_unit_serial" && lio_write 1 "$BACKSTORE/enable" || return
	write control udev_path=/dev/vdb
	write control readonly=0
	write enable 1
	# The C driver takes a number of sectors for one of blocks.
	[ "$1" != 4k ] || lio_write 4096 "$BACKSTORE/attrib/max_write_same_len" || return
	lio_loop_attach target loopback $WWN iblock_0/data && disk=$(lio_wait_disk target loopback $WWN) || return
	commands 2>&1
	lio_loop_detach target loopback $WWN && lio_backstore_remove target iblock_0 data && teardown "$1"
}

# both KIND LINES: both drivers show the same, with more than LINES lines. They have the same name
# in configfs, so only one of them can be loaded at a time.
both() {
	if ! modprobe target_core_iblock || ! shown "$1" >"/tmp/c.$1" 2>&1 || ! rmmod target_core_iblock; then
		cat "/tmp/c.$1"
		return 1
	fi
	if ! insmod "$TEST_MODULES/rust_iblock.ko" || ! shown "$1" >"/tmp/rust.$1" 2>&1 || ! rmmod rust_iblock; then
		cat "/tmp/rust.$1"
		return 1
	fi
	[ "$(grep -c '' "/tmp/c.$1")" -gt "$2" ] && diff "/tmp/c.$1" "/tmp/rust.$1"
}

load() {
	modprobe tcm_loop && modprobe sd_mod && modprobe sg
}

ktap_plan 5
ktap_test "the stock core is loaded" load
ktap_test "a virtio disk" both virtio 200
ktap_test "blocks of 4096 bytes, with discard and a write cache" both null 100
ktap_needs scsi_debug "blocks of 4096 bytes, with discard by WRITE SAME" both 4k 100
ktap_needs scsi_debug "physical blocks of 4096 bytes, not aligned" both 512e 100
ktap_finish
