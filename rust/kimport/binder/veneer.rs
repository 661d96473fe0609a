// SPDX-License-Identifier: GPL-2.0

//! Binds through veneers, on arm64: every call site is a direct `bl` to a veneer in this module,
//! which jumps to the target in the slot.
//!
//! The reach of a `bl` is 128 MiB, and a module may be 2 GiB away from the kernel's text
//! (`RANDOMIZE_MODULE_REGION_FULL`). The loader makes calls of exported functions go through
//! veneers, too, so patching call sites would rarely help. The loader's veneers have the target in
//! their instructions. These ones load it, because it can change.
//!
//! The slots are in the section `.data..ro_after_init`, so a stray write cannot redirect calls. The
//! loader makes the section read-only when the init of this module has ended. Binding may come
//! later (`rebind()`, `#[late]`), and dropping the `Imports` always does. So each store goes
//! through a mapping of the slot's page that exists for this store only, as in the kernel's own
//! `aarch64_insn_write_literal_u64()`.
//!
//! A veneer changes `x16` only, as the loader's do: compilers expect any call to change it. With
//! `CONFIG_ARM64_BTI_KERNEL` a jump through `x16` may land on a `bti c`, as a call may. Functions
//! without one cannot be called there.
//!
//! Source: `arch/arm64/kernel/module-plts.c`, `arch/arm64/include/asm/static_call.h`,
//! `arch/arm64/kernel/patching.c`, `kernel/module/strict_rwx.c`.

#[cfg(kimport_bench)]
pub use super::slot::bind_together;
pub use super::slot::{FunctionBinding, Key};
use super::CallMode;
use crate::bindings;
use core::ffi::c_void;
use kernel::sync::atomic::{Atomic, Release};

/// The way in which calls reach the target in a slot.
pub(super) const CALL_MODE: CallMode = CallMode::Veneer;

/// Stores `target` in a slot, which may be read-only. May sleep.
#[cfg(MODULE)]
pub(super) fn store(slot: &Atomic<*mut c_void>, target: *mut c_void) {
    const ANY_NODE: kernel::ffi::c_int = -1;

    let address = core::ptr::from_ref(slot);
    // SAFETY: The slot is in memory of this module, which the loader has from vmalloc.
    let mut page = unsafe { bindings::vmalloc_to_page(address.cast()) };
    let mapping = loop {
        // SAFETY: This is one page, which lives as long as the module.
        let mapping = unsafe { bindings::vm_map_ram(&raw mut page, 1, ANY_NODE) };
        if !mapping.is_null() {
            break mapping;
        }
        // Callers cannot handle an error: calls must not stay with the old target. The kernel does
        // not let such a small allocation fail, and if it did, it would try again, as here.
        // SAFETY: Callers of this function may sleep.
        unsafe { bindings::msleep(1) };
    };
    let alias = mapping.wrapping_byte_add(address.addr() % bindings::PAGE_SIZE);
    // SAFETY: The page is mapped, and the slot is at the same offset there. Both are accessed
    // atomically only.
    let alias = unsafe { &*alias.cast::<Atomic<*mut c_void>>() };
    alias.store(target, Release);
    // SAFETY: This is the mapping from above, and nothing uses it any more.
    unsafe { bindings::vm_unmap_ram(mapping, 1) };
}

/// Stores `target` in a slot.
#[cfg(not(MODULE))]
pub(super) fn store(slot: &Atomic<*mut c_void>, target: *mut c_void) {
    slot.store(target, Release);
}

/// Defines one imported function.
#[doc(hidden)]
#[macro_export]
macro_rules! __declare_function {
    (
        trampoline: $veneer:literal,
        key: $key:literal,
        binding: $binding:ident,
        call: $call:ident,
        block: $block:ident,
        symbol: $symbol:literal,
        $(#[$lint:meta])?
        fn($($arg:ident: $type:ty),* $(,)?) -> $return:ty
    ) => {
        $(#[$lint])?
        extern "C" {
            #[link_name = $veneer]
            fn $call($($arg: $type),*) -> $return;
        }

        static $binding: $crate::FunctionBinding = {
            extern "C" fn unbound() -> ! {
                $crate::macro_support::unbound(&$block, &$binding)
            }

            #[export_name = $key]
            #[cfg_attr(MODULE, link_section = ".data..ro_after_init")]
            static KEY: $crate::macro_support::Key =
                $crate::macro_support::Key::new(unbound as *mut $crate::macro_support::c_void);

            // SAFETY: `unbound` takes any arguments and never returns, and the slot holds it at
            // first.
            unsafe {
                $crate::FunctionBinding::new(&KEY, unbound as *mut $crate::macro_support::c_void)
            }
        };

        $crate::macro_support::global_asm!(
            ".pushsection .text, \"ax\"",
            ".balign 4",
            concat!(".globl ", $veneer),
            concat!(".type ", $veneer, ", @function"),
            concat!($veneer, ":"),
            // bti c
            "hint 34",
            concat!("adrp x16, ", $key),
            concat!("ldr x16, [x16, :lo12:", $key, "]"),
            "br x16",
            concat!(".size ", $veneer, ", . - ", $veneer),
            ".popsection",
        );
    };
}

#[cfg(kimport_selftest)]
pub(crate) mod tests;
