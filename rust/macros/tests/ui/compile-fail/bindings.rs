// SPDX-License-Identifier: GPL-2.0

// What is wrong with the form, and what the bindings' text lacks.

use kimport_macros::import_symbols;

import_symbols! {
    mod without { complete: _, first_cmd: (_) }
    mod inside {
        use bindings;
        a: fn(_),
        b: *mut _,
    }
    mod missing {
        use bindings;
        // Only the type of `complete` is there, and a symbol is no item.
        completes: _,
        comp: _,
        #[name = "complete.part.0"]
        part: _,
        #[name = "complete.part.0"]
        stated_part: fn(),
        renamed: _,
        flags: _,
    }
    mod variadic {
        use bindings;
        print: _,
    }
    mod twice {
        use bindings;
        use bindings;
        complete: _,
    }
    mod form {
        use bindings::{a, b};
        use bindings as other;
        use bindings
    }
    mod late {
        complete: fn(),
        use bindings;
        completed: fn(),
    }
}

import_symbols! {
    use bindings;
    mod outer { a: fn() }
}

fn main() {}
