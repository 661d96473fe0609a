// SPDX-License-Identifier: GPL-2.0

use kimport_macros::import_symbols;

import_symbols! {
    no_arguments: fn(),
    explicit_unit: fn() -> (),
    nr_processes: fn() -> c_int,
    qualified: unsafe extern "C" fn(a: u8) -> u8,
    default_abi: extern fn(a: u8) -> u8,
    unnamed: fn(u8, _: u16, named: u32),
    taken: fn(u8, arg0: u16, arg0_: u32, u64),
    raw: fn(r#type: u8),
    never: fn() -> !,
    reference: fn(&u8) -> &u8,
    callback: fn(callback: extern "C" fn(*mut u8) -> u8),
    parenthesized: (fn(u8)),
    pub(crate) restricted: fn(),
}

// has: pub unsafe fn no_arguments() { unsafe {
// has: pub unsafe fn explicit_unit() -> () {
// has: symbol: "nr_processes", fn() -> c_int
// has: pub unsafe fn nr_processes() -> c_int { unsafe { __kimport_call_nr_processes() } }
// has: ::kimport::types::Encoding::function(&[], ::kimport::types::describe!(c_int), false)
// has: symbol: "qualified", fn(__kimport_arg_a: u8) -> u8
// has: symbol: "default_abi", fn(__kimport_arg_a: u8) -> u8
// has: /// Arguments: _, _, `named`.
// has: pub unsafe fn taken(
// has: pub unsafe fn raw(__kimport_arg_type: u8) {
// has: pub unsafe fn never() -> ! {
// has: ::kimport::macro_support::returned("never")
// has: pub unsafe fn reference(__kimport_arg_0: &u8) -> &u8 {
// has: pub unsafe fn callback(__kimport_arg_callback: extern "C" fn(*mut u8) -> u8) {
// has: pub unsafe fn parenthesized(__kimport_arg_0: u8) {
// has: pub(crate) unsafe fn restricted() {
