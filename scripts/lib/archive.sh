# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# The Debian archive: which mirror, and what it has.

# The URIs of all repositories in the host's own apt configuration, whichever format it is in.
apt_repositories() {
	apt-get -o Debug::NoLocking=true --print-uris update 2>/dev/null |
		sed -n "s|^'\\(https\\{0,1\\}://[^']*[^/]\\)/*/dists/.*|\\1|p" | awk '!seen[$0]++'
}

# Prints the mirror to use: $KIMPORT_MIRROR, or the first of the host's repositories that holds Debian's $SUITE.
# What is fetched here only serves to tell; apt checks the signatures when it counts.
find_mirror() {
	local uri dist tried=() uris=()
	if [[ -n ${KIMPORT_MIRROR-} ]]; then
		uris=("${KIMPORT_MIRROR%/}")
	else
		mapfile -t uris < <(apt_repositories)
	fi
	[[ ${#uris[@]} -gt 0 ]] || die "This machine's apt configuration names no repository, so there is no Debian mirror to use." \
		"Set KIMPORT_MIRROR to the URL of a Debian mirror."
	for uri in "${uris[@]}"; do
		dist=$TMP/InRelease
		rm -f -- "$dist"
		if ! /usr/lib/apt/apt-helper -o APT::Sandbox::User=root -o Acquire::Retries=1 -o Acquire::http::Timeout=20 \
			-o Acquire::https::Timeout=20 download-file "$uri/dists/$SUITE/InRelease" "$dist" >&2; then
			tried+=("$uri: no dists/$SUITE there, or no answer")
		elif grep -qx 'Origin: Debian' "$dist" && grep -qx 'Label: Debian' "$dist"; then
			rm -f -- "$dist"
			echo "$uri"
			return
		else
			tried+=("$uri: not the Debian archive")
		fi
	done
	die "No Debian mirror with '$SUITE' could be reached. Tried:" "${tried[@]}" \
		"Check the network and http_proxy, or set KIMPORT_MIRROR to the URL of a Debian mirror."
}

keyring() {
	local file=${KIMPORT_KEYRING:-/usr/share/keyrings/debian-archive-keyring.gpg}
	[[ -s $file ]] || die "The keys of the Debian archive are not at $file." \
		"Install debian-archive-keyring, or set KIMPORT_KEYRING to a file that holds them."
	echo "$file"
}

# The host's proxy settings as apt.conf lines; http_proxy and the like pass through the environment.
apt_proxies() {
	apt-config dump 2>/dev/null | grep -E '^Acquire::https?::Proxy' || true
}

# The archive as apt inside the build root sees it. Lists and downloads live in the cache.
export APT_CONFIG_IN_ROOT=$KIMPORT_CACHE/apt/apt.conf

archive() {
	APT_CONFIG=$APT_CONFIG_IN_ROOT in_root "$@"
}

# Fetches the package lists, of the build root's suite and its backports or of the suites that are named.
archive_refresh() {
	local dir=${APT_CONFIG_IN_ROOT%/*} mirror
	[[ $# -gt 0 ]] || set -- "$SUITE" "$SUITE-backports"
	mirror=$(find_mirror)
	mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial"
	printf "deb $mirror %s main\n" "$@" >"$dir/sources.list"
	{
		cat <<-END
			Dir::State::lists "$dir/lists";
			Dir::Cache "$dir/cache";
			Dir::Etc::sourcelist "$dir/sources.list";
			Dir::Etc::sourceparts "/dev/null";
			APT::Sandbox::User "root";
			APT::Update::Error-Mode "any";
			Acquire::Languages "none";
			Acquire::GzipIndexes "true";
			Acquire::Retries "3";
		END
		apt_proxies
	} >"$dir/apt.conf"
	archive apt-get -q update
}

# Whether the lists are there and the archive has version $2 of package $1.
archive_has() {
	[[ -e $APT_CONFIG_IN_ROOT ]] && archive apt-cache show --no-all-versions "$1=$2" >/dev/null 2>&1
}

# The newest version of package $1; nothing when there is none.
archive_version() {
	{ archive apt-cache show --no-all-versions "$1" 2>/dev/null || true; } | sed -n 's/^Version: //p'
}

# The amd64 kernels in backports as lines "release version", newest first: those whose headers and source, too, are there.
# The archive keeps images longer.
archive_kernels() {
	local names release version
	names=$(archive apt-cache pkgnames linux-image- | grep -E '^linux-image-[0-9][^-]*-amd64$') || return 0
	# shellcheck disable=SC2086 # one word per package
	archive apt-cache madison $names |
		awk -F ' *[|] *' -v suite="$SUITE-backports/" 'index($3, suite) { sub(/^ *linux-image-/, "", $1); print $1, $2 }' |
		sort -u | sort -rV |
		while read -r release version; do
			! archive_has "linux-headers-$release" "$version" ||
				! archive_has "linux-source-$(cut -d . -f 1,2 <<<"${version%%[-~]*}")" "$version" ||
				echo "$release $version"
		done
}
