/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One of two providers with the same symbols, like an upgraded module and its predecessor. SIDE
 * tells which one it is. Neither exports the symbols that are imported. Each counts the calls that
 * are inside, and warns if it is unloaded while a call is inside.
 */
#include <linux/atomic.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/sched.h>

static bool hold_exit;
module_param(hold_exit, bool, 0644);
MODULE_PARM_DESC(hold_exit, "Stay in exit until this is cleared");

static bool hold_sleep;
module_param(hold_sleep, bool, 0644);
MODULE_PARM_DESC(hold_sleep, "Stay in side_sleep() until this is cleared");

int side_value = SIDE;

/* The number of calls that are inside now. */
atomic_t side_inside = ATOMIC_INIT(0);

static bool side_gone;

static noinline __used int side_id(void)
{
	int id;

	atomic_inc(&side_inside);
	WARN_ON_ONCE(READ_ONCE(side_gone));
	id = READ_ONCE(side_value);
	atomic_dec(&side_inside);
	return id;
}

static noinline __used int side_sleep(unsigned int usecs)
{
	int id;

	atomic_inc(&side_inside);
	usleep_range(usecs, usecs + 1);
	while (READ_ONCE(hold_sleep))
		msleep(20);
	WARN_ON_ONCE(READ_ONCE(side_gone));
	id = READ_ONCE(side_value);
	atomic_dec(&side_inside);
	return id;
}

/* Returns on another CPU, if there is one. */
static noinline __used int side_move(void)
{
	unsigned int cpu;
	int id;

	atomic_inc(&side_inside);
	cpu = cpumask_next(raw_smp_processor_id(), cpu_online_mask);
	if (cpu >= nr_cpu_ids)
		cpu = cpumask_first(cpu_online_mask);
	set_cpus_allowed_ptr(current, cpumask_of(cpu));
	WARN_ON_ONCE(READ_ONCE(side_gone));
	id = READ_ONCE(side_value);
	atomic_dec(&side_inside);
	return id;
}

static void __exit side_exit(void)
{
	WARN_ON_ONCE(atomic_read(&side_inside));
	WRITE_ONCE(side_gone, true);
	while (READ_ONCE(hold_exit))
		msleep(20);
	WARN_ON_ONCE(atomic_read(&side_inside));
}

module_exit(side_exit);
MODULE_LICENSE("GPL");
