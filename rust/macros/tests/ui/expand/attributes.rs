// SPDX-License-Identifier: GPL-2.0

use kimport_macros::import_symbols;

import_symbols! {
    mod m from "provider" {
        #[optional]
        optional_function: fn(a: u8) -> u8,
        #[optional]
        optional_unit: fn(),
        #[optional]
        optional_never: fn() -> !,
        #[optional]
        optional_data: &u32,
        #[name = "kernel.isra.0"]
        named_function: fn(),
        #[name = "kernel_data"]
        named_data: u32,
        #[position = 1]
        nth_function: fn(),
        #[position = 4294967295]
        nth_data: u32,
        #[unverified]
        unverified_function: fn(),
        #[unverified]
        unverified_data: u32,
        /// Everything at once.
        #[cfg(CONFIG_X86)]
        #[optional]
        #[name = "kernel_name"]
        #[position = 0x10]
        #[unverified]
        #[cfg(not(CONFIG_SMP))]
        pub(crate) everything: fn(a: u8) -> u8,
        #[cfg(CONFIG_X86)]
        #[optional]
        #[name = "kernel_name"]
        #[position = 2]
        #[unverified]
        everything_data: u32,
    }
}
