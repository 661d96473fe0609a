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
# shellcheck shell=dash disable=SC1090,SC2046,SC2317,SC2329
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
	dif1) lio_scsi_debug dif=1 dix=1 ;;
	dif3) lio_scsi_debug dif=3 dix=1 sector_size=4096 ;;
	dif-only) lio_scsi_debug dif=1 dix=0 ;;
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
	matrix
	(cd "/sys/block/${disk##*/}" && grep '' size queue/logical_block_size queue/physical_block_size queue/minimum_io_size \
		queue/optimal_io_size queue/rotational queue/write_cache queue/fua)
}

# data_out LENGTH BYTE..., data_in LENGTH BYTE...: sends a command with data of that many blocks.
data_out() {
	echo "== out $*"
	length=$(($1 * block)) && shift
	sg_raw -s $length -i /tmp/data "$disk" "$@" 2>&1
}

data_in() {
	echo "== in $*"
	length=$(($1 * block)) && shift
	sg_raw -r $length -o /tmp/read "$disk" "$@" 2>&1
	sha256sum </tmp/read
}

write_same() {
	data_out 1 41 00 00 00 00 70 00 00 10 00 && data_in 4 28 00 00 00 00 70 00 00 04 00
	data_out 1 93 00 00 00 00 00 00 00 00 70 00 00 00 08 00 00 && data_in 4 28 00 00 00 00 76 00 00 04 00
	sg_write_same --10 --unmap --lba=112 --num=4 --xferlen="$block" --in=/dev/zero "$disk" 2>&1
	data_in 8 28 00 00 00 00 6e 00 00 08 00
	sg_unmap --force --lba=116 --num=4 "$disk" 2>&1
	data_in 8 28 00 00 00 00 72 00 00 08 00
}

# Each command that reads or writes, in each of its lengths.
matrix() {
	block=$(blockdev --getss "$disk")
	seq 10000 99999 | head -c $((4 * block)) >/tmp/data
	lio_write 1 "$BACKSTORE/attrib/emulate_tpu"
	lio_write 1 "$BACKSTORE/attrib/emulate_tpws"
	data_out 2 0a 00 00 10 02 00 && data_in 2 08 00 00 10 02 00
	data_out 2 2a 00 00 00 00 20 00 00 02 00 && data_in 2 28 00 00 00 00 20 00 00 02 00
	data_out 2 2a 08 00 00 00 24 00 00 02 00 && data_in 2 28 08 00 00 00 24 00 00 02 00
	data_out 2 aa 00 00 00 00 30 00 00 00 02 00 00 && data_in 2 a8 00 00 00 00 30 00 00 00 02 00 00
	data_out 2 8a 00 00 00 00 00 00 00 00 40 00 00 00 02 00 00
	data_in 2 88 00 00 00 00 00 00 00 00 40 00 00 00 02 00 00
	data_out 2 2e 00 00 00 00 50 00 00 02 00 && data_in 2 28 00 00 00 00 50 00 00 02 00
	data_out 2 8e 00 00 00 00 00 00 00 00 60 00 00 00 02 00 00
	data_in 2 28 00 00 00 00 60 00 00 02 00
	# VERIFY, with data and without.
	sg_raw "$disk" 2f 00 00 00 00 50 00 00 02 00 2>&1
	data_out 2 2f 02 00 00 00 50 00 00 02 00
	# WRITE SAME, also with UNMAP, and UNMAP. The C driver refuses it on devices with protection
	# information.
	[ "$(cat "$BACKSTORE/attrib/hw_pi_prot_type")" = 0 ] && write_same
	# COMPARE AND WRITE, first the wrong data, then the right one.
	data_out 2 89 00 00 00 00 00 00 00 00 51 00 00 00 01 00 00
	data_out 2 89 00 00 00 00 00 00 00 00 50 00 00 00 01 00 00
	data_in 2 28 00 00 00 00 50 00 00 02 00
	# The last block, the block after it, and no block.
	last=$(sg_readcap --long "$disk" | sed -n 's/.*Last LBA=\([0-9]*\) .*/\1/p')
	for lba in "$last" $((last + 1)); do
		data_in 1 $(printf '28 00 %02x %02x %02x %02x 00 00 01 00' $((lba >> 24 & 255)) $((lba >> 16 & 255)) $((lba >> 8 & 255)) $((lba & 255)))
	done
	# With protection information, the core would crash.
	[ "$(cat "$BACKSTORE/attrib/hw_pi_prot_type")" = 0 ] && sg_raw "$disk" 28 00 00 00 00 10 00 00 00 00 2>&1
	sg_raw "$disk" 35 00 00 00 00 00 00 00 00 00 2>&1
	sg_raw "$disk" 91 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 2>&1
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
	case $1 in 4k | dif3) false ;; esac || lio_write 4096 "$BACKSTORE/attrib/max_write_same_len" || return
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
	# Most of the commands are supported.
	grep -c 'SCSI Status: Good' "/tmp/c.$1"
	[ "$(grep -c '' "/tmp/c.$1")" -gt "$2" ] && [ "$(grep -c 'SCSI Status: Good' "/tmp/c.$1")" -ge 18 ] && diff "/tmp/c.$1" "/tmp/rust.$1"
}

load() {
	modprobe tcm_loop && modprobe sd_mod && modprobe sg
}

ktap_plan 8
ktap_test "the stock core is loaded" load
ktap_test "a virtio disk" both virtio 200
ktap_test "blocks of 4096 bytes, with discard and a write cache" both null 100
ktap_needs scsi_debug "blocks of 4096 bytes, with discard by WRITE SAME" both 4k 100
ktap_needs scsi_debug "physical blocks of 4096 bytes, not aligned" both 512e 100
ktap_needs scsi_debug "protection information, type 1" both dif1 100
ktap_needs scsi_debug "protection information, type 3, blocks of 4096 bytes" both dif3 100
ktap_needs scsi_debug "protection information that only the device sees" both dif-only 100
ktap_finish
