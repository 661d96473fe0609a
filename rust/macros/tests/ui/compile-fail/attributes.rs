// SPDX-License-Identifier: GPL-2.0

use kimport_macros::import_symbols;

import_symbols! {
    #[inline]
    unknown: fn(),
    #[kimport::optional]
    unknown_path: fn(),
    #[optional]
    #[optional]
    flag_twice: fn(),
    #[name = "a"]
    #[cfg(all())]
    #[name = "b"]
    name_twice: fn(),
    #[position]
    #[position = 1]
    malformed_and_twice: fn(),
    #[optional(x)]
    flag_list: fn(),
    #[unverified = true]
    flag_value: fn(),
    #[name]
    name_flag: fn(),
    #[name = 3]
    name_number: fn(),
    #[name = b"x"]
    name_bytes: fn(),
    #[name("x")]
    name_list: fn(),
    #[name = concat!("a", "b")]
    name_macro: fn(),
    #[position(1)]
    position_list: fn(),
    #[position = 0]
    position_zero: fn(),
    #[position = "x"]
    position_string: fn(),
    #[position = -1]
    position_negative: fn(),
    #[position = 1.0]
    position_float: fn(),
    #[position = 1u64]
    position_suffix: fn(),
    #[position = 4294967296]
    position_too_big: fn(),
    #[position = 4294967295]
    position_biggest: fn(),
    #![optional]
    inner: fn(),
    //! Inner.
    inner_doc: fn(),
    #[name = ]
    no_value: fn(),
    #[optional]
}

fn main() {}
