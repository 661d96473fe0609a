#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The second half of `make check-crash`, in a second boot: all files that were acknowledged before
# the VM was killed are there, and the file system is clean.
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

mounts() {
	disk_up && mount -t "$TYPE" "$disk" /mnt
}

# Prints the records, the last of each file.
records() {
	tr -d '\0' </dev/vdb | awk '{ sum[$1] = $2 } END { for (file in sum) print file, sum[file] }'
}

# Only the file that was written last may hold another content: it is being written again.
all_there() {
	records >/tmp/records
	last=$(tr -d '\0' </dev/vdb | tail -n 1 | cut -d ' ' -f 1)
	lost=0
	while read -r file sum; do
		[ "$(sha256sum <"/mnt/$file")" = "$sum  -" ] || [ "$file" = "$last" ] || {
			echo "lost: $file"
			lost=$((lost + 1))
		}
	done </tmp/records
	ktap_show "$TYPE: $(tr -d '\0' </dev/vdb | wc -l) acknowledged writes, $lost lost"
	[ $lost -eq 0 ] && [ -s /tmp/records ]
}

clean() {
	umount /mnt || return
	case $TYPE in
	ext4) e2fsck -f -n "$disk" ;;
	xfs) xfs_repair -n "$disk" ;;
	esac
}

ktap_plan 3
ktap_test "the file system is mounted again" mounts
ktap_test "all that was acknowledged is there" all_there
ktap_test "the file system is clean" clean
ktap_finish
