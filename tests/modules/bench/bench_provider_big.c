// SPDX-License-Identifier: GPL-2.0
/* A provider with 2,000 functions that it does not export, bench_big_1000 to bench_big_2999. */
#include <linux/module.h>

#define ONE(number) \
	static noinline __used int bench_big_##number(int value) \
	{ \
		return value + number; \
	}

#define TEN(tens) \
	ONE(tens##0) ONE(tens##1) ONE(tens##2) ONE(tens##3) ONE(tens##4) \
	ONE(tens##5) ONE(tens##6) ONE(tens##7) ONE(tens##8) ONE(tens##9)

#define HUNDRED(hundreds) \
	TEN(hundreds##0) TEN(hundreds##1) TEN(hundreds##2) TEN(hundreds##3) TEN(hundreds##4) \
	TEN(hundreds##5) TEN(hundreds##6) TEN(hundreds##7) TEN(hundreds##8) TEN(hundreds##9)

#define THOUSAND(thousands) \
	HUNDRED(thousands##0) HUNDRED(thousands##1) HUNDRED(thousands##2) HUNDRED(thousands##3) \
	HUNDRED(thousands##4) HUNDRED(thousands##5) HUNDRED(thousands##6) HUNDRED(thousands##7) \
	HUNDRED(thousands##8) HUNDRED(thousands##9)

THOUSAND(1)
THOUSAND(2)

MODULE_DESCRIPTION("A provider with many symbols, for the bench of kimport");
MODULE_LICENSE("GPL");
