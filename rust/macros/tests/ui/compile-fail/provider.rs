// SPDX-License-Identifier: GPL-2.0

use kimport_macros::import_symbols;

import_symbols! {
    mod empty from "" { symbol: fn() }
    mod longest from "a_name_of_55_bytes_____________________________________" { symbol: fn() }
    mod too_long from "a_name_of_56_bytes______________________________________" { symbol: fn() }
    mod dash from "tcm-loop" { symbol: fn() }
    mod file from "target-core-mod.ko" { symbol: fn() }
    mod path from "target/target_core_mod" { symbol: fn() }
    mod space from "target core" { symbol: fn() }
    mod nul from "target\0" { symbol: fn() }
    mod colon from "target:core" { symbol: fn() }
    mod image from "vmlinux" { symbol: fn() }
}

fn main() {}
