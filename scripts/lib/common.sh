# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Messages, steps, the lock and temporary files, for the commands in scripts/.

# shellcheck source=scripts/env
. "$(dirname -- "${BASH_SOURCE[0]}")/../env"

# People read descriptor 3, also where a step's own output goes to its log. A program that shows them progress itself
# (`kimport prepare`) sets KIMPORT_EVENTS and reads events from standard output. What runs inside of steps has no part in it.
EVENTS=${KIMPORT_EVENTS-}
unset KIMPORT_EVENTS
if [[ -n $EVENTS ]]; then exec 3>&1; else exec 3>&2; fi

# event KIND [FIELD...]: each field ends with a unit separator, the event with a NUL.
event() {
	printf '%s\x1f' "$@" >&3
	printf '\0' >&3
}

# What a process ends with when it has said why.
EXPLAINED=3

# Says why (the first line) and the way out (the others), and ends.
die() {
	if [[ -n $EVENTS ]]; then
		event error "$@"
		exit $EXPLAINED
	fi
	[[ ! -t 3 ]] || printf '\r\033[K' >&3
	printf 'kimport: error: %s\n' "$1" >&3
	shift
	[[ $# -eq 0 ]] || printf '  %s\n' "$@" >&3
	exit $EXPLAINED
}

note() {
	if [[ -n $EVENTS ]]; then
		event note "$*"
		return
	fi
	[[ ! -t 3 ]] || printf '\r\033[K' >&3
	printf 'kimport: %s\n' "$*" >&3
}

in_root() {
	local rc=0
	"$KIMPORT_TOP/scripts/in-root" -- "$@" || rc=$?
	# What the command ends with does not mean that a person was told.
	[[ $rc != "$EXPLAINED" ]] || rc=1
	return $rc
}

# need_space MEGABYTES WHAT [DIRECTORY]
need_space() {
	local dir=${3:-$KIMPORT_CACHE} free
	free=$(($(df -Pk -- "$dir" | awk 'NR == 2 { print $4 }') / 1024))
	[[ $free -ge $1 ]] ||
		die "$2 needs $1 MB in $dir, where $free MB are free." \
			"Free some space there, or set ${4:-KIMPORT_CACHE} to a directory on a larger disk."
}

# Makes this process the only one that changes the cache, and removes what interrupted ones left.
lock_cache() {
	local holder
	[[ $KIMPORT_CACHE != *[[:space:]:]* ]] ||
		die "The cache's path, $KIMPORT_CACHE, contains a space or a colon, which the kernel's build does not accept." \
			"Set KIMPORT_CACHE to another directory."
	mkdir -p -- "$KIMPORT_CACHE/log" 2>/dev/null || true
	[[ -d $KIMPORT_CACHE/log && -w $KIMPORT_CACHE && -w $KIMPORT_CACHE/log ]] ||
		die "The cache directory $KIMPORT_CACHE cannot be written." "Set KIMPORT_CACHE to one that can."
	exec 9>>"$KIMPORT_CACHE/lock"
	if ! flock -n 9; then
		read -r holder <"$KIMPORT_CACHE/lock" || holder='unknown'
		note "waiting for another set-up of $KIMPORT_CACHE (process $holder) ..."
		# Not a blocking flock: a signal has to get through to this shell.
		until flock -n 9; do sleep 0.5; done
	fi
	echo $$ >"$KIMPORT_CACHE/lock"
	TMP=$KIMPORT_CACHE/tmp
	trap 'stop_step' INT TERM HUP
	trap 'remove "$TMP"' EXIT
	remove "$TMP"
	mkdir "$TMP"
	# The caller's directory may not exist in the build root.
	cd -- "$KIMPORT_TOP"
}

# rm -rf that refuses to leave the cache and works on read-only directories.
remove() {
	[[ -e $1 ]] || return 0
	[[ $1 == "$KIMPORT_CACHE"/?* ]] || die "Refusing to remove $1."
	rm -rf -- "$1" 2>/dev/null || { chmod -R u+rwX -- "$1" && rm -rf -- "$1"; }
}

STEP=0 STEPS=0 STEP_PID=

# A signal: the step's whole process group ends, then this process. The temporary files go with it.
stop_step() {
	trap '' INT TERM HUP
	if [[ -n $STEP_PID ]]; then
		kill -TERM -- "-$STEP_PID" 2>/dev/null || true
		for _ in {1..50}; do
			kill -0 -- "-$STEP_PID" 2>/dev/null || break
			sleep 0.1
		done
		kill -KILL -- "-$STEP_PID" 2>/dev/null || true
		wait "$STEP_PID" 2>/dev/null || true
	fi
	note "interrupted; run it again to go on."
	exit 130
}

# step NAME FUNCTION [ARGUMENT...]: runs the function with its output in a log, shows its name and the time it took.
step() {
	local name=$1 start=$SECONDS rc=0 log line
	shift
	STEP=$((STEP + 1))
	log=$KIMPORT_CACHE/log/${name//[^a-zA-Z0-9]/-}.log
	line="[$STEP/$STEPS] $name ..."
	if [[ -n $EVENTS ]]; then
		event begin "$STEP" "$STEPS" "$name"
	elif [[ ! -t 3 ]]; then
		printf '%s\n' "$line" >&3
	fi

	# With job control the step is a process group that can be ended as a whole.
	set -m
	(
		set +m -e
		trap - EXIT
		"$@"
	) >"$log" 2>&1 </dev/null &
	STEP_PID=$!
	set +m
	while [[ -t 3 ]] && kill -0 "$STEP_PID" 2>/dev/null; do
		printf '\r\033[K%s %d s' "$line" $((SECONDS - start)) >&3
		sleep 0.2
	done
	wait "$STEP_PID" || rc=$?
	STEP_PID=

	[[ ! -t 3 ]] || printf '\r\033[K' >&3
	if [[ $rc == 0 && -n $EVENTS ]]; then
		event end
	elif [[ $rc == 0 ]]; then
		printf '%s %d s\n' "$line" $((SECONDS - start)) >&3
	elif [[ $rc == "$EXPLAINED" ]]; then
		exit $EXPLAINED
	else
		explain_failure "$name" "$log"
	fi
}

# Shows that a step has nothing to do.
skip() {
	STEP=$((STEP + 1))
	if [[ -n $EVENTS ]]; then
		event skip "$STEP" "$STEPS" "$1"
	else
		printf '[%s/%s] %s ... there\n' "$STEP" "$STEPS" "$1" >&3
	fi
}

explain_failure() {
	local hint="The whole log: $2" end
	end=$(tail -n 15 -- "$2" | cut -c -300 | sed 's/^/  | /')
	if [[ -n $EVENTS ]]; then event log "$end"; else printf '%s\n' "$end" >&3; fi
	if grep -q 'No space left on device' -- "$2"; then
		hint="The disk is full: free some space, or set KIMPORT_CACHE to a directory on a larger disk. $hint"
	elif grep -qE 'Could not (resolve|connect)|Temporary failure resolving|Connection (failed|timed out|refused)|Failed to fetch' -- "$2"; then
		hint="The archive could not be reached: check the network and http_proxy, or set KIMPORT_MIRROR. $hint"
	fi
	die "The step '$1' failed." "$hint" "What was finished is kept; run it again to go on."
}
