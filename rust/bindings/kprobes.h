/* SPDX-License-Identifier: GPL-2.0 */
/*
 * bindgen's input for what `kernel::bindings` lacks, or has by accident. Items are generated only when they are named in
 * `kprobes.bindgen`; the types they refer to are those of `kernel::bindings`.
 */
#include <linux/kallsyms.h>
#include <linux/kprobes.h>
#include <linux/sort.h>

#include <asm/sections.h>
