// SPDX-License-Identifier: GPL-2.0
/* A module that imports nothing. */
#include <linux/module.h>

static int __init baseline_init(void)
{
	return 0;
}

static void __exit baseline_exit(void)
{
}

module_init(baseline_init);
module_exit(baseline_exit);
MODULE_DESCRIPTION("Does nothing, for the bench of kimport");
MODULE_LICENSE("GPL");
