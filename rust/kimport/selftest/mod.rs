// SPDX-License-Identifier: GPL-2.0

//! The crate's own tests, for everything that needs no provider, run in the kernel.
//!
//! This is a part of the crate only in the modules of `tests/modules/selftest`, which are built
//! with `kimport-selftest := y`. Each suite is one source that runs in two ways: as a KUnit suite
//! if the kernel has KUnit, and otherwise as a list that [`run`] goes through and reports as KTAP.

use kernel::fmt;
use kernel::prelude::*;
use kernel::sync::atomic::{AtomicFlag, Relaxed};

mod imports;

/// A name and a function that returns an error when the test fails.
type Test = (&'static str, fn() -> Result);

/// A named list of tests.
pub(crate) struct Suite {
    pub(crate) name: &'static str,
    pub(crate) tests: &'static [Test],
}

const SUITES: &[&Suite] = &[
    #[cfg(not(kimport_static_calls))]
    crate::binder::slot_tests::SUITE,
    #[cfg(any(kimport_static_calls, kimport_veneers))]
    crate::binder::tests::SUITE,
    crate::log::tests::SUITE,
    crate::block::tests::SUITE,
    crate::calls::tests::SUITE,
    crate::resolver::lookup_address_tests::SUITE,
    crate::resolver::search_tests::SUITE,
    crate::resolver::kallsyms_tests::SUITE,
    imports::SUITE,
];

/// Set if the next resolution of a module's symbols finds no memory.
static LACKS_MEMORY: AtomicFlag = AtomicFlag::new(false);

/// Makes the next resolution of a module's symbols find no memory. The tests that KUnit may run in
/// between resolve the kernel image's.
pub fn lack_memory_once() {
    LACKS_MEMORY.store(true, Relaxed);
}

/// Returns whether this resolution finds no memory.
pub(crate) fn lacks_memory() -> bool {
    LACKS_MEMORY.cmpxchg(true, false, Relaxed).is_ok()
}

/// Runs the tests that need a module whose init has ended.
pub fn after_init() -> Result {
    #[cfg(all(kimport_veneers, MODULE))]
    crate::binder::tests::after_init()?;
    Ok(())
}

/// Declares a suite, `SUITE`, of functions that return [`Result`].
macro_rules! suite {
    ($suite:ident: $(fn $test:ident() $body:block)+) => {
        $(fn $test() -> kernel::error::Result $body)+

        pub(crate) const SUITE: &$crate::selftest::Suite = &$crate::selftest::Suite {
            name: stringify!($suite),
            tests: &[$((stringify!($test), $test)),+],
        };

        // The attribute's expansion is the kernel's code.
        #[allow(clippy::undocumented_unsafe_blocks, unsafe_op_in_unsafe_fn)]
        #[kernel::prelude::kunit_tests($suite)]
        mod kunit {
            $(
                #[test]
                fn $test() -> kernel::error::Result {
                    super::$test()
                }
            )+
        }
    };
}
pub(crate) use suite;

/// Ends the test with an error, and logs the place, unless `$condition` holds.
macro_rules! check {
    ($condition:expr) => {
        if !$condition {
            $crate::log::log!(
                $crate::importer::THIS.name(),
                ERR,
                "{}:{}: not true: {}",
                file!(),
                line!(),
                stringify!($condition)
            );
            return Err($crate::compat::code::EINVAL);
        }
    };
}
pub(crate) use check;

/// Ends the test with an error, and logs both values, unless they are equal.
macro_rules! check_eq {
    ($got:expr, $expected:expr) => {
        match (&$got, &$expected) {
            (got, expected) => {
                if got != expected {
                    $crate::log::log!(
                        $crate::importer::THIS.name(),
                        ERR,
                        "{}:{}: {got:?} is not {expected:?}",
                        file!(),
                        line!()
                    );
                    return Err($crate::compat::code::EINVAL);
                }
            }
        }
    };
}
pub(crate) use check_eq;

/// Runs all suites, and prints KTAP with `print`, line by line.
///
/// With KUnit there is nothing to do, because KUnit finds and runs the suites itself.
pub fn run(print: impl Fn(fmt::Arguments<'_>)) {
    if cfg!(CONFIG_KUNIT = "y") {
        return;
    }
    print(fmt!("KTAP version 1"));
    print(fmt!("1..{}", SUITES.len()));
    for (number, suite) in (1..).zip(SUITES) {
        print(fmt!("    KTAP version 1"));
        print(fmt!("    # Subtest: {}", suite.name));
        print(fmt!("    1..{}", suite.tests.len()));
        let mut passed = true;
        for (number, (name, test)) in (1..).zip(suite.tests) {
            let result = test();
            passed &= result.is_ok();
            print(fmt!("    {} {number} {name}", word(result.is_ok())));
        }
        print(fmt!("{} {number} {}", word(passed), suite.name));
    }
}

fn word(passed: bool) -> &'static str {
    if passed {
        "ok"
    } else {
        "not ok"
    }
}
