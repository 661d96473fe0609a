// SPDX-License-Identifier: GPL-2.0

use kimport_types::{describe, Encoding};

const STR: Encoding = describe!(&'static str);
const SLICE: Encoding = describe!(*const [u8]);
const OBJECT: Encoding = describe!(*mut dyn Send);

fn main() {}
