# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# The host's tools and the build root.

# shellcheck source=scripts/build-root.conf
. "$KIMPORT_TOP/scripts/build-root.conf"

# What this needs of the host, as command:Debian package.
HOST_TOOLS=(mmdebstrap:mmdebstrap bwrap:bubblewrap)

missing_tools() {
	local tool
	for tool in "${HOST_TOOLS[@]}"; do
		command -v "${tool%%:*}" >/dev/null || echo "${tool##*:}"
	done
	[[ -n ${KIMPORT_KEYRING-} || -s /usr/share/keyrings/debian-archive-keyring.gpg ]] || echo debian-archive-keyring
	[[ $EUID == 0 ]] || command -v newuidmap >/dev/null || echo uidmap
}

# Checks the host and installs what is missing where that can be done.
prepare_host() {
	local missing
	[[ $(uname -s) == Linux && $(uname -m) == x86_64 ]] ||
		die "This is $(uname -s) on $(uname -m); the build root and the kernel are for Linux on x86_64 (amd64)." \
			"Run it on an amd64 machine."
	mapfile -t missing < <(missing_tools)
	if [[ ${#missing[@]} -gt 0 ]]; then
		if [[ ! -e /etc/debian_version ]] || ! command -v apt-get >/dev/null; then
			die "These are needed and not installed: ${missing[*]} (the names of Debian's packages)." \
				"Install them with this system's package manager and run it again."
		fi
		[[ $EUID == 0 ]] ||
			die "These packages are needed and not installed: ${missing[*]}." \
				"Have an administrator run: apt-get install ${missing[*]}"
		install_tools "${missing[@]}"
	fi
	check_sandbox
}

install_tools() {
	local apt=(apt-get -q -y -o DPkg::Lock::Timeout=120)
	export DEBIAN_FRONTEND=noninteractive
	# Lists may be absent (a container image) or too old.
	"${apt[@]}" install --no-install-recommends "$@" ||
		{ "${apt[@]}" update && "${apt[@]}" install --no-install-recommends "$@"; } ||
		die "Installing ${*} with apt-get failed, see $KIMPORT_CACHE/log." \
			"Check the network and this machine's apt configuration, or install them by hand."
}

# Namespaces may be forbidden although all programs are there.
check_sandbox() {
	local out file
	if [[ $EUID == 0 ]]; then
		out=$(bwrap --bind / / --unshare-pid --proc /proc true 2>&1) ||
			die "bubblewrap cannot make a mount namespace here although this is root: $out" \
				"In a container, start it with the right to (docker run --privileged, or --cap-add SYS_ADMIN with" \
				"--security-opt seccomp=unconfined apparmor=unconfined systempaths=unconfined), or use a virtual machine."
		return
	fi
	out=$(bwrap --bind / / --unshare-user --uid 0 --gid 0 --unshare-pid --proc /proc true 2>&1) ||
		die "This is not root, and user namespaces are not available: $out" \
			"Run it as root, or allow them, as root:" \
			"  sysctl -w user.max_user_namespaces=15000" \
			"  sysctl -w kernel.unprivileged_userns_clone=1                  # where it exists" \
			"  sysctl -w kernel.apparmor_restrict_unprivileged_userns=0      # where it exists"
	for file in /etc/subuid /etc/subgid; do
		grep -qsE "^($(id -un)|$(id -u)):" "$file" ||
			die "This is not root, and $(id -un) is not in $file: making a build root needs subordinate ids." \
				"Run it as root, or as root: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 $(id -un)"
	done
}

make_root() {
	local mirror keys line args=() tmp=$TMP/root found
	need_space 3500 'The build root'
	mirror=$(find_mirror)
	keys=$(keyring)
	while read -r line; do args+=(--aptopt="$line"); done < <(apt_proxies)
	args+=(--variant=apt --include="$(IFS=,; echo "${PACKAGES[*]}")"
		--aptopt='Acquire::Retries "3"'
		--dpkgopt='path-exclude=/usr/share/doc/*'
		--dpkgopt='path-exclude=/usr/share/man/*'
		--dpkgopt='path-exclude=/usr/share/locale/*')
	set -- "deb [signed-by=$keys] $mirror $SUITE main" "deb [signed-by=$keys] $mirror $SUITE-backports main"

	mkdir "$tmp"
	if [[ $EUID == 0 ]]; then
		mmdebstrap "${args[@]}" --format=directory "$SUITE" "$tmp" "$@"
	else
		# Through an archive, so that every file belongs to this user: bubblewrap maps no other.
		# The cache is often below a home directory that the mapped users cannot enter.
		export TMPDIR=${TMPDIR:-/var/tmp}
		need_space 3500 'Making the build root' "$TMPDIR" TMPDIR
		mmdebstrap "${args[@]}" --mode=unshare --format=tar "$SUITE" - "$@" |
			tar -x -C "$tmp" --no-same-owner --exclude='./dev/*'
		chmod -R u+rwX "$tmp"
	fi

	found=$(awk '$0 == "Package: rustc" { on = 1 } on && /^Version:/ { print $2; exit }' "$tmp/var/lib/dpkg/status")
	[[ $found == "$RUSTC"[+-]* ]] || die "$SUITE has rustc $found, but the stock kernel is made with $RUSTC." \
		"When the kernel has moved on, change RUSTC in scripts/build-root.conf."
	# Where in-root mounts what the host has.
	touch "$tmp/etc/resolv.conf" "$tmp/etc/hosts"
	mkdir -p "${ROOT%/*}"
	mv -T -- "$tmp" "$ROOT"
}

# The two steps everything else needs.
steps_root() {
	step 'host and its tools' prepare_host
	if [[ -d $ROOT ]]; then skip 'build root'; else step 'build root' make_root; fi
}
