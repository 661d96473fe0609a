// SPDX-License-Identifier: GPL-2.0

//! A requirement that makes a kernel without livepatch refuse the module.
//!
//! Such a kernel recognizes livepatch relocations and leaves them alone
//! (`klp_apply_section_relocs()` is empty there). It would load the module without applying them,
//! and the module's calls would lead nowhere. So the module also needs a symbol that only kernels
//! with livepatch export; the loader of any other kernel refuses the module and names this symbol.
//! The mark of livepatch modules, `livepatch=Y`, would do as well, but taints the kernel.

use crate::{
    elf,
    error::{Error, Result},
    symvers::{Symvers, VMLINUX},
};
use object::{
    build::elf::{Builder, SectionData, Symbol},
    elf::{SHN_UNDEF, STB_GLOBAL, STT_NOTYPE},
    Endian, Endianness,
};

/// A symbol that every kernel with livepatch exports, to modules under the GPL, and no other
/// kernel.
pub const SYMBOL: &str = "klp_enable_patch";

/// Makes the module need [`SYMBOL`].
pub fn add(builder: &mut Builder<'_>, symvers: Option<&Symvers>) -> Result<()> {
    let is_there = |symbol: &Symbol<'_>| {
        elf::is_undefined(symbol) && symbol.name.as_slice() == SYMBOL.as_bytes()
    };
    if builder.symbols.iter().any(is_there) {
        return Ok(());
    }
    if symvers
        .is_some_and(|symvers| symvers.exports_from(VMLINUX) && symvers.exporter(SYMBOL).is_none())
    {
        return Err(Error::finding(format_args!(
            "this kernel has no livepatch (CONFIG_LIVEPATCH; it does not export {SYMBOL}), and would \
             not apply the relocations"
        ))
        .help("`kimport load` writes addresses into the module instead"));
    }
    let symbol = builder.symbols.add();
    symbol.name = SYMBOL.as_bytes().into();
    symbol.st_info = (STB_GLOBAL << 4) | STT_NOTYPE;
    symbol.st_shndx = SHN_UNDEF;
    add_version(builder, symvers.and_then(|symvers| symvers.crc(SYMBOL)))
}

/// Adds the version of the symbol, which the loader needs with `CONFIG_MODVERSIONS`.
fn add_version(builder: &mut Builder<'_>, crc: Option<u32>) -> Result<()> {
    let endian = builder.endian;
    for section in &mut builder.sections {
        let extend = match section.name.as_slice() {
            b"__versions" => basic,
            b"__version_ext_crcs" => extended_crc,
            b"__version_ext_names" => extended_name,
            _ => continue,
        };
        let (SectionData::Data(data), Some(crc)) = (&mut section.data, crc) else {
            return Err(Error::unusable(format_args!(
                "the module has versions of symbols (CONFIG_MODVERSIONS), and nothing tells that of \
                 {SYMBOL}"
            ))
            .help("add --symvers Module.symvers of the module's kernel"));
        };
        extend(data.to_mut(), endian, crc);
    }
    Ok(())
}

/// Appends a `struct modversion_info` of 64-bit kernels: a CRC of 8 bytes, and 56 for the name.
fn basic(data: &mut Vec<u8>, endian: Endianness, crc: u32) {
    let end = data.len() + 64;
    data.extend(endian.write_u64_bytes(crc.into()));
    data.extend(SYMBOL.as_bytes());
    data.resize(end, 0);
}

fn extended_crc(data: &mut Vec<u8>, endian: Endianness, crc: u32) {
    data.extend(endian.write_u32_bytes(crc));
}

/// Appends the name to the list of names. Each ends in a NUL, and one more NUL ends the list,
/// because modpost writes the list as a C string literal.
fn extended_name(data: &mut Vec<u8>, _: Endianness, _: u32) {
    let last = data.iter().rposition(|&byte| byte != 0);
    data.truncate(last.map_or(0, |last| last + 2));
    data.extend(SYMBOL.as_bytes());
    data.extend([0, 0]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_appended_as_the_kernel_reads_them() {
        let mut data = vec![0; 64];
        basic(&mut data, Endianness::Little, 0x1234_5678);
        assert_eq!(data.len(), 128);
        assert_eq!(data[64..72], 0x1234_5678_u64.to_le_bytes());
        assert_eq!(&data[72..72 + SYMBOL.len() + 1], b"klp_enable_patch\0");

        let mut names = b"module_layout\0_printk\0\0".to_vec();
        extended_name(&mut names, Endianness::Little, 0);
        assert_eq!(names, b"module_layout\0_printk\0klp_enable_patch\0\0");
        let mut names = b"\0".to_vec();
        extended_name(&mut names, Endianness::Little, 0);
        assert_eq!(names, b"klp_enable_patch\0\0");
    }
}
