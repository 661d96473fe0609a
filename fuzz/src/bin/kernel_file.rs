// SPDX-License-Identifier: GPL-2.0

//! Any file that is given as a kernel: packages, images, texts, types, modules.

#![no_main]

use kimport_cli::{
    check, compression::Format, import_table, kernel::Kernel, list::Listing, resolve,
};
use kimport_fuzz::{
    kernel::{bz_image, pack, package, stripped, types, vmlinux},
    module::SYMVERS,
    stock,
};
use libfuzzer_sys::fuzz_target;
use std::{
    fs::File,
    io::{Seek, Write},
    os::fd::AsRawFd,
    sync::LazyLock,
};

/// The file, which has no name in any directory, so that nothing is left behind.
static FILE: LazyLock<File> =
    LazyLock::new(|| tempfile::tempfile().expect("there is a place for temporary files"));

/// Puts `bytes` into the file, and returns its path.
fn put(bytes: &[u8]) -> std::io::Result<String> {
    let mut file = &*FILE;
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(bytes)?;
    Ok(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

const MAP: &[u8] = b"ffffffff81000000 T _stext\nffffffff81000010 t f\nffffffff81000020 T _etext\n\
    ffffffffc0000000 t helper\t[loop]\n";

fn seeds() -> Vec<Vec<u8>> {
    let kernel = vmlinux();
    let module = stock::modules().into_iter().next().unwrap_or_default();
    let builtin = stock::head_of_modules("modules.builtin", 5).unwrap_or_default();
    let files: [(&str, &[u8]); 5] = [
        ("./boot/System.map-7.3.4", MAP),
        ("./usr/lib/modules/7.3.4/modules.builtin", &builtin),
        ("./usr/lib/modules/7.3.4/kernel/crc16.ko", &module),
        ("./usr/src/linux-headers/Module.symvers", SYMVERS.as_bytes()),
        ("./usr/lib/debug/vmlinux.btf", &types().bytes()),
    ];
    let mut seeds = vec![MAP.to_vec(), kernel.clone(), stripped(), types().bytes()];
    seeds.push(bz_image(&pack(Format::Gzip, &kernel)));
    seeds.push(package(None, &files));
    for format in Format::ALL {
        seeds.push(package(Some(format), &files[..2]));
        seeds.push(pack(format, MAP));
    }
    seeds
}

fuzz_target!(init: kimport_fuzz::seeds(seeds), |bytes: &[u8]| {
    let spec = format!("fuzz={}", put(bytes).expect("the file can be written"));
    let kernel = match Kernel::read(&spec.parse().expect("the words are right")) {
        Ok(kernel) => kernel,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    for name in ["f", "_stext", "work", "crc16"] {
        for provider in [None, Some("loop"), Some("crc16")] {
            for finder in [resolve::Finder::Crate, resolve::Finder::Livepatch] {
                let wanted = resolve::SymbolQuery {
                    name,
                    provider,
                    position: None,
                    kind: Some(import_table::ImportKind::Function),
                    finder,
                };
                if let Err(cause) = resolve::resolve(&kernel, &wanted) {
                    assert!(!cause.to_string().is_empty());
                }
            }
        }
        let _ = (kernel.exporter(name), kernel.loaded_with(name));
    }
    let import = import_table::Import {
        kind: import_table::ImportKind::Function,
        optional: false,
        unverified: false,
        internal: false,
        verify: import_table::Policy::Strict,
        position: None,
        block: None,
        provider: None,
        name: "f".to_owned(),
        rust_name: "f".to_owned(),
        description: vec![1, 0, 0, 1, 0, 2, 4],
    };
    let listing = Listing {
        module: None,
        license: Some("GPL".to_owned()),
        imports: vec![import],
        livepatch: Vec::new(),
        undefined: Vec::new(),
        exporters_known: false,
        marks: Default::default(),
        layouts: Default::default(),
    };
    assert!(!check::CheckReport::new(&listing, &kernel).text().is_empty());
});
