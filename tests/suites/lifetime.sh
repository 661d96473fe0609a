#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The lifetime of providers: the modules that hold them, and providers that are requested, exchanged
# and bound late. The cases are those of tests/modules/lifetime. The providers warn if they are
# unloaded while a call is inside.
#
# kimport-vm: needs rust
# kimport-vm: module tests/modules/imports/kimport_test_provider
# kimport-vm: module tests/modules/lifetime/kimport_side_a tests/modules/lifetime/kimport_side_b
# kimport-vm: module tests/modules/lifetime/kimport_side_c
# kimport-vm: module tests/modules/lifetime/lifetime_interrupts
# kimport-vm: module tests/modules/lifetime/lifetime_load tests/modules/lifetime/lifetime_linked
# kimport-vm: module tests/modules/lifetime/lifetime_rebind tests/modules/lifetime/lifetime_late
# kimport-vm: stock dummy
# kimport-vm: program depmod chrt
# kimport-vm: one-thread
# shellcheck shell=dash disable=SC1090
. "$KTAP_SH"

A=kimport_side_a
B=kimport_side_b
# This provider has other prototypes.
C=kimport_side_c
DEBUGFS=/sys/kernel/debug/kimport

# held PROVIDER HOLDER REFERENCES: HOLDER is in the holders/ of the provider, which has that many
# references and cannot be unloaded.
held() {
	[ "$(readlink -f "/sys/module/$1/holders/$2")" = "/sys/module/$2" ] || {
		echo "no link to $2 in the holders/ of $1"
		return 1
	}
	[ "$(references "$1")" -eq "$3" ] || return
	if rmmod "$1"; then return 1; fi
}

# not_forced TAINTED: the kernel refuses to unload a provider that is held by force, which does not
# taint it.
not_forced() {
	load lifetime_load case=0 || return
	grep "^$A " /proc/modules
	if rmmod -f $A; then return 1; fi
	held $A lifetime_load 2 || return
	rmmod lifetime_load || return
	grep "^$A .* 0 - " /proc/modules || return
	[ "$(cat /proc/sys/kernel/tainted)" = "$1" ]
}

# free PROVIDER: nobody holds it.
free() {
	ls -l "/sys/module/$1/holders"
	[ -z "$(ls -A "/sys/module/$1/holders")" ] && [ "$(references "$1")" -eq 0 ]
}

# holds CASE REFERENCES: the provider has that many references after case CASE, and none after the
# module is unloaded.
holds() {
	load lifetime_load "case=$1" || return
	held $A lifetime_load "$2" || return
	rmmod lifetime_load || return
	free $A
}

# gives_back CASE: nothing is held any more at the end of case CASE.
gives_back() {
	load lifetime_load "case=$1" || return
	free $A || return
	rmmod lifetime_load
}

half_resolved() {
	if load lifetime_load case=5; then return 1; fi
	free $A
}

# If a module also links against the provider, the loader makes the link in holders/, and kimport
# must leave it alone.
links_and_imports() {
	load lifetime_linked || return
	held $A lifetime_linked 1 || return
	rmmod lifetime_linked || return
	free $A
}

# Installs the providers where modprobe finds them.
install_providers() {
	modules=/lib/modules/$(uname -r)
	mkdir -p "$modules/updates" || return
	cp "$TEST_MODULES/$A.ko" "$TEST_MODULES/$B.ko" "$modules/updates/" || return
	depmod -a && modinfo -n $B
}

# requests CASE PROVIDER: the case loads the provider and holds it.
requests() {
	log_mark
	! [ -e "/sys/module/$2" ] || return
	load lifetime_load "case=$1" || return
	log_since | grep kimport:
	held "$2" lifetime_load 1 || return
	rmmod lifetime_load || return
	free "$2" || return
	rmmod "$2"
}

stock_address() {
	log_mark
	requests 8 dummy || return
	log_since | grep -q "lifetime_load: dummy_setup at 0x[0-9a-f]* in dummy: "
}

# not_loaded CASE REGEX: the load ends with ENODEV, and kimport logs a line that matches.
not_loaded() {
	log_mark
	message=$(load lifetime_load "case=$1" 2>&1) && return 1
	log_since | grep kimport:
	has "$message" "No such device" || return
	log_since | grep -qE "lifetime_load: kimport: cannot import block $2"
}

own_name() {
	log_mark
	if load lifetime_load case=10; then return 1; fi
	log_since | grep "kimport: cannot import block own from lifetime_load: provider is this module itself, "
}

# A block with #[autoload] waits for a provider that is in its init.
waits_for_init() {
	log_mark
	modules=/lib/modules/$(uname -r)
	cp "$TEST_MODULES/kimport_test_provider.ko" "$modules/updates/" && depmod -a || return
	load kimport_test_provider hold_init=1 &
	provider=$!
	while ! [ -e /sys/module/kimport_test_provider/parameters/hold_init ]; do sleep 0.1; done
	load lifetime_load case=12 &
	importer=$!
	sleep 1
	[ "$(cat /sys/module/kimport_test_provider/initstate)" = coming ] || return
	kill -0 $importer || return
	echo 0 >/sys/module/kimport_test_provider/parameters/hold_init
	wait $provider && wait $importer || return
	rmmod lifetime_load && free kimport_test_provider && rmmod kimport_test_provider
}

all_or_nothing() {
	log_mark
	load $C && load lifetime_rebind || return
	log_since | grep -A 3 "cannot import side_sleep from $C: prototype differs" || return
	held $A lifetime_rebind 1 || return
	# The verdicts on the other providers' types do not change those on this one's.
	cat $DEBUGFS/lifetime_rebind
	[ "$(grep -c "^side .* $A .* yes$" $DEBUGFS/lifetime_rebind)" -eq 4 ] || return
	free kimport_test_provider || return
	free $C && rmmod $C || return
	rmmod lifetime_rebind || return
	free $A
}

# A move and the end of the imports wait for a call that is inside for 2 s.
sleepers() {
	load lifetime_rebind sleep_ms=2000 || return
	free $A && free $B || return
	rmmod lifetime_rebind
}

# under_load PARAMETER: threads take all the time of a CPU while the module loads. So the task that
# loads it gets a higher priority, and does not wait long for RCU.
under_load() {
	log_mark
	echo 1 >/sys/kernel/rcu_expedited
	chrt -f 1 insmod "$TEST_MODULES/lifetime_rebind.ko" "$1"
	status=$?
	echo 0 >/sys/kernel/rcu_expedited
	log_since | grep lifetime_rebind:
	return $status
}

# The imports end while threads call an optional function.
ends() {
	under_load ends=200 || return
	free $A || return
	rmmod lifetime_rebind
}

# The block is bound to the second provider now, and threads still call through it.
old_one_unloads() {
	free $A || return
	held $B lifetime_rebind 1 || return
	rmmod $A || return
	sleep 1
	load $A
}

rebind_unloads() {
	rmmod lifetime_rebind || return
	free $A && free $B
}

# seen REGEX COUNT: the late module logged that many lines that match.
seen() {
	log_since | grep lifetime_late:
	if log_since | grep "lifetime_late: wrong:"; then return 1; fi
	[ "$(log_since | grep -cE "lifetime_late: $1")" -eq "$2" ]
}

late_before() {
	log_mark
	load lifetime_late || return
	seen "before: None, bound: false" 1
}

late_appears() {
	log_mark
	load $A || return
	seen "live: Some\(1\) None" 1 || return
	# The provider is not held.
	free $A
}

late_goes() {
	log_mark
	rmmod $A || return
	seen "going: None" 1
}

# The block is not bound if the provider's init fails, or if the provider lacks a symbol, which is
# logged.
late_refused() {
	log_mark
	if load kimport_test_provider fail_init=1; then return 1; fi
	if log_since | grep "lifetime_late:"; then return 1; fi
	load kimport_test_provider || return
	rmmod kimport_test_provider || return
	seen "kimport: cannot import side_id from kimport_test_provider: kallsyms has no such symbol" 1 &&
		seen "kimport: cannot import provider_init_only from kimport_test_provider: .* it was in __init memory" 1
}

# When the provider goes live, its symbol table still has the symbols of its init. They do not
# change the result.
late_counts_as_later() {
	log_mark
	load lifetime_late || return
	load kimport_test_provider || return
	rmmod kimport_test_provider || return
	seen "phases: Some\(2\) Some\(3\) Some\(2\) None" 1 || return
	log_mark
	load kimport_test_provider || return
	rmmod lifetime_late && load lifetime_late || return
	seen "phases: Some\(2\) Some\(3\) Some\(2\) None" 2 || return
	rmmod kimport_test_provider && rmmod lifetime_late
}

# While the provider is in its exit, the block is not bound to it.
late_in_exit() {
	load $A hold_exit=1 || return
	rmmod $A &
	pid=$!
	while ! grep -q "^$A .* Unloading" /proc/modules; do sleep 0.1; done
	log_mark
	rmmod lifetime_late || return
	load lifetime_late || return
	result=0
	seen "before: None, bound: false" 1 || result=1
	echo 0 >/sys/module/$A/parameters/hold_exit
	wait $pid && [ $result -eq 0 ] && rmmod lifetime_late
}

late_already_there() {
	load $A || return
	log_mark
	load lifetime_late || return
	seen "live: Some\(1\) None" 1 || return
	seen "before: None, bound: true" 1 || return
	rmmod lifetime_late || return
	# The module gets no event when the block itself is dropped.
	seen "going: " 0 || return
	seen "after: None" 1 || return
	free $A && rmmod $A
}

# unload_busy: unloads a provider that is called without pause. This succeeds at a moment at which
# no call is inside.
unload_busy() {
	until rmmod $A 2>/dev/null; do :; done
}

late_busy() {
	log_mark
	load lifetime_late threads=3 || return
	for _ in $(seq 4); do
		load $A || return
		unload_busy || return
	done
	load $A || return
	rmmod lifetime_late || return
	seen "live: Some\(1\) None" 5 || return
	seen "going: None" 4 || return
	seen "calls: [1-9][0-9]* some, [1-9][0-9]* none, 0 wrong" 3 || return
	free $A && rmmod $A
}

# enter: loads the provider and the late module, and waits until a call is inside.
enter() {
	load $A hold_sleep=1 && load lifetime_late sleep_ms=1 || return
	until [ "$(references $A)" -eq 1 ]; do sleep 0.1; done
}

# drop: unloads the late module, which waits for the call that is inside. Sets pid.
drop() {
	rmmod lifetime_late &
	pid=$!
	until grep -q "^lifetime_late .* Unloading" /proc/modules; do sleep 0.1; done
}

# leave: the call ends, and the late module is unloaded.
leave() {
	echo 0 >/sys/module/$A/parameters/hold_sleep
	wait "$pid"
}

# Until a call that is inside ends, the provider cannot be unloaded, nor can the late module.
late_inside() {
	log_mark
	enter || return
	if rmmod $A; then return 1; fi
	seen "going: " 0 || return
	drop
	result=0
	[ "$(references $A)" -eq 1 ] || result=1
	leave && [ $result -eq 0 ] || return
	seen "calls: [1-9][0-9]* some, [0-9]* none, 0 wrong" 1 || return
	free $A && rmmod $A
}

# Dropping waits for the call that is inside, but this delays the unloading of no other module.
late_delays_no_other() {
	load $B && enter || return
	drop
	# The late module should wait by then.
	sleep 0.5
	result=0
	rmmod $B || result=1
	# The call is still inside.
	[ "$(references $A)" -eq 1 ] || result=1
	leave && [ $result -eq 0 ] && free $A && rmmod $A
}

load lifetime_interrupts
ktap_plan 38
ktap_test "the provider loads" load $A
ktap_test "two blocks of one module hold it: one link, two references" holds 0 2
ktap_test "it is not unloaded by force" not_forced "$(cat /proc/sys/kernel/tainted)"
ktap_test "one of two blocks is given back: the link stays" holds 1 1
ktap_test "both are given back: nothing is left" gives_back 2
ktap_test "failures while another block holds it" holds 3 1
ktap_test "a failure alone leaves nothing" gives_back 4
ktap_test "a module that fails with it leaves nothing" half_resolved
ktap_test "the loader's own link is left alone" links_and_imports
ktap_test "the provider unloads" rmmod $A
ktap_test "modprobe finds the providers" install_providers
ktap_test "a block without #[autoload] requests nothing" not_loaded 11 "first from $A: provider is not loaded; load it first"
ktap_test "#[autoload] loads the provider" requests 6 $B
ktap_test "and the one that is named at load time" requests 7 $A
ktap_test "and a module of the stock kernel" stock_address
ktap_test "#[autoload] of what modprobe does not find" not_loaded 9 \
	"absent from no_such_module: provider is not loaded, and modprobe ended with status 1; "
ktap_test "#[autoload] does not wait for itself" own_name
ktap_test "#[autoload] waits for a provider in its init" waits_for_init
ktap_test "both providers and another one load" eval "load $A && load $B && load kimport_test_provider"
ktap_test "rebind is all or nothing" all_or_nothing
ktap_test "a move and the end of the imports wait for who sleeps inside" sleepers
ktap_test "200 ends while threads call an optional function" ends
ktap_test "1001 moves while threads call through the block" under_load moves=1001
ktap_test "the old provider unloads while the threads go on" old_one_unloads
ktap_test "moved imports give everything back" rebind_unloads
ktap_test "the providers unload" rmmod $A $B kimport_test_provider
ktap_test "late: nothing is bound without a provider" late_before
ktap_test "late: bound when the provider appears, which is not held" late_appears
ktap_test "late: told when it goes" late_goes
ktap_test "late: and again" eval "late_appears && late_goes"
ktap_test "late: not bound when init failed or a symbol is missing" late_refused
ktap_test "late: not bound to a provider in its exit" late_in_exit
ktap_test "late: init symbols do not count when the provider goes live" late_counts_as_later
ktap_test "late: a provider that is already there" late_already_there
ktap_test "late: the provider comes and goes while threads call" late_busy
ktap_test "late: who is inside delays the end of both" late_inside
ktap_test "late: and of no other module" late_delays_no_other
ktap_test "no call is made in interrupts any more" rmmod lifetime_interrupts
ktap_finish
