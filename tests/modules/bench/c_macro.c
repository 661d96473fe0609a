// SPDX-License-Identifier: GPL-2.0
/*
 * The way in which the C macro finds symbols: a kprobe gives the address of kallsyms_lookup_name,
 * which is then called for each name.
 */
#include <linux/kprobes.h>
#include <linux/string.h>

#include "bench.h"

typedef unsigned long (*lookup_name_t)(const char *name);

int bench_c_macro(const char *const *names, size_t count, void **addresses)
{
	struct kprobe probe = { .symbol_name = "kallsyms_lookup_name" };
	lookup_name_t lookup_name;
	size_t i;
	int error;

	error = register_kprobe(&probe);
	if (error)
		return error;
	lookup_name = (lookup_name_t)probe.addr;
	unregister_kprobe(&probe);
	for (i = 0; i < count; i++) {
		addresses[i] = (void *)lookup_name(names[i]);
		if (!addresses[i])
			return -ENOENT;
	}
	return 0;
}
