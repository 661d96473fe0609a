#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Provokes each result of an import, and checks its message and its errno, and that it leaves
# nothing behind. The numbers are those of tests/modules/imports/cases/main.rs.
#
# kimport-vm: needs rust
# kimport-vm: module samples/hello_import/hello_import tests/modules/imports/kimport_test_provider
# kimport-vm: module tests/modules/imports/import_cases
# kimport-vm: module not_gpl
# kimport-vm: livepatch not_gpl_relinked provider_livepatch
# kimport-vm: file tests/suites/cases.lib:/test/cases.sh
# shellcheck shell=dash disable=SC1090
. "$KTAP_SH"
# shellcheck source=tests/suites/cases.lib
. /test/cases.sh

MODULE=import_cases
# The module that finds kallsyms.
finder=$MODULE
ENGINE=/test/kimport_engine.ko
[ ! -e $ENGINE ] || { finder=kimport_engine && insmod $ENGINE; }
PROVIDER=kimport_test_provider
PARAMETERS=/sys/module/$PROVIDER/parameters

provider() {
	insmod "$TEST_MODULES/$PROVIDER.ko" "$@"
}

holds_provider() {
	insmod "$TEST_MODULES/import_cases.ko" case=0 || return
	[ "$(references)" -eq 1 ] || return
	if rmmod "$PROVIDER"; then return 1; fi
	rmmod import_cases || return
	[ "$(references)" -eq 0 ]
}

# Compares the addresses that the module prints (no_hash_pointers is set) with those of
# /proc/kallsyms.
addresses_agree() {
	load_unload import_cases case=0 || return
	for symbol in provider_add provider_value; do
		printed=$(log_since | sed -n "s/.*import_cases: $symbol at 0x\([0-9a-f]*\) in $PROVIDER: .*/\1/p")
		listed=$(kallsyms_address $symbol $PROVIDER)
		echo "$symbol: printed $printed, listed $listed"
		[ -n "$printed" ] && [ "$printed" = "$listed" ] || return 1
	done
}

# For another binder, the VM's file "calls" has the call mode.
calls=$(cat /test/calls 2>/dev/null) || calls=$(default_calls)

calls_reach() {
	load_unload import_cases case=0 && log_since | grep "import_cases: provider_add at .*: $calls"
}

while_unloading() {
	echo 1 >"$PARAMETERS/hold_exit"
	rmmod "$PROVIDER" &
	pid=$!
	while ! grep -q "^$PROVIDER .* Unloading" /proc/modules; do sleep 0.1; done
	busy=yes
	case_fails 0 "Device or resource busy" 1 "block provider from $PROVIDER: provider is being unloaded; "
	result=$?
	busy=
	echo 0 >"$PARAMETERS/hold_exit"
	wait $pid && [ $result -eq 0 ]
}

while_in_init() {
	provider hold_init=1 &
	pid=$!
	while ! [ -e "$PARAMETERS/hold_init" ]; do sleep 0.1; done
	busy=yes
	case_fails 0 "Resource temporarily unavailable" 1 "block provider from $PROVIDER: provider is still in its init; "
	result=$?
	# This holds even for a symbol that exists only while the provider is in its init.
	case_fails 5 "Resource temporarily unavailable" 1 "block init_only from $PROVIDER: provider is still in its init; " || result=1
	busy=
	echo 0 >"$PARAMETERS/hold_init"
	wait $pid && [ $result -eq 0 ]
}

# The ways to kallsyms. case_way WAY [PARAMETER...]: the symbols of the kernel image are found by
# that way alone. If the module shares the engine, that has the parameters.
case_way() {
	way=$1
	shift
	if [ "$finder" = import_cases ]; then
		insmod "$TEST_MODULES/import_cases.ko" case=8 "kimport_way=$way" "$@" && rmmod import_cases
		return
	fi
	rmmod "$finder" && insmod "$ENGINE" "kimport_way=$way" "$@" || return
	insmod "$TEST_MODULES/import_cases.ko" case=8 && rmmod import_cases
	result=$?
	rmmod "$finder" && insmod "$ENGINE" && return $result
}

lookup_address() {
	awk '$3 == "kallsyms_lookup_name" { print "0x" $1 }' /proc/kallsyms
}

by_address() {
	case_way parameter "kallsyms_lookup_name=$(lookup_address)"
}

# way_fails WAY REGEX [PARAMETER...]: the way fails, the log says so and what the way needs, and the
# load is refused.
way_fails() {
	log_mark
	# shellcheck disable=SC2086 # several words, or none
	if case_way "$1" $3; then return 1; fi
	log_since | grep "import_cases:\|$finder:"
	log_since | grep -qE "$finder: kimport: $2" || return
	log_since | grep -q "import_cases: kimport: cannot import .*: kallsyms cannot be reached"
}

# import_cases under another license. The exports that the crate uses are for GPL-compatible modules
# only, so the loader refuses the module.
not_gpl() {
	[ "$(modinfo -F license "$TEST_MODULES/not_gpl.ko")" = BSD ] || return
	log_mark
	if insmod "$TEST_MODULES/not_gpl.ko" case=8; then return 1; fi
	log_since | grep "import_cases: Unknown symbol __static_call_update\|import_cases: Unknown symbol register_kprobe"
}

# not_gpl_loads CASE BLOCK: the same module with its GPL-only symbols relinked, which the loader
# accepts. kimport logs one line and resolves nothing.
not_gpl_loads() {
	log_mark
	message=$(insmod "$TEST_MODULES/not_gpl_relinked.ko" "case=$1" 2>&1) && {
		rmmod import_cases
		return 1
	}
	log_since | grep import_cases:
	has "$message" "Permission denied" || return
	log_since | grep "import_cases: kimport: " >said
	[ "$(wc -l <said)" -eq 1 ] || return
	grep "cannot import block $2: this module's license, .* is not GPL-compatible; " said
}

not_gpl_relinked() {
	not_gpl_loads 8 "image from the kernel image" && not_gpl_loads 0 "provider from $PROVIDER" && [ "$(references)" -eq 0 ]
}

not_gpl_late() {
	not_gpl_loads 34 "late from $PROVIDER"
}

# No record of the log is cut: the text begins and ends as it should, and the parts of a line
# together make up the prototype.
wordy() {
	case_fails 31 "Protocol wrong type" 1 "provider_wordy from $PROVIDER: prototype differs" || return
	log_since | sed -n 's/^import_cases: kimport: //p' >said
	cat said
	[ "$(wc -l <said)" -ge 5 ] || return
	arguments=
	for digit in 0 1 2; do
		for unit in 0 1 2 3 4; do
			arguments="$arguments, struct provider_type_with_a_name_that_fills_one_line_of_a_prototype_all_alone_$digit$unit *"
		done
	done
	sed -e 's/\.\.\.$//' -e 's/^\.\.\.//' said | tr -d '\n' | grep -F "kernel:    int provider_wordy(${arguments#, })" || return
	tail -n 1 said | grep '^ *1 argument, kernel has 15$'
}

# The message shows both prototypes and marks the difference.
mistyped() {
	case_fails 22 "Protocol wrong type" 2 "provider_add from $PROVIDER: prototype differs" || return
	log_since | grep -A 3 "prototype differs" >messages
	cat messages
	grep -q '  declared:  s32 provider_add(s32, u8)$' messages &&
		grep -q '  kernel:    int provider_add(int, int)$' messages &&
		grep -q ' ^^^ argument 2: 1 byte, kernel has 4$' messages &&
		grep -q ' ^\+ 3 arguments, kernel has 2$' messages
}

# Loads the provider as a livepatch module: the symbols of its init stay in its symbol table.
livepatch_provider() {
	insmod "$TEST_MODULES/provider_livepatch.ko" || return
	grep "\[provider_livepatch\]" /proc/kallsyms | grep provider_phase
	[ "$(grep -c " provider_phase.\[provider_livepatch\]" /proc/kallsyms)" -eq 3 ] || return
	case_ok 36 && case_fails 37 "No such device or address" 1 "provider_phase from provider_livepatch: there are only 2 " || return
	rmmod provider_livepatch
}

waits_for_builtin() {
	case_ok 41 || return
	log_since | grep "import_cases: kimport: block builtin_late from printk waits for its provider, which is not loaded; leave out .* the kernel image has nr_processes"
}

# Compares the values that hello_import prints with those from other sources in the kernel.
hello() {
	load_unload hello_import || return
	log_since | grep hello_import:
	log_since | grep -q "hello_import: nr_processes at .* in the kernel image: $(default_calls)" || return
	printed=$(log_since | sed -n 's/.*hello_import: command line: //p')
	[ "$printed" = "$(cat /proc/cmdline)" ] || return
	log_since | grep -qE 'hello_import: [1-9][0-9]* processes, [1-9][0-9]* context switches'
}


# BTF made by a new pahole has no function whose name is that of several ones.
one_of_several() {
	if tr '\0' '\n' </sys/kernel/btf/vmlinux | grep -qax init_once; then
		case_ok 32
	else
		case_fails 32 "No data available" 1 "init_once from the kernel image: its type cannot be checked: no BTF"
	fi
}

ktap_plan 67
ktap_test "hello_import prints what it imported" hello
ktap_test "provider not loaded" case_fails 0 "No such device" 1 "block provider from $PROVIDER: provider is not loaded; "
ktap_test "the provider loads" provider
ktap_test "functions, data and missing optional ones" case_ok 0
ktap_test "resolved and dropped three times" case_ok 1
ktap_test "the provider is held while imports live" holds_provider
ktap_test "addresses agree with /proc/kallsyms" addresses_agree
ktap_test "calls reach it as they should: $calls" calls_reach
ktap_test "#[position] selects among symbols of one name" case_ok 2
ktap_test "position that does not exist" case_fails 3 "No such device or address" 1 "provider_twin from $PROVIDER: there are only 2 "
ktap_test "missing symbols, one line each" case_fails 4 "nknown symbol" 2 "provider_ad from $PROVIDER: kallsyms has no such symbol"
ktap_test "what the provider had in init memory" case_fails 5 "Stale file handle" 2 \
	"provider_init_only from $PROVIDER: its type is in the provider's BTF, but .* it was in __init memory, which is freed; "
ktap_test "what the provider keeps for its exit" case_ok 27
ktap_test "symbols of init memory do not count" case_ok 35
ktap_needs livepatch "nor those of a provider that keeps them in its table" livepatch_provider
ktap_test "optional, in init memory: missing, in a module and in the kernel image" case_ok 38
ktap_test "#[position] counts in the order of the symbol table, whatever the addresses" case_ok 39
ktap_test "provider that is built in" case_fails 40 "No such device" 1 \
	"block builtin from printk: provider is not loaded; load it first, or leave out \`from\` if it is built in: the kernel image has nr_processes"
ktap_test "late: provider that is built in" waits_for_builtin
ktap_test "a module that is its own provider" case_fails 42 "deadlock" 1 "block phases from import_cases: provider is this module itself"
ktap_test "late: a module that is its own provider" case_fails 43 "deadlock" 1 "block late from import_cases: provider is this module itself"
ktap_test "a function that the compiler only renamed" case_ok 28
ktap_test "several functions renamed: one is named" case_fails 29 "Name not unique" 1 \
	"provider_split from $PROVIDER: the compiler renamed 2 functions of that name, provider_split\.llvm\.[12] and others; select one with "
ktap_test "symbols of one name with different prototypes are not compared" case_fails 30 "No data available" 2 \
	"provider_unlike from $PROVIDER: its type cannot be checked: no BTF"
ktap_test "a prototype longer than a line of the log" wordy
ktap_test "one of several in the kernel image, verify(require)" one_of_several
ktap_test "data smaller than the declared type" case_fails 6 "Value too large" 1 "provider_value from $PROVIDER: it has at most "
ktap_test "a module's symbol is not the kernel image's" case_fails 7 "nknown symbol" 1 "provider_add from the kernel image: .*a module has; name that module"
ktap_test "the kernel image" case_ok 8
ktap_test "a function that does not return" case_ok 44
ktap_test "position beyond the kernel image's" case_fails 9 "No such device or address" 1 "nr_processes from the kernel image: there is only 1 "
ktap_test "missing in the kernel image" case_fails 10 "nknown symbol" 1 "no_such_function from the kernel image: kallsyms has no such symbol"
ktap_test "provider chosen at load time is absent" case_fails 11 "No such device" 1 "block provider from no_such_provider: provider is not loaded; "
ktap_test "block resolved twice" case_fails 12 "Operation already in progress" 1 "block provider from $PROVIDER: it is resolved already; "
ktap_test "ambiguous: candidates and positions are listed" case_fails 16 "Name not unique" 1 \
	"provider_twin from $PROVIDER: there are 2 symbols of that name: 1 at 0x[0-9a-f]+, 2 at 0x[0-9a-f]+; select one with #\[position = N\]"
# clang changes the function and keeps its name.
if grep -q clang /proc/version && [ -n "$(kallsyms_address provider_cloned $PROVIDER)" ]; then
	ktap_skip "only a clone: it is named" "clang gives clones no names of their own"
else
	ktap_test "only a clone: it is named" case_fails 17 "Protocol error" 1 \
		"provider_cloned from $PROVIDER: the compiler left only provider_cloned\.[a-z]+\.0, whose ABI"
fi
ktap_test "data declared as a function" case_fails 18 "Protocol wrong type" 1 "provider_value from $PROVIDER: it is data, declared as a function"
ktap_test "function declared as data" case_fails 19 "Protocol wrong type" 1 "provider_add from $PROVIDER: it is a function, declared as data"
ktap_test "per-CPU data of a module" case_fails 20 "Protocol wrong type" 1 "provider_percpu from $PROVIDER: it is per-CPU data"
ktap_test "init text of the kernel image" case_fails 21 "Stale file handle" 5 "start_kernel from the kernel image: it is in __init memory"
ktap_test "exit text of what is built in" case_fails 33 "Stale file handle" 1 "cpufreq_gov_performance_exit from the kernel image: it is in __init memory"
ktap_test "per-CPU data, ambiguous and wrong kinds in the image" case_fails 21 "Stale file handle" 5 "runqueues from the kernel image: it is per-CPU data"
ktap_test "another prototype than the kernel's" mistyped
ktap_test "another sign, verify(require)" case_fails 45 "Protocol wrong type" 1 "provider_add from $PROVIDER: prototype differs"
ktap_test "another sign, verify(strict)" warned 46 "provider_add from $PROVIDER: prototype differs"
ktap_test "a prototype that BTF has for the kernel image only, verify(require)" silent 47
ktap_test "another prototype than the one that BTF has for the kernel image only" \
	case_fails 48 "Protocol wrong type" 1 "nr_iowait from $PROVIDER: prototype differs"
ktap_test "another prototype, verify(warn)" warned 23 "provider_add from $PROVIDER: prototype differs"
ktap_test "another prototype, verify(off)" silent 24
ktap_test "another prototype, unverified" silent 25
ktap_test "data that BTF lacks, verify(require)" case_fails 26 "No data available" 1 \
	"provider_value from $PROVIDER: its type cannot be checked: no BTF"
ktap_test "a layout from bindgen, verify(require)" silent 49
ktap_test "a struct without a layout, verify(require)" case_fails 50 "No data available" 1 \
	"rb_next from the kernel image: its type cannot be checked: it names a struct whose members this module does not know"
ktap_test "a layout of the module's own, verify(require)" silent 51
ktap_test "another layout than the kernel's" case_fails 52 "Protocol wrong type" 1 \
	"rb_next from the kernel image: struct rb_node: member rb_right is at byte 8 in the kernel image, at byte 16 in $MODULE"
ktap_test "right types, without a word" silent 8
ktap_test "the refused probe alone leads to kallsyms" case_way refused_probe
ktap_test "the disabled probe alone leads to kallsyms" case_way disabled_probe
ktap_test "an address handed in alone leads to kallsyms" by_address
ktap_test "a wrong address is not called" way_fails parameter "parameter: the address it gave is not that of kallsyms_lookup_name; it needs " \
	kallsyms_lookup_name=0xffffffff81000000
ktap_test "no address is handed in" way_fails parameter "parameter: failed with error -61; it needs the module parameter kallsyms_lookup_name"
ktap_test "provider being unloaded" while_unloading
ktap_test "provider still in its init" while_in_init
ktap_test "a module that is not GPL-compatible is refused by the loader" not_gpl
ktap_needs livepatch "and by kimport, if its relocations went around the loader" not_gpl_relinked
ktap_needs livepatch "and for a block that is bound late" not_gpl_late
ktap_test "the provider unloads" rmmod "$PROVIDER"
[ ! -e $ENGINE ] || rmmod kimport_engine
ktap_finish
