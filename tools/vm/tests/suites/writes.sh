#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Writes to a disk, and waits to be killed. The second time it finds the disk written.
#
# shellcheck shell=dash disable=SC1090
. "$KTAP_SH"

writes() {
	echo written | dd of=/dev/vda conv=sync,fsync bs=512 count=1 status=none
}

ktap_plan 2
if [ "$(head -c 7 /dev/vda)" = written ]; then
	ktap_test "it was written before" true
else
	ktap_test "a disk is written" writes
fi
echo now
sleep 36000
