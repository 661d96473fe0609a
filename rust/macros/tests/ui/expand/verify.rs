// SPDX-License-Identifier: GPL-2.0

use kimport_macros::import_symbols;

import_symbols! {
    #[verify(strict)]
    mod strict { a: fn() }
    #[verify(warn)]
    mod warned { a: fn(*mut task_struct, gfp_t) -> c_int }
    #[verify(off)]
    mod unchecked from "provider" { a: [u8; 4] }
}

import_symbols! {
    #![verify(require)]
    a: fn(),
}

// has: policy: Strict, optional: false
// has: .verify(::kimport::types::Policy::Strict);
// has: policy: Warn, optional: false
// has: .verify(::kimport::types::Policy::Warn)
// has: Data, policy: Off, optional: false
// has: .verify(::kimport::types::Policy::Off);
// has: policy: Require, optional: false
// has: .verify(::kimport::types::Policy::Require);
