/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KIMPORT_TEST_PROVIDER_H
#define KIMPORT_TEST_PROVIDER_H

extern int provider_value;
int provider_add(int a, int b);

#endif
