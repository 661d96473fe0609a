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

// has: -> ::core::option::Option<u8> { if __KIMPORT_BINDING_optional_function.is_bound() {
// has: } else { ::core::option::Option::None } }
// has: Function, policy: Strict, optional: true, unverified: false, position: 0, block: "m", provider: "provider", name: "optional_function"
// has: .described(__KIMPORT_TYPE_optional_function).optional(),
// has: pub unsafe fn optional_unit() -> ::core::option::Option<()> {
// has: pub unsafe fn optional_never() -> ::core::option::Option<::core::convert::Infallible,> {
// has: ::kimport::macro_support::returned("provider:optional_never")
// has: pub fn optional_data() -> ::core::option::Option<*mut &'static u32> {
// has: symbol: "kernel.isra.0"
// has: c"kernel.isra.0", &__KIMPORT_BINDING_named_function).rust_name("named_function")
// has: DataBinding::unbound();
// has: /// The address of the kernel's `provider:kernel_data`.
// has: Data, policy: Strict, optional: false, unverified: false, position: 0, block: "m", provider: "provider", name: "kernel_data", rust_name: "named_data"
// has: .rust_name("named_data").described(__KIMPORT_TYPE_named_data),
// has: unverified: false, position: 4294967295, block: "m", provider: "provider", name: "nth_data"
// has: const __KIMPORT_TYPE_unverified_data: &[u8] = &[];
// has: optional: false, unverified: true, position: 0, block: "m", provider: "provider"
// has: #[cfg(CONFIG_X86)] #[cfg(not(CONFIG_SMP))] ::kimport::__declare_function!
// has: pub(crate) unsafe fn everything(__kimport_arg_a: u8) -> ::core::option::Option<u8> {
// has: .rust_name("everything").described(__KIMPORT_TYPE_everything).optional().position(16).unverified(),
