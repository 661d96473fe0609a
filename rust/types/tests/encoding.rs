// SPDX-License-Identifier: GPL-2.0

//! Tests of the bytes of a description: the reader returns what the writer wrote, and no bytes do
//! harm.

use kimport_types::{Description, Encoding, Invalid, SymbolType, Type, TypeBytes};
use proptest::prelude::*;

/// A type as the tests know it.
#[derive(Clone, Debug, PartialEq)]
enum Ty {
    Void,
    Bool,
    Unknown,
    FunctionPointer,
    Integer(u8, bool),
    Float(u8),
    Named(String, Option<u32>),
    Pointer(bool, Box<Ty>),
    Array(u32, Box<Ty>),
}

impl Ty {
    fn encode(&self) -> Encoding {
        match self {
            Self::Void => Encoding::VOID,
            Self::Bool => Encoding::BOOL,
            Self::Unknown => Encoding::UNKNOWN,
            Self::FunctionPointer => Encoding::FUNCTION_POINTER,
            Self::Integer(width, signed) => Encoding::integer((*width).into(), *signed),
            Self::Float(width) => Encoding::float((*width).into()),
            Self::Named(name, size) => Encoding::named(name, size.map(|size| size as usize)),
            Self::Pointer(to_const, to) => to.encode().pointer(*to_const),
            Self::Array(length, element) => element.encode().array(*length as usize),
        }
    }

    fn decode(bytes: TypeBytes<'_>) -> Self {
        match bytes.decode() {
            Type::Void => Self::Void,
            Type::Bool => Self::Bool,
            Type::Unknown => Self::Unknown,
            Type::FunctionPointer => Self::FunctionPointer,
            Type::Integer { width, signed } => Self::Integer(width, signed),
            Type::Float { width } => Self::Float(width),
            Type::Named { name, size } => Self::Named(name.to_owned(), size),
            Type::Pointer { to_const, pointee } => {
                Self::Pointer(to_const, Box::new(Self::decode(pointee)))
            }
            Type::Array { length, element } => Self::Array(length, Box::new(Self::decode(element))),
        }
    }
}

fn value() -> impl Strategy<Value = Ty> {
    let width = || prop::sample::select(&[1u8, 2, 4, 8, 16][..]);
    prop_oneof![
        Just(Ty::Bool),
        Just(Ty::FunctionPointer),
        (width(), any::<bool>()).prop_map(|(width, signed)| Ty::Integer(width, signed)),
        width().prop_map(Ty::Float),
        ("[A-Za-z_][A-Za-z0-9_]{0,40}", any::<u32>())
            .prop_map(|(name, size)| Ty::Named(name, Some(size))),
    ]
}

/// Types that a pointer may point to.
fn pointee() -> impl Strategy<Value = Ty> {
    let leaf = prop_oneof![
        4 => value(),
        1 => Just(Ty::Void),
        1 => Just(Ty::Unknown),
        1 => "[A-Za-z_][A-Za-z0-9_]{0,40}".prop_map(|name| Ty::Named(name, None)),
    ];
    (leaf, prop::collection::vec(any::<bool>(), 0..5)).prop_map(|(mut ty, pointers)| {
        for to_const in pointers {
            ty = Ty::Pointer(to_const, Box::new(ty));
        }
        ty
    })
}

/// Types that can be passed or returned.
fn passed() -> impl Strategy<Value = Ty> {
    let pointer = (any::<bool>(), pointee());
    prop_oneof![
        value(),
        pointer.prop_map(|(to_const, to)| Ty::Pointer(to_const, Box::new(to))),
    ]
}

fn stored() -> impl Strategy<Value = Ty> {
    (passed(), prop::collection::vec(any::<u32>(), 0..4)).prop_map(|(mut ty, lengths)| {
        for length in lengths {
            ty = Ty::Array(length, Box::new(ty));
        }
        ty
    })
}

/// A function or data.
fn encoding() -> impl Strategy<Value = Encoding> {
    let returned = prop_oneof![passed(), Just(Ty::Void)];
    prop_oneof![
        (
            prop::collection::vec(passed(), 0..12),
            returned,
            any::<bool>()
        )
            .prop_map(|(arguments, returned, variadic)| {
                let arguments: Vec<_> = arguments.iter().map(Ty::encode).collect();
                Encoding::function(&arguments, returned.encode(), variadic)
            }),
        stored().prop_map(|ty| ty.encode().into_data()),
    ]
}

/// Looks at all of `bytes`. If they are a description, it must be whole.
fn read(bytes: &[u8]) -> Result<usize, Invalid> {
    let description = Description::new(bytes)?;
    assert_eq!(description.as_bytes(), bytes);
    let size = match description.symbol_type() {
        SymbolType::Data(ty) => 2 + Ty::decode(ty).encode().len(),
        SymbolType::Function(prototype) => {
            let sizes = prototype.arguments.map(|ty| Ty::decode(ty).encode().len());
            4 + Ty::decode(prototype.returned).encode().len() + sizes.sum::<usize>()
        }
    };
    // The size is that of the decoded types, written anew.
    assert_eq!(size, bytes.len());
    Ok(size)
}

proptest! {
    #[test]
    fn functions_round_trip(
        arguments in prop::collection::vec(passed(), 0..12),
        returned in prop_oneof![passed(), Just(Ty::Void)],
        variadic in any::<bool>(),
    ) {
        let encoded: Vec<_> = arguments.iter().map(Ty::encode).collect();
        let encoding = Encoding::function(&encoded, returned.encode(), variadic);
        let description = Description::new(encoding.as_bytes()).unwrap();
        let SymbolType::Function(prototype) = description.symbol_type() else {
            panic!("it is a function");
        };
        prop_assert_eq!(prototype.variadic, variadic);
        prop_assert_eq!(Ty::decode(prototype.returned), returned);
        prop_assert_eq!(prototype.arguments.len(), arguments.len());
        prop_assert_eq!(prototype.arguments.map(Ty::decode).collect::<Vec<_>>(), arguments);
        prop_assert_eq!(read(encoding.as_bytes()), Ok(encoding.len()));
    }

    #[test]
    fn data_round_trips(ty in stored()) {
        let encoding = ty.encode().into_data();
        let description = Description::new(encoding.as_bytes()).unwrap();
        let SymbolType::Data(decoded) = description.symbol_type() else {
            panic!("it is data");
        };
        prop_assert_eq!(Ty::decode(decoded), ty);
        prop_assert_eq!(read(encoding.as_bytes()), Ok(encoding.len()));
    }

    #[test]
    fn no_part_of_a_description_is_one(encoding in encoding()) {
        for len in 0..encoding.len() {
            prop_assert_eq!(Description::new(&encoding.as_bytes()[..len]), Err(Invalid::End));
        }
        let longer = [encoding.as_bytes(), &[0]].concat();
        prop_assert_eq!(Description::new(&longer), Err(Invalid::Trailing));
    }

    #[test]
    fn changed_bytes_do_no_harm(
        encoding in encoding(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = encoding.as_bytes().to_vec();
        for (index, byte) in changes {
            *index.get_mut(&mut bytes) = byte;
        }
        let _ = read(&bytes);
    }

    #[test]
    fn any_bytes_do_no_harm(
        kind in 0u8..3,
        mut bytes in prop::collection::vec(prop_oneof![4 => 0u8..0x20, 1 => any::<u8>()], 0..200),
    ) {
        let _ = read(&bytes);
        // Most random bytes begin with no known version.
        bytes.splice(0..0, [1, kind]);
        let _ = read(&bytes);
    }
}

#[test]
fn invalid_bytes_are_told_apart() {
    let expect =
        |bytes: &[u8], invalid| assert_eq!(Description::new(bytes), Err(invalid), "{bytes:?}");
    expect(&[2, 1, 1], Invalid::Version(2));
    expect(&[1, 2, 1], Invalid::Kind(2));
    expect(&[1, 0, 2, 0, 0], Invalid::Kind(2)); // a flag of functions
    expect(&[1, 1, 9], Invalid::Kind(9));
    expect(&[1, 1, 0x11], Invalid::Kind(0x11)); // `bool` has no flag
    expect(&[1, 1, 0x22, 4], Invalid::Kind(0x22)); // integers have only one
    expect(&[1, 1, 2, 3], Invalid::Value);
    expect(&[1, 1, 0x16, 0, 0, 0, 0, 0], Invalid::Value); // no name
    expect(&[1, 1, 0x16, 0, 0, 0, 0, 1, b'-'], Invalid::Value);
    expect(&[1, 1, 0x16, 0, 0, 0, 0, 1, b'1'], Invalid::Value);
    expect(&[1, 1, 0], Invalid::Misplaced);
    expect(&[1, 1, 8], Invalid::Misplaced);
    expect(&[1, 1, 7, 1, 0, 0, 0, 0], Invalid::Misplaced); // an array of void
    expect(&[1, 1, 6, 0, 0, 0, 0, 1, b's'], Invalid::Misplaced); // of unknown size
    expect(&[1, 0, 0, 0, 8], Invalid::Misplaced);
    expect(&[1, 0, 0, 0, 7, 1, 0, 0, 0, 1], Invalid::Misplaced);
    expect(&[1, 0, 0, 1, 0, 0], Invalid::Misplaced);
    let deep = |pointers| [&[1, 1][..], &vec![4; pointers], &[0]].concat();
    assert!(Description::new(&deep(16)).is_ok());
    expect(&deep(17), Invalid::Depth);
    expect(&deep(100_000), Invalid::Depth);
}

/// Modules that are already built have the format, so it must not change under the same version.
#[test]
fn the_format_stays() {
    let command = Encoding::named("se_cmd", Some(0x320)).pointer(true);
    let encoding = Encoding::function(&[command, Encoding::integer(4, true)], Encoding::BOOL, true);
    assert_eq!(
        encoding.as_bytes(),
        b"\x01\0\x01\x02\x01\x14\x16\x20\x03\0\0\x06se_cmd\x12\x04"
    );
    let array = Encoding::FUNCTION_POINTER.array(0x102).into_data();
    assert_eq!(array.as_bytes(), b"\x01\x01\x07\x02\x01\0\0\x05");
}
