// SPDX-License-Identifier: GPL-2.0
/*
 * A provider with symbols of the other two, but with other prototypes. That of side_id() differs
 * only in a sign, of which kimport warns. That of side_sleep() is refused.
 */
#include <linux/module.h>

static int side_value = 3;

static noinline __used unsigned int side_id(void)
{
	return READ_ONCE(side_value);
}

static noinline __used int side_sleep(unsigned long usecs)
{
	return READ_ONCE(side_value);
}

static noinline __used int side_move(void)
{
	return READ_ONCE(side_value);
}

MODULE_DESCRIPTION("A provider whose prototypes differ, for the tests of kimport");
MODULE_LICENSE("GPL");
