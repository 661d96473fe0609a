// SPDX-License-Identifier: GPL-2.0
/*
 * A possible next version of tests/modules/imports/provider.c: the symbols are the same, but one
 * function takes and returns other types.
 */
#include <linux/module.h>
#include <linux/percpu.h>

int provider_value = 42;

DEFINE_PER_CPU(int, provider_percpu);

long provider_add(int a, long b);

noinline long provider_add(int a, long b)
{
	return a + b;
}

MODULE_DESCRIPTION("Exports nothing, for the tests of kimport");
MODULE_LICENSE("GPL");
