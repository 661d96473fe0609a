/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KIMPORT_TEST_PROVIDER_H
#define KIMPORT_TEST_PROVIDER_H

#include <linux/percpu.h>

extern int provider_value;
DECLARE_PER_CPU(int, provider_percpu);
int provider_add(int a, int b);
int provider_pair(void);

#endif
