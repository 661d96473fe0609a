// SPDX-License-Identifier: GPL-2.0
/*
 * The way in which the C macro calls: through a pointer in a struct, which with retpolines is a
 * call of a thunk.
 */
#include <linux/compiler.h>

#include <asm/tsc.h>

#include "bench.h"

static struct {
	int (*callee)(int value);
} ops;

u64 bench_c_loop(unsigned int count)
{
	u64 start = rdtsc_ordered();

	while (count--)
		barrier();
	return rdtsc_ordered() - start;
}

u64 bench_c_pointer(unsigned int count, int (*callee)(int value))
{
	u64 start;

	ops.callee = callee;
	start = rdtsc_ordered();
	while (count--) {
		READ_ONCE(ops.callee)(1);
		barrier();
	}
	return rdtsc_ordered() - start;
}
