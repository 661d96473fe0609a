// SPDX-License-Identifier: GPL-2.0
/* A module that needs no relinking, in the directory of modules that the build relinks. */
#include <linux/module.h>

MODULE_DESCRIPTION("Is left alone, for the tests of kimport");
MODULE_LICENSE("GPL");
