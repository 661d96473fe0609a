#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Loads a Rust driver of the distribution, relinked so that livepatch code resolves all symbols that
# it needs of the kernel image. The kernel image exports them.
#
# kimport-vm: needs kernel-crate livepatch ax88796b_rust
# kimport-vm: module ax88796b_rust
# shellcheck shell=dash disable=SC1090
. "$KTAP_SH"

MODULE=ax88796b_rust

registered() {
	[ -d "/sys/bus/mdio_bus/drivers/Asix Electronics AX88796B" ]
}

loads() {
	insmod "$TEST_MODULES/$MODULE.ko" && registered
}

unloads() {
	rmmod $MODULE && ! registered
}

ktap_plan 2
ktap_test "it loads and its drivers are there" loads
ktap_test "it unloads" unloads
ktap_finish
