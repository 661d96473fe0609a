// SPDX-License-Identifier: GPL-2.0

//! Binds through veneers, on arm64: every call site is a direct `bl` to a veneer in this module,
//! which jumps to the target in the slot.
//!
//! The reach of a `bl` is 128 MiB, and a module may be 2 GiB away from the kernel's text
//! (`RANDOMIZE_MODULE_REGION_FULL`). The loader makes calls of exported functions go through
//! veneers, too, so patching call sites would rarely help. The loader's veneers have the target in
//! their instructions. These ones load it, because it can change.
//!
//! A veneer changes `x16` only, as the loader's do: compilers expect any call to change it. With
//! `CONFIG_ARM64_BTI_KERNEL` a jump through `x16` may land on a `bti c`, as a call may. Functions
//! without one cannot be called there.
//!
//! Source: `arch/arm64/kernel/module-plts.c`, `arch/arm64/include/asm/static_call.h`.

#[cfg(kimport_bench)]
pub use super::slot::bind_together;
pub use super::slot::{FunctionBinding, Key};
use super::CallMode;

/// The way in which calls reach the target in a slot.
pub(super) const CALL_MODE: CallMode = CallMode::Veneer;

/// Defines one imported function.
#[doc(hidden)]
#[macro_export]
macro_rules! __declare_function {
    (
        trampoline: $veneer:literal,
        key: $key:literal,
        binding: $binding:ident,
        call: $call:ident,
        unbound: $unbound:ident,
        symbol: $symbol:literal,
        $(#[$lint:meta])?
        fn($($arg:ident: $type:ty),* $(,)?) -> $return:ty
    ) => {
        $(#[$lint])?
        extern "C" {
            #[link_name = $veneer]
            fn $call($($arg: $type),*) -> $return;
        }

        extern "C" fn $unbound() -> ! {
            $crate::macro_support::unbound($symbol)
        }

        static $binding: $crate::FunctionBinding = {
            #[export_name = $key]
            static KEY: $crate::macro_support::Key =
                $crate::macro_support::Key::new($unbound as *mut $crate::macro_support::c_void);

            // SAFETY: `$unbound` takes any arguments and never returns, and the slot holds it at
            // first.
            unsafe {
                $crate::FunctionBinding::new(&KEY, $unbound as *mut $crate::macro_support::c_void)
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
