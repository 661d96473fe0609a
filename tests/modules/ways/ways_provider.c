// SPDX-License-Identifier: GPL-2.0
/* A function and a datum that are exported, and a function and a datum that are not. */
#include <linux/module.h>

#include "ways_provider.h"

noinline int ways_add(int a, int b)
{
	return a + b;
}

int ways_value = 42;

noinline int ways_multiply(int a, int b)
{
	return a * b;
}
EXPORT_SYMBOL_GPL(ways_multiply);

int ways_limit = 1000;
EXPORT_SYMBOL_GPL(ways_limit);

MODULE_DESCRIPTION("Provider for the test of docs/ways.md");
MODULE_LICENSE("GPL");
