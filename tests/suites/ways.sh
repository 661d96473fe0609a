#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Tries each cell of the table of docs/ways.md that is about the running kernel. /test/kernel says
# which rows these are. The order of the rows matters, because changes to the running system cannot
# always be undone.
#
# kimport-vm: module ways/*
# kimport-vm: file docs/ways.md:/test/ways.md $KIMPORT_KDIR/Module.symvers:/test/Module.symvers
# kimport-vm: file $KIMPORT_BUILD/ways/kernel:/test/kernel
# kimport-vm: file $KIMPORT_BUILD/ways/build.log:/test/build.log
# kimport-vm: file $KIMPORT_GUEST_TOOLS/kimport:/usr/bin/kimport
# shellcheck shell=dash disable=SC1090
. "$KTAP_SH"

TABLE=/test/ways.md
RESTRICT=/proc/sys/kernel/kptr_restrict
SECURITY=/sys/kernel/security

# ---- The table

# rows: prints the rows for this kernel, with their words and cells.
rows() {
	awk -F ' *[|] *' -v kernel="$(cat /test/kernel)" '
		/^\| `(stock|small)`/ {
			words = ""; options = ""
			n = split($2, part, "`")
			for (i = 2; i <= n; i += 2) {
				words = words " " part[i]
				if (part[i] ~ /^[A-Z]/ || i == 2)
					options = options " " part[i]
			}
			if (options == " " kernel)
				print substr(words, 2) "|" $3 "|" $4 "|" $5 "|" $6 "|" $7
		}' $TABLE
}

# note NUMBER COLUMN: prints a column of a note in the table of notes.
note() {
	awk -F ' *[|] *' -v number="($1)" -v column="$2" '$2 == number { gsub("`", "", $column); print $column }' $TABLE
}

# ---- The ways. try WAY PART [OPTION...]: tries the way. $status is its exit status, $told the
# output of the command, and $said that output and the kernel's log.

# An option that `kimport load` needs if kallsyms does not tell which symbols are exported.
symvers=
grep -q '[0-9a-f] [a-zA-Z] __ksymtab_' /proc/kallsyms || symvers="--symvers /test/Module.symvers"

try() {
	way=$1 part=$2
	shift 2
	case $part in data) parameter=data=1 ;; *) parameter=data=0 ;; esac
	log_mark
	# shellcheck disable=SC2086 # no word, or two
	case $way in
	kprobe) set -- insmod "$TEST_MODULES/ways_crate.ko" $parameter ;;
	address) set -- kimport load "$TEST_MODULES/ways_crate.ko" $parameter kimport_way=parameter "$@" ;;
	livepatch) set -- insmod "$TEST_MODULES/livepatch_$part.ko" ;;
	load) set -- kimport load "$TEST_MODULES/ways_$part.ko" --from ways_provider $symvers "$@" ;;
	export) set -- insmod "$TEST_MODULES/ways_exported.ko" ;;
	esac
	case $way in
	kprobe | address)
		[ -e "$TEST_MODULES/ways_crate.ko" ] || {
			status=build said=$(cat /test/build.log)
			return
		}
		;;
	esac
	told=$("$@" 2>&1)
	status=$?
	said="$told
$(log_since)"
}

# loaded: prints the module of a way that is loaded.
loaded() {
	sed -nE 's/^(ways_(crate|functions|data|exported)) .*/\1/p' /proc/modules
}

# right: prints a pattern of the line that the module logs if it got the right values.
right() {
	case $way in kprobe | address) name=ways_crate ;; export) name=ways_exported ;; *) name=ways_$part ;; esac
	case $way,$part in
	export,*) echo "^$name: product 42, limit 1000, number 42, state [0-9]*\$" ;;
	*,functions) echo "^$name: [1-9][0-9]* processes, sum 42\$" ;;
	*,data) echo "^$name: command line .* value 42\$" ;;
	esac
}

works() {
	try "$@"
	[ "$status" = 0 ] || {
		echo "$2: ended with $status:"
		echo "$said" | tail -n 20
		return 1
	}
	rmmod "$(loaded)" || return
	echo "$said" | grep "$(right)" || {
		echo "$2: not what was to be printed:"
		echo "$said"
		return 1
	}
	[ "$part" = functions ] || [ "$way" = export ] || echo "$said" | grep -qF "command line $(cat /proc/cmdline), value"
}

# message_of ERROR: prints the message of insmod for an error.
message_of() {
	case $1 in
	ENOENT) echo "nknown symbol" ;;
	EPERM) echo "Operation not permitted" ;;
	ENOEXEC) echo "nvalid module format" ;;
	EKEYREJECTED) echo "Key was rejected by service" ;;
	EOPNOTSUPP) echo "Operation not supported" ;;
	*) echo "no such error in this suite: $1" ;;
	esac
}

# ends HOW: the attempt ended as HOW, the second column of the notes, says.
ends() {
	case $1 in
	"exit "*) [ "exit $status" = "$1" ] ;;
	build) [ "$status" = build ] ;;
	*) [ "$status" != 0 ] && [ "$status" != build ] && echo "$told" | grep -q "$(message_of "$1")" ;;
	esac
}

# refused NUMBER WAY PART: the attempt ends as note NUMBER says.
refused() {
	number=$1
	shift
	try "$@"
	how=$(note "$number" 3) message=$(note "$number" 4)
	if ends "$how" && [ -n "$message" ] && echo "$said" | grep -F "$message"; then
		# A failed load leaves nothing behind.
		[ -z "$(loaded)" ]
		return
	fi
	[ -z "$(loaded)" ] || rmmod "$(loaded)"
	echo "$2: ended with $status, expected $how and: $message"
	echo "$said" | tail -n 20
	return 1
}

# cell CELL WAY
cell() {
	number=${1##*(}
	number=${number%)}
	case $1 in
	works) works "$2" functions && { [ "$2" = export ] || works "$2" data; } ;;
	"functions ("*) works "$2" functions && refused "$number" "$2" data ;;
	"--force ("*)
		refused "$number" "$2" functions && refused "$number" "$2" data &&
			works "$2" functions --force && works "$2" data --force
		;;
	"no ("*) refused "$number" "$2" functions && refused "$number" "$2" data ;;
	*)
		echo "the table has a cell '$1'"
		return 1
		;;
	esac
}

# ---- The rows

# prepare WORD...: brings the running system into the state that the row names.
prepare() {
	echo 0 >$RESTRICT
	for word; do
		case $word in
		stock | small | [A-Z]*) ;;
		kptr_restrict=*) echo "${word#*=}" >$RESTRICT ;;
		lockdown=*)
			grep -q " $SECURITY " /proc/mounts || mount -t securityfs securityfs $SECURITY || return
			echo "${word#*=}" >$SECURITY/lockdown || return
			;;
		sig_enforce=1) echo 1 >/sys/module/module/parameters/sig_enforce || return ;;
		*)
			echo "the table has a row with '$word'"
			return 1
			;;
		esac || return
	done
}

rows >/tmp/rows
ktap_plan $(($(wc -l </tmp/rows) * 6 + 1))
ktap_test "the provider loads" insmod "$TEST_MODULES/ways_provider.ko"
while IFS='|' read -r words kprobe address livepatch load export <&7; do
	# shellcheck disable=SC2086 # words
	ktap_test "$words" prepare $words
	ktap_test "$words: kprobe: $kprobe" cell "$kprobe" kprobe
	ktap_test "$words: address: $address" cell "$address" address
	ktap_test "$words: livepatch: $livepatch" cell "$livepatch" livepatch
	ktap_test "$words: load: $load" cell "$load" load
	ktap_test "$words: export: $export" cell "$export" export
done 7</tmp/rows
[ -s /tmp/rows ] || ktap_not_ok "the table has rows for this kernel"
ktap_finish
