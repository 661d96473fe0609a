#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Tests that rust_iblock notices when a struct has changed inside of the core that it imports from:
# each core of tests/host/build-changed-cores has one change in `struct se_cmd`, to which the
# imported functions have a pointer, or in `struct se_hba`, to which a struct that they have a
# pointer to has one. So does kimport_guard for Debian's tcm_loop, relinked to that core.
#
# kimport-vm: needs kernel-crate livepatch
# kimport-vm: module samples/lio_core_new/target_core_mod_new samples/rust_iblock/rust_iblock
# kimport-vm: module changed/* rust/guard/kimport_guard
# kimport-vm: livepatch tcm_loop_new
# kimport-vm: stock target_core_mod scsi_mod
# shellcheck shell=dash disable=SC1090,SC2317,SC2329
. "$KTAP_SH"

CORE=target_core_mod_new
LABEL="in $CORE"

# The module that imports from the core.
USER=rust_iblock

load() {
	case $USER in
	rust_iblock) insmod "$TEST_MODULES/$USER.ko" provider=$CORE ;;
	*) insmod "$TEST_MODULES/$USER.ko" ;;
	esac
}

# with_core FILE COMMAND...: runs the command while that core is loaded.
with_core() {
	insmod "$TEST_MODULES/$1.ko" || return
	shift
	"$@"
	result=$?
	rmmod $CORE || {
		echo "a reference was left on the core"
		return 1
	}
	return $result
}

# refused SYMBOL TEXT: the module is refused, and the line of the symbol says so. So are all symbols
# that lead to the struct, and only these.
refused() {
	log_mark
	message=$(load 2>&1) && {
		echo "the load succeeded"
		rmmod $USER
		return 1
	}
	log_since | grep "^$USER: kimport: "
	has "$message" "Protocol wrong type for socket" && has "$(log_since)" \
		"$USER: kimport: cannot import $1 from $CORE: $2" &&
		[ "$(cat /sys/module/$CORE/refcnt)" -eq 0 ]
}

# accepted TEXT: the module is loaded, with a warning if there is a text.
accepted() {
	log_mark
	load && rmmod $USER || return
	log_since | grep "^$USER: kimport: "
	if [ -n "$1" ]; then
		has "$(log_since)" "$USER: kimport: $1"
	else
		! log_since | grep -q "^$USER: kimport: .*struct"
	fi
}

# changed FILE SYMBOL TEXT
changed() {
	file=core_$1
	with_core "$file" refused "$2" "$3"
}

# unguarded FILE: without the guard, the core is accepted as it is.
unguarded() {
	with_core "$1" accepted ""
}

modprobe -a target_core_mod scsi_mod
# A suite before this one may have left it.
if [ -d /sys/module/kimport_guard ]; then rmmod kimport_guard; fi

ktap_plan 22
ktap_test "the core that did not change is accepted" with_core $CORE accepted ""
ktap_test "a member inserted into se_cmd" changed se_cmd_insert target_complete_cmd \
	"struct se_cmd: member map_cpu is at byte 48 $LABEL, at byte 40 in rust_iblock"
ktap_test "a member removed from se_cmd" changed se_cmd_remove target_complete_cmd \
	"struct se_cmd: member t_state is at byte 40 $LABEL, at byte 44 in rust_iblock"
ktap_test "a member moved in se_cmd" changed se_cmd_move target_complete_cmd \
	"struct se_cmd: member t_state is at byte 40 $LABEL, at byte 44 in rust_iblock"
ktap_test "a member resized in se_cmd" changed se_cmd_resize target_complete_cmd \
	"struct se_cmd: member map_cpu has 8 bytes $LABEL, 4 bytes in rust_iblock"
ktap_test "a member inserted into se_hba" changed se_hba_insert sbc_get_device_type \
	"struct se_hba: member hba_id is at byte 16 $LABEL, at byte 4 in rust_iblock"
ktap_test "a member removed from se_hba" changed se_hba_remove sbc_get_device_type \
	"struct se_hba: member hba_id is at byte 0 $LABEL, at byte 4 in rust_iblock"
ktap_test "a member moved in se_hba" changed se_hba_move sbc_get_device_type \
	"struct se_hba: member hba_id is at byte 0 $LABEL, at byte 4 in rust_iblock"
ktap_test "a member resized in se_hba" changed se_hba_resize sbc_get_device_type \
	"struct se_hba: member hba_tpgt has 4 bytes $LABEL, 2 bytes in rust_iblock"
ktap_test "a member renamed in se_cmd is told" with_core core_se_cmd_rename accepted \
	"target_complete_cmd from $CORE: struct se_cmd: the member of rust_iblock at byte 40 is called cpu_of_map $LABEL"
ktap_test "a member in the padding of se_hba is accepted" with_core core_se_hba_fill accepted ""

USER=tcm_loop_new
ktap_test "relinked, without the guard: nobody compares" unguarded core_se_cmd_insert
ktap_test "the guard is loaded" insmod "$TEST_MODULES/kimport_guard.ko"
ktap_test "relinked: the core that did not change is accepted" with_core $CORE accepted ""
ktap_test "relinked: a member inserted into se_cmd" changed se_cmd_insert target_submit \
	"struct se_cmd: member map_cpu is at byte 48 $LABEL, at byte 40 in $USER"
ktap_test "relinked: a member removed from se_cmd" changed se_cmd_remove target_submit \
	"struct se_cmd: member t_state is at byte 40 $LABEL, at byte 44 in $USER"
ktap_test "relinked: a member moved in se_cmd" changed se_cmd_move target_submit \
	"struct se_cmd: member t_state is at byte 40 $LABEL, at byte 44 in $USER"
ktap_test "relinked: a member resized in se_cmd" changed se_cmd_resize target_submit \
	"struct se_cmd: member map_cpu has 8 bytes $LABEL, 4 bytes in $USER"
ktap_test "relinked: a member inserted into se_hba" changed se_hba_insert target_submit \
	"struct se_hba: member hba_id is at byte 16 $LABEL, at byte 4 in $USER"
ktap_test "relinked: a member removed from se_hba" changed se_hba_remove target_submit \
	"struct se_hba: member hba_id is at byte 0 $LABEL, at byte 4 in $USER"
ktap_test "relinked: a member moved in se_hba" changed se_hba_move target_submit \
	"struct se_hba: member hba_id is at byte 0 $LABEL, at byte 4 in $USER"
ktap_test "relinked: a member resized in se_hba" changed se_hba_resize target_submit \
	"struct se_hba: member hba_tpgt has 4 bytes $LABEL, 2 bytes in $USER"
ktap_finish
