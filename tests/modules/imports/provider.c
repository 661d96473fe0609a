// SPDX-License-Identifier: GPL-2.0
/*
 * A provider that exports nothing. A parameter can hold it in its init or exit, so that a test can
 * see a provider in each of its states.
 */
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/percpu.h>

#include "provider.h"

static bool hold_init;
module_param(hold_init, bool, 0644);
MODULE_PARM_DESC(hold_init, "Stay in init until this is cleared");

static bool hold_exit;
module_param(hold_exit, bool, 0644);
MODULE_PARM_DESC(hold_exit, "Stay in exit until this is cleared");

static bool fail_init;
module_param(fail_init, bool, 0444);
MODULE_PARM_DESC(fail_init, "End init with an error");

int provider_value = 42;
module_param(provider_value, int, 0444);
MODULE_PARM_DESC(provider_value, "What the imported datum holds");

noinline int provider_add(int a, int b)
{
	return a + b;
}

/* Another function of this name is in provider_twin.c. */
static noinline __used int provider_twin(void)
{
	return 1;
}

/*
 * The function of this name in provider_twin.c comes later in memory, but earlier in the symbol
 * table, because it is a local symbol.
 */
noinline int provider_pair(void)
{
	return 1;
}

/*
 * The first of three functions of this name in the symbol table, and the one whose memory is freed.
 * The others are in provider_twin.c and provider_third.c.
 */
static noinline __used int __init provider_phase(void)
{
	return 1;
}

/* The function of this name in provider_twin.c stays. */
static noinline __used int __init provider_staying(void)
{
	return 1;
}

/*
 * .data and .rodata are allocated separately, so the addresses of these data and of the data of the
 * same names in provider_twin.c have no fixed order. The symbol table has one.
 */
static const int provider_first_const __used = 1;
static int provider_second_const __used = 1;

/* Always called with the same second argument, so that the compiler leaves only a clone. */
static noinline int provider_cloned(int a, int b)
{
	return READ_ONCE(provider_value) * b + a;
}

/* LLVM renames static functions like this when they become global. */
int provider_renamed(void) __asm__("provider_renamed.llvm.17");
int provider_split(void) __asm__("provider_split.llvm.1");
int provider_split_as_well(void) __asm__("provider_split.llvm.2");

noinline int provider_renamed(void)
{
	return 4;
}

noinline int provider_split(void)
{
	return 5;
}

noinline int provider_split_as_well(void)
{
	return 6;
}

/* The function of this name in provider_twin.c has another prototype. */
static noinline __used int provider_unlike(int a)
{
	return a;
}

/* A prototype that is longer than a record of the kernel log. */
#define WORDY(n) struct provider_type_with_a_name_that_fills_one_line_of_a_prototype_all_alone_##n
#define WORDY_ARGUMENTS(d) \
	WORDY(d##0) *a##d##0, WORDY(d##1) *a##d##1, WORDY(d##2) *a##d##2, WORDY(d##3) *a##d##3, WORDY(d##4) *a##d##4
WORDY(00); WORDY(01); WORDY(02); WORDY(03); WORDY(04);
WORDY(10); WORDY(11); WORDY(12); WORDY(13); WORDY(14);
WORDY(20); WORDY(21); WORDY(22); WORDY(23); WORDY(24);

static noinline __used int provider_wordy(WORDY_ARGUMENTS(0), WORDY_ARGUMENTS(1), WORDY_ARGUMENTS(2))
{
	return READ_ONCE(provider_value);
}

DEFINE_PER_CPU(int, provider_percpu);

static noinline __used int __init provider_init_only(void)
{
	return 3;
}

static int provider_init_value __initdata __used = 3;

/* This stays, because modules can be unloaded. */
static noinline __used int __exit provider_exit_only(void)
{
	return 7;
}

static int __init provider_init(void)
{
	while (READ_ONCE(hold_init))
		msleep(20);
	provider_init_only();
	this_cpu_write(provider_percpu, provider_cloned(provider_value, 7) + provider_cloned(1, 7));
	return fail_init ? -EIO : 0;
}

static void __exit provider_exit(void)
{
	while (READ_ONCE(hold_exit))
		msleep(20);
}

module_init(provider_init);
module_exit(provider_exit);
MODULE_DESCRIPTION("Exports nothing, for the tests of kimport");
MODULE_LICENSE("GPL");
