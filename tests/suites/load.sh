#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Tests `kimport load` with modules whose undefined symbols no module exports.
#
# kimport-vm: rust samples/hello_import/hello_import
# kimport-vm: module tests/modules/imports/kimport_test_provider
# kimport-vm: module tests/modules/load/load_user tests/modules/load/load_refused
# kimport-vm: module tests/modules/load/load_fails
# kimport-vm: file $KIMPORT_GUEST_TOOLS/kimport:/usr/bin/kimport
# shellcheck shell=dash disable=SC1090
. "$KTAP_SH"

PROVIDER=kimport_test_provider
RESTRICT=/proc/sys/kernel/kptr_restrict

# run STATUS ARGUMENT...: runs `kimport load`, which must end with STATUS. Its output is in $said.
run() {
	expected=$1
	shift
	said=$(kimport load "$@" 2>&1)
	status=$?
	echo "$said"
	[ "$status" -eq "$expected" ] || {
		echo "it ended with $status, not $expected"
		return 1
	}
}

# says REGEX: a line of the output matches.
says() {
	matches "$said" "$1"
}

absent() {
	! grep -q "^$1 " /proc/modules
}

# logged LINE: the kernel logged LINE since the mark.
logged() {
	log_since
	matches "$(log_since)" "^$1\$"
}

user() {
	log_mark
	run 0 "$TEST_MODULES/load_user.ko" --from $PROVIDER "$@" && says "load_user is loaded" || return
	logged "load_user: provider_add\(40, 2\) = 42, provider_value = 42" &&
		logged "load_user: [1-9][0-9]* processes, command line: $(cat /proc/cmdline)" || return
	rmmod load_user && logged "load_user: provider_add\(1, 1\) = 2"
}

insmod_fails() {
	log_mark
	if insmod "$TEST_MODULES/load_user.ko"; then return 1; fi
	logged "load_user: Unknown symbol provider_add \(err -2\)"
}

provider_absent() {
	run 1 "$TEST_MODULES/load_user.ko" --from $PROVIDER &&
		says "load_user: cannot import from $PROVIDER: provider is not loaded; load it first" &&
		absent load_user
}

provider_unnamed() {
	run 1 "$TEST_MODULES/load_user.ko" &&
		says "cannot import provider_add from the kernel image: .*but $PROVIDER has one; name that module with --from" &&
		absent load_user
}

# The plan has the addresses of /proc/kallsyms. Exported symbols are left to the kernel.
dry_run() {
	run 0 "$TEST_MODULES/load_user.ko" --from $PROVIDER --dry-run && absent load_user || return
	for symbol in provider_add provider_value; do
		says "^  $symbol +$PROVIDER +0x$(kallsyms_address $symbol $PROVIDER)\$" || return
	done
	for symbol in nr_processes saved_command_line; do
		says "^  $symbol +vmlinux +0x$(kallsyms_address $symbol)\$" || return
	done
	says "^load_user: 4 symbols filled in, [1-9][0-9]* left to the kernel" &&
		says "note: .*unload load_user first"
}

as_json() {
	kimport load --json --dry-run "$TEST_MODULES/load_user.ko" --from $PROVIDER 2>/dev/null >/tmp/plan || return
	cat /tmp/plan
	grep -q '"loaded": false' /tmp/plan && grep -q "\"address\": \"0x$(kallsyms_address nr_processes)\"" /tmp/plan
}

parameters() {
	log_mark
	run 0 "$TEST_MODULES/load_user.ko" "text=two words" --from $PROVIDER && logged "load_user: text: two words" &&
		rmmod load_user
}

compressed() {
	cp "$TEST_MODULES/load_user.ko" /tmp/load_user.ko && gzip -f /tmp/load_user.ko || return
	run 0 /tmp/load_user.ko.gz --from $PROVIDER && rmmod load_user
}

signed() {
	# The length field says that the signature has no bytes.
	{ cat "$TEST_MODULES/load_user.ko" && printf '\0\0\2\0\0\0\0\0\0\0\0\0~Module signature appended~\n'; } >/tmp/signed.ko
	run 0 /tmp/signed.ko --from $PROVIDER && says "note: the signature does not fit .* dropped" && rmmod load_user
}

hidden() {
	echo 2 >$RESTRICT
	run 1 "$TEST_MODULES/load_user.ko" --from $PROVIDER && says "kernel.kptr_restrict is 2" && says "help: with --force" &&
		absent load_user && [ "$(cat $RESTRICT)" -eq 2 ]
}

hidden_forced() {
	echo 2 >$RESTRICT
	user --force && [ "$(cat $RESTRICT)" -eq 2 ] || return
	run 1 "$TEST_MODULES/load_refused.ko" --from $PROVIDER --force && [ "$(cat $RESTRICT)" -eq 2 ]
}

refused() {
	run 1 "$TEST_MODULES/load_refused.ko" --from $PROVIDER && absent load_refused || return
	says "cannot import load_no_such_function .*: kallsyms has no such symbol there; check its spelling" &&
		says "cannot import provider_twin from $PROVIDER: there are 2 symbols of that name; select one as --from $PROVIDER:provider_twin@N" &&
		says "cannot import provider_cloned from $PROVIDER: the compiler left only provider_cloned.*, whose ABI is not the declared" &&
		says "cannot import provider_percpu from $PROVIDER: it is per-CPU data" &&
		says "cannot import name_show from the kernel image: there are [0-9]+ symbols of that name" &&
		says "cannot import start_kernel from the kernel image: it is in __init memory"
}

init_fails() {
	run 1 "$TEST_MODULES/load_fails.ko" && says "^  load_fails: there are processes\$" && says "help: .*the module's own init" &&
		absent load_fails
}

# errno by errno: what the kernel refuses exported symbols for.
not_for_it() {
	run 1 "$TEST_MODULES/refused_namespace.ko" && says "did not load dummy: Invalid argument" &&
		says "help: an exported symbol is in a namespace that the module does not import" || return
	run 1 "$TEST_MODULES/refused_license.ko" && says "did not load dummy: No such file or directory" &&
		says "help: .*exported to GPL-compatible modules only" && absent dummy
}

twice() {
	run 0 "$TEST_MODULES/load_user.ko" --from $PROVIDER && run 1 "$TEST_MODULES/load_user.ko" --from $PROVIDER &&
		says "help: a module of that name is loaded already" && rmmod load_user
}

# The crate gets the address only by the parameter.
hello() {
	log_mark
	run 0 "$TEST_MODULES/hello_import.ko" kimport_way=parameter &&
		says "parameters: kimport_way=parameter kallsyms_lookup_name=0x$(kallsyms_address kallsyms_lookup_name)" || return
	logged "hello_import: [1-9][0-9]* processes, .*" && rmmod hello_import
}

hello_given() {
	run 1 "$TEST_MODULES/hello_import.ko" kimport_way=parameter kallsyms_lookup_name=0x1000 &&
		says "hello_import: kimport: " && absent hello_import
}

no_signature_no_load() {
	mount -t securityfs securityfs /sys/kernel/security 2>/dev/null
	echo integrity >/sys/kernel/security/lockdown || return
	run 1 "$TEST_MODULES/load_user.ko" --from $PROVIDER && says "only loads signed modules \(lockdown is integrity\)" || return
	run 1 "$TEST_MODULES/load_user.ko" --from $PROVIDER --force && says "help: lockdown \(integrity\) only lets signed modules in" &&
		absent load_user
}

modules_disabled() {
	echo 1 >/proc/sys/kernel/modules_disabled
	run 1 "$TEST_MODULES/load_user.ko" --from $PROVIDER && says "loads no modules any more"
}

ktap_plan 20
ktap_test "the loader itself refuses the module" insmod_fails
ktap_test "a provider that is not loaded" provider_absent
ktap_test "the provider loads" insmod "$TEST_MODULES/$PROVIDER.ko"
ktap_test "a provider that is not named" provider_unnamed
ktap_test "the plan has the kernel's addresses" dry_run
ktap_test "the plan as JSON" as_json
ktap_test "functions and data of the image and of a module" user
ktap_test "parameters, quoted for the kernel" parameters
ktap_test "a compressed module" compressed
ktap_test "a signature is dropped" signed
ktap_test "kptr_restrict hides the addresses" hidden
ktap_test "--force shows them and hides them again" hidden_forced
echo 0 >$RESTRICT
ktap_test "what cannot be had is refused, all at once" refused
ktap_test "an init that fails, with its log lines" init_fails
ktap_test "exports that are not for the module" not_for_it
ktap_test "a module that is loaded already" twice
ktap_built hello_import "hello_import gets the address of kallsyms_lookup_name" hello
ktap_built hello_import "but not if it is given" hello_given
# Neither can be undone before the next boot.
ktap_test "lockdown" no_signature_no_load
ktap_test "modules_disabled" modules_disabled
ktap_finish
