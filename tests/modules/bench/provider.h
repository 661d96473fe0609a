/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One of two providers with the same 45 functions, as many as the block `few` imports.
 */
#include <linux/module.h>

#define SIDE(number) \
	static noinline __used int bench_side_##number(int value) \
	{ \
		return value + number + PROVIDER; \
	}

#define FIVE_SIDES(tens) SIDE(tens##0) SIDE(tens##1) SIDE(tens##2) SIDE(tens##3) SIDE(tens##4)
#define TEN_SIDES(tens) FIVE_SIDES(tens) SIDE(tens##5) SIDE(tens##6) SIDE(tens##7) SIDE(tens##8) SIDE(tens##9)

TEN_SIDES(1)
TEN_SIDES(2)
TEN_SIDES(3)
TEN_SIDES(4)
FIVE_SIDES(5)

MODULE_LICENSE("GPL");
