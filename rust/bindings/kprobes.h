/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The input of bindgen for items that `kernel::bindings` lacks, or has by accident. bindgen
 * generates only the items that `kprobes.bindgen` names. The types that these refer to are those of
 * `kernel::bindings`.
 */
#include <linux/kallsyms.h>
#include <linux/kprobes.h>
#include <linux/sort.h>
#include <linux/vmalloc.h>

#include <asm/sections.h>
