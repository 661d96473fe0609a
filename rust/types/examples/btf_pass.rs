// SPDX-License-Identifier: GPL-2.0

//! Measures a pass over a kernel's BTF: `btf_pass BTF`, with `/sys/kernel/btf/vmlinux` or the ELF
//! file of a kernel.

use kimport_types::{find, Btf, BtfKind, TypeMatch, TypeQuery, TypeSource};
use object::{Object, ObjectSection};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// The number of functions that a LIO backend imports.
const NAMES: usize = 45;
const ROUNDS: u32 = 20;

fn time(mut run: impl FnMut()) -> Duration {
    run();
    let start = Instant::now();
    for _ in 0..ROUNDS {
        run();
    }
    start.elapsed() / ROUNDS
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args_os().nth(1).ok_or("usage: btf_pass FILE")?;
    let file = std::fs::read(path)?;
    let section = object::File::parse(&*file)
        .ok()
        .and_then(|elf| Some(elf.section_by_name(".BTF")?.data().ok()?.to_vec()));
    let bytes = section.unwrap_or(file);

    let mut index = vec![0; Btf::count(&bytes)?];
    let load = time(|| {
        black_box(Btf::new(&bytes, None, black_box(&mut index)).is_ok());
    });
    let types = index.len();
    let btf = Btf::new(&bytes, None, &mut index)?;
    let names: Vec<&[u8]> = (1..)
        .map_while(|id| btf.type_by_id(id))
        .filter(|ty| matches!(ty.kind(), BtfKind::Function(_)))
        .filter_map(|ty| btf.name(ty.name_offset()))
        .collect();
    let step = (names.len() / NAMES).max(1);
    let mut wanted: Vec<_> = names
        .iter()
        .step_by(step)
        .take(NAMES)
        .map(|name| TypeQuery::new(name))
        .collect();

    let walk = time(|| {
        for id in 1.. {
            if black_box(btf.type_by_id(id)).is_none() {
                break;
            }
        }
    });
    let one = time(|| find(&btf, 1, black_box(&mut wanted[..1])));
    let all = time(|| find(&btf, 1, black_box(&mut wanted)));
    assert!(wanted.iter().all(|w| w.found() != TypeMatch::Missing));

    println!("{types} types, {} functions", names.len());
    println!("index:              {load:?}");
    println!("all types, no names {walk:?}");
    println!("pass for 1 name:    {one:?}");
    println!(
        "pass for {} names:  {all:?}, {:.2} times that for 1",
        wanted.len(),
        all.as_secs_f64() / one.as_secs_f64()
    );
    Ok(())
}
