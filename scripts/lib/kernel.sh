# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# A Rust build tree for one of the distribution's kernels.
#
# The packages come from one of three places, ORIGIN: "archive" (signatures checked by apt), "installed" (this host's
# dpkg) or a directory of .deb files. They end up unpacked in $STOCK and $SOURCE; from there on all are the same.

ORIGIN=
# How people call it.
PREPARE=${KIMPORT_COMMAND:-scripts/prepare-kernel}
: "${RELEASE:?}" "${VERSION:?}" # set by scripts/env, and by kimport_kernel for other kernels

# The value of "Depends" of package $1.
depends_of() {
	case $ORIGIN in
	archive) archive apt-cache show --no-all-versions "$1=$VERSION" 2>/dev/null | sed -n 's/^Depends: //p' ;;
	installed) dpkg-query -W -f '${Depends}\n' "$1" ;;
	*) debs_of "$ORIGIN" | awk -F '\t' -v p="$1" '$2 == p { print $4 }' ;;
	esac
}

# The .deb files in directory $1: file, package, version, dependencies.
debs_of() {
	# shellcheck disable=SC2016 # expanded by the inner shell and by dpkg-deb
	KIMPORT_BIND=$1 in_root sh -c 'for f in "$1"/*.deb; do
		printf "%s\t%s\n" "$f" "$(dpkg-deb -W --showformat="\${Package}\t\${Version}\t\${Depends}" "$f")"; done' sh "$1"
}

has_package() {
	case $ORIGIN in
	archive) archive_has "$1" "$VERSION" ;;
	installed) [[ $(dpkg-query -W -f '${db:Status-Status} ${Version}' "$1" 2>/dev/null) == "installed $VERSION" ]] ;;
	*) debs_of "$ORIGIN" | awk -F '\t' -v p="$1" -v v="$VERSION" '$2 == p && $3 == v { n++ } END { exit !n }' ;;
	esac
}

source_package() {
	[[ $VERSION =~ ^[0-9]+\.[0-9]+ ]] || die "'$VERSION' is not the version of a kernel package."
	echo "linux-source-${BASH_REMATCH[0]}"
}

# The packages whose files make $STOCK. Kernels differ in how they are split (before 6.19 linux-image-* holds everything),
# so their dependencies say.
stock_packages() {
	local package
	for package in "linux-image-$RELEASE" "linux-headers-$RELEASE"; do
		echo "$package"
		depends_of "$package" | tr ',' '\n' |
			awk -v same="(= $VERSION)" '$1 ~ /^linux-/ && (NF == 1 || $2 " " $3 == same) { print $1 }'
	done | sort -u
}

# Refuses a kernel without Rust, whose configuration is $1.
check_config() {
	local has
	grep -qx 'CONFIG_RUST=y' -- "$1" || die "Kernel $RELEASE is built without CONFIG_RUST=y: no Rust module can be made for it." \
		"Choose a newer one, such as the pinned kernel (kernel.pin) or another from $SUITE-backports."
	has=$(in_root rustc --version)
	grep -qxF "CONFIG_RUSTC_VERSION_TEXT=\"$has\"" -- "$1" ||
		die "Kernel $RELEASE was built with $(sed -n 's/^CONFIG_RUSTC_VERSION_TEXT=//p' "$1"), the build root has \"$has\"." \
			"Modules from another compiler do not fit it. Choose a kernel of the suite '$SUITE' or its backports."
}

download() {
	(cd "$TMP/debs" && archive apt-get -q download "${@/%/=$VERSION}")
}

# Prints the path of the configuration inside the archive's headers package.
archive_config() {
	mkdir -p "$TMP/debs" "$TMP/headers"
	download "linux-headers-$RELEASE" >&2
	in_root dpkg-deb -x "$TMP"/debs/linux-headers-*.deb "$TMP/headers" >&2
	echo "$TMP/headers/usr/src/linux-headers-$RELEASE/.config"
}

# Brings the packages to $TMP/debs, or checks that they are installed.
fetch_kernel() {
	local package packages missing=() config file
	if [[ $ORIGIN == archive ]]; then
		archive_has "linux-headers-$RELEASE" "$VERSION" || gone
		need_space 1000 'Downloading the kernel'
		config=$(archive_config)
		check_config "$config"
	fi
	mapfile -t packages < <(stock_packages)
	packages+=("$(source_package)")
	for package in "${packages[@]}"; do
		has_package "$package" || missing+=("$package")
	done
	case $ORIGIN in
	archive)
		[[ ${#missing[@]} -eq 0 ]] || gone "${missing[@]}"
		download "${packages[@]}"
		;;
	installed)
		[[ ${#missing[@]} -eq 0 ]] ||
			die "Version $VERSION of these packages is neither in the archive nor installed: ${missing[*]}" \
				"Get their .deb files from the distribution's snapshot service and run:" \
				"  $PREPARE DIRECTORY-WITH-THE-DEBS"
		check_config "${DPKG_ROOT-}/usr/src/linux-headers-$RELEASE/.config"
		;;
	*)
		[[ ${#missing[@]} -eq 0 ]] ||
			die "$ORIGIN has no version $VERSION of: ${missing[*]}" "Put their .deb files there, too."
		mkdir "$TMP/debs"
		while IFS=$'\t' read -r file package _; do
			[[ " ${packages[*]} " != *" $package "* ]] || cp -- "$file" "$TMP/debs/"
		done < <(debs_of "$ORIGIN")
		;;
	esac
}

# The archive no longer has what was asked for.
gone() {
	local has
	has=$(archive_kernels | sed '2,$s/^/    /')
	die "The archive does not have, or no longer has, kernel $RELEASE${VERSION:+, version $VERSION}${1:+: $*}" \
		"It has headers and source of:" "  ${has:-none}" \
		"Any of them can be prepared: $PREPARE RELEASE. To use the newest for all from now on: make update-kernel" \
		"To keep this one: get its .deb files from the distribution's snapshot service and run" \
		"  $PREPARE DIRECTORY-WITH-THE-DEBS"
}

# Unpacks what fetch_kernel brought: the stock kernel and its source.
unpack_kernel() {
	local package packages modules file tar
	need_space 2800 'The kernel and its source'
	# Later work goes on in the final directories, so these appear complete or not at all.
	mkdir -p "$KERNELS" "${STOCK%/*}"

	if [[ ! -d $STOCK ]]; then
		mkdir "$TMP/stock"
		if [[ $ORIGIN == installed ]]; then
			mapfile -t packages < <(stock_packages)
			dpkg-query -L "${packages[@]}" | sort -u | sed -n 's|^/||p' |
				(cd "${DPKG_ROOT:-/}" && tar -c --no-recursion --ignore-failed-read -T -) |
				tar -x -C "$TMP/stock" --no-same-owner
		else
			for package in "$TMP"/debs/*.deb; do
				[[ $package == */linux-source-* ]] || in_root dpkg-deb -x "$package" "$TMP/stock"
			done
		fi
		# One layout for all: merged /usr, the image beside its modules.
		if [[ -d $TMP/stock/lib && ! -L $TMP/stock/lib ]]; then
			mkdir -p "$TMP/stock/usr/lib"
			cp -a "$TMP/stock/lib/." "$TMP/stock/usr/lib/"
			rm -r "$TMP/stock/lib"
		fi
		ln -sfn usr/lib "$TMP/stock/lib"
		modules=$TMP/stock/usr/lib/modules/$RELEASE
		for file in vmlinuz System.map config; do
			[[ -e $modules/$file ]] || cp -a "$TMP/stock/boot/$file-$RELEASE" "$modules/$file"
		done
		check_config "$modules/config"
		in_root depmod -b "$TMP/stock" "$RELEASE"
		mv -T "$TMP/stock" "$STOCK"
	fi

	if [[ ! -d $SOURCE ]]; then
		mkdir "$TMP/source"
		tar=usr/src/$(source_package).tar.xz
		if [[ $ORIGIN == installed ]]; then
			tar -xJ -C "$TMP/source" --strip-components=1 -f "${DPKG_ROOT-}/$tar"
		else
			# shellcheck disable=SC2016 # expanded by the inner shell
			in_root bash -c 'set -o pipefail; dpkg-deb --fsys-tarfile "$1" | tar -xO "./$2" |
				tar -xJ -C "$3" --strip-components=1' bash "$TMP"/debs/linux-source-*.deb "$tar" "$TMP/source"
		fi
		mv -T "$TMP/source" "$SOURCE"
	fi
}

# Makes $KDIR from $SOURCE and the stock kernel's configuration. It is made in place, as the build writes its path into
# what it makes; the file .kimport tells that it is complete.
prepare_tree() {
	local headers=$STOCK/usr/src/linux-headers-$RELEASE cc version changed make
	need_space 500 'The build tree'
	cc=$(sed -nE 's/^CONFIG_CC_VERSION_TEXT="([^ "]+).*/\1/p' "$headers/.config")
	# shellcheck disable=SC2016 # expanded by the inner shell
	in_root sh -c 'command -v "$1"' sh "$cc" ||
		die "Kernel $RELEASE was built with $cc, which the build root has not." "Add its package to scripts/build-root.conf."
	version=$(in_root make -s -C "$SOURCE" kernelversion)
	[[ $RELEASE == "$version"* ]] || die "The source of version $VERSION calls itself $version, the kernel $RELEASE."

	remove "$KDIR"
	mkdir "$KDIR"
	cp "$headers/.config" "$KDIR/.config"
	make=(in_root make -C "$SOURCE" O="$KDIR" ARCH=x86 CC="$cc" CROSS_COMPILE="${cc%gcc*}" LOCALVERSION="${RELEASE#"$version"}")
	"${make[@]}" olddefconfig
	# Configuration decides about crate hashes and structure layouts. Only the C compiler's packaging revision may differ; the
	# distribution does not compare it either (DEBIAN_KERNEL_NO_CC_VERSION_CHECK).
	changed=$(diff "$headers/.config" "$KDIR/.config" | grep '^[<>]' | grep -v '^[<>] CONFIG_CC_VERSION_TEXT=') || true
	[[ -z $changed ]] || die "The build root's tools change the configuration of kernel $RELEASE, so that modules would not fit:" "$changed" \
		"Make the build root anew (remove $ROOT); if that does not help, its tools are too new or too old for this kernel."
	"${make[@]}" -j"$(nproc)" modules_prepare

	version=$(<"$KDIR/include/config/kernel.release")
	[[ $version == "$RELEASE" ]] || die "The prepared tree is for release $version instead of $RELEASE."
	[[ -s $KDIR/rust/libkernel.rmeta ]] || die "The prepared tree has no rust/libkernel.rmeta."
	# Kernels carry syn since 6.19, and keep host libraries apart since 7.3.
	[[ ! -d $SOURCE/rust/syn || -s $KDIR/rust/host/libsyn.rlib || -s $KDIR/rust/libsyn.rlib ]] ||
		die "The prepared tree has no libsyn.rlib."

	# The exported symbols, and the types that modules' BTF builds on. The variables pin release and compiler.
	cp "$headers/Module.symvers" "$headers/.kernelvariables" "$KDIR/"
	[[ ! -e $headers/vmlinux ]] || cp "$headers/vmlinux" "$KDIR/"
}

# Builds the kernel's own smallest Rust sample with the tree, then declares the tree complete.
try_tree() {
	local dir=$TMP/try
	mkdir "$dir"
	cp "$SOURCE/samples/rust/rust_minimal.rs" "$dir/"
	echo 'obj-m := rust_minimal.o' >"$dir/Kbuild"
	in_root make -C "$KDIR" M="$dir" modules
	[[ $(in_root modinfo -F vermagic "$dir/rust_minimal.ko") == "$RELEASE "* ]] ||
		die "A module built with $KDIR is not for $RELEASE."
	touch "$KDIR/.kimport"
}

kernel_ready() {
	[[ -d $ROOT && -d $STOCK && -d $SOURCE && -e $KDIR/.kimport ]]
}

# All that is needed for the kernel in RELEASE, VERSION, ORIGIN, after the build root: four steps.
steps_kernel() {
	if [[ -d $STOCK && -d $SOURCE ]]; then
		skip 'kernel packages'
		skip 'unpacking'
	else
		step 'kernel packages' fetch_from_origin
		step 'unpacking' unpack_kernel
		remove "$TMP/debs"
	fi
	if kernel_ready; then
		skip 'Rust build tree'
		skip 'test module'
	else
		step 'Rust build tree' prepare_tree
		step 'test module' try_tree
	fi
}

fetch_from_origin() {
	# The lists of an earlier run do unless they lack this version.
	if [[ $ORIGIN == archive ]] && ! archive_has "linux-headers-$RELEASE" "$VERSION"; then archive_refresh; fi
	fetch_kernel
}
