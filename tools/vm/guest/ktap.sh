# SPDX-License-Identifier: GPL-2.0
#
# KTAP for suites that run in the test VM, in POSIX sh (dash in the VM). A suite looks like this:
#
#	#!/bin/sh
#	. "$KTAP_SH"
#	ktap_plan 2
#	ktap_test "the module loads" insmod "$TEST_MODULES/hello.ko"
#	ktap_test "and unloads" rmmod hello
#	ktap_finish
#
# shellcheck shell=dash

ktap_count=0
ktap_failed=0
ktap_planned=0
ktap_chosen=$(cat /test/chosen)
ktap_dir=$(mktemp -d /tmp/ktap.XXXXXX)
mkfifo "$ktap_dir/output"
# Results go to the suite's own output, even from inside a test whose output is being quoted. Both
# ends of the pipe stay open here: neither a test nor its reader ever blocks on opening it.
exec 9>&1 8<>"$ktap_dir/output"

# ktap_plan N: the suite has N tests. The first thing a suite prints.
ktap_plan() {
	ktap_planned=$1
	printf 'KTAP version 1\n1..%d\n' "$1" >&9
}

# ktap_diag TEXT...: a diagnostic line.
ktap_diag() {
	printf '# %s\n' "$*" >&9
}

# ktap_show TEXT...: a line about the test that is running, which
# `kimport-vm run --show` shows to people.
ktap_show() {
	printf '# show: %s\n' "$*" >&9
}

# ktap_ok NAME, ktap_not_ok NAME, ktap_skip NAME REASON: one result.
ktap_ok() {
	ktap_count=$((ktap_count + 1))
	printf 'ok %d - %s\n' "$ktap_count" "$1" >&9
}

ktap_not_ok() {
	ktap_count=$((ktap_count + 1))
	ktap_failed=$((ktap_failed + 1))
	printf 'not ok %d - %s\n' "$ktap_count" "$1" >&9
}

ktap_skip() {
	ktap_count=$((ktap_count + 1))
	printf 'ok %d - %s # SKIP %s\n' "$ktap_count" "$1" "$2" >&9
}

# Quotes the output of a test as diagnostics until the sentinel comes.
ktap_quote() {
	while IFS= read -r ktap_line; do
		case $ktap_line in
		"") ;;
		"ktap-end-of-test") break ;;
		*) printf '# %s\n' "$ktap_line" >&9 ;;
		esac
	done <"$ktap_dir/output"
}

# ktap_test NAME COMMAND...: runs COMMAND (a function may be given, it runs in
# this shell and may set variables), quotes its output, and reports ok when it
# returned 0 and not ok otherwise. The runner names NAME when the VM hangs.
# With `kimport-vm run --test TEXT` a test without TEXT in its name is skipped.
ktap_test() {
	ktap_name=$1
	shift
	case $ktap_name in
	*"$ktap_chosen"*) ;;
	*)
		ktap_skip "$ktap_name" "not chosen"
		return
		;;
	esac
	printf '# running: %s\n' "$ktap_name" >&9
	ktap_quote &
	ktap_reader=$!
	"$@" >"$ktap_dir/output" 2>&1 8>&-
	ktap_status=$?
	printf '\nktap-end-of-test\n' >&8
	wait "$ktap_reader"
	if [ "$ktap_status" -eq 0 ]; then
		ktap_ok "$ktap_name"
	else
		ktap_diag "$* returned $ktap_status"
		ktap_not_ok "$ktap_name"
	fi
	return "$ktap_status"
}

# ktap_needs WHAT NAME COMMAND...: as ktap_test, but skipped on kernels that lack WHAT: `livepatch`,
# or a stock module.
ktap_needs() {
	ktap_need=$1
	shift
	case $ktap_need in
	livepatch) [ -d /sys/kernel/livepatch ] ;;
	*) modinfo "$ktap_need" >/dev/null 2>&1 ;;
	esac || {
		ktap_skip "$1" "the kernel has no $ktap_need"
		return
	}
	ktap_test "$@"
}

# ktap_built MODULE NAME COMMAND...: as ktap_test, but skipped if MODULE is not built for this
# kernel.
ktap_built() {
	ktap_module=$1
	shift
	if [ -e "$TEST_MODULES/$ktap_module.ko" ]; then
		ktap_test "$@"
	else
		ktap_skip "$1" "$ktap_module is not built for this kernel"
	fi
}

# default_calls: prints the call mode that a module reads back from the one call of an import and
# prints, with the binder that kimport chooses for this architecture.
default_calls() {
	case $(uname -m) in
	x86_64) echo "direct call, 1 of 1 call sites" ;;
	aarch64) echo "direct call through a veneer" ;;
	*) echo "call through a pointer" ;;
	esac
}

# default_sites: prints the same as debugfs does, the call mode and the call sites.
default_sites() {
	case $(uname -m) in
	x86_64) echo "direct 1/1" ;;
	aarch64) echo "veneer -" ;;
	*) echo "pointer -" ;;
	esac
}

# is EXPECTED ACTUAL: the two are the same.
is() {
	[ "$1" = "$2" ] && return
	echo "expected: $1"
	echo "     got: $2"
	return 1
}

# has TEXT PART: PART is in TEXT.
has() {
	case $1 in *"$2"*) return ;; esac
	echo "expected '$2', got: $1"
	return 1
}

# matches TEXT REGEX: a line of TEXT matches.
matches() {
	printf '%s\n' "$1" | grep -qE "$2" && return
	echo "no line matches $2"
	return 1
}

drop_caches() {
	sync && echo 3 >/proc/sys/vm/drop_caches
}

# quiet_log: the whole kernel log has no report.
quiet_log() {
	! dmesg | grep -E 'BUG|WARNING:|Oops|Call Trace'
}

# ktap_finish: the last thing a suite does. Its status is the suite's.
ktap_finish() {
	rm -rf "$ktap_dir"
	[ "$ktap_count" -eq "$ktap_planned" ] && [ "$ktap_failed" -eq 0 ]
	exit
}

# log_mark: marks this place in the kernel log.
log_mark() {
	log_marks=$((${log_marks:-0} + 1))
	log_last_mark="kimport-vm: mark $$.$log_marks"
	echo "$log_last_mark" >/dev/kmsg
}

# log_since: prints the kernel log from the last mark on, without times.
log_since() {
	dmesg | awk -v mark="] $log_last_mark" '
		on { sub(/^\[[^]]*\] /, ""); print }
		substr($0, length($0) - length(mark) + 1) == mark { on = 1 }'
}

# load MODULE [PARAMETER...]: loads a module under test.
load() {
	ktap_module=$1
	shift
	insmod "$TEST_MODULES/$ktap_module.ko" "$@"
}

# references MODULE: prints the number of references to a module.
references() {
	cat "/sys/module/$1/refcnt"
}

# load_unload MODULE [PARAMETER...]: loads and unloads a module under test, with a mark in the log
# before.
load_unload() {
	ktap_module=$1
	shift
	log_mark
	insmod "$TEST_MODULES/$ktap_module.ko" "$@" && rmmod "$ktap_module"
}

# kallsyms_address SYMBOL [MODULE]: the address in /proc/kallsyms; without MODULE, of the kernel
# image's symbol.
kallsyms_address() {
	# Without grep awk takes more than a second here.
	grep -F " $1" /proc/kallsyms |
		awk -v symbol="$1" -v module="${2:+[$2]}" '$3 == symbol && $4 == module { print $1 }'
}

# expect_log REGEX: announces that this suite is about to provoke one kernel report (a BUG, a
# WARNING, ...) with a line that matches REGEX (Rust regex syntax). The report is then no failure,
# but its absence is one, and so is a second report. Call this before the suite provokes the report.
expect_log() {
	printf '# expect-log: %s\n' "$1" >&9
}
