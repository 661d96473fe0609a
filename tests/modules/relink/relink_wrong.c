// SPDX-License-Identifier: GPL-2.0
/* Uses a function that no kernel has, so that no kernel loads it. */
#include <linux/module.h>

int no_such_function(void);

static int __init relink_wrong_init(void)
{
	return no_such_function();
}

module_init(relink_wrong_init);
MODULE_DESCRIPTION("Uses a function that no kernel has, for the tests of kimport");
MODULE_LICENSE("GPL");
