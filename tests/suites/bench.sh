#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Loads the module that measures, and passes its samples on: `# sample NAME COUNT TICKS`.
#
# kimport-vm: module tests/modules/bench/bench_provider_a tests/modules/bench/bench_provider_b
# kimport-vm: module tests/modules/bench/bench_provider_big
# kimport-vm: module tests/modules/bench/kimport_bench
# kimport-vm: file $KIMPORT_BUILD/bench-pointer/kimport_bench.ko:/test/pointer/kimport_bench.ko
# kimport-vm: file $KIMPORT_BUILD/bench-installed/cost_many.ko:/test/cost_many.ko
# kimport-vm: file $KIMPORT_BUILD/bench-installed/shared_cost_many.ko:/test/shared_cost_many.ko
# kimport-vm: file $KIMPORT_BUILD/bench-installed/kimport_engine.ko:/test/kimport_engine.ko
# kimport-vm: file $KIMPORT_BUILD/bench-installed/baseline_exported.ko:/test/baseline_exported.ko
# kimport-vm: program date
# kimport-vm: one-thread
# kimport-vm: qemu -icount shift=0,sleep=off
# kimport-vm: timeout 900
# shellcheck shell=dash disable=SC1090
. "$KTAP_SH"

LOADS=5
POINTER=/test/pointer/kimport_bench.ko
LOOKUP=kallsyms_lookup_name=0x$(sed -n 's/ T kallsyms_lookup_name$//p' /proc/kallsyms)

# samples PREFIX FILE PARAMETER...: prints the samples of one load.
samples() {
	prefix=$1
	shift
	log_mark
	insmod "$@" || return
	rmmod kimport_bench || return
	log_since | sed -n "s|^kimport_bench: sample |sample $prefix|p" >lines
	# An empty file means that nothing was measured.
	[ -s lines ] || return
	cat lines
}

# first NAME PARAMETER...: measures the first resolution of a module.
first() {
	name=$1
	shift
	for _ in $(seq "$LOADS"); do
		samples "first/$name/" "$TEST_MODULES/kimport_bench.ko" "$@" || return
	done
}

# nanoseconds COMMAND...: the time that a command takes. Each instruction takes one nanosecond.
nanoseconds() {
	start=$(date +%s%N)
	"$@" || return
	end=$(date +%s%N)
	echo $((end - start))
}

# insmods NAME FILE: measures the loading of a module with 45 imports, and prints the samples.
insmods() {
	for _ in $(seq "$LOADS"); do
		nothing=$(nanoseconds true) && ticks=$(nanoseconds insmod "/test/$2.ko") || return
		echo "sample insmod/$1 45 $((ticks - nothing))"
		rmmod "${2#shared_}" || return
	done
}

# The engine stays loaded, as it does where several modules share it.
shared_insmods() {
	insmod /test/kimport_engine.ko && insmods shared shared_cost_many && rmmod kimport_engine
}

providers() {
	for provider in a b big; do
		insmod "$TEST_MODULES/bench_provider_$provider.ko" || return
	done
}

ktap_plan 14
ktap_diag "kernel $(uname -r)"
ktap_diag "cpus $(nproc)"
ktap_diag "spectre_v2 $(cat /sys/devices/system/cpu/vulnerabilities/spectre_v2)"
ktap_test "providers" providers
ktap_test "calls" samples "" "$TEST_MODULES/kimport_bench.ko" what=2
ktap_test "calls of the pointer binder" samples "" $POINTER what=2
ktap_test "the steps of a resolution" samples "" "$TEST_MODULES/kimport_bench.ko" what=3 "$LOOKUP"
ktap_test "first resolutions" first refused_probe what=0 kimport_way=refused_probe
ktap_test "first resolutions, one by one" first refused_probe/one-by-one what=1 kimport_way=refused_probe
ktap_test "first resolutions by a disabled probe" first disabled_probe what=0 kimport_way=disabled_probe
ktap_test "first resolutions by a parameter" first parameter what=0 kimport_way=parameter "$LOOKUP"
ktap_test "first resolutions of 12 from a large module" first big what=4 kimport_way=refused_probe
ktap_test "first resolutions of 45 from a large module" first big what=5 kimport_way=refused_probe
ktap_test "first resolutions with missing symbols" first optional what=6 kimport_way=refused_probe
ktap_test "loading a module with imports" insmods imported cost_many
ktap_test "loading a module with imports that shares the engine" shared_insmods
ktap_test "loading a module with exported imports" insmods exported baseline_exported
ktap_finish
