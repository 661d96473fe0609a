#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The first half of `make check-crash`: writes files to a file system on a disk of
# samples/rust_iblock, each with fsync, and notes on a second disk those that are acknowledged. At a
# random moment the VM is killed.
#
# kimport-vm: needs kernel-crate
# kimport-vm: root $DISKS_ROOT
# kimport-vm: module samples/rust_iblock/rust_iblock
# kimport-vm: file tests/suites/crash.lib:/test/crash.lib
# kimport-vm: stock tcm_loop sd_mod ext4 xfs
# kimport-vm: program mkfs.xfs xfs_repair
# kimport-vm: disk 400M 8M
# shellcheck shell=dash disable=SC1090,SC1091,SC2154,SC2317,SC2329
. "$KTAP_SH"
. "$LIO_SH"
. /test/crash.lib

made() {
	disk_up || return
	case $TYPE in
	ext4) mkfs.ext4 -q -F "$disk" ;;
	xfs) mkfs.xfs -q -f "$disk" ;;
	esac && mount -t "$TYPE" "$disk" /mnt
}

# Each record of 512 bytes on the second disk has the number of a file and its sum. It is written
# after fsync has returned. Every fourth file is written twice.
writes() {
	for number in $(seq 0 16000); do
		file=/mnt/$((number % 4 == 3 ? number - 1 : number))
		head -c $(((number * 7919) % 65536 + 1)) /dev/urandom >/tmp/data
		dd if=/tmp/data of="$file" bs=64K conv=fsync status=none || return
		echo "${file#/mnt/} $(sha256sum </tmp/data)" |
			dd of=/dev/vdb bs=512 seek="$number" count=1 conv=sync oflag=direct status=none || return
	done
}

ktap_plan 2
ktap_test "a file system on the disk" made || ktap_finish
writes &
seconds=$(($(od -An -N1 -tu1 /dev/urandom) % 8 + 2))
sleep $seconds
usleep $(($(od -An -N2 -tu2 /dev/urandom) * 15))
echo "crash now"
sleep 3600
