#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Loads modules that the build relinked, which the kernel binds when it loads them. The numbers are
# those of tests/modules/relink/relink_rust.rs.
#
# kimport-vm: needs livepatch
# kimport-vm: module tests/modules/imports/kimport_test_provider
# kimport-vm: module tests/modules/relink/relink_c tests/modules/relink/relink_wrong
# kimport-vm: module tests/modules/relink/relink_plain
# kimport-vm: rust tests/modules/relink/relink_rust
# kimport-vm: last
# kimport-vm: file tests/suites/cases.lib:/test/cases.sh
# shellcheck shell=dash disable=SC1090
. "$KTAP_SH"
# shellcheck source=tests/suites/cases.lib
. /test/cases.sh

MODULE=relink_rust
PROVIDER=kimport_test_provider

provider() {
	insmod "$TEST_MODULES/$PROVIDER.ko"
}

# refused MODULE REGEX [PARAMETER...]: the load fails, and a line of the log with the reason
# matches.
refused() {
	module=$1
	regex=$2
	shift 2
	log_mark
	if insmod "$TEST_MODULES/$module.ko" "$@"; then
		rmmod "$module"
		return 1
	fi
	log_since | grep -E "livepatch: |$module: "
	log_since | grep -qE "$regex"
}

# loads MODULE PARAMETER LINE...: the module logs these lines while it is loaded, and can be
# unloaded.
loads() {
	module=$1
	parameter=$2
	shift 2
	# shellcheck disable=SC2086 # one parameter, or none
	load_unload "$module" $parameter || return
	log_since | grep "$module: "
	for line in "$@"; do
		log_since | grep -qF "$module: $line" || {
			echo "no line: $line"
			return 1
		}
	done
}

# Checks the module's file in debugfs while the module is loaded, and that the module holds the
# provider.
shown() {
	insmod "$TEST_MODULES/relink_rust.ko" || return
	cat /sys/kernel/debug/kimport/relink_rust >shown
	held=$(references)
	rmmod "$PROVIDER" && return 1
	rmmod relink_rust || return
	cat shown
	[ "$held" -eq 2 ] && [ "$(references)" -eq 0 ] || return
	grep -qE "^provider provider_add provider_add $PROVIDER [0-9a-f]+ livepatch ([1-9])/\1 yes$" shown || return
	grep -qE "^provider second_twin provider_twin $PROVIDER [0-9a-f]+ livepatch 1/1 " shown || return
	grep -qE "^provider provider_value provider_value $PROVIDER [0-9a-f]+ data - " shown || return
	grep -qE "^image nr_processes nr_processes vmlinux [0-9a-f]+ livepatch ([1-9])/\1 yes$" shown || return
	grep -qE "^resolved provider_add provider_add $PROVIDER [0-9a-f]+ direct 1/1 yes$" shown
}

# between COMMAND...: runs COMMAND after the kernel bound the module, and before the module resolves
# its imports.
between() {
	log_mark
	insmod "$TEST_MODULES/relink_rust.ko" case=5 2>message &
	pid=$!
	while ! log_since | grep -q "relink_rust: waiting"; do sleep 0.1; done
	"$@" || return
	if wait $pid; then
		rmmod relink_rust
		return 1
	fi
	log_since | grep "relink_rust: kimport: "
}

gone() {
	between rmmod "$PROVIDER" || return
	log_since | grep -q "cannot import block provider from $PROVIDER: provider is not loaded; " && grep "No such device" message
}

# Another module takes the memory that becomes free.
elsewhere() {
	rmmod "$PROVIDER" && insmod "$TEST_MODULES/relink_plain.ko" && provider
}

moved() {
	between elsewhere || return
	rmmod relink_plain || return
	[ "$(references)" -eq 0 ] || return
	log_since | grep -qE "cannot import provider_[a-z]+ from $PROVIDER: the kernel bound it to 0x[0-9a-f]+ when it loaded this module, but it is at " &&
		grep "Remote address changed" message
}

unbound() {
	expect_log "kernel BUG at rust/helpers/bug"
	log_mark
	insmod "$TEST_MODULES/relink_rust.ko" case=6
	log_since | grep "relink_rust: kimport: nr_processes was used before resolve_imports() succeeded"
}

command_line=$(cat /proc/cmdline)

ktap_plan 16
ktap_test "without the provider the kernel refuses the load" \
	refused relink_c "livepatch: symbol 'provider_[a-z]+' not found in symbol table"
ktap_built relink_rust "without the provider of a #[livepatch] block, too" \
	refused relink_rust "livepatch: symbol 'provider_[a-z]+' not found in symbol table"
ktap_test "a name that the kernel does not have" refused relink_wrong "livepatch: symbol 'no_such_function' not found in symbol table"
ktap_test "the provider loads" provider
ktap_test "plain declarations in C" loads relink_c "" "42 1 42" "twin " "per-CPU 1" "command line: $command_line" "bye 2"
ktap_built relink_rust "plain declarations in Rust" loads relink_rust case=8 "42 true, command line: $command_line"
ktap_built relink_rust "#[livepatch] blocks, one of another kind beside them" loads relink_rust case=0 "command line: $command_line"
ktap_built relink_rust "debugfs shows the calls; the provider is held" shown
ktap_built relink_rust "resolved and dropped three times" case_ok 1
ktap_built relink_rust "a function that does not return" loads relink_rust case=9 "case 9"
ktap_built relink_rust "block resolved twice" case_fails 2 "Operation already in progress" 1 "block provider from $PROVIDER: it is resolved already"
ktap_built relink_rust "another prototype than the kernel's" case_fails 3 "Protocol wrong type" 1 "provider_add from $PROVIDER: prototype differs"
ktap_built relink_rust "data as a function, a function as data" case_fails 4 "Protocol wrong type" 2 "provider_value from $PROVIDER: it is data, "
ktap_built relink_rust "the provider is gone when the imports are resolved" gone
ktap_built relink_rust "the provider is loaded anew when the imports are resolved" eval "provider && moved"
ktap_built relink_rust "a call before resolve_imports is a BUG that names the symbol" unbound
ktap_finish
