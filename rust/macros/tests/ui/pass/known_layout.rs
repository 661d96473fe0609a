// SPDX-License-Identifier: GPL-2.0

// The members of structs that bindgen did not make, as the compiler lays them out.
#[path = "../support/mod.rs"]
mod support;
extern crate self as kernel;
extern crate self as kimport;
use kimport::types::{KnownLayout as _, OwnMember, Shape};
use kimport_macros::KnownLayout;
pub use support::*;

#[derive(KnownLayout)]
#[repr(C)]
struct Outer {
    byte: u8,
    r#type: u32,
    array: [*const u8; 2],
    inner: Inner,
}

#[derive(KnownLayout)]
#[repr(C, align(16))]
union Inner {
    number: u16,
    function: Option<unsafe extern "C" fn()>,
}

fn shown(members: &[OwnMember]) -> Vec<(&str, usize, usize, Shape)> {
    let shown = |member: &OwnMember| {
        let OwnMember { name, offset, size, shape } = *member;
        (name, offset, size, shape)
    };
    let members = members.iter();
    members.map(shown).collect()
}

fn main() {
    assert!(!Outer::IS_UNION && Inner::IS_UNION);
    assert_eq!(
        shown(Outer::MEMBERS),
        [
            ("byte", 0, 1, Shape::Number),
            ("type", 4, 4, Shape::Number),
            ("array", 8, 16, Shape::Pointer),
            ("inner", 32, 16, Shape::Other),
        ]
    );
    assert_eq!(
        shown(Inner::MEMBERS),
        [("number", 0, 2, Shape::Number), ("function", 0, 8, Shape::Pointer)]
    );
}
