// SPDX-License-Identifier: GPL-2.0

use kimport_types::{describe, Encoding};

const CHAR: Encoding = describe!(char);

fn main() {
    let _ = CHAR;
}
