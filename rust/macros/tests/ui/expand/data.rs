// SPDX-License-Identifier: GPL-2.0

use kimport_macros::import_symbols;

import_symbols! {
    plain: u32,
    path: kernel::bindings::task_struct,
    array: [u8; 4],
    tuple: (u8, u16),
    pointer: *mut u8,
    reference: &Foo<'_, &'a u8>,
    function_pointer: Option<fn(&u8) -> &u8>,
    object: *const dyn Fn(&u8) -> &u8,
    macro_type: some_type!(u8),
    pub(in crate::a) restricted: u32,
}

// has: pub fn plain() -> *mut u32 {
// has: pub fn path() -> *mut kernel::bindings::task_struct {
// has: pub fn array() -> *mut [u8; 4] {
// has: pub fn tuple() -> *mut (u8, u16) {
// has: pub fn pointer() -> *mut *mut u8 {
// has: pub fn reference() -> *mut &'static Foo<'static, &'a u8> {
// has: pub fn function_pointer() -> *mut Option<fn(&u8) -> &u8> {
// has: pub fn object() -> *mut *const dyn Fn(&u8) -> &u8 {
// has: pub fn macro_type() -> *mut some_type!(u8) {
// has: pub(in crate::a) fn restricted() -> *mut u32 {
// has: ::kimport::types::encoded!(::kimport::types::describe!(&'static Foo<'static, &'a u8>).into_data())
// has: ::core::mem::size_of::<&'static Foo<'static, &'a u8>>()
