// SPDX-License-Identifier: GPL-2.0

//! Kernel images: unpacking them, and the search in the unpacked kernel.

#![no_main]

use kimport_cli::{
    compression::Format,
    kernel::{image, kallsyms},
};
use kimport_fuzz::kernel::{arm64, bz_image, pack, vmlinux, zboot};
use libfuzzer_sys::fuzz_target;

fn seeds() -> Vec<Vec<u8>> {
    let kernel = vmlinux();
    let mut seeds = vec![kernel.clone(), arm64()];
    for format in Format::ALL {
        let packed = pack(format, &kernel);
        seeds.push(zboot(&pack(format, &arm64())));
        seeds.push(bz_image(&[packed.as_slice(), &[0; 4]].concat()));
        seeds.push(pack(format, &arm64()));
    }
    seeds
}

fuzz_target!(init: kimport_fuzz::seeds(seeds), |bytes: &[u8]| {
    let known = image::is_image(bytes);
    match image::unpack(bytes.to_vec()) {
        Ok((kernel, _)) => {
            if let Some(btf) = image::btf(&kernel) {
                // A section that is cut off is empty.
                assert!(!btf.is_empty() || image::has_section(&kernel, ".BTF"));
                assert!(btf.len() <= kernel.len());
            }
            if let Some(release) = image::release(&kernel) {
                assert!(release.len() <= 64 && release.chars().all(|c| c.is_ascii_graphic()));
            }
            if let Some(symbols) = image::elf_symbols(&kernel) {
                assert!(symbols.iter().any(|entry| entry.name == "_stext"));
            }
            let _ = image::has_section(&kernel, ".modinfo");
            let _ = kallsyms::find(&kernel);
        }
        Err(error) => assert!(!known || !error.to_string().is_empty()),
    }
});
