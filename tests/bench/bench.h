/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KIMPORT_BENCH_H
#define KIMPORT_BENCH_H

#include <linux/types.h>

int bench_callee(int value);

/* Both return the time-stamp counter's ticks for `count` turns. */
u64 bench_c_loop(unsigned int count);
u64 bench_c_pointer(unsigned int count, int (*callee)(int value));

/* Finds all symbols, the way of a C macro that fills a struct of pointers; 0, or an errno. */
int bench_c_macro(const char *const *names, size_t count, void **addresses);

#endif
