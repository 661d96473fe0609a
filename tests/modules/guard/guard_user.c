// SPDX-License-Identifier: GPL-2.0
/*
 * Uses a function, a datum and per-CPU data of the provider of the tests, and a function of the
 * kernel image, by plain declarations. None of them is exported.
 */
#include <linux/delay.h>
#include <linux/module.h>

#include "provider.h"

int nr_processes(void);

static int error;
module_param(error, int, 0444);
MODULE_PARM_DESC(error, "Errno that init ends with");

static bool hold_init;
module_param(hold_init, bool, 0644);
MODULE_PARM_DESC(hold_init, "Stay in init until this is cleared");

static bool leave;
module_param(leave, bool, 0444);
MODULE_PARM_DESC(leave, "Do not use the provider in exit");

static int __init guard_user_init(void)
{
	int cpu, sum = 0;

	while (READ_ONCE(hold_init))
		msleep(20);
	for_each_possible_cpu(cpu)
		sum += per_cpu(provider_percpu, cpu);
	pr_info("%s: %d %d, per-CPU %s, %s\n", KBUILD_MODNAME, provider_add(40, 2), provider_value,
		sum > 0 ? "some" : "none", nr_processes() > 0 ? "processes" : "no processes");
	return -error;
}

static void __exit guard_user_exit(void)
{
	if (!leave)
		pr_info("%s: bye %d\n", KBUILD_MODNAME, provider_add(1, 1));
}

module_init(guard_user_init);
module_exit(guard_user_exit);
MODULE_DESCRIPTION("Is relinked, for the tests of kimport_guard");
MODULE_LICENSE("GPL");
