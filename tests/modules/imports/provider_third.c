// SPDX-License-Identifier: GPL-2.0
#include <linux/compiler.h>

static noinline __used int provider_phase(void)
{
	return 3;
}
