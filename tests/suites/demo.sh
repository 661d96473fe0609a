#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The whole story: a Rust backend serves a SCSI disk from an LIO core that exports nothing, beside
# the stock core. `make demo` shows the steps, and the lines of ktap_show.
#
# kimport-vm: needs kernel-crate
# kimport-vm: module samples/lio_core_new/target_core_mod_new samples/rust_iblock/rust_iblock
# kimport-vm: livepatch tcm_loop_new rust/guard/kimport_guard
# kimport-vm: file $KIMPORT_GUEST_TOOLS/kimport:/usr/bin/kimport
# kimport-vm: disk 256M
# shellcheck shell=dash disable=SC1090,SC1091
. "$KTAP_SH"
. /test/lio.sh

CORE=target_core_mod_new
BACKING=/dev/vda
WWN=naa.6001405000000001
MIB=32
SYMBOLS=/tmp/symbols

# exports MODULE: prints the number of symbols that MODULE exports, by the symbols of the cores in
# $SYMBOLS.
exports() {
	grep -c " __ksymtab_.*	\[$1\]\$" $SYMBOLS
}

references() {
	cat "/sys/module/$1/refcnt"
}

stock_core() {
	modprobe target_core_mod && [ -d /sys/kernel/config/target ]
}

new_core() {
	insmod "$TEST_MODULES/$CORE.ko" || return
	[ -d /sys/kernel/config/target ] && [ -d /sys/kernel/config/target_new ] || return
	grep -F '[target_core_mod' /proc/kallsyms >$SYMBOLS
	[ "$(exports target_core_mod)" -gt 0 ] && [ "$(exports $CORE)" -eq 0 ] || return
	ktap_show "target_core_mod: $(exports target_core_mod) exports, configfs tree /sys/kernel/config/target"
	ktap_show "$CORE: $(exports $CORE) exports, configfs tree /sys/kernel/config/target_new"
}

# The module prints each of its imports, with the calls read back from its patched text. The
# addresses are compared with those of /proc/kallsyms.
backend() {
	log_mark
	insmod "$TEST_MODULES/rust_iblock.ko" provider=$CORE || return
	log_since | sed -n "s/^rust_iblock: \([a-zA-Z0-9_]*\) at 0x\([0-9a-f]*\) in \([a-z_]*\): \(.*\)/\1 \2 \3 \4/p" >imports
	[ -s imports ] || return
	ktap_show "symbol                                  address          provider             calls"
	while read -r symbol address provider calls; do
		ktap_show "$(printf '%-39s %-16s %-20s %s' "$symbol" "$address" "$provider" "$calls")"
		[ "$provider" = $CORE ] || return
		grep -q "^$address . $symbol	\[$CORE\]" $SYMBOLS || {
			echo "/proc/kallsyms does not have $symbol at $address"
			return 1
		}
		case $calls in
		data) ;;
		"direct call through a veneer") ;;
		"direct call, "*)
			# N of N call sites
			# shellcheck disable=SC2086
			set -- $calls
			[ "$3" = "$5" ] && [ "$3" -gt 0 ] || return
			;;
		*) return 1 ;;
		esac
	done <imports
	[ "$(references $CORE)" -gt 0 ]
}

front_end() {
	lio_front_end || return
	if [ "$LIO_FRONT_END" = tcm_loop ]; then
		ktap_show "tcm_loop: Debian's, loaded with the addresses of $CORE by 'kimport load'"
		return
	fi
	[ -L /sys/module/$CORE/holders/tcm_loop_new ] || return
	ktap_show "tcm_loop_new: Debian's tcm_loop, its symbols of target_core_mod now livepatch relocations against $CORE"
	ktap_show "kimport_guard has checked them, and holds $CORE"
}

disk_appears() {
	lio_backstore_create target_new iblock_0 data $BACKING || return
	lio_loop_attach target_new loopback $WWN iblock_0/data || return
	DISK=$(lio_wait_disk target_new loopback $WWN) || return
	[ "$(blockdev --getsize64 "$DISK")" = "$(blockdev --getsize64 $BACKING)" ] || return
	[ "$(blockdev --getss "$DISK")" = "$(blockdev --getss $BACKING)" ] || return
	ktap_show "$(lsscsi | tr -s ' '), $(($(blockdev --getsize64 "$DISK") >> 20)) MiB, on top of $BACKING"
}

random_data() {
	dd if=/dev/urandom of=/tmp/random bs=1M count=$MIB status=none || return
	dd if=/tmp/random of="$DISK" bs=1M conv=fsync status=none || return
	drop_caches
	written=$(sha256sum </tmp/random)
	[ "$(dd if="$DISK" bs=1M count=$MIB status=none | sha256sum)" = "$written" ] || return
	ktap_show "$MIB MiB of random data: sha256 ${written%% *}, the same when read back"
}

same_below() {
	drop_caches
	[ "$(dd if=$BACKING iflag=direct bs=1M count=$MIB status=none | sha256sum)" = "$(sha256sum </tmp/random)" ] || return
	rm /tmp/random
	ktap_show "$BACKING holds the same"
}

# Uses real files: the programs and libraries of this VM.
file_system() {
	modprobe ext4 && mkfs.ext4 -q -F "$DISK" || return
	mkdir -p /mnt/disk
	mount -t ext4 "$DISK" /mnt/disk || return
	cp -r /usr /mnt/disk/files || return
	(cd /usr && find . -type f -exec sha256sum {} +) >/tmp/sums
	[ -s /tmp/sums ] || return
	umount /mnt/disk || return
	drop_caches
	mount -t ext4 "$DISK" /mnt/disk || return
	(cd /mnt/disk/files && sha256sum -c --quiet /tmp/sums) || return
	ktap_show "ext4: $(wc -l </tmp/sums) files, $(du -sm /mnt/disk/files | cut -f1) MiB, copied; after a new mount all have their sums"
}

in_use() {
	if message=$(rmmod $CORE 2>&1); then return 1; fi
	[ -d /sys/module/$CORE ] || return
	holders=$(cd /sys/module/$CORE/holders && echo *)
	has "$holders" rust_iblock || return
	ktap_show "$message ($CORE has $(references $CORE) references; its holders are $holders)"
}

unmount() {
	umount /mnt/disk && e2fsck -f -n "$DISK" >/dev/null 2>&1
}

taken_down() {
	lio_loop_detach target_new loopback $WWN && lio_backstore_remove target_new iblock_0 data
}

unloaded() {
	rmmod "$LIO_FRONT_END" && rmmod rust_iblock || return
	[ ! -d /sys/module/kimport_guard ] || rmmod kimport_guard || return
	[ "$(references $CORE)" -eq 0 ] || return
	rmmod $CORE || return
	rmmod target_core_mod || return
	if grep -E '^(target_core|rust_iblock|tcm_loop)' /proc/modules; then return 1; fi
}

ktap_plan 13
ktap_test "the stock core is loaded" stock_core
ktap_test "the new core is loaded beside it, with no exports" new_core
ktap_test "the Rust backend has resolved its imports from the new core" backend
ktap_test "Debian's front end is loaded against the new core" front_end
ktap_test "a SCSI disk appears on top of a block device" disk_appears
ktap_test "random data through the disk reads back the same" random_data
ktap_test "and is on the block device below" same_below
ktap_test "files on a file system on it keep their contents" file_system
ktap_test "unloading the new core is refused while it is in use" in_use
ktap_test "the file system is clean" unmount
ktap_test "disk and backstore are taken down" taken_down
ktap_test "everything is unloaded, in order" unloaded
ktap_test "the kernel log has no warning" quiet_log
ktap_finish
