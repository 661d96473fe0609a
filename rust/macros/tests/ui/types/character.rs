// SPDX-License-Identifier: GPL-2.0

use kimport_types::{describe, Encoding};

const _: Encoding = describe!(char);

fn main() {}
