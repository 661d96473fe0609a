// SPDX-License-Identifier: GPL-2.0
/* Functions and data of the kernel image and of a module that are exported. */
#include <linux/kernel.h>
#include <linux/module.h>

#include "ways_provider.h"

static int __init ways_exported_init(void)
{
	int product = ways_multiply(6, 7), number = 0, error = kstrtoint("42", 10, &number);

	pr_info("%s: product %d, limit %d, number %d, state %d\n", KBUILD_MODNAME, product, ways_limit, number, system_state);
	return product == 42 && ways_limit == 1000 && !error && number == 42 && system_state == SYSTEM_RUNNING ? 0 : -EBADMSG;
}

static void __exit ways_exported_exit(void)
{
}

module_init(ways_exported_init);
module_exit(ways_exported_exit);
MODULE_DESCRIPTION("Exported functions and data, for the test of docs/ways.md");
MODULE_LICENSE("GPL");
