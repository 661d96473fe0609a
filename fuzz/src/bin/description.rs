// SPDX-License-Identifier: GPL-2.0

//! The description of a type: an accepted one is the same after it is written again.

#![no_main]

use kimport_types::{Description, Encoding, SymbolType, Type, TypeBytes, CAPACITY};
use libfuzzer_sys::fuzz_target;

fn encode(ty: TypeBytes<'_>) -> Encoding {
    match ty.decode() {
        Type::Void => Encoding::VOID,
        Type::Bool => Encoding::BOOL,
        Type::Integer { width, signed } => Encoding::integer(width.into(), signed),
        Type::Float { width } => Encoding::float(width.into()),
        Type::Pointer { to_const, pointee } => encode(pointee).pointer(to_const),
        Type::FunctionPointer => Encoding::FUNCTION_POINTER,
        Type::Named { name, size } => Encoding::named(name, size.map(|size| size as usize)),
        Type::Array { length, element } => encode(element).array(length as usize),
        Type::Unknown => Encoding::UNKNOWN,
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let named = Encoding::named("se_cmd", None).pointer(true);
    let array = Encoding::named("file", Some(232)).array(4);
    let returned = Encoding::integer(4, true);
    let callback = Encoding::FUNCTION_POINTER.pointer(false);
    let arguments = [named, Encoding::BOOL, callback];
    let function = |variadic| Encoding::function(&arguments, returned, variadic);
    [
        function(true),
        function(false),
        array.into_data(),
        Encoding::float(8).into_data(),
    ]
    .map(|encoding| encoding.as_bytes().to_vec())
    .to_vec()
}

fuzz_target!(init: kimport_fuzz::seeds(seeds), |bytes: &[u8]| {
    let description = match Description::new(bytes) {
        Ok(description) => description,
        Err(invalid) => return drop(invalid.to_string()),
    };
    if bytes.len() > CAPACITY {
        return;
    }
    let again = match description.symbol_type() {
        SymbolType::Data(ty) => encode(ty).into_data(),
        SymbolType::Function(prototype) => {
            let arguments: Vec<Encoding> = prototype.arguments.map(encode).collect();
            assert_eq!(arguments.len(), prototype.arguments.len());
            Encoding::function(&arguments, encode(prototype.returned), prototype.variadic)
        }
    };
    // A named type of unknown size has four bytes without a meaning.
    let again = Description::new(again.as_bytes()).expect("it was written by the encoder");
    assert_eq!(shown(&again), shown(&description));
});

/// Returns everything that a description states.
fn shown(description: &Description<'_>) -> Vec<String> {
    fn ty(of: TypeBytes<'_>) -> String {
        match of.decode() {
            Type::Pointer { to_const, pointee } => format!("pointer {to_const} {}", ty(pointee)),
            Type::Array { length, element } => format!("array {length} {}", ty(element)),
            other => format!("{other:?}"),
        }
    }
    match description.symbol_type() {
        SymbolType::Data(data) => vec![ty(data)],
        SymbolType::Function(prototype) => [prototype.variadic.to_string(), ty(prototype.returned)]
            .into_iter()
            .chain(prototype.arguments.map(ty))
            .collect(),
    }
}
