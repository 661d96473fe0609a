#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# samples/lio_upgrade refuses, before it touches anything, each upgrade that would go wrong. It
# carries over persistent reservations, ALUA states, settings and explicit ACLs. It puts all back if
# a move fails.
#
# kimport-vm: needs kernel-crate livepatch
# kimport-vm: module upgraded-core/target_core_mod_new lio/iscsi_target_mod_new
# kimport-vm: module samples/rust_iblock/rust_iblock rust/guard/kimport_guard
# kimport-vm: file tests/suites/upgrade.lib:/test/upgrade.lib
# kimport-vm: file samples/lio_upgrade/lio-upgrade:/test/lio-upgrade
# kimport-vm: stock target_core_file target_core_iblock iscsi_target_mod iscsi_tcp sd_mod
# kimport-vm: program iscsid iscsiadm sg_rtpg
# kimport-vm: disk 64M 64M
# shellcheck shell=dash disable=SC1003,SC1090,SC1091,SC2034,SC2086,SC2154,SC2317,SC2329
. "$KTAP_SH"
. "$LIO_SH"
. /test/upgrade.lib

PORTAL=127.0.0.1:3260
BACKSTORE=iblock_0/disk
LINK=/tmp/disk
KEY=0x123abc

served() {
	[ -e /etc/iscsi/iscsid.conf ] || initiator || return
	ln -sfn /dev/vda $LINK && serve $LINK 1 $PORTAL && login $PORTAL || return
	path=$disk identity=$(identity "$disk") old_revision=$(revision "$disk") tpg=$LIO_CONFIGFS/$OLD/iscsi/$IQN/tpgt_1
}

no_core() {
	upgrade_refuses "there is no core $NEW: load it" move $OLD $NEW $IQN 1
}

no_drivers() {
	load kimport_guard && load $CORE && upgrade_refuses "the core $NEW knows no iscsi" move $OLD $NEW $IQN 1 &&
		has "$(cat /tmp/said)" "knows no iblock_0" && load iscsi_target_mod_new && load rust_iblock provider=$CORE
}

wrong_target() {
	upgrade_refuses "has no target $IQN with portal group 7" move $OLD $NEW $IQN 7 &&
		upgrade_refuses "the core $OLD listens at $PORTAL" open $OLD $NEW $IQN 1 2 $PORTAL &&
		upgrade_refuses "the port of portal group 1 has the identifier 1" open $OLD $NEW $IQN 1 1 127.0.0.1:3261
}

only_checked() {
	cores_state >/tmp/before
	upgrade -n move $OLD $NEW $IQN 1 && cores_state | diff /tmp/before -
}

exclusive() {
	upgrade_refuses "has opened $LINK exclusively" open $OLD $NEW $IQN 1 2 127.0.0.1:3261
}

other_cache() {
	truncate -s 16M /tmp/file &&
		lio_backstore_control $OLD fileio_0 file fd_dev_name=/tmp/file,fd_dev_size=$((16 << 20)) /tmp/file 9 &&
		mkdir "$tpg/lun/lun_1" && ln -s "$LIO_CONFIGFS/$OLD/core/fileio_0/file" "$tpg/lun/lun_1/disk" || return
	upgrade_refuses "fileio_0/file is no iblock disk: the two cores would write through different caches" \
		move $OLD $NEW $IQN 1 || return
	rm "$tpg/lun/lun_1/disk" && rmdir "$tpg/lun/lun_1" && lio_backstore_remove $OLD fileio_0 file
}

served_elsewhere() {
	other=$LIO_CONFIGFS/$OLD/iscsi/$IQN/tpgt_9
	mkdir "$other" && mkdir "$other/lun/lun_0" && ln -s "$LIO_CONFIGFS/$OLD/core/$BACKSTORE" "$other/lun/lun_0/disk" || return
	upgrade_refuses "$BACKSTORE is also served by $other" move $OLD $NEW $IQN 1 || return
	rm "$other/lun/lun_0/disk" && rmdir "$other/lun/lun_0" && rmdir "$other"
}

other_device() {
	ln -sfn /dev/vdb $LINK && upgrade_refuses "but $LINK is" move $OLD $NEW $IQN 1 && ln -sfn /dev/vda $LINK
}

# attention: has the disk report all that has happened to it, which would fail the next command.
attention() {
	for _ in $(seq 10); do
		! sg_raw "/dev/$path" 00 00 00 00 00 00 >/dev/null 2>&1 || return 0
	done
	return 1
}

persist() {
	sg_persist --no-inquiry "$@" "/dev/$path"
}

reserved() {
	attention && sg_raw "/dev/$path" 16 00 00 00 00 00 2>&1 && upgrade_refuses "is reserved (RESERVE of SPC-2)" move $OLD $NEW $IQN 1 &&
		sg_raw "/dev/$path" 17 00 00 00 00 00 2>&1
}

registered() {
	attention && persist --out --register --param-sark=$KEY &&
		upgrade_refuses "persistent reservations that only the memory of the core $OLD has" move $OLD $NEW $IQN 1 &&
		persist --out --register --param-rk=$KEY --param-sark=0
}

# reservations: prints what an initiator sees of the reservations. The generation of the keys counts
# anew, as after a boot.
reservations() {
	persist --in --read-keys | grep "^ *0x" && persist --in --read-reservation | grep -A 9 Key=
}

settings() {
	group=$LIO_CONFIGFS/$1/core/$BACKSTORE/alua/slow
	mkdir "$group" && lio_write 5 "$group/tg_pt_gp_id" && lio_write 1 "$group/alua_access_state" &&
		lio_write 1 "$group/alua_access_type" && lio_write slow "$LIO_CONFIGFS/$1/iscsi/$IQN/tpgt_1/lun/lun_0/alua_tg_pt_gp" || return
	lio_write 0 "$LIO_CONFIGFS/$1/core/$BACKSTORE/attrib/emulate_caw" && lio_write 77 "$LIO_CONFIGFS/$1/iscsi/$IQN/tpgt_1/attrib/default_cmdsn_depth"
}

# seen CORE: prints what has to be the same in both cores.
seen() {
	reservations || return
	sg_rtpg --decode "/dev/$path"
	cat "$LIO_CONFIGFS/$1/core/$BACKSTORE/alua/slow/alua_access_type" \
		"$LIO_CONFIGFS/$1/core/$BACKSTORE/attrib/emulate_caw" "$LIO_CONFIGFS/$1/iscsi/$IQN/tpgt_1/attrib/default_cmdsn_depth"
	cat "$LIO_CONFIGFS/$1/core/$BACKSTORE/pr/res_pr_holder_tg_port"
}

carried() {
	settings $OLD && attention && persist --out --register --param-sark=$KEY --param-aptpl &&
		persist --out --reserve --param-rk=$KEY --prout-type=5 && seen $OLD >/tmp/old || return
	cat /tmp/old
	[ "$(grep -c -e 0x123abc -e "Write Exclusive, registrants only" /tmp/old)" -ge 2 ] && grep -q "non optimized" /tmp/old || return
	upgrade_refuses "Two cores would not know of each other's" open $OLD $NEW $IQN 1 2 127.0.0.1:3261 || return
	upgrade move $OLD $NEW $IQN 1 && served_by 5.1 && attention && seen $NEW | diff /tmp/old - || return
	upgrade move $NEW $OLD $IQN 1 && served_by "$old_revision" && attention && seen $OLD | diff /tmp/old - || return
	persist --out --release --param-rk=$KEY --prout-type=5 && persist --out --register --param-rk=$KEY --param-sark=0
}

# The new portal cannot be made, because there is no mkdir for it. The old target comes back.
put_back() {
	mkdir -p /tmp/without &&
		printf '#!/bin/sh\ncase $* in */%s/iscsi/*/np/*) exit 1 ;; esac\nexec /usr/lib/busybox/mkdir "$@"\n' $NEW >/tmp/without/mkdir &&
		chmod +x /tmp/without/mkdir || return
	cores_state >/tmp/before
	if PATH=/tmp/without:$PATH upgrade move $OLD $NEW $IQN 1; then return 1; fi
	has "$(cat /tmp/said)" "putting it back" && served_by "$old_revision" && cores_state | diff /tmp/before -
}

logged_in() {
	upgrade_refuses "initiators are logged in: $INITIATOR" close $OLD $IQN 1
}

explicit_acl() {
	logout $PORTAL && lio_write 0 "$tpg/attrib/generate_node_acls" && acl=$tpg/acls/$INITIATOR && mkdir "$acl" && mkdir "$acl/lun_3" &&
		ln -s "$tpg/lun/lun_0" "$acl/lun_3/disk" && lio_write secret "$acl/auth/password" || return
	iscsiadm -m discovery -t sendtargets -p $PORTAL && iscsiadm -m node -T $IQN -p $PORTAL --login || return
	upgrade move $OLD $NEW $IQN 1 || return
	acl=$LIO_CONFIGFS/$NEW/iscsi/$IQN/tpgt_1/acls/$INITIATOR
	is secret "$(cat "$acl/auth/password")" && is 0 "$(cat "$acl/lun_3/write_protect")" || return
	while grep -q "^No active" "$acl/info"; do
		usleep 100000
	done
	upgrade_refuses "$INITIATOR is logged in" close $NEW $IQN 1 && logout $PORTAL && upgrade close $NEW $IQN 1
}

# Both would write to it, one of them through the page cache of a file system.
mounted() {
	serve /dev/vda 0 $PORTAL && modprobe ext4 && mkfs.ext4 -q -F /dev/vda && mount -t ext4 /dev/vda /mnt || return
	upgrade_refuses "/dev/vda is mounted here" open $OLD $NEW $IQN 1 2 127.0.0.1:3261 || return
	umount /mnt && upgrade close $OLD $IQN 1
}

down() {
	unload_new && unload_old && rmmod kimport_guard
}

ktap_plan 18
ktap_test "a disk of the stock core, over iSCSI" served
ktap_test "refused: there is no other core" no_core
ktap_test "refused: the other core has no drivers" no_drivers
ktap_test "refused: no such target, portal or port" wrong_target
ktap_test "with -n it only checks" only_checked
ktap_test "refused: the device is opened exclusively" exclusive
ktap_test "refused: a disk with a cache of its own" other_cache
ktap_test "refused: another portal group has the disk" served_elsewhere
ktap_test "refused: the path names another device now" other_device
ktap_test "refused: a reservation of SPC-2" reserved
ktap_test "refused: registrations that no file has" registered
ktap_test "reservation, ALUA states and settings go there and back" carried
ktap_test "a move that fails is undone" put_back
ktap_test "refused: to remove a portal group in use" logged_in
ktap_test "explicit ACLs go with it" explicit_acl
ktap_test "refused: the device is mounted" mounted
ktap_test "all is taken down" down
ktap_test "the kernel log has no warning" quiet_log
ktap_finish
