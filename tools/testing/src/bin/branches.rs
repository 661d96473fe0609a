// SPDX-License-Identifier: GPL-2.0

//! Shows which branches reach the imports of a module, from its code in the kernel's memory.
//!
//! With indirect branch tracking (IBT) an indirect call of a function faults if the function does
//! not begin with `ENDBR`, or if the kernel has overwritten it, because nobody in the kernel takes
//! the function's address ("sealed"). A module with direct calls does not depend on either.
//!
//! - `branches sealed VMLINUZ` prints the functions that a kernel seals: the distance of each from
//!   the start of the image, in hexadecimal.
//! - `branches check MODULE SEALED` checks each function of a loaded module that is named like one
//!   of its imports: a wrapper that was not inlined. Each of its branches has to be direct, and one
//!   of them has to reach the import. `SEALED` is the output of the other command.

use iced_x86::{Decoder, DecoderOptions, FlowControl};
use kimport_cli::kernel::image;
use kimport_testing::memory::Memory;
use object::{read::elf::ElfFile64, Endianness, Object, ObjectSection};
use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
    fs,
    process::ExitCode,
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The padding in front of a function, where calls go that are counted for call depth tracking.
const PADDING: u64 = 16;
const ENDBR64: [u8; 4] = [0xf3, 0x0f, 0x1e, 0xfa];

/// Returns the functions that an image seals, by their distances from the start of its code. The
/// table has the distance of each function from the entry itself.
fn sealed(path: &str) -> Result<BTreeSet<u64>> {
    let (kernel, _) = image::unpack(fs::read(path)?)?;
    let kernel = ElfFile64::<Endianness>::parse(&*kernel)?;
    let section = |name| {
        let section = kernel.section_by_name(name);
        section.ok_or(format!("{path} has no section {name}"))
    };
    let (text, table) = (section(".text")?, section(".ibt_endbr_seal")?);
    let mut sealed = BTreeSet::new();
    for (index, entry) in (0u64..).zip(table.data()?.chunks_exact(size_of::<i32>())) {
        let place = table.address() + index * size_of::<i32>() as u64;
        let function = place.wrapping_add_signed(i32::from_le_bytes(entry.try_into()?).into());
        sealed.insert(function.wrapping_sub(text.address()));
    }
    Ok(sealed)
}

/// A symbol of `/proc/kallsyms`.
struct Symbol {
    address: u64,
    name: String,
    /// The module; empty for the kernel image.
    module: String,
}

/// Reads the symbols of code, in the order of their addresses.
fn symbols() -> Result<Vec<Symbol>> {
    let text = fs::read_to_string("/proc/kallsyms")?;
    let symbol = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        let (address, kind, name) = (words.next()?, words.next()?, words.next()?);
        kind.eq_ignore_ascii_case("t").then_some(())?;
        Some(Symbol {
            address: u64::from_str_radix(address, 16).ok()?,
            name: name.to_owned(),
            module: words
                .next()
                .unwrap_or_default()
                .trim_matches(['[', ']'])
                .to_owned(),
        })
    };
    let mut symbols = Vec::from_iter(text.lines().filter_map(symbol));
    symbols.sort_by_key(|symbol| symbol.address);
    Ok(symbols)
}

/// The functions that a module imports, by block and name: the address of each.
fn imports(module: &str) -> Result<BTreeMap<String, u64>> {
    let text = fs::read_to_string(format!("/sys/kernel/debug/kimport/{module}"))?;
    let import = |line: &str| {
        let words = Vec::from_iter(line.split_ascii_whitespace());
        let [block, symbol, _, _, address, call, ..] = words[..] else {
            return None;
        };
        let address = u64::from_str_radix(address, 16).ok()?;
        (call != "data").then(|| (format!("{block}::{symbol}"), address))
    };
    Ok(text.lines().filter_map(import).collect())
}

/// The branches of some code.
#[derive(Default)]
struct Branches {
    /// The targets of those that are direct.
    direct: BTreeSet<u64>,
    indirect: usize,
}

impl Branches {
    /// Decodes `code`, which is at `address`. A branch to one of `thunks` is an indirect branch by
    /// a retpoline.
    fn of(code: &[u8], address: u64, thunks: &BTreeSet<u64>) -> Self {
        let mut branches = Self::default();
        let decoder = Decoder::with_ip(64, code, address, DecoderOptions::NONE);
        for instruction in decoder {
            match instruction.flow_control() {
                FlowControl::IndirectCall | FlowControl::IndirectBranch => branches.indirect += 1,
                FlowControl::Call
                | FlowControl::UnconditionalBranch
                | FlowControl::ConditionalBranch => {
                    let target = instruction.near_branch_target();
                    if thunks.contains(&target) {
                        branches.indirect += 1;
                    } else {
                        branches.direct.insert(target);
                    }
                }
                _ => {}
            }
        }
        branches
    }

    /// Returns whether a direct branch reaches the function at `address`.
    fn reach(&self, address: u64) -> bool {
        let reaches = address.saturating_sub(PADDING)..=address;
        self.direct.range(reaches).next().is_some()
    }
}

/// Prints the result. Returns whether all branches of the wrappers are direct.
fn check(module: &str, sealed: &BTreeSet<u64>) -> Result<bool> {
    let memory = Memory::open()?;
    let symbols = symbols()?;
    let imports = imports(module)?;
    let of_image = |name: &str| {
        let mut symbols = symbols.iter();
        symbols.find(|symbol| symbol.name == name && symbol.module.is_empty())
    };
    let start = of_image("_text")
        .ok_or("/proc/kallsyms has no _text")?
        .address;
    let thunks = symbols
        .iter()
        .filter(|symbol| symbol.name.contains("_indirect_") && symbol.name.contains("thunk"));
    let thunks = thunks.map(|symbol| symbol.address).collect();

    let (mut direct, mut indirect, mut others) = (0, 0, 0);
    let mut wrappers = BTreeSet::new();
    let own = symbols.iter().filter(|symbol| symbol.module == module);
    let own = Vec::from_iter(own);
    for pair in own.windows(2) {
        let [symbol, next] = pair else { continue };
        if symbol.name.starts_with("__pfx_") {
            continue;
        }
        let mut code = vec![0; (next.address - symbol.address) as usize];
        memory.fill(symbol.address, &mut code)?;
        let branches = Branches::of(&code, symbol.address, &thunks);
        let name = format!("{:#}", rustc_demangle::demangle(&symbol.name));
        let import = name
            .split_once("::")
            .and_then(|(_, name)| imports.get_key_value(name));
        match import {
            Some((import, address)) => {
                wrappers.insert(import);
                indirect += usize::from(branches.indirect > 0);
                direct += usize::from(branches.indirect == 0 && branches.reach(*address));
            }
            None => others += branches.indirect,
        }
    }
    for (import, address) in &imports {
        let is_sealed = sealed.contains(&address.wrapping_sub(start));
        if is_sealed {
            println!("sealed: {import}");
        } else if memory.read(*address)? != ENDBR64 {
            println!("without ENDBR: {import}");
        }
    }
    println!(
        "{module}: {} imports, {} wrappers, {direct} direct, {indirect} indirect; elsewhere {others} indirect branches",
        imports.len(),
        wrappers.len()
    );
    Ok(!imports.is_empty() && wrappers.len() == imports.len() && direct == imports.len())
}

fn run() -> Result<bool> {
    let arguments = Vec::from_iter(std::env::args().skip(1));
    let arguments = Vec::from_iter(arguments.iter().map(String::as_str));
    match arguments[..] {
        ["sealed", image] => {
            let sealed = sealed(image)?;
            sealed.iter().for_each(|distance| println!("{distance:x}"));
            Ok(!sealed.is_empty())
        }
        ["check", module, list] => {
            let list = fs::read_to_string(list)?;
            let sealed = list.lines().map(|line| u64::from_str_radix(line, 16));
            check(module, &sealed.collect::<std::result::Result<_, _>>()?)
        }
        _ => Err("usage: branches sealed VMLINUZ, branches check MODULE SEALED".into()),
    }
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("branches: {error}");
            ExitCode::from(2)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn direct_and_indirect_branches_are_told_apart() {
        // call +0, call thunk, jmp *%rax, je -2, ret
        let code = [
            0xe8, 0, 0, 0, 0, 0xe8, 0, 1, 0, 0, 0xff, 0xe0, 0x74, 0xfe, 0xc3,
        ];
        let branches = Branches::of(&code, 0x1000, &BTreeSet::from([0x110a]));
        assert_eq!(branches.direct, BTreeSet::from([0x1005, 0x100c]));
        assert_eq!(branches.indirect, 2);
        assert!(branches.reach(0x1005) && branches.reach(0x100f) && !branches.reach(0x1004));
        let none = Branches::of(&[0x90, 0xc3], 0x1000, &BTreeSet::new());
        assert!(none.direct.is_empty() && none.indirect == 0);
    }
}
