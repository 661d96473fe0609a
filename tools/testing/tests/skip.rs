// SPDX-License-Identifier: GPL-2.0

//! A test that needs the stock kernel is skipped where none is set up, and only there.

use kimport_testing::{stock_release, stock_test};
use std::{
    env,
    process::{Command, Output},
};

#[stock_test]
fn the_stock_kernel_is_there() {
    assert!(stock_release().join("vmlinuz").is_file());
}

/// Runs that test with another `KIMPORT_STOCK`.
fn with_stock(stock: Option<&str>) -> Output {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "the_stock_kernel_is_there"]);
    match stock {
        Some(stock) => command
            .env("KIMPORT_STOCK", stock)
            .env("KIMPORT_KDIR", stock),
        None => command.env_remove("KIMPORT_STOCK"),
    };
    command.output().unwrap()
}

#[test]
fn a_test_without_a_kernel_says_so() {
    let output = with_stock(None);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{told}");
    let line =
        "skipped: the_stock_kernel_is_there: no KIMPORT_STOCK; `make check-cargo` sets it up\n";
    assert_eq!(told, line);
}

#[test]
fn no_test_is_skipped_that_is_given_a_kernel() {
    let output = with_stock(Some("/nonexistent"));
    assert!(!output.status.success());
}
