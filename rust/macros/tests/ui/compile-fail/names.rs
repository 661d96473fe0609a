// SPDX-License-Identifier: GPL-2.0

use kimport_macros::import_symbols;

import_symbols! {
    type: fn(),
    self: fn(),
    _: fn(),
    fn(u8),
    "string": fn(),
    resolve_imports: fn(),
    mod_name: fn(),
    r#resolve_imports_from: u32,
    __kimport_call_x: fn(),
    __KIMPORT_BLOCK: u32,
    arguments: fn(__kimport_call_arguments: u8),
}

fn main() {}
