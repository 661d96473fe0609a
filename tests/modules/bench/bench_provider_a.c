// SPDX-License-Identifier: GPL-2.0
#define PROVIDER 1
#include "provider.h"
#include "bench.h"

/* The function whose calls are timed. It does as little as possible. */
int bench_callee(int value)
{
	return value;
}
EXPORT_SYMBOL_GPL(bench_callee);

MODULE_DESCRIPTION("The first of two providers, for the bench of kimport");
