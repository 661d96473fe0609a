/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Lets a second copy of the LIO core live beside the kernel's own.
 *
 * This header is included before every file of the core (see Kbuild). It redefines the few
 * interfaces through which a copy of the core would collide with the original. So the core's
 * sources are compiled as they are in the kernel tree: there is no patch that stops applying, and
 * no text edit that silently stops matching.
 */
#ifndef LIO_CORE_NEW_COEXIST_H
#define LIO_CORE_NEW_COEXIST_H

#define LIO_CORE_NEW_CONFIGFS	"target_new"
#define LIO_CORE_NEW_SUFFIX	"_new"

#include <linux/cfi.h>
#include <linux/compiler.h>
#include <linux/configfs.h>
#include <linux/export.h>
#include <linux/kmod.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>

/*
 * Two modules cannot export the same names, so this one exports none. Defining __DISABLE_EXPORTS
 * would do that as well, but it also tells the headers that this is not kernel code, and they drop
 * IBT and CFI support for it. Besides, objtool seals a function that is not exported: the function
 * loses its ENDBR if nothing in this module takes its address. But drivers put functions of the
 * core into their operations, so each function here keeps its landing pad as if it were exported.
 */
#undef __EXPORT_SYMBOL
#define __EXPORT_SYMBOL(sym, license, ns) \
	extern typeof(sym) sym;           \
	__ADDRESSABLE(sym)                \
	CFI_NOSEAL(sym);

/* The original registered its configfs tree as "target". */
static inline int lio_core_new_register(struct configfs_subsystem *subsys)
{
	strscpy(subsys->su_group.cg_item.ci_namebuf, LIO_CORE_NEW_CONFIGFS,
		sizeof(subsys->su_group.cg_item.ci_namebuf));
	return configfs_register_subsystem(subsys);
}
#define configfs_register_subsystem lio_core_new_register

/*
 * Duplicate cache names confuse slabtop; kernels with CONFIG_DEBUG_VM or slab
 * debugging warn about them.
 */
static inline struct kmem_cache *
lio_core_new_cache(const char *name, unsigned int size, unsigned int align,
		   slab_flags_t flags, void (*ctor)(void *))
{
	return kmem_cache_create(name, size, align, flags, ctor);
}
#undef kmem_cache_create
#define kmem_cache_create(name, ...) \
	lio_core_new_cache(name LIO_CORE_NEW_SUFFIX, __VA_ARGS__)

/*
 * The core loads backends and fabrics by name on first use. The drivers of these
 * names are linked against the original core: loading them would also load that
 * core again, and none of them would ever register with this one.
 */
#undef request_module
#define request_module(...) 0

#undef MODULE_DESCRIPTION
#define MODULE_DESCRIPTION(original) \
	MODULE_INFO(description, "LIO core, second copy without exports " \
		    "(configfs: " LIO_CORE_NEW_CONFIGFS ")")

#endif /* LIO_CORE_NEW_COEXIST_H */
