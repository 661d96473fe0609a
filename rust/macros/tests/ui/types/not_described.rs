// SPDX-License-Identifier: GPL-2.0

use kimport_types::{describe, Encoding};

const TUPLE: Encoding = describe!((u8, u8));
const GENERIC: Encoding = describe!(Box<u8>);
const RUST_FUNCTION: Encoding = describe!(fn(u8) -> u8);
const SLICE: Encoding = describe!([u8]);

fn main() {}
