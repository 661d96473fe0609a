/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The way in which the C macro imports: a struct of pointers, which init fills. A kprobe gives it
 * the address of kallsyms_lookup_name. NAMES is a file with a line `NAME(function)` for each
 * import.
 */
#include <linux/kprobes.h>
#include <linux/module.h>

static struct {
#define NAME(function) void (*function)(void);
#include NAMES
#undef NAME
} imported;

/* A call site of each, as the modules of ../cost have. */
#define NAME(function) static noinline void call_##function(void) { imported.function(); }
#include NAMES
#undef NAME

static void (*const calls[])(void) __used = {
#define NAME(function) call_##function,
#include NAMES
#undef NAME
};

static const struct {
	const char *name;
	void **address;
} imports[] = {
#define NAME(function) { #function, (void **)&imported.function },
#include NAMES
#undef NAME
};

static int __init baseline_init(void)
{
	struct kprobe probe = { .symbol_name = "kallsyms_lookup_name" };
	unsigned long (*lookup_name)(const char *name);
	size_t i;
	int error;

	error = register_kprobe(&probe);
	if (error)
		return error;
	lookup_name = (void *)probe.addr;
	unregister_kprobe(&probe);
	for (i = 0; i < ARRAY_SIZE(imports); i++) {
		*imports[i].address = (void *)lookup_name(imports[i].name);
		if (!*imports[i].address) {
			pr_err("%s is missing\n", imports[i].name);
			return -ENOENT;
		}
	}
	return 0;
}

static void __exit baseline_exit(void)
{
}

module_init(baseline_init);
module_exit(baseline_exit);
MODULE_DESCRIPTION("Imports as C macros do, for the bench of kimport");
MODULE_LICENSE("GPL");
