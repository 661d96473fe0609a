#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# kimport_guard: holds the providers of relinked modules, and refuses modules whose symbols are not
# those that they were made for. The modules are that of tests/modules/guard, and Debian's tcm_loop
# relinked to a second LIO core.
#
# kimport-vm: needs livepatch rust
# kimport-vm: module rust/guard/kimport_guard tests/modules/imports/kimport_test_provider
# kimport-vm: module guarded guarded_second guarded_unbound guarded_unreadable provider_upgraded
# kimport-vm: module tests/modules/relink/relink_plain
# kimport-vm: module samples/lio_core_new/target_core_mod_new tcm_loop_new
# kimport-vm: stock dummy scsi_mod target_core_mod
# kimport-vm: program depmod
# shellcheck shell=dash disable=SC1090
. "$KTAP_SH"

GUARD=kimport_guard
PROVIDER=kimport_test_provider
CORE=target_core_mod_new
# The seconds for which modules are loaded and unloaded.
SECONDS_OF_LOOPS=12

# held PROVIDER HOLDER: HOLDER is shown in the holders/ of the provider, which has one reference and
# cannot be unloaded, not even by force; nor can the guard.
held() {
	[ "$(readlink -f "/sys/module/$1/holders/$2")" = "/sys/module/$2" ] || {
		echo "no link to $2 in the holders/ of $1"
		return 1
	}
	is 1 "$(references "$1")" || return
	if rmmod "$1"; then return 1; fi
	if rmmod -f "$1"; then return 1; fi
	if rmmod $GUARD; then return 1; fi
	[ "$(references $GUARD)" -gt 0 ]
}

# free PROVIDER: nobody holds it.
free() {
	is "" "$(ls -A "/sys/module/$1/holders")" && is 0 "$(references "$1")" || return
	[ ! -d /sys/module/$GUARD ] || is 0 "$(references $GUARD)"
}

without_guard() {
	load $PROVIDER && load guarded && free $PROVIDER
}

taken_late() {
	log_mark
	load $GUARD || return
	if log_since | grep kimport; then return 1; fi
	held $PROVIDER guarded
}

released() {
	rmmod guarded && free $PROVIDER
}

# The provider can be held again, and by two modules.
guarded() {
	log_mark
	load guarded && held $PROVIDER guarded || return
	log_since | grep -F "guard_user: 42 42, per-CPU some, processes" || return
	load guarded_second && is 2 "$(references $PROVIDER)" && is 2 "$(references $GUARD)" || return
	rmmod guarded && held $PROVIDER guarded_second && rmmod guarded_second && free $PROVIDER
}

init_fails() {
	if message=$(load guarded error=5 2>&1); then return 1; fi
	has "$message" "Input/output error" && free $PROVIDER
}

# refused MODULE ERROR LINES: the load fails with the error, and the log has one line for each line
# of the regular expressions.
refused() {
	log_mark
	if message=$(load "$1" 2>&1); then
		rmmod "$1"
		return 1
	fi
	log_since | grep "^$1: "
	has "$message" "$2" && free $PROVIDER || return
	for regex in "$3" ${4+"$4"} ${5+"$5"}; do
		matches "$(log_since)" "^$1: kimport: $regex" || return
	done
}

# A module without records is none of the guard's business.
other_module() {
	modprobe dummy && is 0 "$(references $GUARD)" && rmmod dummy
}

# wait_for MODULE STATE: waits until the module is in that state.
wait_for() {
	until [ "$(cat "/sys/module/$1/initstate" 2>/dev/null)" = "$2" ]; do
		usleep 20000
	done
}

# Until the init of the module has ended, the guard is recorded as the user of the provider.
not_forced_in_init() {
	load guarded hold_init=1 &
	pid=$!
	wait_for guarded coming
	grep "^$PROVIDER " /proc/modules
	if rmmod -f $PROVIDER; then return 1; fi
	echo 0 >/sys/module/guarded/parameters/hold_init
	wait $pid && held $PROVIDER guarded && rmmod guarded && free $PROVIDER || return
	grep "^$PROVIDER .* 0 - Live" /proc/modules
}

in_init() {
	load $PROVIDER hold_init=1 &
	pid=$!
	wait_for $PROVIDER coming
	log_mark
	if message=$(load guarded 2>&1); then return 1; fi
	log_since | grep "^guarded: "
	echo 0 >/sys/module/$PROVIDER/parameters/hold_init
	wait $pid
	has "$message" "Resource temporarily unavailable" && free $PROVIDER || return
	matches "$(log_since)" "^guarded: kimport: cannot import symbols from $PROVIDER: provider is still in its init"
}

in_exit() {
	echo 1 >/sys/module/$PROVIDER/parameters/hold_exit
	rmmod $PROVIDER &
	pid=$!
	wait_for $PROVIDER going
	log_mark
	if message=$(load guarded 2>&1); then return 1; fi
	log_since | grep "^guarded: "
	echo 0 >/sys/module/$PROVIDER/parameters/hold_exit
	wait $pid
	has "$message" "Device or resource busy" || return
	matches "$(log_since)" "^guarded: kimport: cannot import symbols from $PROVIDER: provider is being unloaded"
}

# The kernel binds the module to one provider, and another one is loaded before the guard. Another
# module takes the memory that becomes free. The module must not use the provider any more.
moved() {
	rmmod $GUARD && load guarded leave=1 && rmmod $PROVIDER && load relink_plain && load $PROVIDER || return
	log_mark
	load $GUARD || return
	log_since | grep "^guarded: "
	matches "$(log_since)" "^guarded: kimport: cannot import provider_[a-z]+ from $PROVIDER: the kernel bound it to 0x[0-9a-f]+ when it loaded this module, but it is at 0x" &&
		matches "$(log_since)" "^guarded: kimport: this module was loaded before $GUARD and stays, but its providers are not held" || return
	free $PROVIDER && rmmod guarded && rmmod relink_plain && free $PROVIDER
}

absent() {
	rmmod $PROVIDER || return
	log_mark
	if load guarded; then return 1; fi
	log_since | grep "livepatch: symbol 'provider_[a-z]*' not found in symbol table"
}

other_prototype() {
	load provider_upgraded || return
	refused guarded "Protocol wrong type for socket" \
		"cannot import provider_add from $PROVIDER: prototype differs" \
		"  declared:  s32 provider_add\(s32, s32\)" \
		"  kernel:    long( int)? provider_add\(int, long( int)?\)" || return
	rmmod $PROVIDER
}

# loop COUNTER COMMAND...: runs COMMAND until /tmp/stop exists. Counts how often it succeeds.
loop() {
	counter=$1
	shift
	succeeded=0
	until [ -e /tmp/stop ]; do
		if "$@" 2>/dev/null; then succeeded=$((succeeded + 1)); fi
		echo $succeeded >"/tmp/$counter"
	done
}

# loops MODULE...: loads and unloads all the modules at once, for some seconds, and until each one
# was unloaded.
loops() {
	rm -f /tmp/stop /tmp/*_unloaded
	pids=
	for module in "$@"; do
		loop "${module}_loaded" load "$module" &
		pids="$pids $!"
		loop "${module}_unloaded" rmmod "$module" &
		pids="$pids $!"
	done
	sleep $SECONDS_OF_LOOPS
	for module in "$@"; do
		until grep -q "[1-9]" "/tmp/${module}_unloaded"; do sleep 0.1; done
	done
	touch /tmp/stop
	# shellcheck disable=SC2086
	wait $pids
	for module in "$@"; do
		echo "$module: loaded $(cat "/tmp/${module}_loaded") times, unloaded $(cat "/tmp/${module}_unloaded") times"
	done
	rmmod guarded guarded_second
	[ -d /sys/module/$PROVIDER ] || load $PROVIDER || return
	[ -d /sys/module/$GUARD ] || load $GUARD || return
	free $PROVIDER
}

install() {
	INSTALLED=/lib/modules/$(uname -r)/extra
	mkdir -p "$INSTALLED" && cd "$TEST_MODULES" && cp $GUARD.ko $CORE.ko tcm_loop_new.ko "$INSTALLED" && depmod
}

front_end() {
	rmmod $GUARD || return
	log_mark
	modprobe tcm_loop_new || return
	log_since | grep kimport: && return 1
	held $CORE tcm_loop_new
}

front_end_gone() {
	rmmod tcm_loop_new && free $CORE && rmmod $CORE
}

front_end_alone() {
	rmmod $GUARD && load $CORE && load tcm_loop_new && free $CORE && rmmod tcm_loop_new && rmmod $CORE
}

ktap_plan 22
ktap_test "without the guard nothing holds the provider" without_guard
ktap_test "the guard, loaded later, holds the provider" taken_late
ktap_test "the provider is free when the module is gone" released
ktap_test "the guard holds the provider of a module that is loaded now, and of two" guarded
ktap_test "a failed init gives everything back" init_fails
ktap_test "the provider is not unloaded by force during the module's init" not_forced_in_init
ktap_test "a module that is not relinked" other_module
ktap_test "an address that is not the provider's is refused" \
	refused guarded_unbound "Remote address changed" \
	"cannot import provider_add from $PROVIDER: the kernel bound it to 0x0+ when it loaded this module, but it is at 0x" \
	"cannot import provider_percpu from $PROVIDER: the kernel bound it to 0x0+ " \
	"cannot import nr_processes from the kernel image: the kernel bound it to 0x0+ "
ktap_test "records that cannot be read are refused" \
	refused guarded_unreadable "Invalid module format" "the records of kimport relink cannot be read: version 9; "
ktap_test "a module whose provider was loaded anew stays, and is not held" moved
ktap_test "a provider in its exit is refused" in_exit
ktap_test "a provider in its init is refused" in_init
ktap_test "an absent provider" absent
ktap_test "another prototype is refused" other_prototype
ktap_test "the provider loads again" load $PROVIDER
ktap_test "modules and their provider come and go at the same time" loops $PROVIDER guarded guarded_second
ktap_test "modules and the guard come and go at the same time" loops $GUARD guarded guarded_second
ktap_test "a front end of LIO is installed" install
ktap_test "modprobe loads the guard before it, which holds the new core" front_end
ktap_test "the new core is free when the front end is gone" front_end_gone
ktap_test "without the guard nothing holds the new core" front_end_alone
ktap_test "the kernel log has no warning" quiet_log
ktap_finish
