// SPDX-License-Identifier: GPL-2.0

//! KTAP as a suite prints it: a suite that is accepted has as many results as it planned.

#![no_main]

use kimport_fuzz::stock;
use kimport_vm::ktap::{Item, Parser};
use libfuzzer_sys::fuzz_target;

fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = stock::files("tools/vm/tests/recorded", ".log");
    let made = "KTAP version 1\n1..3\nok 1 - a\n# Subtest: b\n    KTAP version 1\n    1..1\n    \
        not ok 1 c # TIMEOUT\nnot ok 2 - b\nok 3 # SKIP why\n# expect-log: x\n# show: y\n";
    seeds.push(made.into());
    seeds.push(b"KTAP version 1\n1..0 # SKIP none\nBail out!\n".to_vec());
    seeds
}

fuzz_target!(init: kimport_fuzz::seeds(seeds), |bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let mut parser = Parser::default();
    let mut items = Vec::new();
    for line in text.lines() {
        items.extend(parser.line(line));
    }
    items.extend(parser.finish());
    let results = text.lines().filter(|line| {
        let line = line.trim_start();
        line.starts_with("ok") || line.starts_with("not ok") || line.starts_with("1..")
    });
    let points = items.iter().filter(|item| matches!(item, Item::Point(_)));
    assert!(points.count() <= results.count());
    // A suite without any results is no success.
    let broken = items.iter().any(|item| matches!(item, Item::Broken(_)));
    assert!(broken || items.iter().any(|item| matches!(item, Item::Point(_))));
});
