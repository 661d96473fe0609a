// SPDX-License-Identifier: GPL-2.0
/* Uses symbols that cannot be imported, each for a different reason. It is never loaded. */
#include <linux/module.h>

int load_no_such_function(void);
int provider_twin(void);
int provider_cloned(int a, int b);
extern int provider_percpu;
int name_show(void);
void __noreturn start_kernel(void);

static int __init load_refused_init(void)
{
	int refused = load_no_such_function() + provider_twin() + provider_cloned(1, 2) + provider_percpu + name_show();

	if (refused)
		return refused;
	start_kernel();
}

module_init(load_refused_init);
MODULE_DESCRIPTION("Uses symbols that cannot be imported, for the tests of kimport load");
MODULE_LICENSE("GPL");
