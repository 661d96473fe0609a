#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The upgrade of LIO on a running machine, with samples/lio_upgrade. The stock core serves a disk
# over iSCSI, and fio writes to a multipath device above it and verifies what it reads, without a
# pause. A changed core, the relinked iSCSI front end and rust_iblock take over, and the stock core
# and its drivers are unloaded. Then all goes back. `make demo-upgrade` does that ten times.
#
# kimport-vm: needs kernel-crate livepatch
# kimport-vm: root $DISKS_ROOT
# kimport-vm: module upgraded-core/target_core_mod_new lio/iscsi_target_mod_new
# kimport-vm: module samples/rust_iblock/rust_iblock rust/guard/kimport_guard
# kimport-vm: file tests/suites/upgrade.lib:/test/upgrade.lib
# kimport-vm: file samples/lio_upgrade/lio-upgrade:/test/lio-upgrade
# kimport-vm: stock target_core_iblock iscsi_target_mod iscsi_tcp dm_multipath dm_round_robin sd_mod
# kimport-vm: program iscsid iscsiadm fio dmsetup
# kimport-vm: disk 64M 64M
# shellcheck shell=dash disable=SC1090,SC1091,SC2015,SC2086,SC2154,SC2317,SC2329
. "$KTAP_SH"
. "$LIO_SH"
. /test/upgrade.lib

ROUNDS=$(cat /test/rounds 2>/dev/null || echo 1)
OLD_PORTAL=127.0.0.1:3260
NEW_PORTAL=127.0.0.1:3261

served() {
	modprobe -a dm_multipath dm_round_robin && initiator && serve /dev/vda 0 $OLD_PORTAL && login $OLD_PORTAL && paths "$disk" || return
	path=$disk identity=$(identity "$disk") old_revision=$(revision "$disk")
	ktap_show "$identity"
}

# switch FROM TO TPGT NEW_TPGT PORTAL NEW_PORTAL: adds the new path, switches, and removes the old
# one.
switch() {
	upgrade -n open "$1" "$2" $IQN "$3" "$4" "$6" && upgrade open "$1" "$2" $IQN "$3" "$4" "$6" || return
	login "$6" && new_path=$disk || return
	is "$identity" "$(identity "$new_path")" || return
	paths "$path" "$new_path" || return
	written=$(sectors_written "$new_path")
	dmsetup message upgrade 0 switch_group 2 && written_since "$new_path" "$written" || return
	paths "$new_path" && logout "$5" && upgrade close "$1" $IQN "$3" && path=$new_path && fio_runs
}

# written_since DISK SECTORS: more than that is written to DISK at last. Now and then fio only reads
# for a while, to verify.
written_since() {
	while [ "$(sectors_written "$1")" -eq "$2" ]; do
		usleep 100000
	done
}

there() {
	load_new && switch $OLD $NEW 1 2 $OLD_PORTAL $NEW_PORTAL && unload_old || return
	new_revision=$(revision "$path")
	ktap_show "revision in INQUIRY: $old_revision before, $new_revision now"
	is 5.1 "$new_revision"
}

back() {
	load_old && switch $NEW $OLD 2 1 $NEW_PORTAL $OLD_PORTAL && unload_new && is "$old_revision" "$(revision "$path")"
}

moved() {
	load_new && upgrade move $OLD $NEW $IQN 1 && unload_old && served_by 5.1 && sleep 2 && fio_runs
}

moved_back() {
	load_old && upgrade move $NEW $OLD $IQN 1 && unload_new && served_by "$old_revision" && sleep 2 && fio_runs
}

# fio_ended LIMIT: fio had no error. The device below was written no more than LIMIT sectors more
# than the multipath device: with 0, each write was done once.
fio_ended() {
	fio_runs && touch /tmp/stop || return
	wait $FIO
	status=$?
	[ $status -eq 0 ] && [ -z "$(cat /tmp/fio.log)" ] && grep -q '"error" : 0' /tmp/fio.json || {
		echo "fio ended with $status"
		cat /tmp/fio.log /tmp/fio.json
		return 1
	}
	above=$(($(sectors_written "$(multipath_device)") - above_before)) below=$(($(sectors_written vda) - below_before))
	ktap_show "fio: $(fio_value total_ios write) writes and $(fio_value total_ios read) reads, each verified, no error"
	ktap_show "longest stall: write $(($(fio_value max write lat_ns) / 1000000)) ms, read $(($(fio_value max read lat_ns) / 1000000)) ms"
	ktap_show "sectors written: $above to the multipath device, $below to the device below"
	[ $above -gt 0 ] && [ $below -ge $above ] && [ $((below - above)) -le "$1" ]
}

fio_begins() {
	above_before=$(sectors_written "$(multipath_device)") below_before=$(sectors_written vda)
	fio_starts
}

down() {
	dmsetup remove upgrade && logout $OLD_PORTAL && upgrade close $OLD $IQN 1 && unload_old && rmmod kimport_guard || return
	if grep -E '^(target_core|iscsi_target|rust_iblock)' /proc/modules; then return 1; fi
}

ktap_plan $((8 + 2 * ROUNDS))
ktap_test "a disk of the stock core, over iSCSI, below a multipath device" served
ktap_test "fio writes and verifies" fio_begins
for round in $(seq "$ROUNDS"); do
	ktap_test "round $round: to the changed core; the stock core is unloaded" there
	ktap_test "round $round: and back; the changed core is unloaded" back
done
ktap_test "fio ends without an error, and each write was done once" fio_ended 0
ktap_test "fio writes and verifies" fio_begins
ktap_test "the target moves to the changed core, with its portal" moved
ktap_test "and back" moved_back
# At most the commands that were under way are sent again after each move, 4 of 8 sectors.
ktap_test "fio ends without an error" fio_ended 64
ktap_test "all is taken down" down
ktap_finish
