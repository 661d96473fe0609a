// SPDX-License-Identifier: GPL-2.0

//! An encoder of import tables that shares no code with the macro and the command.

use kimport_cli::import_table::Import;

/// Returns a record that has these strings: the block, the provider, the kernel's name and the name
/// in Rust.
pub fn record(
    kind: u8,
    flags: u8,
    position: u32,
    strings: [&str; 4],
    description: &[u8],
) -> Vec<u8> {
    let strings = strings.map(|string| format!("{string}\0")).concat();
    let size = (16 + strings.len() + description.len()).next_multiple_of(8);
    let mut record = vec![2, kind, flags, 0];
    record.extend(position.to_le_bytes());
    record.extend((size as u32).to_le_bytes());
    record.extend((strings.len() as u16).to_le_bytes());
    record.extend((description.len() as u16).to_le_bytes());
    record.extend(strings.bytes());
    record.extend(description);
    record.resize(size, 0);
    record
}

/// Returns the record of `import`.
pub fn encode(import: &Import) -> Vec<u8> {
    let flags = u8::from(import.optional)
        | (u8::from(import.unverified) << 1)
        | ((import.verify as u8) << 2)
        | (u8::from(import.internal) << 4);
    let strings = [
        import.block.as_deref().unwrap_or_default(),
        import.provider.as_deref().unwrap_or_default(),
        &import.name,
        &import.rust_name,
    ];
    let position = import.position.map_or(0, |position| position.get());
    let description = &import.description;
    record(import.kind as u8, flags, position, strings, description)
}
