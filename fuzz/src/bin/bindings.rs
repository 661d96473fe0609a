// SPDX-License-Identifier: GPL-2.0

//! Declarations in the output of bindgen. The input begins with the name to find, in a line of its
//! own.

#![no_main]
#![allow(dead_code)] // Only the search is used.

#[path = "../../../rust/macros/src/bindings.rs"]
mod bindings;
#[path = "../../../rust/macros/src/definitions.rs"]
mod definitions;
#[path = "../../../rust/macros/src/diagnostics.rs"]
mod diagnostics;
#[path = "../../../rust/macros/src/layouts.rs"]
mod layouts;
#[path = "../../../rust/macros/src/model.rs"]
mod model;

use libfuzzer_sys::fuzz_target;
use syn::ForeignItem;

fn seeds() -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = [
        "f\nunsafe extern \"C\" {\n    pub fn f(a: *mut flags, b: [u8; 2usize]) -> c_int;\n}\n",
        "d\nunsafe extern \"C\" {\n    #[link_name = \"\\u{1}d\"]\n    pub static mut d_: c_int;\n}\n",
        "c\nextern \"C\" { pub static c: T ; # [doc = \"{ ;\"] pub fn c () ; }",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec();
    for file in kimport_fuzz::stock::files("rust/macros/tests/ui/support", "bindings.rs") {
        seeds.push([b"kfree\n".as_slice(), &file].concat());
    }
    seeds
}

fuzz_target!(init: kimport_fuzz::seeds(seeds), |text: &str| {
    let Some((name, text)) = text.split_once('\n') else {
        return;
    };
    match bindings::find(text, name) {
        Some(ForeignItem::Fn(_) | ForeignItem::Static(_)) => {
            assert!(bindings::item_name(name, proc_macro2::Span::call_site()).is_some());
        }
        None => {}
        Some(_) => panic!("neither a function nor data"),
    }
});
