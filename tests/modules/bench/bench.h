/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KIMPORT_BENCH_H
#define KIMPORT_BENCH_H

#include <linux/types.h>

int bench_callee(int value);

/* Both loop `count` times, without a call and with one, and return the ticks that this takes. */
u64 bench_c_loop(unsigned int count);
u64 bench_c_pointer(unsigned int count, int (*callee)(int value));

/*
 * Finds all symbols as a C macro does that fills a struct of pointers. Returns 0, or a negative
 * errno.
 */
int bench_c_macro(const char *const *names, size_t count, void **addresses);

#endif
