// SPDX-License-Identifier: GPL-2.0

//! The descriptions that the command makes of functions in BTF say what the BTF says.

use kimport_cli::{describe, kernel::btf::Types};
use kimport_testing::{difference, index, stock_btf, stock_test, Maker};
use kimport_types::{Btf, BtfKind, Description, TypeSource};
use std::collections::BTreeMap;

/// Every function of the stock kernel that can be described is the same as itself. A kfunc whose
/// prototype lacks its implicit arguments is described with them.
#[stock_test]
fn functions_of_the_stock_kernel_are_as_described() {
    let bytes = stock_btf();
    let types = Types::of_image(&bytes).unwrap();
    let mut index = index(&bytes);
    let btf = Btf::new(&bytes, None, &mut index).unwrap();
    let mut functions = BTreeMap::<&str, Vec<u32>>::new();
    for id in 1.. {
        let Some(ty) = btf.type_by_id(id) else { break };
        if matches!(ty.kind(), BtfKind::Function(_)) {
            let name = std::str::from_utf8(btf.name(ty.name_offset()).unwrap()).unwrap();
            functions.entry(name).or_default().push(id);
        }
    }
    let (mut described, mut implicit) = (0, 0);
    for (name, ids) in &functions {
        let Some(bytes) = describe::function(&types, name) else {
            continue;
        };
        let [id] = ids[..] else {
            panic!("several {name} are described");
        };
        let description = Description::new(&bytes).unwrap();
        match difference(name, &description, &btf, id).unwrap() {
            None => described += 1,
            Some(difference) => {
                let implementation = &functions[&*format!("{name}_impl")];
                assert_eq!(implementation.len(), 1, "{difference}");
                let id = implementation[0];
                assert_eq!(self::difference(name, &description, &btf, id), Ok(None));
                implicit += 1;
            }
        }
    }
    println!(
        "{described} of {}, {implicit} with implicit arguments",
        functions.len()
    );
    assert!(
        described * 100 > functions.len() * 98,
        "{described} of {}",
        functions.len()
    );
    assert!(implicit > 0);
}

/// BTF that no compiler makes is described as far as a description can tell it, or not at all.
#[test]
fn what_has_no_description_has_none() {
    let types = Maker::default();
    let int = types.int("int", 4, 1);
    let nameless = types.structure("", 8);
    let odd = types.int("odd", 3, 0);
    let mut deep = int;
    for _ in 0..17 {
        deep = types.pointer(deep);
    }
    let to_nameless = types.pointer(nameless);
    types.function("plain", &[int, to_nameless, 0], int);
    types.function("by_value", &[nameless], int);
    types.function("odd", &[odd], int);
    types.function("deep", &[deep], int);
    types.function("twice", &[], int);
    types.function("twice", &[int], int);
    types.function("many", &[int; 256], int);
    types.function("long", &[types.structure(&"x".repeat(255), 8); 9], int);
    let types = Types::of_image(&types.bytes()).unwrap();
    assert!(describe::function(&types, "plain").is_some());
    for name in [
        "by_value", "odd", "deep", "twice", "many", "long", "missing",
    ] {
        assert_eq!(describe::function(&types, name), None, "{name}");
    }
}
