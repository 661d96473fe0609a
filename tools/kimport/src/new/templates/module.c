// SPDX-License-Identifier: GPL-2.0
/*
 * A module that imports symbols which the kernel does not export. The Kbuild
 * names the module that provides each.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>

/* These are not in the headers for modules, or are declared there as here. */
@EXTERNS@

static int __init @NAME@_module_init(void)
{
@PRINTED@
	return 0;
}

static void __exit @NAME@_module_exit(void)
{
}

module_init(@NAME@_module_init);
module_exit(@NAME@_module_exit);
MODULE_DESCRIPTION("Imports symbols that the kernel does not export");
MODULE_LICENSE("GPL");
