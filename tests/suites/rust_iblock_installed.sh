#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Tests samples/rust_iblock as `make install-modules` installs it: modprobe loads it with its core,
# and the core loads it instead of the C driver if modprobe is configured so.
#
# kimport-vm: needs kernel-crate
# kimport-vm: file $KIMPORT_BUILD/installed/rust_iblock.ko:/test/installed/rust_iblock.ko
# kimport-vm: file $KIMPORT_BUILD/installed/target_core_mod_new.ko:/test/core.ko
# kimport-vm: file samples/rust_iblock/rust_iblock.conf:/test/rust_iblock.conf
# kimport-vm: stock target_core_mod target_core_iblock
# kimport-vm: program depmod
# shellcheck shell=dash disable=SC1090
. "$KTAP_SH"
. "$LIO_SH"

CORE=$LIO_CONFIGFS/target/core

install_modules() {
	updates=/lib/modules/$(uname -r)/updates
	mkdir -p "$updates" && cp /test/installed/rust_iblock.ko "$updates" &&
		cp /test/core.ko "$updates/target_core_mod_new.ko" && depmod &&
		modinfo rust_iblock | grep '^signer: *kimport test$' &&
		modinfo target_core_mod_new | grep '^signer: *kimport test$'
}

loaded() {
	[ -d "/sys/module/$1" ]
}

# brings CORE [PARAMETER]: nothing is loaded, and modprobe loads the driver and its core.
brings() {
	! loaded target_core_mod && ! loaded target_core_mod_new && modprobe rust_iblock ${2:+"$2"} &&
		[ -d "/sys/module/$1/holders/rust_iblock" ] && rmmod rust_iblock && rmmod "$1"
}

# chooses DRIVER OTHER: the core loads DRIVER when it is asked for an HBA.
chooses() {
	! loaded rust_iblock && ! loaded target_core_iblock && modprobe target_core_mod &&
		mkdir "$CORE/iblock_0" && loaded "$1" && ! loaded "$2" && rmdir "$CORE/iblock_0" || return
	modprobe -qr target_core_file target_core_pscsi target_core_user
	rmmod "$1" && rmmod target_core_mod
}

configured() {
	mkdir -p /etc/modprobe.d && cp /test/rust_iblock.conf /etc/modprobe.d && chooses rust_iblock target_core_iblock
	result=$?
	rm /etc/modprobe.d/rust_iblock.conf && return $result
}

ktap_plan 5
ktap_test "the modules are installed, and signed" install_modules
ktap_test "modprobe loads the core" brings target_core_mod
ktap_test "modprobe loads the core that is named" brings target_core_mod_new provider=target_core_mod_new
ktap_test "the core loads the C driver" chooses target_core_iblock rust_iblock
ktap_test "or the Rust driver, if that is configured" configured
ktap_finish
