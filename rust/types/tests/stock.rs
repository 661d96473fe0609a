// SPDX-License-Identifier: GPL-2.0

//! Tests with functions of the stock kernel, declared as bindgen declares them, and with one
//! mistake.

use kimport_testing::prototypes::{choose, mistake, mutations, rng, seed, Bindgen, Function};
use kimport_testing::{difference, index, stock_btf, stock_module_btf, stock_test};
use kimport_types::{find, Btf, Description, TypeMatch, TypeQuery};
use std::collections::BTreeMap;

/// The number of exported functions, and of others.
const EACH: usize = 400;

/// Compares all of `functions`, declared correctly.
fn accept_all(bindgen: &Bindgen, functions: &[Function], btf: &Btf<'_>) {
    for (id, name, function) in functions {
        let encoding = bindgen.prototype(function).encode();
        let declared = Description::new(encoding.as_bytes()).unwrap();
        if let Some(report) = difference(name, &declared, btf, *id).unwrap() {
            panic!("{name} is declared right: {report}");
        }
    }
}

/// The BTF of a module continues the BTF of the image.
#[stock_test]
fn functions_of_a_stock_module() {
    let (image, module) = (
        stock_btf(),
        stock_module_btf("drivers/target/target_core_mod.ko.xz"),
    );
    let (mut image_index, mut module_index) = (index(&image), index(&module));
    let image_btf = Btf::new(&image, None, &mut image_index).unwrap();
    let btf = Btf::new(&module, Some(&image_btf), &mut module_index).unwrap();
    let theirs = btf_rs::Btf::from_bytes(&image).unwrap();
    let bindgen = Bindgen(btf_rs::Btf::from_split_bytes(&module, &theirs).unwrap());

    let functions = bindgen.functions(btf.first_id());
    accept_all(&bindgen, &functions, &btf);

    let mut wanted: Vec<_> = functions
        .iter()
        .map(|(_, name, _)| TypeQuery::new(name.as_bytes()))
        .collect();
    find(&btf, btf.first_id(), &mut wanted);
    for ((id, name, _), wanted) in functions.iter().zip(&wanted) {
        assert_eq!(wanted.found(), TypeMatch::Id(*id), "{name}");
    }
    let names: Vec<_> = functions.iter().map(|(_, name, _)| name.as_str()).collect();
    assert!(
        names.contains(&"target_complete_cmd") && names.contains(&"transport_backend_register")
    );
}

#[stock_test]
fn functions_of_the_stock_kernel() {
    let mut rng = rng(seed());
    let bytes = stock_btf();
    let bindgen = Bindgen(btf_rs::Btf::from_bytes(&bytes).unwrap());

    let functions = bindgen.functions(1);

    let mut index = index(&bytes);
    let btf = Btf::new(&bytes, None, &mut index).unwrap();
    accept_all(&bindgen, &functions, &btf);

    // Some functions, chosen at random, are declared with one mistake.
    let mut found = BTreeMap::new();
    for (id, name, function) in choose(&mut rng, &functions, EACH) {
        let mutations = mutations(&bindgen.prototype(function));
        let (mutation, report) = mistake(&mut rng, mutations, name, &btf, *id);
        // The marks are below the kernel's line and not beyond its end.
        let lines: Vec<_> = report.lines().collect();
        let [_, declared, kernel, marker] = lines[..] else {
            panic!("{report}");
        };
        assert!(
            declared.contains(name.as_str()) && kernel.contains(name.as_str()),
            "{report}"
        );
        let end = marker.rfind('^').unwrap();
        assert!(end < kernel.len(), "{report}");
        *found.entry(mutation.rule).or_insert(0) += 1;
    }
    println!("{found:?}");
    assert!(found.len() >= 8, "only a few rules were tried: {found:?}");
}
