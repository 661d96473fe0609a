// SPDX-License-Identifier: GPL-2.0

use kimport_macros::import_symbols;

import_symbols! {
    no_arguments: fn(),
    explicit_unit: fn() -> (),
    qualified: unsafe extern "C" fn(a: u8) -> u8,
    default_abi: extern fn(a: u8) -> u8,
    unnamed: fn(u8, _: u16, named: u32),
    taken: fn(u8, arg0: u16, arg0_: u32, u64),
    raw: fn(r#type: u8),
    never: fn() -> !,
    reference: fn(&u8) -> &u8,
    callback: fn(callback: extern "C" fn(*mut u8) -> u8),
    parenthesized: (fn(u8)),
    pub(crate) restricted: fn(),
}
