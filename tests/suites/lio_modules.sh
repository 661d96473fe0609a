#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Loads every module of the distribution that needs the LIO core, relinked to the copy that exports
# nothing (tests/host/relink-lio), beside the stock core. Checks that their imports lead to that
# copy, and does I/O with the modules that can do I/O here.
#
# kimport-vm: needs livepatch
# kimport-vm: module samples/lio_core_new/target_core_mod_new lio/*
# kimport-vm: file $KIMPORT_GUEST_TOOLS/relocated:/test/relocated
# kimport-vm: stock iscsi_tcp xen-scsiback target_core_iblock target_core_file target_core_pscsi
# kimport-vm: stock target_core_user tcm_loop iscsi_target_mod vhost_scsi
# kimport-vm: optional cxgbit ib_isert ib_srpt sbp_target scsi_debug tcm_fc tcm_qla2xxx
# kimport-vm: program depmod iscsid iscsiadm
# kimport-vm: disk 64M 64M
# shellcheck shell=dash disable=SC1090,SC1091
. "$KTAP_SH"
. "$LIO_SH"

CORE=target_core_mod_new
TARGET=$LIO_CONFIGFS/target_new
INSTALLED=/lib/modules/$(uname -r)/extra
WWN=naa.6001405000000001
IQN=iqn.2026-11.org.example:relinked
PORTAL=127.0.0.1:3260
MIB=8

# The names of the relinked modules.
MODULES=$(cd "$TEST_MODULES" && for file in *_new.ko; do echo "${file%.ko}"; done | grep -v "^$CORE\$")

# This module runs only on Xen, and says so.
REFUSED=xen_scsiback_new

loaded() {
	[ -d "/sys/module/$1" ]
}

stock_core_state() {
	cat /sys/module/target_core_mod/refcnt
	ls /sys/module/target_core_mod/holders "$LIO_CONFIGFS/target" "$LIO_CONFIGFS/target/core"
}

# Two iscsi_target_mod can be loaded, because the relinked one exports nothing.
stock_core() {
	modprobe -a target_core_mod iscsi_target_mod && stock_core_state >/tmp/stock_core
}

# Loads the stock modules that the relinked ones need.
dependencies() {
	# shellcheck disable=SC2046,SC2086
	set -- $(cd "$TEST_MODULES" && modinfo -F depends $(printf '%s.ko ' $MODULES) | tr , '\n' | grep -v '_new$' | sort -u)
	modprobe -a "$@"
}

# Without the new core, the relinked modules do not find their symbols anywhere else, and the kernel
# logs which ones are missing.
core_missing() {
	log_mark
	for module in $MODULES; do
		if insmod "$TEST_MODULES/$module.ko" 2>>/tmp/errors; then
			echo "$module was loaded"
			return 1
		fi
	done
	log_since >/tmp/log
	[ "$(grep -c "^livepatch: symbol '.*' not found in symbol table" /tmp/log)" -eq "$(echo "$MODULES" | wc -l)" ] || {
		cat /tmp/errors /tmp/log
		return 1
	}
}

# modprobe knows the new core only by the soft dependency.
install() {
	mkdir -p "$INSTALLED" && cp "$TEST_MODULES"/*_new.ko "$INSTALLED" && depmod
}

loads() {
	log_mark
	if [ "$1" = $REFUSED ]; then
		if modprobe "$1" 2>/tmp/error; then return 1; fi
		cat /tmp/error
		grep -q "No such device" /tmp/error || return
		! log_since | grep livepatch
		return
	fi
	# Its BTF has its new name, too.
	modprobe "$1" && loaded "$1" && loaded $CORE && [ -s "/sys/kernel/btf/$1" ]
}

# Each module is known under the name that it registered with the core.
known() {
	for name in core/fileio_0 core/iblock_0 core/pscsi_0 core/user_0 iscsi loopback vhost \
		tcm_fc:fc tcm_qla2xxx:qla2xxx tcm_qla2xxx:qla2xxx_npiv sbp_target:sbp ib_srpt:srpt; do
		case $name in
		*:*) loaded "${name%:*}_new" || continue ;;
		esac
		mkdir "$TARGET/${name#*:}" && rmdir "$TARGET/${name#*:}" || return
	done
}

relocated() {
	files=
	for module in $MODULES; do
		[ "$module" = $REFUSED ] || files="$files $TEST_MODULES/$module.ko"
	done
	# shellcheck disable=SC2086
	/test/relocated $files >/tmp/relocated || return
	while read -r line; do ktap_show "$line"; done </tmp/relocated
	for module in $MODULES; do
		[ "$module" = $REFUSED ] || grep -q "^$module: [1-9]" /tmp/relocated || {
			echo "nothing of $module was looked at"
			return 1
		}
	done
}

stock_core_unused() {
	stock_core_state | diff /tmp/stock_core -
}

# same DISK BELOW [DD-OPTION]: random data written to DISK can be read from there, and from BELOW,
# which is the storage below.
same() {
	dd if=/dev/urandom of=/tmp/random bs=1M count=$MIB status=none &&
		dd if=/tmp/random of="$1" bs=1M conv=fsync status=none || return
	drop_caches
	dd if="$1" iflag=direct bs=1M count=$MIB status=none | cmp - /tmp/random || return
	dd if="$2" ${3+"$3"} bs=1M count=$MIB status=none | cmp - /tmp/random
}

# files DISK: makes a file system, and copies the programs of this VM to it.
files() {
	mkfs.ext4 -q -F "$1" && mount -t ext4 "$1" /mnt || return
	cp -r /usr/sbin /mnt || return
	umount /mnt || return
	drop_caches
	mount -t ext4 "$1" /mnt || return
	(cd /usr/sbin && find . -type f -exec cmp {} /mnt/sbin/{} \;) || return
	umount /mnt && e2fsck -f -n "$1" >/dev/null 2>&1
}

backstores() {
	modprobe -a sd_mod ext4 || return
	mkfs.ext4 -q -F /dev/vdb && mkdir /backing && mount -t ext4 /dev/vdb /backing || return
	lio_backstore_control target_new fileio_0 data fd_dev_name=/backing/file,fd_dev_size=$((48 << 20)) /backing/file 1001 &&
		lio_backstore_create target_new iblock_0 data /dev/vda 1002
}

# loop BACKSTORE BELOW [DD-OPTION]
loop() {
	lio_loop_attach target_new loopback $WWN "$1" || return
	disk=$(lio_wait_disk target_new loopback $WWN) && same "$disk" "$2" ${3+"$3"} || return
	lio_loop_detach target_new loopback $WWN
}

# The prefix of the messages is the one in the module's own descriptors.
debug_messages() {
	log_mark
	echo "module tcm_loop_new +pm" >/sys/kernel/debug/dynamic_debug/control || return
	lio_loop_attach target_new loopback $WWN iblock_0/data && lio_loop_detach target_new loopback $WWN || return
	echo "module tcm_loop_new -pm" >/sys/kernel/debug/dynamic_debug/control
	log_since | grep "^tcm_loop_new: "
}

loop_pscsi() {
	lio_scsi_debug || return
	host=${LIO_ADDRESS%%:*}
	lio_backstore_control target_new "pscsi_$host" data \
		"scsi_host_id=$host,scsi_channel_id=0,scsi_target_id=0,scsi_lun_id=0" "$LIO_DISK" 1003 || return
	loop "pscsi_$host/data" "$LIO_DISK" iflag=direct || return
	lio_backstore_remove target_new "pscsi_$host" data && rmmod scsi_debug
}

iscsi_target() {
	tpg=$TARGET/iscsi/$IQN/tpgt_1
	mkdir "$TARGET/iscsi" && mkdir "$TARGET/iscsi/$IQN" && mkdir "$tpg" || return
	for lun in 0:fileio_0 1:iblock_0; do
		mkdir "$tpg/lun/lun_${lun%:*}" &&
			ln -s "$TARGET/core/${lun#*:}/data" "$tpg/lun/lun_${lun%:*}/backstore" || return
	done
	lio_write 1 "$tpg/attrib/generate_node_acls" && lio_write 0 "$tpg/attrib/demo_mode_write_protect" &&
		lio_write 0 "$tpg/attrib/authentication" && mkdir "$tpg/np/$PORTAL" && lio_write 1 "$tpg/enable"
}

# Uses the kernel's own initiator, with both kinds of checksums, so that the data on the wire is
# checked.
iscsi_initiator() {
	modprobe iscsi_tcp && mkdir -p /etc/iscsi /var/lib/iscsi /run/lock/iscsi || return
	echo "InitiatorName=iqn.2026-11.org.example:initiator" >/etc/iscsi/initiatorname.iscsi
	cat >/etc/iscsi/iscsid.conf <<-END
		node.conn[0].iscsi.HeaderDigest = CRC32C
		node.conn[0].iscsi.DataDigest = CRC32C
	END
	iscsid || return
	iscsiadm -m discovery -t sendtargets -p $PORTAL | tee /tmp/found && grep -q " $IQN\$" /tmp/found || return
	iscsiadm -m node -T $IQN -p $PORTAL --login && iscsiadm -m session -P 2 | tee /tmp/session || return
	grep -q "HeaderDigest: CRC32C" /tmp/session && grep -q "DataDigest: CRC32C" /tmp/session
}

# iscsi_disk LUN: sets $disk.
iscsi_disk() {
	while :; do
		for block in /sys/class/iscsi_session/session*/device/target*/*:"$1"/block/*; do
			disk=/dev/${block##*/}
			if [ -b "$disk" ] && [ "$(cat "$block/size")" -gt 0 ]; then return 0; fi
		done
		usleep 50000
	done
}

iscsi_file() {
	iscsi_disk 0 && same "$disk" /backing/file && files "$disk"
}

iscsi_iblock() {
	iscsi_disk 1 && same "$disk" /dev/vda iflag=direct
}

iscsi_down() {
	iscsiadm -m node -T $IQN -p $PORTAL --logout && iscsiadm -k 0 && rmmod iscsi_tcp || return
	lio_write 0 "$tpg/enable" && rmdir "$tpg/np/$PORTAL" || return
	for lun in 0 1; do
		rm "$tpg/lun/lun_$lun/backstore" && rmdir "$tpg/lun/lun_$lun" || return
	done
	rmdir "$tpg" "$TARGET/iscsi/$IQN" "$TARGET/iscsi"
}

unloaded() {
	lio_backstore_remove target_new fileio_0 data && lio_backstore_remove target_new iblock_0 data && umount /backing || return
	for module in $MODULES; do
		[ "$module" = $REFUSED ] || [ "$module" = iscsi_target_mod_new ] || rmmod "$module" || return
	done
	rmmod iscsi_target_mod_new || return
	[ "$(cat /sys/module/$CORE/refcnt)" -eq 0 ] && rmmod $CORE || return
	if grep _new /proc/modules; then return 1; fi
}

ktap_plan $((19 + $(echo "$MODULES" | wc -l)))
ktap_test "the stock core is loaded, and its iSCSI target" stock_core
ktap_test "the stock modules they depend on are loaded" dependencies
ktap_test "without the new core none of them loads" core_missing
ktap_test "they are installed" install
for module in $MODULES; do
	ktap_test "modprobe $module" loads "$module"
done
ktap_test "the new core knows their fabrics and backends" known
ktap_test "every relocation leads to the module it was relinked to" relocated
ktap_test "backstores on a file and on a block device" backstores
ktap_test "I/O: loopback, file" loop fileio_0/data /backing/file
ktap_test "I/O: loopback, block device" loop iblock_0/data /dev/vda iflag=direct
ktap_needs scsi_debug "I/O: loopback, SCSI device" loop_pscsi
ktap_test "debug messages have the new name" debug_messages
ktap_test "an iSCSI target" iscsi_target
ktap_test "the initiator logs in over TCP" iscsi_initiator
ktap_test "I/O: iSCSI, file" iscsi_file
ktap_test "I/O: iSCSI, block device" iscsi_iblock
ktap_test "the initiator logs out, the target goes" iscsi_down
ktap_test "the stock core had no part in it" stock_core_unused
ktap_test "everything is unloaded, in order" unloaded
ktap_test "the kernel log has no warning" quiet_log
ktap_finish
