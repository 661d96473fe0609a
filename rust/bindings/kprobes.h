/* SPDX-License-Identifier: GPL-2.0 */
/*
 * bindgen's input for what `kernel::bindings` lacks. Items are generated only when they are named in
 * `kprobes.bindgen`; the types they refer to are those of `kernel::bindings`.
 */
#include <linux/kprobes.h>
