// SPDX-License-Identifier: GPL-2.0
/*
 * Functions that the Rust crates of a newer kernel take from C and that 6.12 lacks. The file is
 * compiled with the helpers of these crates, into each module.
 */
#include <linux/align.h>
#include <linux/debugfs.h>
#include <linux/dynamic_debug.h>
#include <linux/printk.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

/* The crate declares it as a function of C. */
char *rust_fmt_argument(char *buf, char *end, const void *ptr);

/* Memory of kmalloc() is aligned to any power of two that divides its size. */
static inline void *krealloc_node_align(const void *p, size_t size, unsigned long align,
					gfp_t flags, int node)
{
	return krealloc(p, ALIGN(size, align), flags);
}

static inline void *kvrealloc_node_align(const void *p, size_t size, unsigned long align,
					 gfp_t flags, int node)
{
	return kvrealloc(p, ALIGN(size, align), flags);
}

/* vrealloc() is not exported. For memory of vmalloc(), kvrealloc() does the same. */
static inline void *vrealloc_node_align(const void *p, size_t size, unsigned long align,
					gfp_t flags, int node)
{
	if (!size) {
		vfree(p);
		return NULL;
	}
	return p ? kvrealloc(p, size, flags) : __vmalloc(size, flags);
}

/* It has one argument more since 6.15, the data that debugfs_get_aux() returns. */
__rust_helper struct dentry *rust_helper_debugfs_create_file_full(const char *name, umode_t mode,
								  struct dentry *parent, void *data,
								  const void *aux,
								  const struct file_operations *fops)
{
	return debugfs_create_file(name, mode, parent, data, fops);
}

#ifndef __BINDGEN__
/*
 * The kernel does not know %pA, the format of Rust's messages. The linker's --wrap leads calls of
 * the functions that may get it here. It comes last, perhaps after one %s, and a text may follow.
 */
#define LINE 1000

/* Formats a line whose format has %pA at rust. */
static void format_line(char *line, const char *fmt, const char *rust, va_list args)
{
	char before[16] = "", *end = line + LINE - 1;

	memcpy(before, fmt, min(rust - fmt, (ptrdiff_t)sizeof(before) - 1));
	if (strstr(before, "%s"))
		line += scnprintf(line, LINE, before, va_arg(args, const char *));
	else
		line += scnprintf(line, LINE, "%s", before);
	line = min(rust_fmt_argument(line, end, va_arg(args, const void *)), end);
	strscpy(line, rust + strlen("%pA"), end + 1 - line);
}

int __real__printk(const char *fmt, ...);
void __real___dynamic_pr_debug(struct _ddebug *descriptor, const char *fmt, ...);

int __wrap__printk(const char *fmt, ...)
{
	const char *rust = strstr(fmt, "%pA");
	char line[LINE];
	va_list args;
	int written;

	va_start(args, fmt);
	if (rust) {
		format_line(line, fmt, rust, args);
		written = __real__printk("%s", line);
	} else {
		written = vprintk(fmt, args);
	}
	va_end(args);
	return written;
}

#ifdef CONFIG_DYNAMIC_DEBUG
void __wrap___dynamic_pr_debug(struct _ddebug *descriptor, const char *fmt, ...)
{
	const char *rust = strstr(fmt, "%pA");
	struct va_format vaf = { .fmt = fmt };
	char line[LINE];
	va_list args;

	va_start(args, fmt);
	vaf.va = &args;
	if (rust) {
		format_line(line, fmt, rust, args);
		__real___dynamic_pr_debug(descriptor, "%s", line);
	} else {
		__real___dynamic_pr_debug(descriptor, "%pV", &vaf);
	}
	va_end(args);
}
#endif

/* Rust prints with the format "%pA" alone. */
void __wrap_seq_printf(struct seq_file *m, const char *fmt, ...)
{
	va_list args;
	size_t size;
	char *buf, *end;

	va_start(args, fmt);
	if (strcmp(fmt, "%pA")) {
		seq_vprintf(m, fmt, args);
	} else {
		size = seq_get_buf(m, &buf);
		end = rust_fmt_argument(buf, buf + size, va_arg(args, const void *));
		seq_commit(m, end < buf + size ? end - buf : -1);
	}
	va_end(args);
}
#endif
