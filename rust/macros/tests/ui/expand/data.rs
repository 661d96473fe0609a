// SPDX-License-Identifier: GPL-2.0

use kimport_macros::import_symbols;

import_symbols! {
    plain: u32,
    path: kernel::bindings::task_struct,
    array: [u8; 4],
    tuple: (u8, u16),
    pointer: *mut u8,
    reference: &Foo<'_, &'a u8>,
    function_pointer: Option<fn(&u8) -> &u8>,
    object: *const dyn Fn(&u8) -> &u8,
    macro_type: some_type!(u8),
    pub(in crate::a) restricted: u32,
}
