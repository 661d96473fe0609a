// SPDX-License-Identifier: GPL-2.0
/* Needs nothing that the build would have to relink, in the same directory. */
#include <linux/module.h>

MODULE_DESCRIPTION("Is left alone, for the tests of kimport");
MODULE_LICENSE("GPL");
