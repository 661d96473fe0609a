#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Runs libiscsi's tests of SCSI targets against the C driver and against samples/rust_iblock, each
# on the stock core and, behind the relinked iSCSI target, on the core that exports nothing. All
# four have the same result for each test, on three kinds of devices. `make check-conformance` runs
# all tests; here, a few families of them.
#
# kimport-vm: needs kernel-crate livepatch scsi_debug
# kimport-vm: root $DISKS_ROOT
# kimport-vm: module samples/lio_core_new/target_core_mod_new samples/rust_iblock/rust_iblock
# kimport-vm: module lio/iscsi_target_mod_new lio/target_core_iblock_new
# kimport-vm: stock target_core_iblock iscsi_target_mod null_blk brd sd_mod
# kimport-vm: program iscsi-test-cu
# shellcheck shell=dash disable=SC1090,SC2086,SC2317,SC2329
. "$KTAP_SH"
. "$LIO_SH"

IQN=iqn.2026-11.org.example:conformance
PORTAL=127.0.0.1:3260
NULLB=$LIO_CONFIGFS/nullb/data
# The quick ones. Those of CompareAndWrite, Verify and WriteSame take a minute for each of the 12
# runs.
QUICK='ExtendedCopy Inquiry Mandatory ModeSense6 ProutClear ProutPreempt ProutRegister ProutReserve
	ReadCapacity16 ReportSupportedOpcodes Unmap Write12'
FAMILIES=$(for family in $QUICK; do echo ALL.$family; done)
DEVICES='null_blk scsi_debug brd'
MUST_PASS=20
# `make check-conformance` names the devices, and may name families. Of Reserve6, the test Logout is
# left out: another initiator reserves the disk as soon as the LOGOUT is answered, when the iSCSI
# target may not have ended the session yet. With either driver, it depends on the machine's load.
if [ -e /test/devices ]; then
	FAMILIES=$(iscsi-test-cu --list | grep -e '^ALL\.[^.]*$' -e '^ALL\.Reserve6\.' |
		grep -vx -e ALL.Reserve6 -e ALL.Reserve6.Logout |
		while read -r test; do
			family=${test#ALL.}
			case " $(cat /test/families) " in
			"  " | *" ${family%%.*} "*) echo "$test" ;;
			esac
		done)
	DEVICES=$(cat /test/devices)
	! grep -q . /test/families || MUST_PASS=1
fi

# setup KIND: makes a block device of 64 MiB with empty blocks; sets LIO_DISK. teardown removes it.
setup() {
	case $1 in
	null_blk)
		modprobe null_blk nr_devices=0 && mkdir "$NULLB" || return
		for setting in memory_backed=1 size=64 blocksize=512 discard=1 cache_size=1 power=1; do
			lio_write "${setting#*=}" "$NULLB/${setting%%=*}" || return
		done
		LIO_DISK=/dev/data
		;;
	scsi_debug) lio_scsi_debug lbpu=1 lbpws=1 lbpws10=1 ;;
	brd) modprobe brd rd_nr=1 rd_size=65536 && LIO_DISK=/dev/ram0 ;;
	esac
	[ -b "$LIO_DISK" ]
}

teardown() {
	case $1 in
	null_blk) lio_write 0 "$NULLB/power" && rmdir "$NULLB" && rmmod null_blk ;;
	*) rmmod "$1" ;;
	esac
}

# outcomes FILE: prints the tests and what they found. Of a test that passes, only that: what it
# logs may depend on the machine's load.
outcomes() {
	awk '
		function flush() { if (test) print test; test = "" }
		function finish(word) { sub(/ \.\.\..*/, "", test); print test " ..." word; test = "" }
		/^ *Test: / {
			flush()
			test = $0
			if (test ~ /\.\.\.passed/) finish("passed")
			next
		}
		test && /^passed/ { finish(test ~ /\[SKIPPED\]/ ? "[SKIPPED]" : "passed"); next }
		/^ *Run Summary:/ { flush() }
		# The time differs, and so does the number of checks in tests of several commands at once.
		/^Elapsed time/ || /^ *asserts / || /^ *$/ { next }
		test { test = test "\n" $0; next }
		{ print }
		END { flush() }
	' "$1"
}

# run FAMILY: runs the tests of a family; leaves their outcomes in /tmp/output, and their status in
# $status. Some of them have limits for time. So a failure counts only if it comes three times the
# same.
run() {
	same=0
	: >/tmp/before
	for _ in 1 2 3 4 5 6 7 8 9; do
		# A test that hangs ends the run.
		timeout 600 iscsi-test-cu --dataloss --test="$1" "iscsi://$PORTAL/$IQN/0" >/tmp/all 2>&1
		status=$?
		outcomes /tmp/all >/tmp/output
		[ $status != 0 ] || break
		cmp -s /tmp/output /tmp/before && same=$((same + 1)) || same=0
		[ $same -lt 2 ] || break
		cp /tmp/output /tmp/before
	done
}

# results CORE KIND: prints one line for each test, and one for each assertion that fails.
results() {
	setup "$2" && lio_backstore_create "$1" iblock_0 disk "$LIO_DISK" serial || return
	for attribute in emulate_tpu emulate_tpws; do
		echo 1 2>/dev/null >"$LIO_CONFIGFS/$1/core/iblock_0/disk/attrib/$attribute"
	done
	lio_iscsi_attach "$1" $IQN iblock_0/disk $PORTAL || return
	for family in $FAMILIES; do
		# The tests take minutes, and the runner wants to hear something meanwhile.
		ktap_diag "$family"
		run "$family"
		echo "$family: status $status"
		cat /tmp/output
	done
	lio_iscsi_detach "$1" $IQN && lio_backstore_remove "$1" iblock_0 disk && teardown "$2"
}

# with DRIVER CORE KIND: the results with a driver that is loaded for this.
with() {
	case $1 in
	target_core_iblock) modprobe target_core_iblock ;;
	rust_iblock) load rust_iblock provider="$([ "$2" = target ] && echo target_core_mod || echo target_core_mod_new)" ;;
	*) load "$1" ;;
	esac || return
	results "$2" "$3" && rmmod "$1"
}

conforms() {
	number=0
	pairs='target_core_iblock:target rust_iblock:target target_core_iblock_new:target_new rust_iblock:target_new'
	for pair in $pairs; do
		number=$((number + 1))
		with "${pair%:*}" "${pair#*:}" "$1" >/tmp/results.$number || {
			cat /tmp/results.$number
			return 1
		}
	done
	grep '^ *Test: ' /tmp/results.1 >/tmp/tests
	passed=$(grep -c '\.\.\.passed$' /tmp/tests)
	ktap_show "$1: $(grep -c . /tmp/tests) tests, with the C driver $passed pass, $(grep -c SKIPPED /tmp/tests) do not apply," \
		"and these say:"
	grep -v -e '\.\.\.passed$' -e SKIPPED /tmp/tests | while IFS= read -r line; do ktap_show "$line"; done
	[ "$passed" -ge $MUST_PASS ] || {
		cat /tmp/results.1
		return 1
	}
	number=0
	result=0
	for pair in $pairs; do
		number=$((number + 1))
		diff -U 3 -L "${pairs%% *}" -L "$pair" /tmp/results.1 /tmp/results.$number || result=1
	done
	return $result
}

cores() {
	# The cores keep registrations there.
	mkdir -p /var/target/pr /etc/target/pr && modprobe -a sd_mod target_core_mod iscsi_target_mod && load target_core_mod_new && load iscsi_target_mod_new
}

ktap_plan $((2 + $(echo $DEVICES | wc -w)))
ktap_test "both cores are loaded, and their iSCSI targets" cores
for device in $DEVICES; do
	ktap_test "$device: C and Rust, both cores" conforms "$device"
done
ktap_test "the kernel log has no warning" quiet_log
ktap_finish
