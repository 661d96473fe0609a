#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Passes, and uses all that suites rely on: real programs, stock modules, file
# systems, the helpers.
# shellcheck disable=SC1090,SC2317,SC2329

. "$KTAP_SH"
ktap_plan 7

real_programs() {
	for program in insmod dd cmp sha256sum sg_inq mkfs.ext4; do
		case $(command -v "$program") in
		/usr/bin/* | /usr/sbin/*) ;;
		*)
			echo "$program is $(command -v "$program")"
			return 1
			;;
		esac
	done
	dd --version | grep -q coreutils
	insmod --version | grep -q '^kmod'
}

scsi_disk() {
	ktap_show "made of memory by scsi_debug"
	modprobe scsi_debug dev_size_mb=32 delay=0 && modprobe sd_mod && modprobe sg || return
	for _ in $(seq 1200); do
		[ -b /dev/sda ] && break
		usleep 50000
	done
	sg_inq /dev/sda | grep scsi_debug
	sg_readcap /dev/sda
}

file_system() {
	mkfs.ext4 -q /dev/sda && modprobe ext4 && mount -t ext4 /dev/sda /mnt || return
	head -c 1000000 /dev/urandom >/mnt/data && sha256sum /mnt/data >/tmp/sum &&
		umount /mnt && mount -t ext4 /dev/sda /mnt && sha256sum -c /tmp/sum && umount /mnt
}

own_log_lines() {
	echo "before" >/dev/kmsg
	log_mark
	echo "after" >/dev/kmsg
	[ "$(log_since)" = after ]
}

target() {
	modprobe tcm_loop && [ -d /sys/kernel/config/target ]
}

announced_report() {
	expect_log 'BUG: made up by good.sh'
	echo "BUG: made up by good.sh" >/dev/kmsg
}

# shellcheck disable=SC2059
tricky_output() {
	printf 'not ok 1 - quoted\n1..99\nKTAP version 1\nno line end'
	! "$@"
}

ktap_test "programs are the real ones" real_programs
ktap_test "a SCSI disk" scsi_disk
ktap_test "ext4 on it" file_system
ktap_test "the kernel log since a mark" own_log_lines
ktap_test "configfs and the target" target
ktap_test "a report that was announced" announced_report
ktap_test "output that looks like KTAP" tricky_output false
ktap_finish
