// SPDX-License-Identifier: GPL-2.0

use kimport_macros::import_symbols;

// All errors of one invocation are reported together, whichever stage finds them.
import_symbols! {
    mod lio from "target-core-mod" {
        #[optional(always)]
        target_complete_cmd: fn(cmd: *mut Cmd, status: u8),
        #[weak]
        transport_backend_register fn(*const Ops) -> i32,
        target_queue_submission: fn(*mut Cmd, ...),
    }
    mod core {
        #[name = "a b"]
        uts: _
        fn nr_processes() -> i32;
    }
}

fn main() {}
