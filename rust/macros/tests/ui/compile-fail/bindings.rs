// SPDX-License-Identifier: GPL-2.0

// Errors in the form, and declarations that the bindings' text lacks.

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
        // Similar names, clones, a renamed item and a struct: none declares the symbol.
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
