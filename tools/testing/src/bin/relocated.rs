// SPDX-License-Identifier: GPL-2.0

//! Checks the livepatch relocations of loaded modules, for tests in a VM: `relocated FILE.ko...`.
//!
//! Reads the code and data that each relocation changed from the kernel's memory (`/proc/kcore`),
//! and compares the address there with the address of the symbol in `/proc/kallsyms`. The memory of
//! a module's init is freed by then and left out.

use kimport_cli::{
    elf::{Image, LivepatchSymbol},
    module_file::ModuleFile,
};
use kimport_testing::memory::Memory;
use object::{
    build::elf::{Relocation, SectionData},
    elf::{R_X86_64_32S, R_X86_64_64, R_X86_64_PC32, R_X86_64_PLT32},
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    error::Error,
    fs,
    path::Path,
    process::ExitCode,
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Returns the address that a relocation at `place` wrote there.
fn target(memory: &Memory, relocation: &Relocation, place: u64) -> Result<u64> {
    let signed = |bytes| i64::from(i32::from_le_bytes(bytes)) as u64;
    let value = match relocation.r_type {
        R_X86_64_64 => u64::from_le_bytes(memory.read(place)?),
        R_X86_64_32S => signed(memory.read(place)?),
        R_X86_64_PC32 | R_X86_64_PLT32 => signed(memory.read(place)?).wrapping_add(place),
        other => return Err(format!("relocation of type {other}").into()),
    };
    Ok(value.wrapping_sub(relocation.r_addend as u64))
}

/// Returns the addresses of the symbols of some modules, by module and name.
fn addresses(modules: &BTreeSet<String>) -> Result<HashMap<(String, String), Vec<u64>>> {
    let mut addresses = HashMap::<_, Vec<_>>::new();
    for line in fs::read_to_string("/proc/kallsyms")?.lines() {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let [address, _, name, module] = words[..] else {
            continue;
        };
        let module = module.trim_matches(['[', ']']);
        if modules.contains(module) {
            let of_name = addresses.entry((module.to_owned(), name.to_owned()));
            let of_name = of_name.or_default();
            of_name.push(u64::from_str_radix(address, 16)?);
        }
    }
    Ok(addresses)
}

/// A relocation with its section and its symbol.
type Place = (String, Relocation, LivepatchSymbol);

/// Returns the livepatch relocations of a module.
fn places(file: &Path) -> Result<Vec<Place>> {
    let file = ModuleFile::read(file)?;
    let image = Image::new(file.elf())?;
    let builder = image.builder()?;
    let mut places = Vec::new();
    for section in &builder.sections {
        let (SectionData::Relocation(relocations), Some(target)) =
            (&section.data, section.sh_info_section)
        else {
            continue;
        };
        let target = builder.sections.get(target).name.to_string();
        for relocation in relocations {
            let symbol = relocation.symbol.map(|symbol| builder.symbols.get(symbol));
            if let Some(symbol) = symbol.and_then(LivepatchSymbol::of) {
                places.push((target.clone(), *relocation, symbol));
            }
        }
    }
    Ok(places)
}

/// Checks one module. Returns the number of relocations that lead to each provider.
fn check(
    name: &str,
    places: &[Place],
    memory: &Memory,
    addresses: &HashMap<(String, String), Vec<u64>>,
) -> Result<BTreeMap<String, usize>> {
    let mut counts = BTreeMap::new();
    for (section, relocation, symbol) in places {
        if section.starts_with(".init") {
            continue;
        }
        let base = fs::read_to_string(format!("/sys/module/{name}/sections/{section}"))?;
        let base = u64::from_str_radix(base.trim().trim_start_matches("0x"), 16)?;
        let target = target(memory, relocation, base + relocation.r_offset)?;
        let key = (symbol.object.clone(), symbol.name.clone());
        let [address] = addresses.get(&key).map_or(&[][..], Vec::as_slice) else {
            return Err(format!("{symbol}: not one address in /proc/kallsyms").into());
        };
        if target != *address {
            return Err(format!(
                "{section}+{:#x} leads to {target:#x}, but {symbol} is at {address:#x}",
                relocation.r_offset
            )
            .into());
        }
        *counts.entry(symbol.object.clone()).or_default() += 1;
    }
    Ok(counts)
}

fn run() -> Result<()> {
    let mut modules = BTreeMap::new();
    for file in std::env::args().skip(1) {
        let file = Path::new(&file);
        let name = file.file_stem().ok_or("an argument names no file")?;
        modules.insert(name.to_string_lossy().into_owned(), places(file)?);
    }
    let providers = modules.values().flatten();
    let providers = providers.map(|(_, _, symbol)| symbol.object.clone());
    let addresses = addresses(&providers.collect())?;
    let memory = Memory::open()?;
    for (name, places) in &modules {
        let counts =
            check(name, places, &memory, &addresses).map_err(|error| format!("{name}: {error}"))?;
        for (provider, count) in counts {
            println!("{name}: {count} relocations lead to {provider}");
        }
    }
    Ok(())
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
