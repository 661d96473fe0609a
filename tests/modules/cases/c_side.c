// SPDX-License-Identifier: GPL-2.0
/* Only here so that the module has a part in C beside the Rust ones. */
#include <linux/kernel.h>
#include <linux/module.h>

bool kimport_test_c_side(void);

bool kimport_test_c_side(void)
{
	return !strcmp(THIS_MODULE->name, KBUILD_MODNAME);
}
