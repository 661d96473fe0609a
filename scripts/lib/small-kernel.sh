# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Small kernels that this checkout may be part of: tests/kernel/config on the distribution's source, with three changes: the
# checkout linked to drivers/kimport, one line in drivers/Kconfig and one in drivers/Makefile. Tree and objects stay in the
# cache: the first build takes some minutes, later ones compile what has changed.

# Sets config, tree and source, makes the tree if need be, and keeps others from it until this process ends.
small_kernel_tree() {
	local made_of
	config=$KIMPORT_TOP/tests/kernel/config
	# shellcheck disable=SC2153 # scripts/env sets it
	[[ -d $SOURCE && -d $ROOT ]] || die "There is no kernel source at $SOURCE." "Run 'make setup' first."
	made_of=$(printf '%s\n' "$SOURCE" "$ROOT" "$(<"$config")" | sha256sum)
	tree=$KIMPORT_CACHE/kernels/tree-${made_of:0:12}
	source=$tree/source
	mkdir -p "$tree"
	exec 8>"$tree/lock"
	if ! flock -n 8; then
		note "waiting for another build in $tree ..."
		# Not a blocking flock: a signal has to get through to this shell.
		until flock -n 8; do sleep 0.5; done
	fi
	# A step is a process group of its own, which the terminal's signal does not reach.
	trap 'stop_step' INT TERM HUP
	need_space 1500 'A kernel'

	# Hard links: nothing writes to the source, and what is changed here is replaced.
	if [[ ! -d $source ]]; then
		rm -rf "$source.new"
		cp -al "$SOURCE" "$source.new"
		sed -i '/^endmenu/i source "drivers/kimport/Kconfig"' "$source.new/drivers/Kconfig"
		# shellcheck disable=SC2016 # for make
		sed -i '$a obj-$(CONFIG_KIMPORT) += kimport/' "$source.new/drivers/Makefile"
		mv "$source.new" "$source"
	fi
	ln -sfn "$KIMPORT_TOP" "$source/drivers/kimport"
}

# small_kernel BUILD INSTALL FRAGMENT: configures BUILD as the file FRAGMENT says, builds it, and installs image and modules to
# INSTALL as a distribution does. What the build says is in BUILD.log.
small_kernel() {
	local build=$1 install=$2 fragment=$3 line wrong=()
	local make=(nice "$KIMPORT_TOP/scripts/in-root" -- make -C "$source" O="$build" ARCH=x86 LOCALVERSION=)
	mkdir -p "$build"
	# What was being written when a build was killed is not whole, and make would not know.
	[[ ! -e $build.begun ]] || find "$build" -type f -newer "$build.begun" -delete
	touch "$build.begun"
	"${make[@]}" tinyconfig
	in_root "$source/scripts/kconfig/merge_config.sh" -m -O "$build" "$build/.config" "$fragment"
	"${make[@]}" olddefconfig
	while read -r line; do
		case $line in
		*=n) ! grep -q "^${line%n}" "$build/.config" || wrong+=("$line") ;;
		*) grep -qxF -- "$line" "$build/.config" || wrong+=("$line") ;;
		esac
	done < <(grep '^CONFIG_' "$fragment")
	[[ ${#wrong[@]} -eq 0 ]] || die "The kernel cannot be configured so: other options do not allow these." "${wrong[@]}"
	"${make[@]}" -j"${JOBS:-$(nproc)}" 2>&1 | tee "$build.log"
	rm "$build.begun"
	rm -rf "$install"
	"${make[@]}" modules_install INSTALL_MOD_PATH="$install"
	cp "$build/arch/x86/boot/bzImage" "$install/lib/modules/$(<"$build/include/config/kernel.release")/vmlinuz"
}
