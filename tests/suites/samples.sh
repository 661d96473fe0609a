#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Loads and unloads every sample, and the modules that tests/host/build-consumer built outside of
# the checkout, those of README.md and of docs/cookbook.md, and checks their imports.
#
# kimport-vm: needs kernel-crate
# kimport-vm: module samples/hello_import/hello_import samples/rust_iblock/rust_iblock
# kimport-vm: module samples/lio_core_new/target_core_mod_new
# kimport-vm: livepatch tcm_loop_new consumer/cookbook_c
# kimport-vm: file $KIMPORT_GUEST_TOOLS/kimport:/usr/bin/kimport
# kimport-vm: module consumer/count_processes consumer/import_cases consumer/cookbook_data
# kimport-vm: module consumer/cookbook_optional consumer/cookbook_shared consumer/cookbook_provider
# kimport-vm: module consumer/cookbook_late consumer/cookbook_rebind
# shellcheck shell=dash disable=SC1090
. "$KTAP_SH"
. "$LIO_SH"

# sample PATTERN MODULE [PARAMETER]...: loads and unloads MODULE. Meanwhile, a line that matches is
# logged.
sample() {
	pattern=$1 module=$2
	shift 2
	load_unload "$module" "$@" || return
	log_since | grep "^$module: "
	matches "$(log_since)" "^$module: $pattern" && ! grep -q "^$module " /proc/modules
}

no_exports() {
	modprobe target_core_mod && insmod "$TEST_MODULES/target_core_mod_new.ko"
}

front_end() {
	lio_front_end && rmmod "$LIO_FRONT_END"
}

# uses PROVIDER MODULE: loads and unloads MODULE, which uses PROVIDER meanwhile.
uses() {
	insmod "$TEST_MODULES/$2.ko" || return
	grep "^$1 " /proc/modules | grep -w "$2"
	result=$?
	rmmod "$2" && return $result
}

recipe_in_c() {
	if [ ! -e "$TEST_MODULES/cookbook_c.ko" ]; then
		ktap_skip "a recipe: a module in C" "the kernel has no livepatch"
		return
	fi
	ktap_test "a recipe: a module in C" sample "[1-9][0-9]* processes$" cookbook_c
}

ktap_plan 15
ktap_test "README's module" sample "[1-9][0-9]* processes$" count_processes
ktap_test "a module of several parts" load_unload import_cases case=8
ktap_test "a recipe: data" sample "booted with ." cookbook_data
ktap_test "a recipe: optional symbols" sample "[1-9][0-9]* processes$" cookbook_optional
ktap_test "a recipe: several instances" sample "instance 2: [1-9][0-9]* processes$" cookbook_shared
recipe_in_c
ktap_test "hello_import" sample "command line: ." hello_import
ktap_test "lio_core_new" no_exports
ktap_test "a recipe: the choice of a provider" uses target_core_mod_new cookbook_provider
ktap_test "a recipe: a provider that comes and goes" sample "bound: true" cookbook_late
ktap_test "a recipe: the move to another provider" uses target_core_mod_new cookbook_rebind
ktap_test "rust_iblock on the stock core" sample "transport_backend_register.* in target_core_mod: direct call" rust_iblock provider=target_core_mod
ktap_test "rust_iblock on the new core" sample "transport_backend_register.* in target_core_mod_new: direct call" rust_iblock provider=target_core_mod_new
ktap_test "a front end of the new core" front_end
ktap_test "lio_core_new unloads" rmmod target_core_mod_new
ktap_finish
