// SPDX-License-Identifier: GPL-2.0
/* Gives the module a part in C beside its Rust parts. */
#include <linux/kernel.h>
#include <linux/module.h>

bool kimport_test_c_side(void);

bool kimport_test_c_side(void)
{
	return !strcmp(THIS_MODULE->name, KBUILD_MODNAME);
}
