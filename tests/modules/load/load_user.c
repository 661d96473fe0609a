// SPDX-License-Identifier: GPL-2.0
/*
 * Uses a function and a datum of the kernel image, and a function and a datum of the provider of
 * the tests, by plain declarations. None of them is exported.
 */
#include <linux/module.h>

#include "provider.h"

int nr_processes(void);
extern char *saved_command_line;

static char *text = "";
module_param(text, charp, 0444);
MODULE_PARM_DESC(text, "Text to log");

static int __init load_user_init(void)
{
	pr_info("load_user: provider_add(40, 2) = %d, provider_value = %d\n", provider_add(40, 2), provider_value);
	pr_info("load_user: %d processes, command line: %s\n", nr_processes(), saved_command_line);
	pr_info("load_user: text: %s\n", text);
	return 0;
}

static void __exit load_user_exit(void)
{
	pr_info("load_user: provider_add(1, 1) = %d\n", provider_add(1, 1));
}

module_init(load_user_init);
module_exit(load_user_exit);
MODULE_DESCRIPTION("Uses symbols that are not exported, for the tests of kimport load");
MODULE_LICENSE("GPL");
