#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Ends well, but tests nothing.
exit 0
