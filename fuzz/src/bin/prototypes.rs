// SPDX-License-Identifier: GPL-2.0

//! Prototypes in C, made from type information.

#![no_main]

use kimport_cli::kernel::btf::Types;
use kimport_fuzz::{kernel, stock};
use libfuzzer_sys::fuzz_target;

fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = stock::sections(".BTF");
    seeds.retain(|btf| btf.len() < 4096);
    seeds.push(kernel::types().bytes());
    seeds
}

fuzz_target!(init: kimport_fuzz::seeds(seeds), |bytes: &[u8]| {
    let base = Types::of_image(&kernel::types().bytes()).expect("this one is right");
    let image = Types::of_image(bytes);
    let module = Types::of_module(bytes, &base);
    for types in [image, module] {
        match types {
            Ok(types) => {
                for name in ["f", "main", "d", "", "init_module"] {
                    let prototypes = types.prototypes(name);
                    assert!(prototypes.is_sorted());
                }
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
});
