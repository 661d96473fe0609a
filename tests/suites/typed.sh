#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Compares declared types with BTF: for functions of the stock kernel that were chosen at random,
# for a provider that has no BTF, and for a provider that was rebuilt with another prototype.
#
# kimport-vm: needs rust
# kimport-vm: module tests/modules/imports/kimport_test_provider tests/modules/imports/import_cases
# kimport-vm: module tests/modules/typed/imports_typed
# kimport-vm: module tests/modules/declared/imports_declared
# kimport-vm: stock target_core_mod
# kimport-vm: module provider_without_btf provider_upgraded
# kimport-vm: file $KIMPORT_BUILD/tests/modules/typed/wrong.expected:/test/wrong.expected
# kimport-vm: file tests/suites/cases.lib:/test/cases.sh
# shellcheck shell=dash disable=SC1090
. "$KTAP_SH"
# shellcheck source=tests/suites/cases.lib
. /test/cases.sh

MODULE=import_cases
PROVIDER=kimport_test_provider
# The messages that the host computed from the same declarations and the same BTF.
EXPECTED=/test/wrong.expected

# words MODULE: prints the lines that kimport logged, without the module's name.
words() {
	log_since | sed -n "s/^$1: kimport: //p"
}

all_right() {
	load_unload imports_typed || return
	log_since | grep 'imports_typed: .* KIMPORT_SEED=' || return
	[ "$(log_since | sed -n 's/^imports_typed: \([0-9]*\) imports, .*/\1/p')" -ge 100 ] || return
	if words imports_typed | grep .; then return 1; fi
}

all_wrong() {
	log_mark
	message=$(insmod "$TEST_MODULES/imports_typed.ko" wrong=1 2>&1) && {
		rmmod imports_typed
		return 1
	}
	words imports_typed >said
	has "$message" "Protocol wrong type" || return
	[ "$(grep -c 'from the kernel image: prototype differs$' $EXPECTED)" -ge 100 ] || return
	diff $EXPECTED said
}

# Compares the whole message.
upgraded() {
	case_fails 0 "Protocol wrong type" 1 "provider_add from $PROVIDER: prototype differs" || return
	words import_cases >said
	diff - said <<-EOF
		cannot import provider_add from $PROVIDER: prototype differs
		  declared:  s32 provider_add(s32, s32)
		  kernel:    long int provider_add(int, long int)
		             ^^^^^^^^ return value: 4 bytes, kernel has 8
	EOF
}

# `kimport declare` wrote the declarations and the definitions of structs.
declared() {
	log_mark
	modprobe target_core_mod && load_unload imports_declared || return
	log_since | grep "imports_declared: 300 imports, .* KIMPORT_SEED=" || return
	[ "$(log_since | sed -n 's/^imports_declared: .* \([0-9]*\) sizes and offsets, .*/\1/p')" -gt 50 ] || return
	if words imports_declared | grep .; then return 1; fi
}

provider() {
	if [ -e "/sys/module/$PROVIDER" ]; then rmmod "$PROVIDER" || return; fi
	insmod "$TEST_MODULES/$1.ko"
}

ktap_plan 14
ktap_test "functions that are declared right, verify(require)" all_right
ktap_test "functions with one thing wrong: each is refused or warned of by the rule that it breaks" all_wrong
ktap_test "functions and structs as kimport declare writes them" declared
ktap_test "a provider with BTF" provider "$PROVIDER"
ktap_test "a provider with BTF: the types are right" silent 0
ktap_test "a provider without BTF" provider provider_without_btf
ktap_test "a provider without BTF: loads by default" silent 0
ktap_test "a provider without BTF: verify(require)" case_fails 26 "No data available" 2 \
	"provider_add from $PROVIDER: its type cannot be checked: no BTF"
ktap_test "an upgraded provider" provider provider_upgraded
ktap_test "an upgraded provider: the other prototype is refused" upgraded
ktap_test "an upgraded provider: verify(require)" \
	case_fails 26 "Protocol wrong type" 2 "provider_add from $PROVIDER: prototype differs"
ktap_test "an upgraded provider: verify(warn)" warned 23 "provider_add from $PROVIDER: prototype differs$"
ktap_test "an upgraded provider: verify(off)" silent 24
ktap_test "the provider unloads" rmmod "$PROVIDER"
ktap_finish
