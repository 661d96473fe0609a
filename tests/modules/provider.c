// SPDX-License-Identifier: GPL-2.0
/*
 * A module that exports nothing, to import from. Its init and exit can be held, so that a test can look at a provider
 * in each of its states.
 */
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/percpu.h>

#include "provider.h"

static bool hold_init;
module_param(hold_init, bool, 0644);
MODULE_PARM_DESC(hold_init, "Stay in init until this is cleared");

static bool hold_exit;
module_param(hold_exit, bool, 0644);
MODULE_PARM_DESC(hold_exit, "Stay in exit until this is cleared");

static bool fail_init;
module_param(fail_init, bool, 0444);
MODULE_PARM_DESC(fail_init, "End init with an error");

int provider_value = 42;
module_param(provider_value, int, 0444);
MODULE_PARM_DESC(provider_value, "What the imported datum holds");

noinline int provider_add(int a, int b)
{
	return a + b;
}

/* Another one of this name is in provider_twin.c. */
static noinline __used int provider_twin(void)
{
	return 1;
}

/* Always called with the same second argument, so that the compiler leaves only a clone of it. */
static noinline int provider_cloned(int a, int b)
{
	return READ_ONCE(provider_value) * b + a;
}

DEFINE_PER_CPU(int, provider_percpu);

static noinline __used int __init provider_init_only(void)
{
	return 3;
}

static int __init provider_init(void)
{
	while (READ_ONCE(hold_init))
		msleep(20);
	provider_init_only();
	this_cpu_write(provider_percpu, provider_cloned(provider_value, 7) + provider_cloned(1, 7));
	return fail_init ? -EIO : 0;
}

static void __exit provider_exit(void)
{
	while (READ_ONCE(hold_exit))
		msleep(20);
}

module_init(provider_init);
module_exit(provider_exit);
MODULE_DESCRIPTION("Exports nothing, for the tests of kimport");
MODULE_LICENSE("GPL");
