#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Loads modules that `kimport relink --sign` signed, on a kernel that does not know the key: the
# kernel reads the signature and looks for the key.
#
# kimport-vm: needs livepatch
# kimport-vm: module signed unsigned
# kimport-vm: last
# shellcheck shell=dash disable=SC1090
. "$KTAP_SH"

described() {
	modinfo "$TEST_MODULES/signed.ko" | grep '^sig'
	modinfo "$TEST_MODULES/signed.ko" | grep -q '^signer: *kimport test$' &&
		modinfo "$TEST_MODULES/signed.ko" | grep -q '^sig_hashalgo: *sha256$'
}

enforce() {
	echo 1 >/sys/module/module/parameters/sig_enforce
}

# refused MODULE WHY
refused() {
	log_mark
	if insmod "$TEST_MODULES/$1.ko"; then return 1; fi
	log_since
	log_since | grep -qF "Loading of $2 is rejected"
}

ktap_plan 4
ktap_test "modinfo describes the signature" described
ktap_test "from now on only signed modules" enforce
ktap_test "a module without signature is refused as that" refused unsigned "unsigned module"
ktap_test "a signed one because the key is not known" refused signed "module with unavailable key"
ktap_finish
