// SPDX-License-Identifier: GPL-2.0
#include <linux/compiler.h>

static noinline __used int provider_twin(void)
{
	return 2;
}

static noinline __used int provider_pair(void)
{
	return 2;
}

static noinline __used long provider_unlike(long a, long b)
{
	return a + b;
}
