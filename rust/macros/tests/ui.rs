// SPDX-License-Identifier: GPL-2.0

//! What the compiler says to a user, and that it says nothing to one who did everything right.
//!
//! `TRYBUILD=overwrite` writes the `.stderr` files anew.

#[test]
fn ui() {
    let bindings = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/ui/support/bindings.rs");
    // The only test here, so nobody else reads the environment meanwhile.
    std::env::set_var("KIMPORT_BINDINGS", bindings);
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/compile-fail/*.rs");
    cases.pass("tests/ui/pass/*.rs");
    // Here, as trybuild would build what the tests of `kimport-types` depend on once more, which takes a minute.
    cases.compile_fail("tests/ui/types/*.rs");
}
