// SPDX-License-Identifier: GPL-2.0
#include <linux/compiler.h>
#include <linux/sched/stat.h>

static noinline __used int provider_twin(void)
{
	return 2;
}

static noinline __used int provider_pair(void)
{
	return 2;
}

/*
 * The kernel image has a function of this name and prototype, so pahole leaves this one out of the
 * BTF of the module.
 */
noinline unsigned int nr_iowait(void)
{
	return 42;
}

static noinline __used int provider_phase(void)
{
	return 2;
}

static noinline __used int provider_staying(void)
{
	return 2;
}

static int provider_first_const __used = 2;
static const int provider_second_const __used = 2;

static noinline __used long provider_unlike(long a, long b)
{
	return a + b;
}
