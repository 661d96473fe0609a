// SPDX-License-Identifier: GPL-2.0
/*
 * Calls a function of the kernel image and a function of a module by plain declarations. Neither is
 * exported.
 */
#include <linux/module.h>

#include "ways_provider.h"

int nr_processes(void);

static int __init ways_functions_init(void)
{
	int processes = nr_processes(), sum = ways_add(40, 2);

	pr_info("%s: %d processes, sum %d\n", KBUILD_MODNAME, processes, sum);
	return processes > 0 && sum == 42 ? 0 : -EBADMSG;
}

static void __exit ways_functions_exit(void)
{
}

module_init(ways_functions_init);
module_exit(ways_functions_exit);
MODULE_DESCRIPTION("Functions that are not exported, for the test of docs/ways.md");
MODULE_LICENSE("GPL");
