// SPDX-License-Identifier: GPL-2.0

//! Tests of the compiler's messages for wrong declarations, and that there are none for correct
//! ones.
//!
//! `TRYBUILD=overwrite` writes the `.stderr` files anew.

#[test]
fn ui() {
    let bindings = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/ui/support/bindings.rs");
    // This is the only test here, so nobody else reads the environment meanwhile.
    std::env::set_var("KIMPORT_BINDINGS", bindings);
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/compile-fail/*.rs");
    cases.pass("tests/ui/pass/*.rs");
    // These are here because trybuild would build the dependencies of the tests of `kimport-types`
    // once more, which takes a minute.
    cases.compile_fail("tests/ui/types/*.rs");
}
