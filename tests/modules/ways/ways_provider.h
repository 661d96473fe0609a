/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KIMPORT_WAYS_PROVIDER_H
#define KIMPORT_WAYS_PROVIDER_H

/* Not exported. */
int ways_add(int a, int b);
extern int ways_value;

/* Exported. */
int ways_multiply(int a, int b);
extern int ways_limit;

#endif
