// SPDX-License-Identifier: GPL-2.0
/*
 * Uses functions and data of the kernel image and of the provider of the tests. None of them but
 * kfree() is exported.
 */
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/sched/stat.h>
#include <linux/slab.h>

int provider_add(int a, int b);
extern int provider_value;
extern char *saved_command_line;

int relink_c_twin(void);

/* The compiler stores the address of the function here, which is a relocation in data. */
static int (*const add)(int a, int b) = provider_add;

/* The relocation of per-CPU data is no ordinary address, but per_cpu() takes it as it is. */
static bool counts_processes(void)
{
	int before, sum, cpu;

	do {
		before = nr_processes();
		sum = 0;
		for_each_possible_cpu(cpu)
			sum += per_cpu(process_counts, cpu);
	} while (before != nr_processes());
	return sum > 0 && sum == before;
}

static int __init relink_c_init(void)
{
	kfree(kmalloc(1, GFP_KERNEL));
	pr_info("relink_c: %d %d %d\n", provider_add(40, 2), READ_ONCE(add) == provider_add, provider_value);
	pr_info("relink_c: twin %d, %s\n", relink_c_twin(), nr_processes() > 0 ? "processes" : "none");
	pr_info("relink_c: per-CPU %d\n", counts_processes());
	pr_info("relink_c: command line: %s\n", saved_command_line);
	return 0;
}

static void __exit relink_c_exit(void)
{
	pr_info("relink_c: bye %d\n", provider_add(1, 1));
}

module_init(relink_c_init);
module_exit(relink_c_exit);
MODULE_DESCRIPTION("Is relinked while it is built, for the tests of kimport");
MODULE_LICENSE("GPL");
