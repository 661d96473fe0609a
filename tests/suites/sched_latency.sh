#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# samples/sched_latency sees the context switches that the kernel counts, and the time that tasks
# wait for a CPU. On a kernel whose tracepoint had other arguments it would not load.
#
# kimport-vm: needs kernel-crate
# kimport-vm: module samples/sched_latency/sched_latency
# kimport-vm: file $KIMPORT_GUEST_TOOLS/kimport:/usr/bin/kimport
# shellcheck shell=dash disable=SC1090,SC2004,SC2317,SC2329
. "$KTAP_SH"

# The processes of a pipe wake each other up.
work() {
	for _ in $(seq 20); do
		seq 2000 | tr 1 2 | sort | tail -n 1 >/dev/null
		usleep 10000
	done
}

# The kernel counts a switch just before the probe does, so it never counts fewer. It counts a few
# more while the probes are registered and unregistered.
counts() {
	log_mark
	load sched_latency && work && rmmod sched_latency || return
	log_since | grep "^sched_latency: " >/tmp/log
	while IFS= read -r line; do ktap_show "$line"; done </tmp/log
	# shellcheck disable=SC2046
	set -- $(sed -n 's/.*: \([0-9]*\) context switches, the kernel counts \([0-9]*\)$/\1 \2/p' /tmp/log)
	[ "$1" -ge 100 ] && [ "$1" -le "$2" ] && [ "$1" -ge $(($2 / 2)) ]
}

# The latencies are at most as many as the switches, and not all of them are the same.
latencies() {
	waited=$(sed -n 's/.*waited less than .*: //p' /tmp/log | paste -s -d +)
	switches=$(sed -n 's/.*: \([0-9]*\) context switches.*/\1/p' /tmp/log)
	[ $(($waited)) -gt 20 ] && [ $(($waited)) -le "$switches" ] && [ "$(grep -c waited /tmp/log)" -ge 2 ]
}

# While tasks switch all the time, nobody is left inside of a probe that goes.
again() {
	work &
	for _ in $(seq 10); do
		load_unload sched_latency || return
	done
	wait $!
}

# The arguments of the probes are compared with the kernel's own types.
arguments() {
	kimport check "$TEST_MODULES/sched_latency.ko" --kernel running >/tmp/check
	status=$?
	cat /tmp/check
	[ $status -eq 0 ] && grep -q "types as declared" /tmp/check && ! grep "unverified.*__traceiter" /tmp/check
}

ktap_plan 5
ktap_test "it counts the context switches" counts
ktap_test "and sees how long tasks wait" latencies
ktap_test "it comes and goes while tasks switch" again
ktap_test "the arguments of the probes are compared with the kernel" arguments
ktap_test "the kernel log has no warning" quiet_log
ktap_finish
