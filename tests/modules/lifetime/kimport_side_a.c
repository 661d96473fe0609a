// SPDX-License-Identifier: GPL-2.0
#define SIDE 1
#include "side.h"

static noinline __used int side_only_a(void)
{
	return READ_ONCE(side_value) + 10;
}

/* Exported so that a module can also link against this one. */
int side_a_exported(void);
int side_a_exported(void)
{
	return SIDE;
}
EXPORT_SYMBOL_GPL(side_a_exported);

MODULE_DESCRIPTION("The first of two providers, for the tests of kimport");
