// SPDX-License-Identifier: GPL-2.0

use kimport_macros::KnownLayout;

#[derive(KnownLayout)]
struct OfRust {
    member: u8,
}

#[derive(KnownLayout)]
#[repr(C)]
struct Tuple(u8);

#[derive(KnownLayout)]
#[repr(C)]
struct Generic<T> {
    member: T,
}

#[derive(KnownLayout)]
#[repr(C)]
enum Enum {
    Variant,
}

fn main() {}
