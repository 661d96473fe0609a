#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Modules that share the engine: they import what and as they say, as if each had a copy of the
# crate.
#
# kimport-vm: needs kernel-crate
# kimport-vm: module samples/hello_import/hello_import
# kimport-vm: module tests/modules/imports/kimport_test_provider tests/modules/imports/import_cases
# kimport-vm: module tests/modules/lifetime/kimport_side_a tests/modules/lifetime/kimport_side_b
# kimport-vm: module tests/modules/lifetime/lifetime_interrupts
# kimport-vm: module tests/modules/lifetime/lifetime_load
# kimport-vm: module tests/modules/lifetime/lifetime_rebind tests/modules/lifetime/lifetime_late
# kimport-vm: file $KIMPORT_BUILD/rust/engine/kimport_engine.ko:/test/kimport_engine.ko
# shellcheck shell=dash disable=SC1090
. "$KTAP_SH"

ENGINE=/test/kimport_engine.ko
PROVIDER=kimport_test_provider
A=kimport_side_a
B=kimport_side_b
DEBUGFS=/sys/kernel/debug/kimport

# The loader names what the module lacks: symbols whose names tell the version of the engine.
without_engine() {
	load $PROVIDER || return
	log_mark
	if load import_cases case=0; then return 1; fi
	log_since | grep "import_cases: Unknown symbol _R.*7kimport"
}

engine_loads() {
	log_mark
	insmod $ENGINE && ! log_since | grep kimport_engine: | grep -v "loading out-of-tree module\|module verification failed"
}

# lists MODULE REGEX: the module's file in debugfs has such a line.
lists() {
	cat "$DEBUGFS/$1"
	grep -q "^$2 " "$DEBUGFS/$1"
}

# Two modules hold the engine, and each has its own imports, holders and file. hello_import has a
# copy of the crate.
two_modules() {
	load $A && load import_cases case=0 && load lifetime_load case=0 && load hello_import || return
	lists import_cases "provider provider_add provider_add $PROVIDER" && lists lifetime_load "first side_id side_id $A" || return
	if grep -q side_id $DEBUGFS/import_cases || grep -q provider_add $DEBUGFS/lifetime_load; then return 1; fi
	lists hello_import "kernel_image nr_processes nr_processes vmlinux" || return
	[ -e "/sys/module/$PROVIDER/holders/import_cases" ] && [ -e "/sys/module/$A/holders/lifetime_load" ] || return
	[ ! -e "/sys/module/$A/holders/import_cases" ] && [ ! -e "/sys/module/$A/holders/kimport_engine" ] || return
	(cd /sys/module/kimport_engine/holders && echo ./*) >holders
	[ "$(cat holders)" = "./import_cases ./lifetime_load" ] || return
	if rmmod kimport_engine || rmmod $A || rmmod $PROVIDER; then return 1; fi
}

# One goes, and the other stays as it was.
one_goes() {
	rmmod import_cases || return
	[ ! -e $DEBUGFS/import_cases ] && lists lifetime_load "first side_id side_id $A" || return
	[ "$(references $PROVIDER)" -eq 0 ] && [ -e "/sys/module/$A/holders/lifetime_load" ]
}

# A module gives back what it holds although another one goes on.
other_goes() {
	load import_cases case=0 && rmmod lifetime_load || return
	[ "$(references $A)" -eq 0 ] && [ -z "$(ls "/sys/module/$A/holders")" ] || return
	lists import_cases "provider provider_add provider_add $PROVIDER" && rmmod import_cases hello_import
}

# A refusal names the importing module, not the engine.
refused() {
	log_mark
	if load lifetime_load case=0 2>message; then return 1; fi
	cat message
	log_since | grep "^lifetime_load: kimport: cannot import block first from $A: provider is not loaded; "
}

refusals() {
	rmmod $A && refused && load $A
}

# loads MODULE CASE: loads and unloads the module many times.
loads() {
	for _ in $(seq 20); do
		load "$1" "case=$2" && rmmod "$1" || return
	done
}

# Modules are loaded and unloaded at the same time.
at_once() {
	loads import_cases 0 &
	first=$!
	loads lifetime_load 0 &
	second=$!
	result=0
	wait "$first" || result=1
	wait "$second" || result=1
	[ "$(references $PROVIDER)" -eq 0 ] && [ "$(references $A)" -eq 0 ] && return $result
}

# held_by MODULE...: these modules hold the first provider, and no other.
held_by() {
	(cd "/sys/module/$A/holders" && echo ./*) >holders
	cat holders
	[ "$(cat holders)" = "$(printf './%s\n' "$@" | paste -sd ' ')" ] || return
	if rmmod $A; then return 1; fi
}

# Each of two modules holds the same provider, until it goes itself.
one_provider() {
	load lifetime_interrupts && load $B && load lifetime_load case=0 && load lifetime_rebind moves=2 || return
	held_by lifetime_load lifetime_rebind || return
	rmmod lifetime_load && held_by lifetime_rebind || return
	load lifetime_load case=0 && rmmod lifetime_rebind && held_by lifetime_load || return
	rmmod lifetime_load && [ "$(references $A)" -eq 0 ] && [ -z "$(ls "/sys/module/$A/holders")" ]
}

rebinds() {
	log_mark
	load lifetime_rebind moves=21 && rmmod lifetime_rebind lifetime_interrupts || return
	log_since | grep "lifetime_rebind: "
	[ "$(references $A)" -eq 0 ] && [ "$(references $B)" -eq 0 ]
}

late() {
	rmmod $A $B || return
	load lifetime_interrupts && load lifetime_late || return
	log_mark
	load $A && log_since | grep "lifetime_late: live" && rmmod $A && log_since | grep "lifetime_late: going" || return
	rmmod lifetime_late lifetime_interrupts
}

# unloads: nothing is left of what the modules had.
unloads() {
	rmmod $PROVIDER && rmmod kimport_engine && [ -z "$(ls $DEBUGFS)" ]
}

ktap_plan 11
ktap_test "without the engine, the loader refuses a module" without_engine
ktap_test "the engine loads" engine_loads
ktap_test "two modules share it, and a third does not" two_modules
ktap_test "one of them goes" one_goes
ktap_test "the other one goes" other_goes
ktap_test "a refusal names the importing module" refusals
ktap_test "two modules come and go at the same time" at_once
ktap_test "two modules hold one provider" one_provider
ktap_test "a block moves to another provider while it is being called" rebinds
ktap_test "a late block is bound when its provider appears" late
ktap_test "all unload, and nothing is left" unloads
ktap_finish
