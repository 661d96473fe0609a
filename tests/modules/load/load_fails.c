// SPDX-License-Identifier: GPL-2.0
/* A module whose init ends with an error. */
#include <linux/module.h>

int nr_processes(void);

static int __init load_fails_init(void)
{
	pr_info("load_fails: %s\n", nr_processes() > 0 ? "there are processes" : "there are none");
	return -ENODEV;
}

module_init(load_fails_init);
MODULE_DESCRIPTION("Fails, for the tests of kimport load");
MODULE_LICENSE("GPL");
