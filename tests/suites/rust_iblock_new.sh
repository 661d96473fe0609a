#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# rust_iblock.sh on the LIO core that exports nothing, with the relinked tcm_loop as front end.
#
# kimport-vm: needs kernel-crate
# kimport-vm: with rust_iblock
# shellcheck shell=dash disable=SC1090,SC2034
IBLOCK_PROVIDER=target_core_mod_new
IBLOCK_SUBSYS=target_new
. "${0%_new*}"
