#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Indirect branch tracking (IBT): QEMU's TCG does not have it, so the code of loaded modules is
# read. No wrapper reaches its import by an indirect branch. Those of the pointer binder do, which
# shows that the test would see one.
#
# kimport-vm: needs kernel-crate
# kimport-vm: file $KIMPORT_GUEST_TOOLS/branches:/test/branches
# kimport-vm: file $KIMPORT_BUILD/ibt/sealed:/test/sealed
# kimport-vm: file $KIMPORT_BUILD/tests/modules/cost/cost_many.ko:/test/cost_many.ko
# kimport-vm: file $KIMPORT_BUILD/bench-shared/cost_many.ko:/test/shared/cost_many.ko
# kimport-vm: file $KIMPORT_BUILD/ibt-pointer/cost_many.ko:/test/pointer/cost_many.ko
# kimport-vm: file $KIMPORT_BUILD/rust/engine/kimport_engine.ko:/test/kimport_engine.ko
# shellcheck shell=dash disable=SC1090
. "$KTAP_SH"

# branches FILE EXPECTED: loads the module, and compares the line that sums up its branches.
branches() {
	insmod "$1" || return
	/test/branches check cost_many /test/sealed >said
	result=$?
	cat said
	rmmod cost_many && grep -q "^cost_many: 45 imports, 45 wrappers, $2" said && return $result
}

direct() {
	branches /test/cost_many.ko "45 direct, 0 indirect; "
}

# There is no code in the module other than the wrappers and the exit, so it has no indirect branch
# at all.
shared() {
	insmod /test/kimport_engine.ko && branches /test/shared/cost_many.ko "45 direct, 0 indirect; elsewhere 0 " && rmmod kimport_engine
}

pointer() {
	branches /test/pointer/cost_many.ko "0 direct, 45 indirect; "
	[ $? -eq 1 ]
}

# The functions that the pointer binder could not call.
refused() {
	grep -E "^(sealed|without ENDBR): " said >refused || return
	while read -r line; do ktap_show "$line"; done <refused
	grep -q "^sealed: few::" refused
}

ktap_plan 4
ktap_test "every wrapper reaches its import by direct branches" direct
ktap_test "and a module that shares the engine has no indirect branch" shared
ktap_test "the wrappers of the pointer binder are indirect" pointer
ktap_test "functions that IBT does not let a pointer binder call" refused
ktap_finish
