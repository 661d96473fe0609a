// SPDX-License-Identifier: GPL-2.0
/*
 * Reads a datum of the kernel image and a datum of a module by plain declarations. Neither is
 * exported.
 */
#include <linux/module.h>

#include "ways_provider.h"

extern char *saved_command_line;

static int __init ways_data_init(void)
{
	pr_info("%s: command line %s, value %d\n", KBUILD_MODNAME, saved_command_line, ways_value);
	return ways_value == 42 ? 0 : -EBADMSG;
}

static void __exit ways_data_exit(void)
{
}

module_init(ways_data_init);
module_exit(ways_data_exit);
MODULE_DESCRIPTION("Data that are not exported, for the test of docs/ways.md");
MODULE_LICENSE("GPL");
