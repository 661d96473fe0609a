// SPDX-License-Identifier: GPL-2.0

use kimport_macros::import_symbols;

import_symbols! {
    inferred: _,
    inferred_inside: fn(*mut _) -> Option<_>,
    impl_data: impl Copy,
    impl_argument: fn(impl Copy) -> impl Copy,
    never: !,
    never_in_parentheses: (!),
    never_returns: fn() -> !,
    trait_object: dyn Copy + Send,
    trait_object_without_dyn: Copy+,
}

fn main() {}
